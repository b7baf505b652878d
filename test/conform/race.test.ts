// SPDX-License-Identifier: GPL-2.0-or-later
/** Races on the model: what is possible, and what is not. On real kernels: real.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runOps } from '../../src/conform/model.ts';
import { parseRace, possibleOutcomes, type Race, raceText } from '../../src/conform/race.ts';
import { generateRace } from '../../src/conform/races.ts';
import { shrinkRace } from '../../src/conform/shrink.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';

const VERSIONS: readonly LinuxVersion[] = ['6.12', '6.1'];
const outcomes = (linux: LinuxVersion, text: string) =>
  [...possibleOutcomes(linux, parseRace('test', text)).outcomes].sort();

describe.each(VERSIONS)('Linux %s', (linux) => {
  test('a store that comes between the copy and the zap of a move is lost', () => {
    const race =
      'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77 | mv 0 0 1 z | w 0 8 0x99 | r 0 8; dr 0 0 8';
    expect(outcomes(linux, race)).toEqual(['ok | ok | =77; =77', 'ok | ok | =99; =99']);
  });

  test('munmap goes on with mmap_lock for reading: no VMA any more, an entry still', () => {
    // 6.12 mm/vma.c:1159, 6.1 mm/mmap.c:2597
    const race = 'map 0 2 - rw p 0; w 0 8 0x77; w 1 8 0x78 | unmap 0 2 | r 0 8; r 1 8 |';
    expect(outcomes(linux, race)).toEqual([
      'ok | =77; =78 | ',
      'ok | =77; SEGV1 | ',
      'ok | SEGV1; =78 | ',
      'ok | SEGV1; SEGV1 | ',
    ]);
    const lookup = 'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 1 | unmap 0 1 | con gup 0 0 |';
    expect(outcomes(linux, lookup)).toEqual(['ok | EFAULT p0s0 | ', 'ok | EFAULT p1s1 | ']);
  });

  test('the first write fault on a clean page of a file lets go of mmap_lock once it is served', () => {
    // 6.12 mm/memory.c:3219, 6.1 mm/memory.c:3066: seen on 6.1 once in a thousand runs.
    const race = 'buf 0 memfd 2; map 0 2 0 rw s 0 | unmap 0 2 | hold 0 pinf 1 1 | r 1 8';
    expect(outcomes(linux, race)).toEqual([
      'ok | EFAULT p0s0 | SEGV1',
      'ok | EFAULT p1s0 | SEGV1',
      'ok | ok p0s0w1 - | SEGV1',
      'ok | ok p1s0w1 - | SEGV1',
    ]);
    // What is dirty already is served with the lock held all the while.
    const dirty = race.replace('rw s 0 |', 'rw s 0; w 1 8 5; adv 1 1 DONTNEED |');
    expect(outcomes(linux, dirty)).not.toContain('ok | EFAULT p1s0 | SEGV1');
  });

  test('how many references an LRU page has is left out', () => {
    const race = 'map 0 2 - rw p 0; w 0 8 1 | adv 1 1 DONTNEED | 0 con pinlt 0 1 | con pinlt 0 1';
    expect(outcomes(linux, race)).toEqual(['ok | ok p1s0w1 - | ok p1s0w1 -']);
  });

  test('a buffer that goes forgets its pages before it lets go of them', () => {
    const race =
      'buf 0 fpage 1 0; map 0 1 0 rw s 0; w 0 8 0x77 | bclose 0; unmap 0 1 | hold 0 gupf 0 0; hr 0 8 |';
    expect(outcomes(linux, race)).toContain('ok; ok | ok p0s0w0 -; =77 | ');
    for (const one of outcomes(linux, race)) expect(one).not.toMatch(/ref1/);
  });

  test('mprotect keeps mmap_lock for writing until all entries are changed', () => {
    const race = 'map 0 2 - rw p 0; w 0 8 0x77; w 1 8 0x78 | prot 0 2 0 | r 0 8; r 1 8 |';
    expect(outcomes(linux, race)).toEqual([
      'ok | =77; =78 | ',
      'ok | =77; SEGV2 | ',
      'ok | SEGV2; SEGV2 | ',
    ]);
  });

  test('a device that mirrors by the rules has either page or is told to start over', () => {
    const race =
      'map 0 2 - rw p 0; w 0 8 1; w 1 8 2; mreg 0 2 | unmap 0 1 | mir once; mw 0 8 7; mw 1 8 8 | r 0 8; r 1 8';
    expect(outcomes(linux, race)).toEqual([
      'ok | EBUSY; EFAULT; EFAULT | SEGV1; =2',
      'ok | EFAULT; EFAULT; EFAULT | SEGV1; =2',
      'ok | ok; EFAULT; ok | SEGV1; =8',
      'ok | ok; ok; ok | SEGV1; =8',
    ]);
    // Who tests too early mirrors a page that is gone.
    const early = race.replace('mreg 0 2', 'mreg 0 2 k').replace('mir once', 'mir each');
    expect(outcomes(linux, early.replaceAll('unmap 0 1', 'unmap 1 1')).join('\n')).toContain(
      'ok; ok; ok gone',
    );
  });

  test('two processes share a buffer and nothing else', () => {
    const race =
      'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77; fork | unmap 0 1; r 0 8 | 1 r 0 8 | dr 0 0 8';
    expect(outcomes(linux, race)).toEqual(['ok; SEGV1 | =77 | =77']);
  });
});

describe.each(VERSIONS)('Linux %s: descriptors and fork', (linux) => {
  test("a store that fork overtakes is the parent's alone", () => {
    const race = 'map 0 1 - rw p 0; w 0 8 1 | fork | w 0 8 2 | r 0 8; 1 r 0 8';
    expect(outcomes(linux, race)).toEqual(['ok | ok | =2; =1', 'ok | ok | =2; =2']);
  });

  test('a pin never shares its page with a child that fork makes meanwhile', () => {
    // 6.12 mm/gup.c:3427: else the child could have the page, and the parent's next write a copy.
    const race =
      'map 0 1 - rw p 0; w 0 8 1 | fork; w 0 8 2 | hold 0 pinf 0 1; hr 0 8 | hr 0 8; 1 r 0 8';
    const all = outcomes(linux, race);
    expect(all.length).toBeGreaterThan(1);
    for (const one of all) expect(one).toMatch(/\| =2; =1$/);
  });

  test('whoever has looked a descriptor up keeps the file through the close', () => {
    const race =
      'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77 | bclose 0; unmap 0 1 | dr 0 0 8; dr 0 0 8 |';
    expect(outcomes(linux, race)).toEqual([
      'ok; ok | =77; =77 | ',
      'ok; ok | =77; EBADF | ',
      'ok; ok | EBADF; EBADF | ',
    ]);
  });

  test('a bit that the MMU sets between its two looks turns GUP-fast away', () => {
    // 6.12 mm/gup.c:2984 compares whole entries.
    const race = 'map 0 1 - rw p 0; w 0 8 1; adv 0 1 COLD | r 0 8 | con gupfo 0 0 |';
    const all = outcomes(linux, race);
    expect(all.some((one) => one.startsWith('=1 | ENODATA p1s0'))).toBe(true);
    expect(all.some((one) => one.startsWith('=1 | ok p1s0'))).toBe(true);
  });
});

/** What comes of running one list before the other. */
function inOrder(linux: LinuxVersion, { setup, lists, end }: Race, first: 0 | 1): string {
  const [a, b] = [lists[first], lists[1 - first]];
  const said = runOps(linux, [...setup, ...a, ...b, ...end]).slice(setup.length);
  const parts = [said.slice(0, a.length), said.slice(a.length, a.length + b.length)];
  if (first === 1) parts.reverse();
  return [...parts, said.slice(a.length + b.length)].map((list) => list.join('; ')).join(' | ');
}

describe('random races', () => {
  const races = fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
    number: fc.integer({ min: 0, max: 200 }),
    linux: fc.constantFrom(...VERSIONS),
  });

  test('one list before the other is one of the interleavings', () => {
    fc.assert(
      fc.property(races, ({ seed, number, linux }) => {
        const race = generateRace(seed, number, linux);
        const { outcomes: all, complete, wrong } = possibleOutcomes(linux, race);
        expect([complete, wrong]).toEqual([true, []]);
        // Counts of references and which page is handed out are the sequential machine's own.
        const plain = (text: string) => text.replaceAll(/ (ref|d)[-\d>]+| map\d+/g, '');
        const known = new Set([...all].map(plain));
        for (const first of [0, 1] as const) {
          expect(known).toContain(plain(inOrder(linux, race, first)));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('no outcome is lost by joining steps', () => {
    fc.assert(
      fc.property(races, ({ seed, number, linux }) => {
        const race = generateRace(seed, number, linux);
        const single = possibleOutcomes(linux, race, false);
        fc.pre(single.complete);
        const { outcomes: joined } = possibleOutcomes(linux, race);
        expect([...joined].sort()).toEqual([...single.outcomes].sort());
      }),
      { numRuns: 40 },
    );
  });

  test('can be written out and read again', () => {
    fc.assert(
      fc.property(races, ({ seed, number, linux }) => {
        const race = generateRace(seed, number, linux);
        expect(parseRace(race.id, raceText(race))).toEqual(race);
      }),
    );
  });
});

test.each([
  ['r 0 8 | r 0 8', 'a race is: setup | list | list | end'],
  [' | bdup 0 1 | r 0 8 | ', "'bdup 0 1' cannot race"],
  [' | r 0 8 | fork | ', "'fork': only the first list may fork"],
  ['fork | fork | 1 r 0 8 | ', 'there are two processes at most: one fork'],
  ['buf 0 vgemdrm 1 | bclose 0 | r 0 8 | ', "'bclose 0' cannot race beside 'buf 0 vgemdrm 1'"],
  [' | 1 r 0 8 | r 0 8 | ', 'the first list is process 0'],
  ['fork | r 0 8 | 1 r 0 8; 0 r 0 8 | ', 'the second list is of one process'],
  [' | r 0 8 | 1 r 0 8 | ', 'the second list is of process 1, and the setup does not fork'],
  [' | r 0 | r 0 8 | ', "'r 0': r takes 2 arguments (page off)"],
])('what is wrong with %s is said', (text, why) => {
  expect(() => parseRace('here', text)).toThrow(`here: ${why}`);
});

describe('a race that disagrees is made short', () => {
  const disagreeing = (text: string, ops: readonly RegExp[]) =>
    shrinkRace(parseRace('test', text), async (race) => ops.every((op) => op.test(raceText(race))));

  test('by the ops of setup, lists and end that it can do without', async () => {
    const long =
      'buf 0 fpfn 2; map 0 2 0 rw s 0; w 0 8 1; w 1 8 2; fork | ' +
      'mv 0 0 2 zp; unmap 0 1; mv 0 0 1 | 1 r 0 8; 1 w 1 8 3; 1 r 1 8 | pte 0; r 0 8; 1 pte 1';
    const short = await disagreeing(long, [/fork \|/, /unmap 0 1/, /1 w 1 8 3/, /1 pte 1/]);
    expect(raceText(short)).toBe('fork | unmap 0 1 | 1 w 1 8 3 | 1 pte 1');
  });

  test('an op stays in each list, and a fork that process 1 comes from', async () => {
    const long = 'map 0 1 - rw s 0; fork | r 0 8; r 0 16 | 1 r 0 8; 1 r 0 16 | ';
    expect(raceText(await disagreeing(long, []))).toMatch(/^fork \| r 0 \d+ \| 1 r 0 \d+ \| $/);
  });
});
