// SPDX-License-Identifier: GPL-2.0-or-later
/** A tree without a change and with it: what is not looked into again changes nothing. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
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

/** A tree of examples that is old enough to be known again. */
async function treeOfExamples(): Promise<string> {
  const root = join(dir, 'examples');
  mkdirSync(join(root, 'include/linux'), { recursive: true });
  writeFileSync(join(root, 'Kconfig'), '');
  writeFileSync(join(root, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n');
  writeFileSync(join(root, 'include/linux/common.h'), '#define COMMON(vma) helper(vma)\n');
  for (const rule of ['R1', 'R2', 'R6', 'R8', 'R12', 'R14']) {
    const from = join(import.meta.dirname, 'examples', rule);
    for (const file of readdirSync(from).filter((f) => f.endsWith('.c'))) {
      mkdirSync(join(root, 'drivers', rule), { recursive: true });
      const text = readFileSync(join(from, file), 'latin1');
      const name = join(root, 'drivers', rule, file);
      writeFileSync(name, `#include <linux/common.h>\n${text}`, 'latin1');
    }
  }
  await sleep(2200);
  return root;
}

test('what any edit makes of a known tree is what a full check says', {
  timeout: 120_000,
}, async () => {
  const root = await treeOfExamples();
  const base = { path: root, linux: '6.12', self: null };
  const drivers = readdirSync(join(root, 'drivers')).flatMap((rule) =>
    readdirSync(join(root, 'drivers', rule)).map((file) => `drivers/${rule}/${file}`),
  );
  const textOf = (path: string) => readFileSync(join(root, path), 'latin1');
  const path = fc.constantFrom(...drivers);
  const edit = fc.oneof(
    // Lines go, or come from another file.
    fc
      .tuple(path, path, fc.nat(60), fc.nat(12), fc.nat(60), fc.nat(30))
      .map(([to, from, at, cut, begin, more]): [string, string | null] => {
        const lines = textOf(to).split('\n');
        const others = textOf(from)
          .split('\n')
          .slice(begin, begin + more);
        lines.splice(at, cut, ...others);
        return [to, lines.join('\n')];
      }),
    path.map((p): [string, string | null] => [p, null]),
    fc.tuple(path, fc.nat(9)).map(([p, n]): [string, string | null] => [`lib/n${n}.c`, textOf(p)]),
    fc
      .constantFrom('#define COMMON(vma) 0\n', 'static inline int f(struct vm_area_struct *v) {}\n')
      .map((text): [string, string | null] => ['include/linux/common.h', text]),
    path.map((p): [string, string | null] => ['include/linux/other.h', textOf(p)]),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      const overlay = new Map(edits);
      const { after } = await checkChange(base, overlay);
      const whole = await check({ ...base, overlay });
      for (const part of ['findings', 'exporters', 'followers', 'not_analysed'] as const)
        expect(after[part], part).toEqual(whole[part]);
    }),
    { numRuns: 60 },
  );
  expect(readdirSync(join(dir, 'cache', 'pfnmap', 'index'))).not.toEqual([]);
});
