// SPDX-License-Identifier: GPL-2.0-or-later
/** What an audit says of moves, and that modules of one directory are kept apart. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../../src/check/check.ts';

const examples = join(import.meta.dirname, 'examples');

test.each([
  ['R4/bad-no-zap.c', true, false],
  ['R4/bad-free-first.c', true, false],
  ['R4/good-zap.c', true, true],
  ['R4/good-wrapper.c', true, true],
  ['R4/bad-mapping.c', true, true],
  ['R4/good-revoke.c', true, true],
  ['R4/good-purge-by-state.c', true, true],
  ['R1/good-remap.c', false, false],
  ['R2/good-pfn.c', false, false],
])('%s: moves %s, zaps %s', async (file, moves, zaps) => {
  const { exporters } = await check({ path: join(examples, file), linux: '6.12', self: null });
  expect(exporters[0]).toMatchObject({ moves, zaps });
  expect(exporters[0]!.moves_why).not.toBe('');
});

test('modules that lie in one directory have nothing to do with each other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pfnmap-check-'));
  try {
    const files = ['R4/good-zap.c', 'R4/bad-no-zap.c', 'R5/bad-no-lock.c', 'R14/bad-private.c'];
    const alone: string[] = [];
    for (const file of files) {
      const name = file.replace('/', '-');
      cpSync(join(examples, file), join(dir, name));
      const { findings } = await check({ path: join(examples, file), linux: '6.12', self: null });
      alone.push(...findings.map((f) => `${name}:${f.line} ${f.rule}`));
    }
    const { findings } = await check({ path: dir, linux: '6.12', self: null });
    expect(findings.map((f) => `${f.path}:${f.line} ${f.rule}`).sort()).toEqual(alone.sort());
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
