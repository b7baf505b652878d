// SPDX-License-Identifier: GPL-2.0-or-later
/** Reading C and patches: whatever the input, no crash, no hang, and the numbers add up. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../scripts/wat.mjs';
import { allowedBy, applyBaseline, makeBaseline, readBaseline } from '../../src/check/baseline.ts';
import { Conditions } from '../../src/check/c/conditions.ts';
import { lex } from '../../src/check/c/lex.ts';
import { Parser } from '../../src/check/c/parse.ts';
import { CODE } from '../../src/check/c/scanner.ts';
import { SourceFile, skeletonOf } from '../../src/check/c/skeleton.ts';
import { tokensOf } from '../../src/check/c/tokens.ts';
import { namesOf, numberOf, Part } from '../../src/check/index/names.ts';
import { ended, skim } from '../../src/check/index/skim.ts';
import { applyPatch, BadPatch, overlay, readPatch } from '../../src/check/patch.ts';
import type { Finding } from '../../src/contract/finding.ts';

const conditions = new Conditions('6.12');
const sample = readFileSync(join(import.meta.dirname, 'examples', 'R2', 'good-pfn.c'), 'latin1');

/** C-like text: pieces that open and close things in any order. */
const piece = fc.constantFrom(
  ...'{ } ( ) [ ] ; , " \' /* */ // # \\ \n static struct if else for return goto x = & * -> . 0x1 case : ?'.split(
    ' ',
  ),
  '#if X\n',
  '#else\n',
  '#endif\n',
  '#define M(a) a##a\n',
  ' int f(void) ',
  '\r\n',
  'é',
);
const text = fc.array(piece, { maxLength: 120 }).map((p) => p.join(' '));

const ANY = [{ pattern: /./, words: [''] }];

describe('the lexer', () => {
  test('covers any text without overlaps', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (s) => {
        const t = lex(s);
        let end = 0;
        for (let i = 0; i < t.n; i++) {
          expect(t.start[i]!).toBeGreaterThanOrEqual(end);
          expect(t.end[i]!).toBeGreaterThan(t.start[i]!);
          end = t.end[i]!;
        }
        expect(end).toBeLessThanOrEqual(s.length);
      }),
    );
  });

  test('gives a part of a text the tokens that it has in the whole', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(), (s, a, b) => {
        const whole = lex(s);
        fc.pre(whole.n > 0);
        const [from, to] = [a % whole.n, b % whole.n].sort((x, y) => x - y) as [number, number];
        const part = lex(s, whole.start[from]!, whole.end[to]!);
        for (const column of ['kind', 'start', 'end'] as const)
          expect([...part[column]]).toEqual([...whole[column].slice(from, to + 1)]);
      }),
    );
  });

  test('is what scanner.wat says', async () => {
    expect(CODE, 'run node scripts/wat.mjs').toBe(await assemble('check/c/scanner.wat'));
  });
});

describe('the parser', () => {
  test('ends on any text', () => {
    fc.assert(
      fc.property(text, (s) => {
        skeletonOf(s);
        new Parser(tokensOf(s, 0, s.length, conditions)).statements();
      }),
    );
  });

  test('ends on a mutated file', () => {
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(60), piece, (at, cut, put) => {
        const s = sample.slice(0, at) + put + sample.slice(at + cut);
        for (const f of skeletonOf(s).functions)
          new Parser(tokensOf(s, f.body, f.end, conditions)).body();
      }),
    );
  });

  const guest = join(import.meta.dirname, '../../guest');
  const real = ['agent/agent.c', 'agent/race.c', 'module/exporter.c', 'module/fault.c'].map((f) =>
    readFileSync(join(guest, f), 'latin1'),
  );
  const cut = fc.tuple(fc.nat(1 << 20), fc.nat(400), piece);

  /** What skim() does not find of what namesOf() does; null where it does not say. */
  const missed = (s: string): string[] | null => {
    const skimmed = skim(ended(s), s.length, true);
    if (!skimmed) return null;
    const { skeleton, includes, uses, lost } = namesOf(s, ANY);
    const have = new Set(skimmed.numbers);
    const of = (part: Part, list: readonly { name: string }[]) =>
      list.flatMap(({ name }) => (have.has(numberOf(part, name)) ? [] : [`${part} ${name}`]));
    expect(skimmed.includes).toEqual(includes);
    expect(lost).toEqual([]);
    return [
      ...of(Part.Function, skeleton.functions),
      ...of(Part.Macro, skeleton.macros),
      ...of(Part.Struct, skeleton.structs),
      ...of(Part.Table, skeleton.tables),
      ...of(
        Part.TableType,
        skeleton.tables.map(({ type }) => ({ name: type })),
      ),
      ...uses.filter((name) => !skimmed.uses.includes(name)),
    ];
  };

  test('finds all names from the bytes alone', () => {
    for (const s of [sample, ...real]) expect(missed(s)).toEqual([]);
    const calls = skim(ended('void f(void) { x->a = g (1); b = !h; y.c == 1; }'), 48, true);
    expect([...calls!.numbers].sort()).toEqual(
      [
        numberOf(Part.Function, 'f'),
        numberOf(Part.Call, 'f'),
        numberOf(Part.Call, 'g'),
        numberOf(Part.Field, 'a'),
      ].sort(),
    );
    // Where an #if cuts through brackets, and of K&R functions, it does not say.
    expect(skim(ended('f(a) int a; { }'), 15, true)).toBeNull();
    expect(missed('#if A\nint f(int a) {\n#else\nint g(int a) {\n#endif\n}\n')).toBeNull();
    fc.assert(
      fc.property(
        fc.constantFrom(sample, ...real),
        fc.array(cut, { minLength: 1, maxLength: 4 }),
        (file, cuts) => {
          let s = file;
          for (const [at, length, put] of cuts) {
            const from = at % s.length;
            s = s.slice(0, from) + put + s.slice(from + length);
          }
          expect(missed(s) ?? []).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('names and functions of mutated real files', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...real),
        fc.array(cut, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (file, cuts, crlf) => {
          let s = crlf ? file.replaceAll('\n', '\r\n') : file;
          for (const [at, length, put] of cuts) {
            const from = at % s.length;
            s = s.slice(0, from) + put + s.slice(from + length);
          }
          const { skeleton, numbers } = namesOf(s, ANY);
          expect(numbers.length).toBeLessThanOrEqual(s.length);
          // A macro by its name is the last one, whether or not the file was taken apart before.
          for (const m of new Map(skeleton.macros.map((one) => [one.name, one])).values())
            expect(new SourceFile('f.c', s).macro(m.name)).toEqual(m);
          for (const f of skeleton.functions) {
            expect(f.end).toBeLessThanOrEqual(s.length);
            new Parser(tokensOf(s, f.body, f.end, conditions)).body();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('loses nothing of a hundred thousand lines, whatever each of them leaves open', () => {
    const lines = 100_000;
    const line = 'static int f(struct vm_area_struct *vma) { return g(vma->vm_flags, "x\\n"); }\n';
    expect(namesOf(line.repeat(lines), []).skeleton.functions).toHaveLength(lines);
    expect(namesOf('#define X(a) a \\\n'.repeat(lines), []).lost).toEqual([]);
    for (const open of ['{', '(', '/*', '"', '#if A', '#else', "'", '= {']) {
      const { skeleton } = namesOf(line + `${open}\n`.repeat(lines), []);
      expect([open, skeleton.functions[0]?.name]).toEqual([open, 'f']);
    }
  });

  test('does not overflow on deep nesting', () => {
    for (const s of [
      '('.repeat(50_000),
      '{'.repeat(50_000),
      '!'.repeat(50_000),
      'if(x)'.repeat(20_000),
    ]) {
      expect(() => new Parser(tokensOf(s, 0, s.length, conditions)).statements()).not.toThrow();
    }
  });

  test('sees functions behind macros, attributes and both branches of #if', () => {
    const { functions, tables } = skeletonOf(
      'SYSCALL_DEFINE2(frob, int, a, int, b)\n{ return 0; }\n' +
        'static int __init __must_check set_up(void)\n{\n}\n' +
        '#ifdef A\nint two(int x) {\n#else\nint two(void) {\n#endif\n return 1; }\n' +
        'static const struct file_operations fops = { .mmap = m, };\n',
    );
    expect(functions.map((f) => f.name)).toEqual(['sys_frob', 'set_up', 'two', 'two']);
    expect(tables.map((t) => `${t.type} ${t.name}`)).toEqual(['file_operations fops']);
  });
});

describe('conditions', () => {
  test.each([
    ['LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)', true],
    ['LINUX_VERSION_CODE < KERNEL_VERSION(6,1,0) || 0', false],
    ['defined(CONFIG_MMU) && !0', true],
    ['IS_ENABLED(CONFIG_FOO)', null],
    ['IS_ENABLED(CONFIG_FOO) && 0', false],
    ['', null],
    ['((((', null],
  ])('%s', (s, known) => {
    expect(conditions.holds(s)).toBe(known);
  });
});

const DIFF = `--- a/x.c
+++ b/x.c
@@ -1,3 +1,3 @@
 one
-two
+2
 three
`;

describe('patches', () => {
  test('apply, also where lines have moved', () => {
    const [patch] = readPatch(DIFF);
    expect(applyPatch('one\ntwo\nthree\n', patch!)).toBe('one\n2\nthree\n');
    expect(applyPatch('zero\n\none\ntwo\nthree\n', patch!)).toBe('zero\n\none\n2\nthree\n');
    expect(() => applyPatch('one\nTWO\nthree\n', patch!)).toThrow(BadPatch);
  });

  test('may not leave the tree', () => {
    expect(() => readPatch(DIFF.replaceAll('/x.c', '/../../x.c'))).toThrow(/leaves the tree/);
  });

  test('say what is wrong with them', () => {
    expect(() => readPatch(DIFF.slice(0, -8))).toThrow(BadPatch);
    expect(() => overlay(readPatch(DIFF), () => null)).toThrow(/no such file/);
  });

  test('may move or copy a file without a change', () => {
    const moved = (how: string) =>
      overlay(
        readPatch(
          `diff --git a/x.c b/y.c\nsimilarity index 100%\n${how} from x.c\n${how} to y.c\n`,
        ),
        () => 'text',
      );
    expect([...moved('rename')]).toEqual([
      ['y.c', 'text'],
      ['x.c', null],
    ]);
    expect([...moved('copy')]).toEqual([['y.c', 'text']]);
  });

  test('leave the file that they copy', () => {
    const copy = `diff --git a/x.c b/y.c\ncopy from x.c\ncopy to y.c\n${DIFF.replace('+++ b/x.c', '+++ b/y.c')}`;
    expect([...overlay(readPatch(copy), () => 'one\ntwo\nthree\n')]).toEqual([
      ['y.c', 'one\n2\nthree\n'],
    ]);
  });

  test('say so when what they add is there already', () => {
    const [patch] = readPatch(DIFF);
    expect(() => applyPatch('one\n2\nthree\n', patch!)).toThrow(/is there already/);
  });

  test('of any text end in a reading or a BadPatch', () => {
    const lines = fc.constantFrom(
      '--- a/x.c',
      '+++ b/x.c',
      '@@ -1,3 +1,3 @@',
      ' one',
      '-two',
      '+2',
      '',
      '\\ No newline',
      'From x',
      '@@ -1 +1 @@',
      'diff --git a/x.c b/y.c',
      'rename from x.c',
      'rename to y.c',
    );
    fc.assert(
      fc.property(fc.array(lines, { maxLength: 30 }), (l) => {
        try {
          for (const p of readPatch(l.join('\n'))) applyPatch('one\ntwo\nthree\n', p);
        } catch (error) {
          expect(error).toBeInstanceOf(BadPatch);
        }
      }),
    );
  });
});

describe('patches to real files', () => {
  const file = readFileSync(join(import.meta.dirname, '../../guest/module/fault.c'), 'latin1');
  const lines = file.split('\n');
  /** A hunk that replaces lines, with three lines around it. */
  const diff = (at: number, cut: number, put: readonly string[]) => {
    const [before, after] = [lines.slice(at - 3, at), lines.slice(at + cut, at + cut + 3)];
    const old = lines.slice(at, at + cut);
    const body = [
      ...before.map((l) => ` ${l}`),
      ...old.map((l) => `-${l}`),
      ...put.map((l) => `+${l}`),
      ...after.map((l) => ` ${l}`),
    ];
    const around = before.length + after.length;
    return `--- a/f.c\n+++ b/f.c\n@@ -${at - 2},${around + cut} +${at - 2},${around + put.length} @@\n${body.join('\n')}\n`;
  };
  const hunk = fc.tuple(
    fc.integer({ min: 3, max: lines.length - 12 }),
    fc.nat(5),
    fc.array(fc.constantFrom('', '\tint x;', '}', '--- a/not', '+++ b/not', '@@ -1 +1 @@', 'é'), {
      maxLength: 5,
    }),
  );

  test('give what was meant, also as a mail in quoted-printable', () => {
    fc.assert(
      fc.property(hunk, fc.boolean(), ([at, cut, put], mail) => {
        const plain = diff(at, cut, put);
        const text = mail
          ? `From: x\nContent-Transfer-Encoding: quoted-printable\n\n${plain.replace(/[=\x80-\xff]/g, (c) => `=${c.charCodeAt(0).toString(16).toUpperCase()}`)}`
          : plain;
        const [patch] = readPatch(text);
        const want = [...lines.slice(0, at), ...put, ...lines.slice(at + cut)].join('\n');
        expect(applyPatch(file, patch!)).toBe(want);
      }),
    );
  });

  test('that are damaged end in a reading or a BadPatch', () => {
    fc.assert(
      fc.property(
        hunk,
        fc.nat(2000),
        fc.nat(40),
        fc.string(),
        ([at, cut, put], from, length, s) => {
          const whole = diff(at, cut, put);
          const text = whole.slice(0, from) + s + whole.slice(from + length);
          try {
            overlay(readPatch(text), () => file);
          } catch (error) {
            expect(error).toBeInstanceOf(BadPatch);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('what is accepted', () => {
  const finding = (key: string) => ({ key }) as Finding;
  test('a baseline goes by keys and keeps reasons', () => {
    const before = readBaseline(
      '{"version":1,"accepted":[{"key":"a","reason":"old"},{"key":"z","reason":""}]}',
    );
    const { fresh, stale } = applyBaseline([finding('a'), finding('b')], before);
    expect(fresh.map((f) => f.key)).toEqual(['b']);
    expect(stale).toEqual(['z']);
    expect(makeBaseline([finding('b'), finding('a')], before).accepted).toEqual([
      { key: 'a', reason: 'old' },
      { key: 'b', reason: '' },
    ]);
    expect(() => readBaseline('{')).toThrow(/no JSON/);
    expect(() => readBaseline('{"version":2}')).toThrow(/version/);
  });

  test('a comment needs a reason', () => {
    const lines = [
      '/* pfnmap: allow R2 (test buffer, never moves) */',
      'x();',
      '// pfnmap: allow R2',
      'y();',
      '/* pfnmap: allow R2 */',
      'z();',
      '/* pfnmap: allow R1, R2 because it is so */',
      'z();',
    ];
    expect(allowedBy(lines, 2, 'R2', 'exporter-struct-page')).toBe('yes');
    expect(allowedBy(lines, 2, 'R1', 'exporter-pfnmap')).toBe('no');
    for (const line of [4, 6, 8])
      expect(allowedBy(lines, line, 'R2', 'exporter-struct-page')).toBe('no-reason');
  });
});
