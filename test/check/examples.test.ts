// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The examples of each rule: a file says in its head which rule falls in it and how surely, or which
 * do not. Each, or each directory of them, is checked as a module without a kernel beside it, for both
 * recorded kernels.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/check/check.ts';

const root = join(import.meta.dirname, 'examples');
const files = readdirSync(root).flatMap((rule) =>
  readdirSync(join(root, rule)).map((file) => `${rule}/${file}`),
);

/** Findings in one file, as `R2 exporter-struct-page always`. */
async function findingsOf(file: string, linux: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'pfnmap-check-'));
  try {
    cpSync(join(root, file), file.endsWith('.c') ? join(dir, 'module.c') : dir, {
      recursive: true,
    });
    const { findings, not_analysed } = await check({ path: dir, linux, self: null });
    expect(not_analysed).toEqual([]);
    return findings.map((f) => `${f.rule} ${f.name} ${f.certainty}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test('every rule that is looked for has an example', () => {
  for (const rule of [
    'R1',
    'R2',
    'R4',
    'R5',
    'R6',
    'R7',
    'R8',
    'R9',
    'R10',
    'R11',
    'R12',
    'R13',
    'R14',
    'R15',
    'R16',
  ]) {
    expect(files.some((f) => f.startsWith(`${rule}/bad`))).toBe(true);
  }
});

describe.each(['6.1', '6.12'])('Linux %s', (linux) => {
  test.each(files)('%s', async (file) => {
    const parts = file.endsWith('.c') ? [''] : readdirSync(join(root, file));
    const head = parts.map((part) => readFileSync(join(root, file, part), 'utf8')).join('');
    const found = await findingsOf(file, linux);
    for (const [, what] of head.matchAll(/^\/\/ (?:bad|depends): (.+)$/gm)) {
      expect(found).toContain(what);
    }
    for (const [, rules] of head.matchAll(/^\/\/ good: (.+)$/gm)) {
      for (const rule of rules!.split(' ')) {
        expect(found.filter((f) => f.startsWith(`${rule} `))).toEqual([]);
      }
    }
    expect(head).toMatch(/^\/\/ (bad|good|depends): /m);
  });
});
