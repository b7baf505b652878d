// SPDX-License-Identifier: GPL-2.0-or-later
/** The engine against the plainest explorer there can be, on random programs. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clearest } from '../../src/explore/clearest.ts';
import { type Exploration, explore } from '../../src/explore/explore.ts';
import { replay, replayMoves } from '../../src/explore/schedule.ts';
import { Search, type SearchOptions, type SearchResult } from '../../src/explore/search.ts';
import { Knowledge } from '../../src/explore/space.ts';
import { clearestCost, deadlocks, livelocks, type Naive, naive, violationsOf } from './naive.ts';
import {
  type Block,
  makeSystem,
  overOneMemory,
  type Programs,
  programs,
  type Stmt,
} from './programs.ts';

const LIMIT = 1_500;
const seed = 1;

function search(p: Programs, options: SearchOptions): SearchResult {
  return new Search(makeSystem(p), { stopAt: 'never', ...options }).run() as SearchResult;
}

/** Spares a search its rehearsal: every race is found in the middle of it. */
function unrehearsed(exchanged = false): Knowledge {
  const knowledge = new Knowledge();
  knowledge.accesses = [{ sets: [], rows: new Int32Array(0), exchanged, locks: [] }];
  return knowledge;
}

const has = (r: SearchResult, rule: string) => r.findings.some((f) => f.violation.rule === rule);

const checks = (r: SearchResult) =>
  r.findings
    .filter((f) => f.violation.rule === 'check')
    .map((f) => f.violation.text)
    .sort();

/** Runs a property over programs whose state space the oracle can cover. */
function forPrograms(
  runs: number,
  shape: Parameters<typeof programs>[0],
  property: (p: Programs, oracle: Naive) => void,
): void {
  fc.assert(
    fc.property(programs(shape), (p) => {
      const oracle = naive(makeSystem(p)(), LIMIT);
      if (oracle) property(p, oracle);
    }),
    { numRuns: runs, seed },
  );
}

const small = { loops: true, depth: 2, length: 3, threads: 3 };
const straight = { loops: false, depth: 2, length: 4, threads: 3 };
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

describe('interleavings that a wrong reduction loses', () => {
  const set = (slot: number, value: number): Stmt => ({ do: 'set', slot, value });
  const check = (slot: number, value: number): Stmt => ({ do: 'check', slot, value });
  const read = (slot: number): Stmt => ({ do: 'read', slot });
  const when = (value: number, ...body: Stmt[]): Stmt => ({ do: 'if', value, body });
  const lock = (n: number, ...body: Stmt[]): Stmt => ({ do: 'lock', lock: n, body });
  const shared = (...body: Stmt[]): Stmt => ({ do: 'shared', lock: 0, body });
  // Transactions end here, so that what follows is found late.
  const later: Block = Array.from({ length: 3 }, () => ({ do: 'choose', slot: 2 }));

  test.each<[string, Block, Block]>([
    [
      'taking a lock after a visible step',
      [set(0, 1), lock(0, set(1, 1))],
      [lock(0, read(0), when(1, check(1, 0)))],
    ],
    [
      'a visible step after releasing a lock',
      [lock(0, set(1, 1)), set(0, 1)],
      [read(0), when(0, lock(0, check(1, 1)))],
    ],
    [
      'a choice whose ways are read from memory, and the step after it',
      [{ do: 'chooseUpTo', slot: 0 }, when(1, check(0, 0))],
      [set(0, 1), set(0, 0)],
    ],
    [
      'a trylock that fails although nothing is ever visible inside',
      [lock(0, set(1, 1), set(1, 2))],
      [set(2, 1), { do: 'try', lock: 0, body: [set(2, 0)] }, check(2, 1)],
    ],
    ['locks that nest both ways', [lock(0, lock(1))], [lock(1, lock(0))]],
    ['two visible steps', [set(0, 1), set(0, 2)], [check(0, 1)]],
    [
      'a word written under one lock and read under another',
      [lock(0, set(0, 1), set(0, 2))],
      [lock(1, check(0, 1))],
    ],
    [
      'a word written and read under a shared lock',
      [shared(set(0, 1), set(0, 2))],
      [shared(check(0, 1))],
    ],
    [
      'a word that its writer reads without the lock, and another writes under it',
      [lock(0, set(0, 1)), check(0, 2)],
      [lock(0, set(0, 2))],
    ],
    [
      'a word that is written twice, and read when that is known long since',
      [set(0, 1), set(0, 2)],
      [...later, check(0, 1)],
    ],
    [
      'a word that is read twice, and written for the first time when that is known',
      [read(0), when(0, check(0, 1))],
      [...later, set(0, 1)],
    ],
    [
      'a word that is read twice under a lock, and written without it when that is known',
      [lock(0, read(0), when(2, check(0, 1)))],
      [lock(0, set(0, 2)), ...later, set(0, 1)],
    ],
    [
      'a step that a transaction came to and did not take',
      [lock(0, { do: 'await', lock: 1 })],
      [set(1, 1), check(1, 0), check(1, 2)],
    ],
  ])('%s', (_, a, b) => {
    const p: Programs = { threads: [0, 1], bodies: [a, b], severity: 'breaks' };
    const oracle = naive(makeSystem(p)(), LIMIT) as Naive;
    const r = search(p, {});
    expect(violationsOf(oracle).length + Number(deadlocks(oracle))).toBeGreaterThan(0);
    expect(checks(r)).toEqual(violationsOf(oracle));
    expect(has(r, 'deadlock')).toBe(deadlocks(oracle));
    const late = search(p, { knowledge: unrehearsed() });
    expect(checks(late)).toEqual(checks(r));
    expect(has(late, 'deadlock')).toBe(deadlocks(oracle));
  });
});

test('a lock between any two accesses that conflict is enough: nothing is racy', () => {
  const set: Stmt = { do: 'set', slot: 0, value: 1 };
  const read: Stmt = { do: 'read', slot: 0 };
  const under = (lock: number, ...body: Stmt[]): Stmt => ({ do: 'lock', lock, body });
  const racy = (...bodies: Block[]): number[] => {
    const p: Programs = { threads: bodies.map((_, i) => i), bodies, severity: 'breaks' };
    const s = new Search(makeSystem(p), { stopAt: 'never' });
    s.run();
    return [...s.machine.mem.races.slots.subarray(0, 3)];
  };
  // Written under both locks, read under either; the writer looks again with neither.
  expect(racy([under(0, under(1, set)), read], [under(0, read)], [under(1, read)])).toEqual([
    0, 0, 0,
  ]);
  // Two writers with one lock each: nothing keeps them apart.
  expect(racy([under(0, set)], [under(1, set)])).toEqual([1, 0, 0]);
});

describe('on random programs', () => {
  test('unreduced, the states and transitions are exactly those of a naive explorer', () => {
    forPrograms(RUNS, small, (p, oracle) => {
      const r = search(p, { reduce: false });
      let transitions = 0;
      for (const { edges } of oracle.nodes.values()) transitions += edges.length;
      expect([r.states, r.transitions]).toEqual([oracle.nodes.size, transitions]);
      expect(checks(r)).toEqual(violationsOf(oracle));
      expect(has(r, 'deadlock')).toBe(deadlocks(oracle));
      expect(has(r, 'livelock')).toBe(livelocks(oracle));
    });
  });

  for (const shape of [small, straight]) {
    test(`reduced, the verdicts are the same (${shape.loops ? 'loops' : 'no loops'})`, () => {
      forPrograms(RUNS, shape, (p, oracle) => {
        const expected = violationsOf(oracle);
        for (const r of [search(p, {}), search(p, { knowledge: unrehearsed() })]) {
          if (p.severity === 'corrupts' && expected.length) {
            // A path ends at the first such violation, so which of them are seen may differ.
            expect(checks(r).length).toBeGreaterThan(0);
            continue;
          }
          expect(checks(r)).toEqual(expected);
          expect(has(r, 'deadlock')).toBe(deadlocks(oracle));
          expect(has(r, 'livelock')).toBe(livelocks(oracle));
          expect(r.states).toBeLessThanOrEqual(oracle.nodes.size);
        }
      });
    });
  }

  test('up to exchange of identical threads, the verdicts are the same', () => {
    forPrograms(RUNS, small, (p, oracle) => {
      for (const reduce of [false, true]) {
        const r = search({ ...p, threads: p.threads.map(() => 0) }, { symmetry: true, reduce });
        const plain = search({ ...p, threads: p.threads.map(() => 0) }, { reduce });
        const late = search(
          { ...p, threads: p.threads.map(() => 0) },
          { symmetry: true, reduce, knowledge: unrehearsed(true) },
        );
        expect(checks(late).length > 0).toBe(checks(plain).length > 0);
        expect(r.states).toBeLessThanOrEqual(plain.states);
        if (p.severity === 'corrupts' && checks(plain).length) {
          expect(checks(r).length).toBeGreaterThan(0);
        } else {
          expect(checks(r)).toEqual(checks(plain));
          expect(has(r, 'deadlock')).toBe(has(plain, 'deadlock'));
        }
      }
      expect(search(p, { symmetry: true }).complete).toBe(true);
      expect(oracle.nodes.size).toBeGreaterThan(0);
    });
  });

  for (const shape of [small, straight]) {
    test(`one after another over one memory, the verdicts are the same (${shape.loops ? 'loops' : 'no loops'})`, () => {
      const x = [0, 1, 2];
      const begins = x.flatMap((a) => [
        [a, 0, 0],
        [0, a, 1],
      ]);
      forPrograms(RUNS / 4, shape, (p) => {
        const systems = overOneMemory(p);
        const knowledge = unrehearsed();
        const idlers = [...p.threads.keys(), -1];
        for (const [idler, begin] of idlers.flatMap((t) => begins.map((b) => [t, b] as const))) {
          const make = systems(idler, begin);
          const alone = overOneMemory(p)(idler, begin);
          const oracle = naive(alone(), LIMIT);
          if (!oracle) continue;
          const options = { symmetry: false, stopAt: 'never' } as const;
          const known = new Knowledge();
          const first = explore(alone, { ...options, knowledge: known }).run() as Exploration;
          // Once all threads move, what they race for is also known from elsewhere.
          knowledge.accesses = idler < 0 ? known.accesses : unrehearsed().accesses;
          const r = explore(make, { ...options, knowledge, keep: true }).run() as Exploration;
          const clear = r.counterexample;
          if (clear?.minimal) {
            const shape = { threads: clear.threads, switches: clear.switches, steps: clear.steps };
            expect(first.counterexample).toMatchObject({ ...shape, minimal: true });
          }
          const expected = violationsOf(oracle);
          const found = r.findings.filter((v) => v.rule === 'check').map((v) => v.text);
          if (p.severity === 'corrupts' && expected.length) {
            expect(found.length).toBeGreaterThan(0);
            continue;
          }
          expect(found.sort()).toEqual(expected);
          expect(r.findings.some((v) => v.rule === 'deadlock')).toBe(deadlocks(oracle));
          expect(r.findings.some((v) => v.rule === 'livelock')).toBe(livelocks(oracle));
        }
      });
    });
  }

  test('the clearest counterexample is minimal, and its schedule replays', () => {
    forPrograms(RUNS, small, (p, oracle) => {
      const match = (v: { readonly rule: string }) => v.rule !== 'lock-order';
      const found = clearest(makeSystem(p), { match });
      const cost = clearestCost(oracle);
      const late = clearest(makeSystem(p), { match, knowledge: unrehearsed() });
      expect(late && [late.threads, late.switches, late.steps]).toEqual(cost);
      expect(found && [found.threads, found.switches, found.steps]).toEqual(cost);
      if (!found) return;
      expect(found.minimal).toBe(true);
      const played = replayMoves(makeSystem(p)(), found.moves);
      expect(played.threads).toBe(found.threads);
      expect(played.switches).toBe(found.switches);
      expect(played.violations).toContainEqual(found.violation);
      expect(replay(makeSystem(p)(), played.schedule)).toEqual(played);
    });
  });

  test('an exploration says safe exactly when nothing is wrong', () => {
    forPrograms(RUNS, small, (p, oracle) => {
      const r = explore(makeSystem(p), { strict: true }).run();
      const wrong = violationsOf(oracle).length > 0 || deadlocks(oracle) || livelocks(oracle);
      const order = r?.findings.some((v) => v.rule === 'lock-order') ?? false;
      expect(r?.outcome).toBe(wrong || order ? 'violated' : 'safe');
      expect(r?.counterexample !== null).toBe(wrong || order);
      if (!r?.counterexample) return;
      const played = replay(makeSystem(p)(), r.counterexample.schedule);
      expect(played.diverged).toBe(false);
      expect(played.trace).toEqual(r.counterexample.trace);
    });
  });
});
