// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Who touched which slot, how, and holding which locks: a slot is *racy* when two threads touch it, one
 * of them writes, and no lock keeps the two apart. This is the lockset algorithm (Savage et al.,
 * "Eraser", 1997) by pairs: it asks for a lock between any two accesses that conflict, not for one lock
 * around all of them. So a word that is written under two locks may be read under either, and a thread
 * may look without a lock at what only it writes.
 *
 * A lock keeps two accesses apart when both hold it and one of them for writing.
 */

/** Sets of locks that are kept apart; further ones count as none held. */
const SETS = 64;
const READ = 1;
const WRITE = 2;
const NOBODY = 0xff;
const SHARED = 0x7f;

/** Sets of held locks, numbered; number 0 is the empty one. Locks are bits. */
export class LockSets {
  /** By number: the locks held, in whatever way, and those held for writing. */
  readonly any: number[] = [0];
  readonly write: number[] = [0];

  /** The number of a set, or 0 when there are too many: less is protected then, which is safe. */
  numberOf(any: number, write: number): number {
    for (let i = 0; i < this.any.length; i++) {
      if (this.any[i] === any && this.write[i] === write) return i;
    }
    if (this.any.length === SETS) return 0;
    this.write.push(write);
    return this.any.push(any) - 1;
  }

  /** Does some lock keep two accesses under these sets apart? */
  apart(a: number, b: number): boolean {
    return ((this.any[a] & this.write[b]) | (this.write[a] & this.any[b])) !== 0;
  }
}

export class Races {
  sets = new LockSets();
  /** Number of the set that the running thread holds. */
  held = 0;
  /** Identical threads stand for each other: what one of them did, another may have done. */
  exchanged = false;
  private threads = 1;
  /** For each slot, thread and set: READ and WRITE. Made when the first access is watched. */
  private seen: Uint8Array = new Uint8Array(0);
  /** Who touches a slot, when threads stand for each other. */
  private owner: Uint8Array = new Uint8Array(0);

  constructor(private slots: number) {}

  /** Forgets all accesses, of this many threads from now on. */
  begin(threads: number, sets: LockSets): void {
    this.forget();
    this.sets = sets;
    if (threads !== this.threads) this.seen = new Uint8Array(0);
    this.threads = threads;
  }

  forget(): void {
    this.seen.fill(0);
    this.owner.fill(NOBODY);
    this.exchanged = false;
    this.held = 0;
  }

  /** @returns whether the slot is racy now */
  read(slot: number, thread: number): boolean {
    return this.exchanged
      ? this.touchExchanged(slot, thread, READ)
      : (this.seen[(slot * this.threads + thread) * SETS + this.held] & READ) === 0 &&
          this.touch(slot, thread, READ);
  }

  /** @returns whether the slot is racy now */
  write(slot: number, thread: number): boolean {
    return this.exchanged
      ? this.touchExchanged(slot, thread, WRITE)
      : (this.seen[(slot * this.threads + thread) * SETS + this.held] & WRITE) === 0 &&
          this.touch(slot, thread, WRITE);
  }

  private make(): void {
    this.seen = new Uint8Array(this.slots * this.threads * SETS);
    this.owner = new Uint8Array(this.slots).fill(NOBODY);
  }

  /** An access of a new kind: compares it with those of the other threads. */
  private touch(slot: number, thread: number, how: number): boolean {
    if (!this.seen.length) this.make();
    const { seen, sets, held, threads } = this;
    const n = sets.any.length;
    seen[(slot * threads + thread) * SETS + held] |= how;
    for (let t = 0; t < threads; t++) {
      if (t === thread) continue;
      const first = (slot * threads + t) * SETS;
      for (let set = 0; set < n; set++) {
        const other = seen[first + set];
        if (other && (other | how) & WRITE && !sets.apart(held, set)) return true;
      }
    }
    return false;
  }

  /**
   * Compares all accesses with each other, as soon as two threads touch the slot. A thread's own slots
   * move with it when threads are exchanged, so that one that only its owner touches is no race.
   */
  private touchExchanged(slot: number, thread: number, how: number): boolean {
    if (!this.seen.length) this.make();
    const { seen, owner, sets, held, threads } = this;
    const first = slot * threads * SETS;
    const known = owner[slot];
    const shared = known === SHARED || (known !== NOBODY && known !== thread);
    if (known === (shared ? SHARED : thread) && seen[first + held] & how) return false;
    owner[slot] = shared ? SHARED : thread;
    seen[first + held] |= how;
    if (!shared) return false;
    const n = sets.any.length;
    for (let a = 0; a < n; a++) {
      for (let b = a; seen[first + a] && b < n; b++) {
        const both = seen[first + b] && seen[first + a] | seen[first + b];
        if (both & WRITE && !sets.apart(a, b)) return true;
      }
    }
    return false;
  }
}
