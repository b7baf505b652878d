// SPDX-License-Identifier: GPL-2.0-or-later
/** The example in docs/engine.md runs, and prints what the page says it prints. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, test } from 'vitest';

test('the example of docs/engine.md', () => {
  const root = join(import.meta.dirname, '../..');
  const page = readFileSync(join(root, 'docs/engine.md'), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const printed = /prints\n\n```\n([\s\S]*?)```/.exec(page)?.[1];
  const dir = mkdtempSync(join(tmpdir(), 'pfnmap-docs-'));
  try {
    const entry = join(dir, 'example.ts');
    const outfile = join(dir, 'example.mjs');
    writeFileSync(entry, code);
    const alias = { pfnmap: join(root, 'src/explore/index.ts') };
    buildSync({ entryPoints: [entry], outfile, bundle: true, format: 'esm', alias });
    const { stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toBe(printed);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
