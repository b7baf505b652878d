// SPDX-License-Identifier: GPL-2.0-or-later
/** Mutants: against programs from which the guard was taken by hand, and on small stories. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explore } from '../../src/explore/explore.ts';
import { type Guard, guardText, withoutGuard } from '../../src/explore/guards.ts';
import { LockClass, LockTable, lockSteps } from '../../src/explore/locks.ts';
import type { System } from '../../src/explore/machine.ts';
import { Memory } from '../../src/explore/memory.ts';
import { type Mutant, MutantRun } from '../../src/explore/mutants.ts';
import { again, guard, type Run, routine, step } from '../../src/explore/program.ts';
import { Search, type SearchResult } from '../../src/explore/search.ts';
import { Knowledge } from '../../src/explore/space.ts';
import { deadlocks, livelocks, naive, violationsOf } from './naive.ts';
import { type Block, makeSystem, type Programs, programs, type Stmt } from './programs.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const STEPS: Readonly<Record<string, Stmt['do']>> = {
  lock: 'lock',
  lock_shared: 'shared',
  try_lock: 'try',
};

/** The program with all statements of one kind replaced by their bodies, in one routine. */
function stripped(block: Block, kind: Stmt['do'], where: string, here: string): Block {
  return block.flatMap((s): Stmt[] => {
    if (!('body' in s)) return [s];
    const body = stripped(s.body, kind, where, s.do === 'call' ? 'call' : here);
    return s.do === kind && here === where ? [...body] : [{ ...s, body }];
  });
}

const checks = (r: SearchResult) =>
  r.findings
    .filter((f) => f.violation.rule === 'check')
    .map((f) => f.violation.text)
    .sort();
const has = (r: SearchResult, rule: string) => r.findings.some((f) => f.violation.rule === rule);

test('a random program without a lock is the program that never had it', () => {
  let mutants = 0;
  let idlers = 0;
  fc.assert(
    fc.property(programs({ loops: true, depth: 2, length: 3, threads: 3 }), (p) => {
      const make = makeSystem(p);
      const knowledge = new Knowledge();
      const base = new Search(make, { stopAt: 'never', maxStates: 3_000, knowledge });
      const before = base.run() as SearchResult;
      const idle = new Set(
        new MutantRun([{ make, knowledge }], { maxStates: 1 })
          .run()
          ?.flatMap((m) => (m.text?.includes('no other thread') ? [m.removed] : [])),
      );
      for (const { guard } of knowledge.guards.values()) {
        const { what, where } = guard;
        // A lock that was not left out because nobody waits for it would have changed nothing.
        const safe = before.complete && p.severity === 'breaks' && !has(before, 'deadlock');
        const unneeded = safe && idle.has(guardText(guard));
        const bodies = p.bodies.map((b) => stripped(b, STEPS[what], where, 'main'));
        const without: Programs = { ...p, bodies: [bodies[0], bodies[1]] };
        const oracle = naive(makeSystem(without)(), 1_500);
        if (!oracle) continue;
        mutants++;
        const mutant = withoutGuard(make, guard);
        const whole = new Search(mutant, { stopAt: 'never', reduce: false }).run() as SearchResult;
        expect(whole.states).toBe(oracle.nodes.size);
        const r = new Search(mutant, {
          stopAt: 'never',
          knowledge: knowledge.forMutant(),
        }).run() as SearchResult;
        const expected = violationsOf(oracle);
        if (p.severity === 'corrupts' && expected.length) {
          expect(checks(r).length).toBeGreaterThan(0);
          continue;
        }
        expect(checks(r)).toEqual(expected);
        expect(has(r, 'deadlock')).toBe(deadlocks(oracle));
        expect(has(r, 'livelock')).toBe(livelocks(oracle));
        if (!unneeded) continue;
        idlers++;
        expect(checks(before)).toEqual(expected);
        expect(has(before, 'deadlock')).toBe(deadlocks(oracle));
        expect(has(before, 'livelock')).toBe(livelocks(oracle));
      }
    }),
    { numRuns: RUNS, seed: 1 },
  );
  expect(mutants).toBeGreaterThan(RUNS / 3);
  expect(idlers).toBeGreaterThan(RUNS / 30);
});

/** A counter under a lock, a sequence count beside it, and a flag that nobody sets. */
class World {
  readonly mem = new Memory();
  readonly locks = new LockTable();
  readonly lock = new LockClass(this.mem, 'lock', 1, this.locks);
  readonly x = this.mem.array('x', 1);
  readonly seq = this.mem.array('seq', 1);
  readonly closed = this.mem.array('closed', 1);
  constructor() {
    this.mem.seal();
  }
}
const { lock, unlock } = lockSteps<World>(['lock', 'unlock'], (w) => w.lock);
const load = step('load', (w: World) => w.x.get());
const store = step('store', (w: World, value: number) => w.x.set(0, value));
const closed = step('closed', (w: World) => w.closed.get());
const sequence = step('sequence', (w: World) => w.seq.get());
const bump = step('bump', (w: World) => w.seq.add(0, 1), { guard: 'the count' });
const changed = step('changed', (w: World, seq: number) => w.seq.get() !== seq, {
  guard: 'the sequence test',
});
const use = step('use', (w: World, value: number) => {
  if (w.x.get() === value) return;
  w.mem.report({ severity: 'corrupts', rule: 'stale', text: 'a stale value is used' });
});
const increment = routine('increment', function* (): Run<void> {
  if (yield* guard('the closed test', yield* closed())) return;
  yield* lock(0);
  const x = yield* load();
  yield* store(x + 1);
  yield* bump();
  yield* unlock(0);
});
const reader = routine('reader', function* (): Run<void> {
  for (;;) {
    yield* again('retry');
    const seq = yield* sequence();
    const x = yield* load();
    yield* lock(0);
    const stale = yield* changed(seq);
    if (!stale) yield* use(x);
    yield* unlock(0);
    if (!stale) return;
  }
});

function story(runs: readonly (() => Run<void>)[], total: number): () => System {
  return () => {
    const world = new World();
    return {
      mem: world.mem,
      locks: world.locks,
      world,
      threads: runs.map((run, i) => ({ name: `t${i}`, run })),
      final: () => {
        if (world.x.get() === total) return;
        world.mem.report({ severity: 'corrupts', rule: 'sum', text: 'an increment is lost' });
      },
    };
  };
}

function mutantsOf(make: () => System): readonly Mutant[] {
  const base = explore(make);
  expect(base.run()?.outcome).toBe('safe');
  return new MutantRun([{ make, knowledge: base.knowledge }]).run() ?? [];
}

const told = (mutants: readonly Mutant[]) =>
  Object.fromEntries(mutants.map((m) => [m.removed, [m.outcome, ...m.rules].join(' ')]));

describe('on a small story', () => {
  test('what protects is caught by the rule that it protects, and what does not is not', () => {
    expect(told(mutantsOf(story([increment, increment], 2)))).toEqual({
      'the closed test in increment': 'not-needed',
      'lock in increment': 'caught sum',
      'the count in increment': 'not-needed',
    });
    expect(told(mutantsOf(story([increment, reader], 1)))).toEqual({
      'the closed test in increment': 'not-needed',
      'lock in increment': 'caught stale',
      'the count in increment': 'caught stale',
      'lock in reader': 'caught stale',
      'the sequence test in reader': 'caught stale',
    });
  });

  test('a mutant is a system like any other: its counterexample can be shown', () => {
    const without: Guard = { what: 'the sequence test', where: 'reader' };
    const found = explore(withoutGuard(story([increment, reader], 1), without)).run();
    expect(found?.counterexample?.violation.rule).toBe('stale');
    expect(found?.counterexample?.trace.map((s) => s.text)).not.toContain('changed');
  });

  test('a guard that only a mutant comes to is not reached', () => {
    const opens = routine('opens', function* (): Run<void> {
      if (yield* guard('the always test', 1)) return;
      yield* lock(0);
      yield* unlock(0);
    });
    const found = told(mutantsOf(story([opens, opens], 0)));
    expect(found).toEqual({
      'the always test in opens': 'not-needed',
      'lock in opens': 'not-reached',
    });
  });

  test('two guards of which one is enough are found together, and nothing where none is needed', () => {
    // Whoever is stopped by the one test would be by the other.
    const twice = routine('twice', function* (): Run<void> {
      if (yield* guard('the first test', 1)) return;
      if (yield* guard('the second test', 1)) return;
      yield* store(7);
    });
    const found = mutantsOf(story([twice, twice], 0));
    expect(told(found)).toEqual({
      'the first test in twice': 'not-needed',
      'the second test in twice': 'not-reached',
    });
    expect(found[0]?.together).toEqual({
      with: 'the second test in twice',
      rules: ['sum'],
      text: 'an increment is lost',
    });
    const useless = routine('useless', function* (): Run<void> {
      if (yield* guard('the first test', 1)) return;
      if (yield* guard('the second test', 1)) return;
      yield* load();
    });
    const [first] = mutantsOf(story([useless, useless], 0));
    expect(first).toMatchObject({ outcome: 'not-needed', together: null });
    // It is asked only where no guard is caught alone.
    const caught = mutantsOf(story([increment, increment], 2));
    expect(caught.map((m) => m.together)).toEqual(caught.map(() => undefined));
  });

  test('in slices the result is the same', () => {
    const make = story([increment, reader], 1);
    const base = explore(make);
    base.run();
    const run = new MutantRun([{ make, knowledge: base.knowledge }]);
    let slices = 0;
    while (!run.run(1)) slices++;
    expect(slices).toBeGreaterThan(5);
    expect(run.result).toEqual(mutantsOf(make));
    expect(run.result?.map((m) => guardText(m.guard))).toEqual(run.result?.map((m) => m.removed));
  });
});
