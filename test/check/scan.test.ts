// SPDX-License-Identifier: GPL-2.0-or-later
/** Which files are looked into: the search against a plain one, and what a second scan sees. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { assemble } from '../../scripts/wat.mjs';
import { CODE, Search, type Word } from '../../src/check/scan/search.ts';
import { packTree, relevantOf, type TreeState, unpackTree } from '../../src/check/scan/state.ts';
import { scan } from '../../src/check/scan.ts';

const dir = mkdtempSync(join(tmpdir(), 'pfnmap-scan-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('the search', () => {
  const words: Word[] = [
    ['abc', 0],
    ['needle', 2],
    ['Needle', 1],
    ['a_long_word', 6],
    ['xyz_', 1],
    ['q_q_q', 2],
    ['zz9', 0],
    ['other', 2],
    ['tenth', 1],
    ['last', 0],
  ];
  const search = new Search(words);
  const found = (text: string) => {
    search.room(text.length).write(text, 'latin1');
    return search.found(text.length);
  };
  const pieces = words.flatMap(([w]) => [w, w.slice(1), w.slice(0, -1), w.toUpperCase()]);
  const text = fc
    .array(
      fc.oneof(
        fc.constantFrom(...pieces),
        fc.string({ unit: 'binary-ascii' }),
        fc.constant('\xff'),
      ),
    )
    .map((p) => p.join(''));

  test('finds what a plain one finds', () => {
    fc.assert(
      fc.property(text, (s) => {
        expect(found(s)).toBe(words.some(([w]) => s.includes(w)));
        const all = words.flatMap(([w]) => (s.includes(w) ? w : []));
        expect([...search.all(s.length)].sort()).toEqual([...new Set(all)].sort());
      }),
      { numRuns: 2000 },
    );
  });

  test('finds a word wherever it stands, and none that is cut off', () => {
    for (const [word] of words)
      for (let before = 0; before < 40; before++) {
        expect(found(' '.repeat(before) + word)).toBe(true);
        expect(found(' '.repeat(before) + word.slice(0, -1))).toBe(false);
      }
  });

  test('does not see what an earlier, longer text left behind', () => {
    expect(found(`${' '.repeat(100)}needle`)).toBe(true);
    expect(found(' '.repeat(100))).toBe(false);
  });

  test('is what search.wat says', async () => {
    expect(CODE, 'run node scripts/wat.mjs').toBe(await assemble('check/scan/search.wat'));
  });
});

/** A keeper in memory that can be damaged. */
function keeper() {
  const kept = {
    file: '',
    data: null as Buffer | null,
    load: () => kept.data,
    save: (d: Buffer) => void (kept.data = d),
  };
  return kept;
}

describe('a scan', () => {
  const root = join(dir, 'tree');
  const put = (path: string, text: string | Buffer) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put('a/one.c', 'int f(struct vm_area_struct *vma);\n');
  put('a/deep/er/two.c', 'int g(void);\n');
  put('b/latin1.h', Buffer.from([0xe9, 0x0d, 0x0a, ...Buffer.from('struct dma_buf;')]));
  put('b/crlf.c', 'struct vm_fault;\r\n');
  put('empty.c', '');
  put('text.txt', 'vm_area_struct');
  symlinkSync('..', join(root, 'a/deep/loop'));
  symlinkSync('one.c', join(root, 'a/link.c'));
  const all = ['a/deep/er/two.c', 'a/one.c', 'b/crlf.c', 'b/latin1.h', 'empty.c'];

  test('lists files once, links left alone, and tells which matter', async () => {
    const tree = await scan(root, null);
    expect([...tree.paths].sort()).toEqual(all);
    expect(relevantOf(tree)).toEqual(['a/one.c', 'b/crlf.c', 'b/latin1.h']);
    expect(tree.unreadable).toEqual([]);
  });

  test('a large file is read whole', async () => {
    put('big/million.c', `${'int x;\n'.repeat(1_000_000)}struct vm_fault;\n`);
    expect(relevantOf(await scan(join(root, 'big'), null))).toEqual(['million.c']);
    rmSync(join(root, 'big'), { recursive: true });
  });

  test('each kind of change is seen by the next one', async () => {
    const kept = keeper();
    const old = new Date(Date.now() - 60_000);
    const relevant = async () => relevantOf(await scan(root, null, kept));
    expect(await relevant()).toHaveLength(3);
    put('a/deep/er/two.c', 'int of(unsigned long pfn);\n pfn_t x;');
    expect(await relevant()).toContain('a/deep/er/two.c');
    // The same length and an old time: only ctime tells.
    put('a/deep/er/two.c', 'int of(unsigned long pfn);\n pfn_s x;');
    utimesSync(join(root, 'a/deep/er/two.c'), old, old);
    expect(await relevant()).toEqual(['a/one.c', 'b/crlf.c', 'b/latin1.h']);
    put('c/new.c', 'struct vm_fault;');
    expect(await relevant()).toContain('c/new.c');
    rmSync(join(root, 'c'), { recursive: true });
    expect(await relevant()).toEqual(['a/one.c', 'b/crlf.c', 'b/latin1.h']);
  });

  test('a state that is too young has no name to be known by', async () => {
    put('a/one.c', 'int f(struct vm_area_struct *vma);\n');
    expect((await scan(root, null, keeper())).id).toBe('');
  });

  test('a file that changes where it is, and no directory with it, is read again', async () => {
    const later = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
    const kept = keeper();
    const first = await scan(root, null, kept);
    expect(await scan(root, null, kept)).toEqual(first);
    put('b/crlf.c', 'struct vm_fault_no;\r\n');
    put('empty.c', 'struct vm_fault;\n');
    const second = await scan(root, null, kept);
    expect(second.paths).toEqual(first.paths);
    expect(second.dirTimes).toEqual(first.dirTimes);
    expect(relevantOf(second)).toContain('empty.c');
    expect(second.id).not.toBe(first.id);
    expect(await scan(root, null, kept)).toEqual(second);
    later.mockRestore();
    put('b/crlf.c', 'struct vm_fault;\r\n');
    put('empty.c', '');
  });

  test('a name that is not UTF-8 is told as such', async () => {
    const odd = Buffer.from(`${root}/b/\xe9.c`, 'latin1');
    writeFileSync(odd, 'struct vm_fault;\n');
    const { unreadable } = await scan(root, null);
    expect(unreadable).toEqual([{ path: 'b/\ufffd.c', why: 'a name that is not UTF-8' }]);
    rmSync(odd);
  });

  test.skipIf(process.getuid?.() === 0)('says what it cannot read', async () => {
    put('shut/x.c', 'struct vm_fault;');
    chmodSync(join(root, 'shut/x.c'), 0);
    const { unreadable } = await scan(root, null);
    expect(unreadable).toEqual([{ path: 'shut/x.c', why: 'EACCES' }]);
    rmSync(join(root, 'shut'), { recursive: true });
  });

  test('a state that was kept is read back, and one that is not whole is not', () => {
    const tree: Omit<TreeState, 'id'> = {
      dirs: ['', 'a'],
      dirTimes: Float64Array.of(1, 2, 3, 4),
      paths: ['a/é.c'],
      stats: Float64Array.of(5, 6.25, 7),
      matters: Uint8Array.of(1),
      unreadable: [{ path: 'b', why: 'EACCES' }],
    };
    const { state, data } = packTree(tree);
    expect(unpackTree(data)).toEqual(state);
    for (let n = 0; n < data.length; n++) expect(unpackTree(data.subarray(0, n))).toBeNull();
  });
});
