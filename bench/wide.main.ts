// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A system of 128 bytes of live state: counters that threads raise, each at random, so that every
 * state differs from most others in many places. Prints transitions and seconds.
 */
import { LockTable } from '../src/explore/locks.ts';
import type { System } from '../src/explore/machine.ts';
import { Memory } from '../src/explore/memory.ts';
import { again, choice, routine, step } from '../src/explore/program.ts';
import { Search } from '../src/explore/search.ts';

const THREADS = 3;
const BYTES = 128 - THREADS;

class World {
  readonly mem = new Memory();
  readonly counters = this.mem.array('counters', BYTES);
  readonly rounds = this.mem.array('rounds', THREADS);
  constructor() {
    this.mem.seal();
  }
}

const touchAll = step('touch_all', (w: World, by: number) => {
  for (let i = 0; i < BYTES; i++) w.counters.set(i, i + by);
});
const which = choice('which', () => 4);
const raise = step('raise', (w: World, way: number) => {
  const at = (w.mem.self * 41 + way * 10 + w.rounds.get(w.mem.self)) % BYTES;
  w.counters.set(at, w.counters.get(at) ^ 1);
});
const count = step('count', (w: World) => w.rounds.add(w.mem.self, 1));

const worker = routine('worker', function* () {
  for (let more = 1; more; ) {
    yield* again('round');
    yield* raise(yield* which());
    more = Number((yield* count()) < 2);
  }
});
const first = routine('first', function* () {
  yield* touchAll(1);
  yield* worker();
});

const make = (): System => {
  const world = new World();
  return {
    mem: world.mem,
    locks: new LockTable(),
    world,
    threads: [0, 1, 2].map((i) => ({ name: `t${i}`, run: i ? () => worker() : () => first() })),
  };
};

const search = new Search(make, { reduce: false, livelock: false, stopAt: 'never' });
const began = performance.now();
const result = search.run();
const seconds = (performance.now() - began) / 1000;
console.log(
  JSON.stringify({
    seconds,
    stride: search.machine.stride,
    states: result?.states,
    transitions: result?.transitions,
  }),
);
