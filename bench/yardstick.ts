// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The yardstick, encoded for the engine alone: the steps of yardstick.pml, one for one.
 *
 * An exporter moves its memory twice; users fault and access; a notified consumer maps under a
 * sequence count; one like KVM's fallback follows the page table, fixes up, follows, and keeps what
 * it found for too long.
 */
import { LockTable } from '../src/explore/locks.ts';
import type { System, Thread } from '../src/explore/machine.ts';
import { Memory, type Slots } from '../src/explore/memory.ts';
import { again, BLOCKED, routine, step } from '../src/explore/program.ts';

const ROUNDS = 2;
const ACCESSES = 1;

class World {
  readonly mem = new Memory();
  readonly resv = this.mem.array('resv', 1);
  readonly loc = this.mem.array('loc', 1);
  readonly pte = this.mem.array('pte', 1);
  readonly freed = this.mem.array('freed', ROUNDS + 1);
  readonly seq = this.mem.array('seq', 1);
  readonly inProgress = this.mem.array('in_progress', 1);
  readonly spte = this.mem.array('spte', 1);
  readonly tlb: Slots;

  constructor(users: number) {
    this.tlb = this.mem.array('tlb', users, { perThread: 1 });
    this.mem.seal();
  }

  access(page: number): void {
    if (!this.freed.get(page - 1)) return;
    this.mem.report({ severity: 'corrupts', rule: 'use-after-free', text: 'a freed page is used' });
  }
}

const reserve = step('reserve', (w: World) => {
  if (w.resv.get()) return BLOCKED;
  w.resv.set(0, 1);
  return 0;
});
const unreserve = step('unreserve', (w: World) => w.resv.set(0, 0));
const fill = step('fill', (w: World) => w.pte.set(0, w.loc.get() + 1));
const readPte = step('read_pte', (w: World) => w.pte.get());

const invalidateBegin = step('invalidate_begin', (w: World) => {
  w.inProgress.set(0, 1);
  w.spte.set(0, 0);
});
const clear = step('clear', (w: World) => w.pte.set(0, 0));
const flush = step('flush', (w: World) => {
  for (let i = 0; i < w.tlb.length; i++) w.tlb.set(i, 0);
});
const invalidateEnd = step('invalidate_end', (w: World) => {
  w.seq.add(0, 1);
  w.inProgress.set(0, 0);
});
const checkFree = step('check_free', (w: World, round: number) => {
  w.access(w.loc.get() + 1);
  w.access(round + 2);
});
const free = step('free', (w: World) => w.freed.set(w.loc.get(), 1));
const place = step('place', (w: World, round: number) => w.loc.set(0, round + 1));

const exporter = routine('exporter', function* () {
  for (let round = 0; round < ROUNDS; round++) {
    yield* reserve();
    yield* invalidateBegin();
    yield* clear();
    yield* flush();
    yield* invalidateEnd();
    yield* checkFree(round);
    yield* free();
    yield* place(round);
    yield* unreserve();
  }
});

const ACCESSED = 1;
const FAULT = 3;
const access = step('access', (w: World) => {
  const entry = w.tlb.get(w.mem.self);
  if (entry) {
    w.access(entry);
    return ACCESSED;
  }
  const pte = w.pte.get();
  if (!pte) return FAULT;
  w.tlb.set(w.mem.self, pte);
  return 2;
});

const user = routine('user', function* () {
  let k = 0;
  while (k < ACCESSES) {
    yield* again('access', k);
    const what = yield* access();
    if (what === ACCESSED) k++;
    else if (what === FAULT) {
      yield* reserve();
      yield* fill();
      yield* unreserve();
    }
  }
});

const skip = step('skip', () => 0);
const usePage = step('use', (w: World, page: number) => w.access(page));

const kvm = routine('kvm', function* () {
  let page = yield* readPte();
  if (!page) {
    yield* skip();
    yield* reserve();
    yield* fill();
    yield* unreserve();
    page = yield* readPte();
  }
  yield* again('found', page);
  if (page) yield* usePage(page);
});

const readSeq = step('read_seq', (w: World) => w.seq.get());
const commit = step('commit', (w: World, seq: number, page: number) => {
  if (w.inProgress.get() || w.seq.get() !== seq) return 0;
  w.spte.set(0, page);
  return 1;
});
const useSpte = step('use_spte', (w: World) => {
  const page = w.spte.get();
  if (page) w.access(page);
  return page !== 0;
});

const notified = routine('notified', function* () {
  for (;;) {
    yield* again('retry');
    const seq = yield* readSeq();
    const page = yield* readPte();
    if (!page) {
      yield* again('fault');
      yield* reserve();
      yield* fill();
      yield* unreserve();
      continue;
    }
    if (!(yield* commit(seq, page))) continue;
    yield* again('mapped');
    if (yield* useSpte()) return;
  }
});

export interface Yardstick {
  readonly users: number;
  readonly kvm: boolean;
  readonly notified: boolean;
}

export function yardstick(options: Yardstick): () => System {
  const runUser = () => user();
  const threads: Thread[] = [];
  for (let i = 0; i < options.users; i++) threads.push({ name: `user ${i}`, run: runUser });
  threads.push({ name: 'exporter', run: () => exporter() });
  if (options.kvm) threads.push({ name: 'kvm', run: () => kvm() });
  if (options.notified) threads.push({ name: 'notified', run: () => notified() });
  return () => {
    const world = new World(options.users);
    return { mem: world.mem, locks: new LockTable(), world, threads };
  };
}
