// SPDX-License-Identifier: GPL-2.0-or-later
/** Counting schedules, against writing every one of them out. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ScheduleCount, schedulesIn } from '../../src/explore/count.ts';
import type { System } from '../../src/explore/machine.ts';
import { Memory } from '../../src/explore/memory.ts';
import {
  type Arg,
  again,
  BLOCKED,
  type Run,
  routine,
  step,
  taken,
} from '../../src/explore/program.ts';
import { beginning, type Frame, push, settle } from './naive.ts';
import { makeSystem, programs } from './programs.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
/** Steps that are written out before a program is given up. */
const LIMIT = 4_000;
const EVENTS = ['x0', 'x1', 'set0', 'set1', 'deadlock'];

/** Every schedule, step by step; by the order of its events. Null when there are too many. */
function writtenOut(system: System): { orders: Map<string, number>; cut: boolean } | null {
  const { mem, world } = system;
  mem.logging = false;
  mem.watching = false;
  mem.events = [];
  const orders = new Map<string, number>();
  let cut = false;
  let steps = 0;
  const go = (
    words: readonly number[],
    threads: readonly (readonly Frame[])[],
    visits: ReadonlyMap<string, number>,
    order: readonly string[],
  ): boolean => {
    if (++steps > LIMIT) return false;
    let moved = false;
    for (const [t, frames] of threads.entries()) {
      const next = frames.length ? settle(frames) : null;
      if (!next) continue;
      mem.words.set(words);
      mem.self = t;
      mem.events = [];
      const run = next.def.run as (...a: unknown[]) => number | boolean | undefined;
      const value = Number(run(world, ...next.args) ?? 0);
      mem.reports.length = 0;
      if (value === BLOCKED) continue;
      moved = true;
      const now = [...new Set([...order, ...mem.events.filter((e) => EVENTS.includes(e))])];
      let after = [...mem.words];
      const ways = next.def.kind === 'choice' ? value : 1;
      for (let way = 0; way < ways; way++) {
        let sent = next.def.kind === 'choice' ? way : value;
        if (next.def.take) {
          mem.words.set(words);
          sent = taken(next.def, world, way, next.args as readonly Arg[]);
          after = [...mem.words];
        }
        const top = next.frames[next.frames.length - 1];
        const seen = new Map(visits);
        let often = false;
        const to = settle([...next.frames.slice(0, -1), push(top, sent)], (stack) => {
          const head = `${t} ${JSON.stringify(stack.map((f) => f.key))}`;
          const times = (seen.get(head) ?? 0) + 1;
          seen.set(head, times);
          if (times > 2) often = true;
        });
        if (often) {
          cut = true;
          continue;
        }
        const all = threads.map((f, i) => (i === t ? (to?.frames ?? []) : f));
        if (!go(after, all, seen, now)) return false;
      }
    }
    if (moved) return true;
    const stuck = threads.some((f) => f.length);
    const key = [...order, ...(stuck ? ['deadlock'] : [])].join();
    orders.set(key, (orders.get(key) ?? 0) + 1);
    return true;
  };
  const seen = new Map<string, number>();
  const first = system.threads.map(({ run }, t) => {
    const at = settle([beginning(run)], (stack) => {
      seen.set(`${t} ${JSON.stringify(stack.map((f) => f.key))}`, 1);
    });
    return at?.frames ?? [];
  });
  return go([...mem.words], first, seen, []) ? { orders, cut } : null;
}

test.each([
  ['with loops', { loops: true, depth: 2, length: 3, threads: 3 }],
  ['without loops', { loops: false, depth: 2, length: 3, threads: 3 }],
])('of random programs %s, the counts are those of writing every schedule out', (_, shape) => {
  let programsSeen = 0;
  let cuts = 0;
  let several = 0;
  fc.assert(
    fc.property(programs(shape), (p) => {
      const make = makeSystem(p);
      const all = writtenOut(make());
      if (!all) return;
      programsSeen++;
      const counted = new ScheduleCount(make, { events: EVENTS }).run();
      const orders = new Map(
        counted?.orders.map((o) => [o.events.join(), Number(o.schedules)]) ?? [],
      );
      expect(Object.fromEntries(orders)).toEqual(Object.fromEntries(all.orders));
      if (orders.size > 1) several++;
      if (all.cut) cuts++;
      expect(counted?.cut).toBe(all.cut);
    }),
    { numRuns: RUNS, seed: 1 },
  );
  expect(programsSeen).toBeGreaterThan(RUNS / 3);
  expect(several).toBeGreaterThan(RUNS / 100);
  if (shape.loops) expect(cuts).toBeGreaterThan(RUNS / 100);
});

describe('on small stories', () => {
  class World {
    readonly mem = new Memory();
    readonly x = this.mem.array('x', 2);
    constructor() {
      this.mem.seal();
    }
  }
  const nothing = step('nothing', () => 0);
  const corrupt = step('corrupt', (w: World) => {
    w.mem.report({ severity: 'corrupts', rule: 'R6', text: 'a write is lost' });
  });
  const check = step('check', (w: World) => w.mem.happened('the check fires'));
  const wait = step('wait', (w: World) => (w.x.get(0) ? 0 : BLOCKED));
  const look = step('look', (w: World) => w.x.get(0));
  const set = step('set', (w: World) => w.x.set(0, 1));
  const system = (...bodies: (() => Run<void>)[]) => {
    const runs = bodies.map((body, i) => routine(`r${i}`, body));
    return () => {
      const world = new World();
      const { mem } = world;
      const locks = { classes: [], count: 0 } as unknown as System['locks'];
      return { mem, locks, world, threads: runs.map((run, i) => ({ name: `t${i}`, run })) };
    };
  };

  test('which came first is told apart, and a corruption does not end a schedule', () => {
    const make = system(
      function* () {
        yield* nothing();
        yield* corrupt();
      },
      function* () {
        yield* nothing();
        yield* check();
      },
    );
    const events = ['corrupts', 'the check fires'];
    const counted = new ScheduleCount(make, { events }).run();
    expect(counted?.schedules).toBe(6n);
    expect(counted?.orders).toEqual([
      { events: ['corrupts', 'the check fires'], schedules: 3n },
      { events: ['the check fires', 'corrupts'], schedules: 3n },
    ]);
    if (!counted) return;
    expect(schedulesIn(counted, (order) => order[0] === 'the check fires')).toBe(3n);
    expect(schedulesIn(counted, (order) => order.includes('corrupts'))).toBe(6n);
  });

  test('counts are exact beyond what a number holds, and come in slices', () => {
    const body = function* (): Run<void> {
      for (let i = 0; i < 20; i++) yield* nothing();
    };
    const run = new ScheduleCount(system(body, body, body), { events: [] });
    let slices = 0;
    while (!run.run(100)) slices++;
    expect(slices).toBeGreaterThan(10);
    // 60! / (20!)^3
    expect(run.result?.schedules).toBe(577831214478475823831865900n);
  });

  test('a retry is taken once, and what can only wait is a deadlock', () => {
    const poll = system(
      function* () {
        for (;;) {
          yield* again('until set');
          if (yield* look()) return;
        }
      },
      function* () {
        yield* set();
      },
    );
    // look set look, set look; look look would have to look a third time.
    expect(new ScheduleCount(poll, { events: [] }).run()).toMatchObject({
      schedules: 2n,
      cut: true,
    });
    const stuck = system(function* () {
      yield* wait();
    });
    expect(new ScheduleCount(stuck, { events: ['deadlock'] }).run()?.orders).toEqual([
      { events: ['deadlock'], schedules: 1n },
    ]);
  });

  test('too much is said to be too much', () => {
    const body = function* (): Run<void> {
      for (let i = 0; i < 20; i++) yield* nothing();
    };
    const run = new ScheduleCount(system(body, body, body), { events: [], maxStates: 100 });
    expect(() => run.run()).toThrow('more than 100 states to count schedules over');
  });
});
