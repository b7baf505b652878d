// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Who touched which slot, how, and holding which locks. An access *races* when another thread has an
 * access to the same slot that conflicts with it, one of the two a write, and no lock keeps the two
 * apart. This is the lockset algorithm (Savage et al., "Eraser", 1997) by pairs of accesses: it asks for
 * a lock between any two that conflict, not for one lock around all of them, and what it finds is said
 * of the accesses and not of the slot. A word that is written under a lock and looked at without it has
 * racing writes and racing bare reads; a read under the lock commutes with everything.
 *
 * A lock keeps two accesses apart when both hold it and one of them for writing.
 */

/** Sets of locks that are kept apart; further ones count as none held. */
const SETS = 64;
const READ = 1;
const WRITE = 2;
/** Shifts what an access is to whether it races. */
const RACING = 2;
const NOBODY = 0xff;
const SHARED = 0x7f;

/** Ways to use a lock word; without the others, taking and releasing it are no steps that others see. */
export const TAKEN = 1;
/** A step looks at it without waiting (a trylock). */
export const PEEKED = 2;
/** A step waits until it is free, and does something else. */
export const AWAITED = 4;

/** What {@link Races.read} and {@link Races.write} say of an access. */
export const enum Access {
  /** It commutes with what other threads do. */
  Apart = 0,
  Races = 1,
  /** It races, and so do others that were taken for apart until now. */
  RacesAnew = 2,
}

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

/**
 * Accesses that were seen, for other searches over the same memory: rows of slot, thread, READ and
 * WRITE, and which set of locks was held. Where threads stand for each other the thread is the slot's
 * owner, or SHARED.
 */
export interface Accesses {
  readonly rows: Int32Array;
  /** By number of a set, the locks held in any way and for writing. */
  readonly sets: readonly (readonly [any: number, write: number])[];
  readonly exchanged: boolean;
  /** Lock words, and what was done with each. */
  readonly locks: readonly (readonly [slot: number, used: number])[];
}

const ROW = 4;

export class Races {
  sets = new LockSets();
  /** Number of the set that the running thread holds. */
  held = 0;
  /** Identical threads stand for each other: what one of them did, another may have done. */
  exchanged = false;
  /** Slots that some access races for. */
  readonly slots: Uint8Array;
  /** What is done with lock words: TAKEN, PEEKED, AWAITED. */
  readonly locks: Uint8Array;
  private threads = 1;
  /** Where a slot's part of `seen` begins; 0: nobody has touched it. */
  private readonly partOf: Int32Array;
  /** In each part, for each thread and set: READ and WRITE, and the same shifted by RACING. */
  private seen = new Uint8Array(0);
  private used = 0;
  /** Pairs of a slot and a place in its part at which something was seen. */
  private readonly known: number[] = [];
  /** Who touches a slot, when threads stand for each other. */
  private readonly owner: Uint8Array;

  constructor(slots: number) {
    this.slots = new Uint8Array(slots);
    this.locks = new Uint8Array(slots);
    this.partOf = new Int32Array(slots);
    this.owner = new Uint8Array(slots).fill(NOBODY);
  }

  /** Forgets all accesses, of this many threads from now on. */
  begin(threads: number, sets: LockSets): void {
    this.forget();
    this.sets = sets;
    this.threads = threads;
  }

  forget(): void {
    this.partOf.fill(0);
    this.known.length = 0;
    this.used = 0;
    this.owner.fill(NOBODY);
    this.slots.fill(0);
    this.locks.fill(0);
    this.exchanged = false;
    this.held = 0;
  }

  read(slot: number, thread: number): Access {
    if (this.exchanged) return this.touchExchanged(slot, thread, READ);
    const how = this.seen[this.partOf[slot] + thread * SETS + this.held];
    if (how & (READ << RACING)) return Access.Races;
    return how & READ ? Access.Apart : this.touch(slot, thread, READ);
  }

  write(slot: number, thread: number): Access {
    if (this.exchanged) return this.touchExchanged(slot, thread, WRITE);
    const how = this.seen[this.partOf[slot] + thread * SETS + this.held];
    if (how & (WRITE << RACING)) return Access.Races;
    return how & WRITE ? Access.Apart : this.touch(slot, thread, WRITE);
  }

  /** All accesses seen so far. */
  accesses(): Accesses {
    const { seen, owner, sets, exchanged, partOf, known } = this;
    const rows = new Int32Array((known.length / 2) * ROW);
    for (let i = 0, row = 0; i < known.length; i += 2, row += ROW) {
      const slot = known[i];
      const at = known[i + 1];
      rows[row] = slot;
      rows[row + 1] = exchanged ? owner[slot] : Math.floor((at - partOf[slot]) / SETS);
      rows[row + 2] = seen[at] & (READ | WRITE);
      rows[row + 3] = at % SETS;
    }
    const locks: [slot: number, used: number][] = [];
    for (let slot = 0; slot < this.locks.length; slot++) {
      if (this.locks[slot]) locks.push([slot, this.locks[slot]]);
    }
    return { rows, sets: sets.any.map((any, i) => [any, sets.write[i]]), exchanged, locks };
  }

  /**
   * Takes accesses for seen. Those of another mode of exchange say nothing and are left out.
   * @param raced is given the slots to which accesses that were taken for apart race now
   */
  learn({ rows, sets, exchanged, locks }: Accesses, raced: Set<number>): void {
    for (const [slot, used] of locks) {
      if (used & ~this.locks[slot]) raced.add(slot);
      this.locks[slot] |= used;
    }
    if (exchanged !== this.exchanged) return;
    const numbers = sets.map(([any, write]) => this.sets.numberOf(any, write));
    const { held } = this;
    for (let i = 0; i < rows.length; i += ROW) {
      const slot = rows[i];
      const thread = rows[i + 1];
      const how = rows[i + 2];
      if (exchanged) this.owner[slot] = thread;
      this.held = numbers[rows[i + 3]];
      if (how & READ && this.read(slot, thread) === Access.RacesAnew) raced.add(slot);
      if (how & WRITE && this.write(slot, thread) === Access.RacesAnew) raced.add(slot);
    }
    this.held = held;
  }

  /** Where a slot's part of `seen` begins. Part 0 belongs to no slot. */
  private part(slot: number): number {
    if (this.partOf[slot]) return this.partOf[slot];
    const size = this.threads * SETS;
    const at = this.used || size;
    this.used = at + size;
    if (this.used > this.seen.length) {
      const bigger = new Uint8Array(Math.max(2 * this.seen.length, 32 * size));
      bigger.set(this.seen);
      this.seen = bigger;
    }
    this.seen.fill(0, at, this.used);
    this.partOf[slot] = at;
    return at;
  }

  /** An access of a new kind: compares it with those of the other threads. */
  private touch(slot: number, thread: number, how: number): Access {
    const part = this.part(slot);
    const { seen, threads, held } = this;
    const at = part + thread * SETS + held;
    if (!seen[at]) this.known.push(slot, at);
    seen[at] |= how;
    let found = Access.Apart;
    for (let t = 0; t < threads; t++) {
      if (t === thread) continue;
      const other = this.compare(at, how, part + t * SETS);
      if (other > found) found = other;
    }
    if (found) this.slots[slot] = 1;
    return found;
  }

  /** Marks an access, and those of one thread from `first` on that it races with. */
  private compare(at: number, how: number, first: number): Access {
    const { seen, sets } = this;
    const held = at % SETS;
    const n = sets.any.length;
    let found = Access.Apart;
    for (let set = 0; set < n; set++) {
      const other = first + set;
      const against = seen[other] & (how & WRITE ? READ | WRITE : WRITE);
      if (!against || sets.apart(held, set)) continue;
      seen[at] |= how << RACING;
      if (found === Access.Apart) found = Access.Races;
      if ((seen[other] & (against << RACING)) === against << RACING) continue;
      seen[other] |= against << RACING;
      found = Access.RacesAnew;
    }
    return found;
  }

  /**
   * Where threads stand for each other an access is one of all of them, as soon as two touch the slot.
   * A thread's own slots move with it when threads are exchanged, so that one that only its owner
   * touches is no race.
   */
  private touchExchanged(slot: number, thread: number, how: number): Access {
    const first = this.part(slot);
    const { seen, owner, held } = this;
    let found = Access.Apart;
    if (owner[slot] === NOBODY) owner[slot] = thread;
    else if (owner[slot] !== SHARED && owner[slot] !== thread) {
      owner[slot] = SHARED;
      found = this.compareAll(first);
    }
    const at = first + held;
    if (!(seen[at] & how)) {
      if (!seen[at]) this.known.push(slot, at);
      seen[at] |= how;
      const other = owner[slot] === SHARED ? this.compare(at, how, first) : Access.Apart;
      if (other > found) found = other;
    }
    if (found) this.slots[slot] = 1;
    return found === Access.Apart && seen[at] & (how << RACING) ? Access.Races : found;
  }

  /** Compares all accesses to a slot with each other. */
  private compareAll(first: number): Access {
    let found = Access.Apart;
    for (let set = 0; set < this.sets.any.length; set++) {
      for (const how of [READ, WRITE]) {
        if (this.seen[first + set] & how && this.compare(first + set, how, first)) {
          found = Access.RacesAnew;
        }
      }
    }
    return found;
  }
}
