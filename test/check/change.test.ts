// SPDX-License-Identifier: GPL-2.0-or-later
/** A tree without a change and with it: what is not looked into again changes nothing. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { checkChange } from '../../src/check/cache.ts';
import { check } from '../../src/check/check.ts';

const examples = join(import.meta.dirname, 'examples', 'R2');
const dir = mkdtempSync(join(tmpdir(), 'pfnmap-'));
afterAll(() => rmSync(dir, { recursive: true }));
vi.stubEnv('XDG_CACHE_HOME', join(dir, 'cache'));

const path = join(dir, 'linux');
for (const d of ['include/linux', 'drivers', 'lib']) mkdirSync(join(path, d), { recursive: true });
writeFileSync(join(path, 'Kconfig'), '');
writeFileSync(join(path, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n');
writeFileSync(join(path, 'lib', 'sort.c'), 'int sort(void)\n{\n\treturn 0;\n}\n');
cpSync(join(examples, 'bad-vmf-page.c'), join(path, 'drivers', 'pages.c'));
const bad = readFileSync(join(examples, 'bad-vmf-page.c'), 'latin1');
const options = { path, linux: '6.12', self: null };

test.each([
  ['a file that has nothing to do with it', 'lib/sort.c', 'int sort(void)\n{\n\treturn 1;\n}\n'],
  ['a file that comes to matter', 'lib/sort.c', bad],
  ['a new file', 'lib/new.c', bad],
  ['a file that is removed', 'drivers/pages.c', null],
  ['a file that matters no more', 'drivers/pages.c', 'int nothing;\n'],
])('%s', async (_what, file, text) => {
  const overlay = new Map([[file, text]]);
  for (const time of ['cold', 'warm']) {
    const { before, after } = await checkChange(options, overlay);
    expect(before, time).toEqual(await check(options));
    expect(after.findings, time).toEqual((await check({ ...options, overlay })).findings);
  }
});

test('the change is what makes the difference', async () => {
  const { before, after } = await checkChange(options, new Map([['lib/sort.c', bad]]));
  expect(before.findings.length).toBeGreaterThan(0);
  expect(after.findings.length).toBeGreaterThan(before.findings.length);
});
