// SPDX-License-Identifier: GPL-2.0-or-later
/** Small random programs: as data, and as systems made of them. */

import fc from 'fast-check';
import { LockClass, LockTable, lockSteps } from '../../src/explore/locks.ts';
import type { System, Thread } from '../../src/explore/machine.ts';
import { Memory, type Slots } from '../../src/explore/memory.ts';
import { again, BLOCKED, choice, type Run, routine, step } from '../../src/explore/program.ts';

export type Stmt =
  | { readonly do: 'set' | 'check' | 'wait'; readonly slot: number; readonly value: number }
  | { readonly do: 'read' | 'bump' | 'choose' | 'chooseUpTo' | 'draw'; readonly slot: number }
  | { readonly do: 'mine'; readonly value: number }
  | { readonly do: 'own' }
  | { readonly do: 'lock' | 'shared'; readonly lock: number; readonly body: Block }
  | { readonly do: 'await'; readonly lock: number }
  | { readonly do: 'try'; readonly lock: number; readonly body: Block }
  | { readonly do: 'until'; readonly slot: number; readonly value: number; readonly body: Block }
  | { readonly do: 'if'; readonly value: number; readonly body: Block }
  | { readonly do: 'ifOwner' | 'call'; readonly body: Block };

export type Block = readonly Stmt[];

export interface Programs {
  /** What each thread runs; threads with the same number run the same function. */
  readonly threads: readonly number[];
  readonly bodies: readonly Block[];
  readonly severity: 'breaks' | 'corrupts';
}

const SLOTS = 3;
const LOCKS = 2;

export class World {
  readonly mem = new Memory();
  readonly locks = new LockTable();
  readonly x: Slots;
  readonly mine: Slots;
  readonly owner: Slots;
  readonly lock: LockClass;

  constructor(
    threads: number,
    readonly severity: 'breaks' | 'corrupts',
  ) {
    this.x = this.mem.array('x', SLOTS);
    this.mine = this.mem.array('mine', threads, { perThread: 1 });
    this.owner = this.mem.array('owner', 1, { holdsThread: true });
    this.lock = new LockClass(this.mem, 'lock', LOCKS, this.locks);
    this.mem.seal();
  }
}

const get = step('get', (w: World, slot: number) => w.x.get(slot));
const set = step('set', (w: World, slot: number, value: number) => {
  w.x.set(slot, value);
  w.mem.happened(`set${slot}`);
});
const waitFor = step('wait_for', (w: World, slot: number, value: number) =>
  w.x.get(slot) === value ? 0 : BLOCKED,
);
const check = step('check', (w: World, slot: number, value: number) => {
  if (w.x.get(slot) !== value) return;
  w.mem.happened(`x${slot}`);
  w.mem.report({ severity: w.severity, rule: 'check', text: `x[${slot}] is ${value}` });
});
const setMine = step('set_mine', (w: World, value: number) => {
  w.mine.set(w.mem.self, value);
  return value;
});
const own = step('own', (w: World) => w.owner.set(0, w.mem.self + 1));
const isOwner = step('is_owner', (w: World) => w.owner.get() === w.mem.self + 1);
const two = choice('two', () => 2);
const upTo = choice('up_to', (w: World, slot: number) => w.x.get(slot) + 1);
/** Counts one slot and writes the next, in one step. */
const draw = choice(
  'draw',
  (w: World, slot: number) => w.x.get(slot) + 1,
  {},
  (w: World, way: number, slot: number) => {
    w.x.set((slot + 1) % SLOTS, way);
    return w.x.get(slot) - way;
  },
);
/** Waits for a lock, and then does something that others can see. */
const awaitLock = step('await', (w: World, lock: number) => {
  if (w.lock.wait(lock) === BLOCKED) return BLOCKED;
  w.x.set(lock, 2);
  return 0;
});
/** Looks at everything when all threads have finished. */
function lookBack(w: World): void {
  const [a, b, c] = [0, 1, 2].map((slot) => w.x.get(slot));
  if (a + b + c !== 3) return;
  w.mem.report({
    severity: w.severity,
    rule: 'check',
    text: `x is ${a}, ${b} and ${c} at the end`,
  });
}
const exclusive = lockSteps<World>(['lock', 'unlock'], (w) => w.lock);
const shared = lockSteps<World>(['lock_shared', 'unlock_shared'], (w) => w.lock, { shared: true });
const tries = lockSteps<World>(['try_lock', 'end_try'], (w) => w.lock, { trylock: true });

function* run(block: Block, r: number): Run<number> {
  for (const s of block) {
    if (s.do === 'set') yield* set(s.slot, s.value);
    else if (s.do === 'check') yield* check(s.slot, s.value);
    else if (s.do === 'wait') yield* waitFor(s.slot, s.value);
    else if (s.do === 'read') r = yield* get(s.slot);
    else if (s.do === 'bump') yield* set(s.slot, (r + 1) % 3);
    else if (s.do === 'choose') yield* set(s.slot, yield* two());
    else if (s.do === 'chooseUpTo') r = yield* upTo(s.slot);
    else if (s.do === 'draw') r = yield* draw(s.slot);
    else if (s.do === 'await') yield* awaitLock(s.lock);
    else if (s.do === 'mine') r = yield* setMine(s.value);
    else if (s.do === 'own') yield* own();
    else if (s.do === 'if') {
      if (r === s.value) r = yield* run(s.body, r);
    } else if (s.do === 'ifOwner') {
      if (yield* isOwner()) r = yield* run(s.body, r);
    } else if (s.do === 'call') r = yield* call(s.body, r);
    else if (s.do === 'until') {
      for (;;) {
        r = 0;
        yield* again(labelOf(s));
        if ((yield* get(s.slot)) === s.value) break;
        yield* run(s.body, 0);
      }
    } else if (s.do === 'try') {
      if (yield* tries.lock(s.lock)) {
        r = yield* run(s.body, r);
        yield* tries.unlock(s.lock);
      }
    } else if (s.do === 'lock' || s.do === 'shared') {
      const { lock, unlock } = s.do === 'lock' ? exclusive : shared;
      yield* lock(s.lock);
      r = yield* run(s.body, r);
      yield* unlock(s.lock);
    }
  }
  return r;
}

const labels = new Map<Stmt, string>();

function labelOf(s: Stmt): string {
  let label = labels.get(s);
  if (!label) labels.set(s, (label = `loop ${labels.size}`));
  return label;
}

const call = routine('call', run);
const main = routine('main', function* (block: Block) {
  yield* run(block, 0);
});

export function makeSystem(programs: Programs): () => System {
  const runs = programs.bodies.map((body) => () => main(body));
  const threads: Thread[] = programs.threads.map((b, i) => ({ name: `t${i}`, run: runs[b] }));
  return () => {
    const world = new World(threads.length, programs.severity);
    const final = () => lookBack(world);
    return { mem: world.mem, locks: world.locks, world, threads, final };
  };
}

const idle = routine('idle', function* (): Run<void> {});

/** Systems over one memory: with a thread that does nothing, if one is named, and from any beginning. */
export function overOneMemory(programs: Programs) {
  const { world, threads, ...system } = makeSystem(programs)();
  const w = world as World;
  const fresh = w.mem.words.slice();
  return (idler: number, begin: readonly number[]): (() => System) => {
    const cast = threads.map((t, i) => (i === idler ? { ...t, run: idle } : t));
    return () => {
      w.mem.words.set(fresh);
      w.mem.words.set(begin, w.x.base);
      return { ...system, world, threads: cast };
    };
  };
}

export interface Shape {
  readonly loops: boolean;
  readonly depth: number;
  readonly length: number;
  readonly threads: number;
}

/** Programs in which every lock is released by whoever took it, and nothing runs away. */
export function programs(shape: Shape): fc.Arbitrary<Programs> {
  const slot = fc.nat(SLOTS - 1);
  const value = fc.nat(2);
  const lock = fc.nat(LOCKS - 1);
  const simple: fc.Arbitrary<Stmt>[] = [
    fc.record({ do: fc.constantFrom('set' as const, 'check' as const), slot, value }),
    fc.record({ do: fc.constantFrom('read' as const, 'bump' as const), slot }),
    fc.record({
      do: fc.constantFrom('choose' as const, 'chooseUpTo' as const, 'draw' as const),
      slot,
    }),
    fc.record({ do: fc.constant('await' as const), lock }),
    fc.record({ do: fc.constant('mine' as const), value }),
    fc.record({ do: fc.constant('own' as const) }),
    fc.record({ do: fc.constant('wait' as const), slot, value }),
  ];
  const block = (depth: number): fc.Arbitrary<Block> => {
    if (depth === 0) return fc.array(fc.oneof(...simple), { maxLength: shape.length });
    const body = block(depth - 1);
    const nested: fc.Arbitrary<Stmt>[] = [
      fc.record({
        do: fc.constantFrom('lock' as const, 'lock' as const, 'shared' as const),
        lock,
        body,
      }),
      fc.record({ do: fc.constant('try' as const), lock, body }),
      fc.record({ do: fc.constant('if' as const), value, body }),
      fc.record({ do: fc.constantFrom('ifOwner' as const, 'call' as const), body }),
    ];
    if (shape.loops)
      nested.push(fc.record({ do: fc.constant('until' as const), slot, value, body }));
    return fc.array(fc.oneof(...simple, ...nested, ...nested), { maxLength: shape.length });
  };
  return fc.record({
    threads: fc.array(fc.nat(1), { minLength: 2, maxLength: shape.threads }),
    bodies: fc.tuple(block(shape.depth), block(shape.depth)),
    severity: fc.constantFrom('breaks' as const, 'corrupts' as const),
  });
}
