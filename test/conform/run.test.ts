// SPDX-License-Identifier: GPL-2.0-or-later
/** Recorded programs run on the model and agree; what is not a recording is refused with its place. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCorpus, parseFacts } from '../../src/conform/corpus.ts';
import { runOps } from '../../src/conform/model.ts';
import { OPS } from '../../src/conform/ops.ts';
import { CorpusError, GRAMMAR, needsOf, parseNumber, parseOp } from '../../src/conform/program.ts';
import { runCorpus, runFacts } from '../../src/conform/run.ts';
import { Values } from '../../src/conform/values.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const corpus = fixture('corpus.jsonl');
const versions: readonly LinuxVersion[] = ['6.12', '6.1'];

/** Runs ops written one after another, separated by semicolons. */
const run = (text: string, linux: LinuxVersion = '6.12'): string[] =>
  runOps(
    linux,
    text.split(';').map((op) => parseOp(op)),
  );

describe('recorded programs', () => {
  test.each(versions)('agree on %s', (linux) => {
    const result = runCorpus(corpus, { linux });
    expect(result.mismatches).toEqual([]);
    expect(result.unsupported_ops).toEqual({});
    expect(result.programs + result.programs_left_out).toBe(corpus.trim().split('\n').length);
    expect(result.ops).toBeGreaterThan(200);
  });

  test.each(versions)('and so do recorded facts of %s', (linux) => {
    const result = runFacts(fixture(`facts-${linux}.tsv`), { linux });
    expect(result.mismatches).toEqual([]);
    expect(result.programs).toBe(4 * 236);
  });

  test.each(versions)('and the failure modes of the thread on %s', (linux) => {
    const result = runFacts(fixture('bugs.tsv'), { linux });
    expect(result.mismatches).toEqual([]);
    expect(result.programs).toBe(50);
  });

  test.each(versions)('and what random programs found once on %s', (linux) => {
    const found = fixture('found.jsonl');
    const result = runCorpus(found, { linux });
    expect(result.mismatches).toEqual([]);
    expect(result.programs).toBe(found.trim().split('\n').length);
  });

  test('programs without answers for a version are left out and counted', () => {
    const result = runCorpus(corpus, { linux: '6.1' });
    expect(result.programs_left_out).toBeGreaterThan(0);
  });

  test('a program leaves nothing to the next', () => {
    const all = runCorpus(corpus, { linux: '6.12' });
    const twice = runCorpus(corpus + corpus, { linux: '6.12' });
    expect(twice.programs_mismatched).toBe(2 * all.programs_mismatched);
  });

  test('every op of the grammar is modelled', () => {
    expect(Object.keys(GRAMMAR).filter((name) => !OPS.has(name))).toEqual([]);
  });
});

describe('a disagreement', () => {
  const line = (ops: string[], results: string[]) =>
    `${JSON.stringify({ id: 'x', setup: 0, ops, expect: { '6.12': results } })}\n`;

  test('is told op by op', () => {
    const result = runCorpus(line(['0 r 0 0', '0 pwarn'], ['=0', 'no']), { linux: '6.12' });
    expect(result.programs_mismatched).toBe(1);
    expect(result.ops_mismatched).toBe(2);
    expect(result.mismatches[0]).toEqual({
      id: 'x',
      op: 0,
      text: '0 r 0 0',
      recorded: '=0',
      model: 'SEGV1',
      booted: null,
    });
  });

  test('an unknown op counts as one and is named', () => {
    const result = runCorpus(line(['0 teleport 1 2'], ['ok']), { linux: '6.12' });
    expect(result.unsupported_ops).toEqual({ teleport: 1 });
    expect(result.ops_mismatched).toBe(1);
  });

  test('a run can be stopped and reports what it had', () => {
    const result = runCorpus(corpus, { linux: '6.12', signal: AbortSignal.abort() });
    expect(result.programs).toBe(0);
  });
});

describe('facts and bugs', () => {
  test('rows of a facts table agree, setups included', () => {
    const facts = [
      'kind\trow\tops\tresults\tkernel_log',
      'fpfn\tread\tr 0 8; pte 0\t=b0f0000000000008 | L1 WScY b0.0.g0 ref1 map0\t',
      'fpfn.ronly\tread\tr 0 8\tsetup:ok/EACCES\t',
      'fpfn.priv\tread.cold\tr 0 8; pte 0\tsetup:!KERNEL:kernel BUG at mm/memory.c:2414!\t',
      'imp.fpage\tgup\tcon gup 0 1\tok p1s0w1 b1.0.g0 ref3>2\t',
      'hpfn\tpartial\tw 3 8 0x33; pte 3; mv 0 2 2 zp; pte 3; r 3 8\tok | L2 WSDY b0.3.g0 ref1 map0 | ok | L0 none | =33\t',
    ];
    const result = runFacts(facts.join('\n'), { linux: '6.12' });
    expect(result.mismatches).toEqual([]);
    expect(result.programs).toBe(5);
  });

  test('rows of a bugs table run one after another on one boot', () => {
    const bugs = [
      'id\tnote\tops\t6.12\t6.1',
      'Z1\twrite\tmap 0 1 - rw p 0; r 0 8; hold 0 raw 0 1; hwf 0 8 0x2e40\tok | =0 | ok p1s1w0 - | ok\tok | =0 | ok p1s1w0 - | ok',
      'Z2\tread\tmap 0 1 - rw p 0; r 0 8\tok | =2e40\tok | =2e40',
    ];
    for (const linux of versions) {
      expect(runFacts(bugs.join('\n'), { linux }).mismatches).toEqual([]);
    }
  });

  test('a foreign table is refused', () => {
    expect(() => parseFacts('a\tb\n1\t2\n', 'x.tsv')).toThrow(/^x\.tsv:1: neither a facts table/);
    expect(() => parseFacts('', 'x.tsv')).toThrow(CorpusError);
  });

  test('an unknown kind and a short row are refused with their place', () => {
    const head = 'kind\trow\tops\tresults\tkernel_log\n';
    expect(() => parseFacts(`${head}zebra\tx\tr 0 0\t=0\t`, 'f')).toThrow(/^f:2: .*zebra/);
    expect(() => parseFacts(`${head}fpfn\tx\n`, 'f')).toThrow(/^f:2: /);
    expect(() => parseFacts(`${head}fpfn\tx\n`, 'f', 90)).toThrow(/^f:90: /);
    expect(() => parseCorpus('\n{', 'c', 90)).toThrow(/^c:91: /);
    expect(() => parseFacts('id\tnote\tops\t6.12\nA\tb\n', 'f')).toThrow(/^f:2: /);
  });
});

test('what a program that killed the kernel, or waited for ever, answered ends there', () => {
  const ended = [
    '{"id":"waits","ops":["0 buf 0 vgemdrm 1","0 bread 0 0","0 vmas"],"expect":{"6.12":["ok","!SIG14"]}}',
    '{"id":"bug","ops":["0 buf 0 fpfn 1 1","0 map 0 1 0 rw p 0","0 r 0 0","0 vmas"],' +
      '"expect":{"6.12":["ok","ok","!KERNEL:kernel BUG at mm/memory.c:2414!"]}}',
  ];
  const result = runCorpus(ended.join('\n'), { linux: '6.12' });
  expect(result.mismatches).toEqual([]);
  expect([result.programs, result.ops]).toEqual([2, 5]);
  const more = ended[0].replace('"!SIG14"', '"!SIG14","none","none"');
  expect(() => parseCorpus(more, 'c.jsonl')).toThrow('c.jsonl:1: 3 ops but 4 results for 6.12');
});

describe('malformed input names file and line', () => {
  const good = '{"id":"a","setup":0,"ops":["0 vmas"],"expect":{"6.12":["none"]}}';

  test.each([
    ['a truncated line', `${good}\n{"id":"b","ops":["0 vm`, /^c\.jsonl:2: not a line of JSON/],
    ['a foreign line', '{"name":"b"}', /^c\.jsonl:1: not a recorded program/],
    ['a list', '[1,2]', /^c\.jsonl:1: not a recorded program/],
    [
      'too few results',
      '{"id":"a","ops":["0 vmas","0 vmas"],"expect":{"6.12":["none"]}}',
      /^c\.jsonl:1: 2 ops but 1 results for 6\.12/,
    ],
    [
      'too few arguments',
      '{"id":"a","ops":["0 map 0 1"],"expect":{}}',
      /^c\.jsonl:1: '0 map 0 1': map takes 6 to 7 arguments/,
    ],
    [
      'a word for a number',
      '{"id":"a","ops":["0 r zero 8"],"expect":{}}',
      /^c\.jsonl:1: .*'zero' should be a number/,
    ],
    ['a third process', '{"id":"a","ops":["2 vmas"],"expect":{}}', /processes are 0 .* and 1/],
    ['no op at all', '{"id":"a","ops":["0"],"expect":{}}', /is not an op/],
  ])('%s', (_, text, message) => {
    expect(() => parseCorpus(text, 'c.jsonl')).toThrow(message);
  });

  test('numbers are read in any C notation', () => {
    expect(['10', '0x10', '010', '-4', '0'].map(parseNumber)).toEqual([10, 16, 8, -4, 0]);
    expect(() => parseNumber('1e3')).toThrow(CorpusError);
  });

  test('an address beyond all reason is refused', () => {
    expect(() => run('0 map 99999999 1 - rw p 0')).toThrow(/reaches beyond page/);
  });
});

describe('programs of our own', () => {
  test('a kept PFN reads poison after a move, and its store is lost', () => {
    expect(
      run(
        'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77; hold 0 pfn 0 1; mv 0 0 1 zp; hr 0 8; hw 0 8 5; r 0 8',
      ).slice(5),
    ).toEqual(['=dededededededede', 'ok', '=77']);
  });

  test('a notifier tells a mirror in time', () => {
    expect(
      run('buf 0 fpage 1; map 0 1 0 rw s 0; hold 0 hmm 0 1; mv 0 0 1 z; hr 0 0; hput 0').slice(3),
    ).toEqual(['ok', 'EAGAIN', 'ok']);
  });

  test('what a child unmaps or exits with stays with the parent', () => {
    expect(
      run(
        'buf 0 fpage 2; map 0 2 0 rw s 0; w 0 0 7; fork; 1 w 0 0 8; 1 unmap 0 1; 1 r 0 0; r 0 0; 1 exit; 1 r 1 0; dst 0 0',
      ).slice(4),
    ).toEqual(['ok', 'ok', 'SEGV1', '=8', 'ok', 'NOPROC', 'ref2 map1 g0 flt2 mkw0 vma1']);
  });

  test('mprotect splits; only what nobody counts merges back', () => {
    const ops = 'prot 1 1 r; vmas; prot 1 1 rw; vmas';
    expect(run(`buf 0 memfd 3; map 0 3 0 rw s 0; ${ops}`).slice(2)).toEqual([
      'ok',
      '0+1:rw-s:0 1+1:r--s:1 2+1:rw-s:2',
      'ok',
      '0+3:rw-s:0',
    ]);
    expect(run(`buf 0 fpage 3; map 0 3 0 rw s 0; ${ops}`)[5]).toBe(
      '0+1:rw-s:0 1+1:rw-s:1 2+1:rw-s:2',
    );
  });

  test('mremap moves entries and refuses to grow what it cannot fill', () => {
    expect(
      run('buf 0 fpfn 2; map 0 2 0 rw s 0; w 1 8 9; remap 0 2 2 200; r 201 8; remap 200 2 3 -'),
    ).toEqual(['ok', 'ok', 'ok', 'ok', '=9', 'EFAULT']);
  });

  test('versions differ where the kernel does', () => {
    const grow = 'buf 0 ipage 2; map 0 2 0 rw s 0; remap 0 2 4 -';
    expect(run(grow, '6.12')[2]).toBe('ENOMEM');
    expect(run(grow, '6.1')[2]).toBe('ok');
    expect(run('buf 0 heap 1', '6.1')).toEqual(['ENOENT']);
  });

  test('a second GEM object lies behind the first in the DRM device', () => {
    expect(
      run('buf 0 vgem 2; buf 1 vgem 2; map 0 1 0 r s 0; map 4 1 1 r s 0; vmas').slice(4),
    ).toEqual(['0+1:r--s:100000 4+1:r--s:100002']);
  });

  test('a duplicate keeps a buffer alive whose owner nobody names', () => {
    expect(
      run('buf 0 fpfn 1; bdup 0 1; bclose 0; map 0 1 1 rw s 0; r 0 0; con raw 0 0').slice(4),
    ).toEqual(['=b0f0000000000000', 'ok p1s1w1 b?.0.g0 ref1>1']);
  });
});

describe('parts', () => {
  test('tokens stand for 8-byte values', () => {
    const values = new Values();
    for (const v of [0n, 1n, 0x1fffffffn, 0x20000000n, 0xdedededededededen, 2n ** 64n - 1n]) {
      expect(values.value(values.token(v))).toBe(v);
    }
    expect(values.hex(values.fresh(2, 3, 16))).toBe('b0f0000200030010');
    expect(values.hex(values.fresh(99, 3, 16))).toBe('b0f0006300030010');
    expect(values.value(values.token(-1n))).toBe(2n ** 64n - 1n);
  });

  test('needs cover every page that a program names', () => {
    const needs = needsOf(['map 600 8 - rw p 0', 'r 600 4104'].map((op) => parseOp(op)));
    expect(needs.vpages).toBeGreaterThan(608);
    expect(needs.offsets).toEqual([8]);
  });
});
