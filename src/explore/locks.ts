// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Locks as the engine knows them: a thread that must wait is not enabled, and is never polled.
 * Lock words are slots like any other; the engine follows who holds what by the steps taken.
 */
import type { Memory, SlotOptions, Slots } from './memory.ts';
import { BLOCKED, type Run, type StepOptions, step } from './program.ts';

const WRITER = 0x10000;

/** A family of locks of one class (one lockdep class), e.g. the mmap_lock of every mm. */
export class LockClass {
  readonly word: Slots;
  /** Number of the first lock of this class among all locks of the memory. */
  readonly first: number;

  constructor(
    readonly mem: Memory,
    readonly name: string,
    readonly count: number,
    table: LockTable,
    options: Pick<SlotOptions, 'perThread'> = {},
  ) {
    this.word = mem.array(name, count, {
      lock: true,
      show: (v) => (v === 0 ? 'free' : v >= WRITER ? 'held' : `${v} reader${v > 1 ? 's' : ''}`),
      ...options,
    });
    this.first = table.register(this);
  }

  /** Reads the word past the lockset: lock primitives are movers unless somebody peeks. */
  private raw(index: number): number {
    const slot = this.word.base + index;
    if (this.mem.watching) this.mem.noteLock(slot);
    return this.mem.words[slot];
  }

  private put(index: number, value: number): void {
    const { mem } = this;
    const slot = this.word.base + index;
    if (mem.footprint) mem.footprint.write(slot);
    if (mem.logging) mem.logWrite(slot, mem.words[slot]);
    mem.words[slot] = value;
  }

  lock(index: number): number {
    if (this.raw(index) !== 0) return BLOCKED;
    this.put(index, WRITER);
    return 0;
  }

  unlock(index: number): number {
    if (this.mem.watching) this.mem.noteLock(this.word.base + index);
    this.put(index, 0);
    return 0;
  }

  /** The writer becomes the first reader; no other writer comes between. */
  downgrade(index: number): number {
    if (this.mem.watching) this.mem.noteLock(this.word.base + index);
    this.put(index, 1);
    return 0;
  }

  lockShared(index: number): number {
    const v = this.raw(index);
    if (v >= WRITER) return BLOCKED;
    this.put(index, v + 1);
    return 0;
  }

  unlockShared(index: number): number {
    this.put(index, this.raw(index) - 1);
    return 0;
  }

  /** Waits until nobody holds the lock, without taking it. Part of a step. */
  wait(index: number): number {
    const { mem, word } = this;
    const slot = word.base + index;
    if (mem.watching) mem.noteWait(slot);
    if (word.options.perThread && mem.symmetric) mem.noteThread(slot, index, 1);
    return mem.words[slot] === 0 ? 0 : BLOCKED;
  }

  /** A try that may fail sees the word, so this lock's steps stop being movers. */
  tryLock(index: number): number {
    if (this.word.get(index) !== 0) return 0;
    this.put(index, WRITER);
    return 1;
  }
}

/** All locks of one memory, numbered. */
export class LockTable {
  readonly classes: LockClass[] = [];
  count = 0;

  register(lock: LockClass): number {
    const first = this.count;
    this.classes.push(lock);
    this.count += lock.count;
    return first;
  }

  classOf(lock: number): LockClass {
    for (const c of this.classes) if (lock < c.first + c.count) return c;
    throw new RangeError(`lock ${lock}: no such lock`);
  }

  label(lock: number): string {
    const c = this.classOf(lock);
    return c.word.label(lock - c.first);
  }
}

/** The four steps of a class of locks, as the kernel names them. */
export interface LockSteps {
  readonly lock: (index: number) => Run<number>;
  readonly unlock: (index: number) => Run<number>;
}

/**
 * Makes the lock and unlock steps of a class. Taking the lock is a guard (guards.ts), called as the
 * step if nothing else is said; a routine that may take it or try it has one guard, not two, if both
 * go by one name.
 * @param pick finds the class in the world
 */
export function lockSteps<W>(
  names: readonly [lock: string, unlock: string],
  pick: (world: W) => LockClass,
  options: StepOptions & { readonly shared?: boolean; readonly trylock?: boolean } = {},
): LockSteps {
  const guard = options.guard ?? names[0];
  if (options.trylock) return tryLockSteps(names, pick, guard);
  const lockOf = (world: W, index: number) => pick(world).first + index;
  const shared = options.shared ?? false;
  return {
    lock: step(names[0], (w: W, i: number) => (shared ? pick(w).lockShared(i) : pick(w).lock(i)), {
      ...options,
      guard,
      kind: 'acquire',
      lock: lockOf as unknown as StepOptions['lock'],
    }),
    unlock: step(
      names[1],
      (w: W, i: number) => (shared ? pick(w).unlockShared(i) : pick(w).unlock(i)),
      {
        ...options,
        guard: undefined,
        kind: 'release',
        lock: lockOf as unknown as StepOptions['lock'],
      },
    ),
  };
}

/** Makes the step that turns a lock of a class, held for writing, into one held for reading. */
export const downgradeStep = <W>(
  name: string,
  pick: (world: W) => LockClass,
): ((index: number) => Run<number>) =>
  step(name, (w: W, i: number) => pick(w).downgrade(i), {
    kind: 'downgrade',
    lock: ((w: W, i: number) => pick(w).first + i) as unknown as StepOptions['lock'],
  });

/**
 * Makes the two steps of a lock of which each thread has one of its own, and which others only wait for
 * ({@link LockClass.wait}): what is not to be interrupted. It protects no slots.
 */
export function ownLockSteps<W extends { readonly mem: Memory }>(
  names: readonly [lock: string, unlock: string],
  pick: (world: W) => LockClass,
): { readonly lock: () => Run<number>; readonly unlock: () => Run<number> } {
  const guard = names[0];
  return {
    lock: step(names[0], (w: W) => pick(w).lock(w.mem.self), { kind: 'acquire', guard }),
    unlock: step(names[1], (w: W) => pick(w).unlock(w.mem.self), { kind: 'release', guard }),
  };
}

/** A try returns 1 when it took the lock and 0 when somebody else has it; it never waits. */
function tryLockSteps<W>(
  names: readonly [lock: string, unlock: string],
  pick: (world: W) => LockClass,
  guard: string,
): LockSteps {
  const lock = ((world: W, index: number) =>
    pick(world).first + index) as unknown as StepOptions['lock'];
  return {
    lock: step(names[0], (w: W, i: number) => pick(w).tryLock(i), {
      kind: 'try',
      lock,
      guard,
      text: (_, got) => `${names[0]}() = ${got ? 'got it' : 'busy'}`,
    }),
    unlock: step(names[1], (w: W, i: number) => pick(w).unlock(i), { kind: 'release', lock }),
  };
}
