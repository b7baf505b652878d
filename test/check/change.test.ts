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
import { checkChange, checkPatch } from '../../src/check/cache.ts';
import { check } from '../../src/check/check.ts';
import { difference } from '../../src/check/difference.ts';
import type { CheckReport } from '../../src/contract/finding.ts';

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
  for (const rule of ['R1', 'R2', 'R4', 'R5', 'R6', 'R8', 'R12', 'R14', 'R16']) {
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

/** What a report says but for lines of what a patch does not concern. */
const verdicts = ({ exporters, followers }: CheckReport) => ({
  exporters: exporters.map((e) => [e.ops.path, e.name, e.verdict, e.rules]).sort(),
  followers: followers.map((f) => [f.path, f.function, f.verdict, f.rules]).sort(),
});

/** Reports of whole trees that were kept: a patch that is known by what it touches leaves none. */
const reports = () => readdirSync(join(dir, 'cache', 'pfnmap', 'check')).length;

/** A patch, and what two full checks say of it. */
async function held(root: string, overlay: ReadonlyMap<string, string | null>): Promise<void> {
  const base = { path: root, linux: '6.12', self: null };
  const quick = await checkPatch(base, overlay);
  const after = await check({ ...base, overlay });
  const whole = difference(await check(base), after, overlay);
  expect(quick.findings).toEqual(whole.findings);
  expect(quick.not_analysed).toEqual(whole.not_analysed);
  expect(verdicts(quick)).toEqual(verdicts(after));
}

test('what any edit brings into a known tree is what two full checks say', async () => {
  const root = await treeOfExamples();
  const drivers = readdirSync(join(root, 'drivers')).flatMap((rule) =>
    readdirSync(join(root, 'drivers', rule)).map((file) => `drivers/${rule}/${file}`),
  );
  const textOf = (path: string) => readFileSync(join(root, path), 'latin1');
  const functionsIn = (text: string) => [
    ...text.matchAll(/^(?:static )?[\w ]+[ *](\w+)\(.*\)\n\{[\s\S]*?^\}/gm),
  ];
  const path = fc.constantFrom(...drivers);
  const header = 'include/linux/common.h';
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
    // A line alone goes, or comes twice: most of the file is as it was.
    fc.tuple(path, fc.nat(80), fc.boolean()).map(([to, n, twice]): [string, string | null] => {
      const lines = textOf(to).split('\n');
      const at = n % lines.length;
      lines.splice(at, 1, ...(twice ? [lines[at]!, lines[at]!] : []));
      return [to, lines.join('\n')];
    }),
    // A function is called something else, everywhere or where it is defined.
    fc.tuple(path, fc.nat(), fc.boolean()).map(([to, n, alone]): [string, string | null] => {
      const text = textOf(to);
      const all = functionsIn(text);
      const name = all.length ? all[n % all.length]![1]! : 'nothing';
      const word = new RegExp(`\\b${name}\\b`, alone ? '' : 'g');
      return [to, text.replace(word, `${name}_renamed`)];
    }),
    // A second definition of what another file defines.
    fc.tuple(path, path, fc.nat()).map(([to, from, n]): [string, string | null] => {
      const all = functionsIn(textOf(from));
      const more = all.length ? all[n % all.length]![0].replace(/^static /, '') : '';
      return [to, `${textOf(to)}\n${more}\n`];
    }),
    fc.tuple(path, fc.nat(80)).map(([to, n]): [string, string | null] => {
      const lines = textOf(to).split('\n');
      lines.splice(n % lines.length, 0, '/* a word of dma_buf */');
      return [to, lines.join('\n')];
    }),
    path.map((p): [string, string | null] => [p, null]),
    fc.tuple(path, fc.nat(9)).map(([p, n]): [string, string | null] => [`lib/n${n}.c`, textOf(p)]),
    fc
      .constantFrom(
        '#define COMMON(vma) 0\n',
        '#define COMMON(vma) helper(vma)\n#define vm_insert_page(vma, at, page) other(vma)\n',
        '#define COMMON(vma) helper(vma)\nstatic inline int helper(struct vm_area_struct *v) { vm_flags_set(v, VM_PFNMAP); return 0; }\n',
        'static inline int f(struct vm_area_struct *v) {}\n',
      )
      .map((text): [string, string | null] => [header, text]),
    path.map((p): [string, string | null] => ['include/linux/other.h', textOf(p)]),
    path.map((p): [string, string | null] => [p, `#include <linux/other.h>\n${textOf(p)}`]),
  );
  await checkPatch({ path: root, linux: '6.12', self: null }, new Map([[header, '']]));
  const before = reports();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      runs++;
      await held(root, new Map(edits));
    }),
    { numRuns: 60 },
  );
  // Reports of trees with the patch are kept for the few that had to be looked at as a whole.
  expect(reports() - before).toBeLessThan(runs / 2);
});

test('a file that moves brings in what it did not hold', async () => {
  const root = await treeOfExamples();
  const path = readdirSync(join(root, 'drivers', 'R1')).find((f) => f.startsWith('bad'))!;
  const old = `drivers/R1/${path}`;
  const text = readFileSync(join(root, old), 'latin1');
  const base = { path: root, linux: '6.12', self: null };
  const moved = new Map([
    [old, null],
    ['drivers/R1/moved.c', `/* as it was */\n${text}`],
  ]);
  expect((await checkPatch(base, moved)).findings).toEqual([]);
  const copied = new Map([['drivers/R1/moved.c', text]]);
  expect((await checkPatch(base, copied)).findings.map((f) => f.path)).toContain(
    'drivers/R1/moved.c',
  );
});
