// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The shared memory of an explored system: typed slots behind named arrays.
 *
 * Every word that two threads can see lives here and nowhere else, so that a state is a row of
 * bytes which can be stored, compared and restored. A slot that never leaves its initial value
 * costs nothing in a stored row: columns are given out when a slot first changes, and every stored
 * byte is a dictionary code XOR the code of the initial value, so that "not yet a column" and
 * "initial value" are the same zero and no stored row ever needs rewriting.
 *
 * In watched mode the memory also tells races.ts of all accesses, which finds out which of them race.
 * Only steps with such accesses need a scheduling point; see machine.ts.
 */

import type { Footprint } from './footprint.ts';
import { Access, AWAITED, PEEKED, Races, TAKEN } from './races.ts';

/** What a step reports when a rule falls. Severities are ordered; `corrupts` ends the path. */
export interface Violation {
  readonly severity: 'breaks' | 'corrupts';
  /** The rule's identifier, or a plain word such as `deadlock` where no rule of the caller applies. */
  readonly rule: string;
  /** One sentence, complete enough to stand at the foot of a trace. */
  readonly text: string;
}

export interface SlotOptions {
  /** Value that every slot of the array starts with. Default 0. */
  readonly initial?: number;
  /** Renders a value for a person; traces show the changes of arrays that have one. */
  readonly show?: (value: number, index: number) => string;
  /** Renders the name of one slot, default `name[index]`. */
  readonly label?: (index: number) => string;
  /** One slot (or `perThread` consecutive ones) belongs to each thread; symmetry permutes them. */
  readonly perThread?: number;
  /** Values are thread numbers plus one (0 is nobody); symmetry renames them. */
  readonly holdsThread?: boolean;
  /** Bookkeeping of the model that no real CPU sees: never counts against a step's granularity. */
  readonly ghost?: boolean;
  /** The slots are lock words: taken and released through locks.ts only. */
  readonly lock?: boolean;
}

/** A named array of 32-bit integer slots. */
export class Slots {
  constructor(
    readonly mem: Memory,
    readonly name: string,
    readonly base: number,
    readonly length: number,
    readonly options: SlotOptions,
    /** Number of this array in its memory. */
    readonly id: number,
  ) {
    this.perThread = options.perThread ?? 0;
  }

  /** Slots of each thread, or 0 when they belong to nobody. */
  private readonly perThread: number;

  get(index = 0): number {
    if (index >>> 0 >= this.length) throw new RangeError(`${this.name}[${index}]: no such slot`);
    const slot = this.base + index;
    const mem = this.mem;
    if (mem.watching) mem.noteRead(slot);
    if (mem.symmetric && this.perThread > 0) mem.noteThread(slot, index, this.perThread);
    return mem.words[slot];
  }

  /**
   * Reads a slot that other threads do not write while this is read, or of which no CPU would see it: the
   * access is not looked at for races.
   */
  peek(index: number): number {
    if (index >>> 0 >= this.length) throw new RangeError(`${this.name}[${index}]: no such slot`);
    const slot = this.base + index;
    this.mem.footprint?.read(slot);
    return this.mem.words[slot];
  }

  set(index: number, value: number): void {
    if (index >>> 0 >= this.length) throw new RangeError(`${this.name}[${index}]: no such slot`);
    const slot = this.base + index;
    const mem = this.mem;
    if (mem.watching) mem.noteWrite(slot);
    if (mem.symmetric && this.perThread > 0) mem.noteThread(slot, index, this.perThread);
    const old = mem.words[slot];
    if (old !== value) {
      if (mem.logging) mem.logWrite(slot, old);
      mem.words[slot] = value;
    }
  }

  add(index: number, delta: number): number {
    const value = this.get(index) + delta;
    this.set(index, value);
    return value;
  }

  /** The slot's name as a trace shows it. */
  label(index: number): string {
    return (
      this.options.label?.(index) ?? (this.length === 1 ? this.name : `${this.name}[${index}]`)
    );
  }
}

/**
 * An empty array that has held an object once. The compiler tells arrays of objects from arrays that
 * have always been empty, and throws its work away when the first violation turns one into the other.
 */
export function emptyList<T extends object>(): T[] {
  const list = [{} as T];
  list.pop();
  return list;
}

export class Memory {
  words: Int32Array = new Int32Array(0);
  readonly arrays: Slots[] = [];
  size = 0;
  /** The thread whose step is running. Steps read it; the machine sets it. */
  self = 0;
  /** Violations reported by the step that is running. */
  readonly reports: Violation[] = emptyList();
  /** Facts that steps establish for the whole search (not part of any state), or-ed together. */
  marks = 0;

  /** What steps said of events since somebody last looked; null: nobody counts them. */
  events: string[] | null = null;

  logging = false;
  /** Accesses are told of: to races.ts, and to the footprint if there is one. */
  watching = false;
  /** Collects what the running transition reads and writes. */
  footprint: Footprint | null = null;
  /** Accesses are looked at for races. */
  racing = true;

  // Undo log: slot and old value, in order.
  logSlots = new Int32Array(1024);
  logOld = new Int32Array(1024);
  logTop = 0;

  /** Identical threads are exchanged for each other: note who touches whose slots. */
  symmetric = false;
  /** By first thread's slot: bit mask of the other threads whose slots the running step touched. */
  readonly foreign = new Map<number, number>();

  races = new Races(0);
  /** Words that only lock primitives touch. */
  private lockWord: Uint8Array = new Uint8Array(0);
  /** Set when an access that was taken for harmless turned out to race. */
  racesAnew = false;
  /** The slots that it did for. */
  readonly raced = new Set<number>();
  /** Racing accesses of the running step. */
  bare = 0;
  /** The running step waits for a lock that it does not take. */
  waits = false;
  /** When not null, collects the distinct slots raced for that the running step touches (test mode). */
  touched: Set<number> | null = null;
  arrayOf: Uint16Array = new Uint16Array(0);

  /** Declares an array of slots. Only before {@link seal}. */
  array(name: string, length: number, options: SlotOptions = {}): Slots {
    if (this.words.length) throw new Error(`memory is sealed; '${name}' must be declared in setup`);
    const slots = new Slots(this, name, this.size, length, options, this.arrays.length);
    this.arrays.push(slots);
    this.size += length;
    return slots;
  }

  /** Ends the declarations and gives every slot its initial value. */
  seal(): void {
    const n = this.size;
    this.words = new Int32Array(n);
    this.races = new Races(n);
    this.lockWord = new Uint8Array(n);
    this.arrayOf = new Uint16Array(n);
    for (const a of this.arrays) {
      const end = a.base + a.length;
      this.words.fill(a.options.initial ?? 0, a.base, end);
      this.arrayOf.fill(a.id, a.base, end);
      if (a.options.lock) this.lockWord.fill(1, a.base, end);
    }
  }

  /** Back to the values that {@link seal} gave. */
  reset(): void {
    for (const a of this.arrays) {
      this.words.fill(a.options.initial ?? 0, a.base, a.base + a.length);
    }
    this.logTop = 0;
    this.reports.length = 0;
  }

  /** Forgets all that was observed of the accesses, so that a search can begin again. */
  forget(): void {
    this.races.forget();
    this.racesAnew = false;
    this.raced.clear();
    this.watching = false;
    this.symmetric = false;
    this.foreign.clear();
    this.logTop = 0;
    this.reports.length = 0;
  }

  /** A step calls this when a rule falls. */
  report(violation: Violation): void {
    this.reports.push(violation);
  }

  /** A step says that something happened which is worth counting (count.ts); no state knows of it. */
  happened(event: string): void {
    this.events?.push(event);
  }

  logWrite(slot: number, old: number): void {
    if (this.logTop === this.logSlots.length) this.growLog();
    this.logSlots[this.logTop] = slot;
    this.logOld[this.logTop++] = old;
  }

  private growLog(): void {
    const slots = new Int32Array(this.logSlots.length * 2);
    slots.set(this.logSlots);
    this.logSlots = slots;
    const old = new Int32Array(this.logOld.length * 2);
    old.set(this.logOld);
    this.logOld = old;
  }

  /** A step touches a slot that belongs to a thread; only those of others matter. */
  noteThread(slot: number, index: number, perThread: number): void {
    const thread = Math.floor(index / perThread);
    if (thread === this.self) return;
    const first = slot - thread * perThread;
    this.foreign.set(first, (this.foreign.get(first) ?? 0) | (1 << thread));
  }

  noteRead(slot: number): void {
    if (this.footprint) this.footprint.read(slot);
    if (!this.racing) return;
    if (this.lockWord[slot]) this.peek(slot);
    else {
      const found = this.races.read(slot, this.self);
      if (found) this.noteRace(slot, found);
      else if (this.touched) this.noteTouched(slot);
    }
  }

  noteWrite(slot: number): void {
    if (this.footprint) this.footprint.write(slot);
    if (!this.racing) return;
    if (this.lockWord[slot]) this.peek(slot);
    else {
      const found = this.races.write(slot, this.self);
      if (found) this.noteRace(slot, found);
      else if (this.touched) this.noteTouched(slot);
    }
  }

  /** From now on taking and releasing this lock is visible and no longer moves. */
  private peek(slot: number): void {
    this.noteUse(slot, PEEKED, TAKEN);
    this.noteBare(slot);
  }

  private noteRace(slot: number, found: Access): void {
    if (found === Access.RacesAnew) this.noteAnew(slot);
    this.noteBare(slot);
  }

  /** Taking or releasing a lock in the ordinary way. */
  noteLock(slot: number): void {
    if (this.footprint) this.footprint.read(slot);
    if (!this.racing) return;
    this.noteUse(slot, TAKEN, AWAITED);
    if (this.races.locks[slot] & PEEKED) this.noteBare(slot);
  }

  /** A step that waits for a lock takes and releases it at once: where somebody takes it, others see that. */
  noteWait(slot: number): void {
    this.waits = true;
    if (this.footprint) this.footprint.read(slot);
    if (!this.racing) return;
    this.noteUse(slot, AWAITED, TAKEN);
    if (this.races.locks[slot] & TAKEN) this.noteBare(slot);
  }

  /** What is done with a lock word for the first time makes what was done `with` it visible. */
  private noteUse(slot: number, how: number, others: number): void {
    const { locks } = this.races;
    if (locks[slot] & how) return;
    if (locks[slot] & others) this.noteAnew(slot);
    locks[slot] |= how;
  }

  private noteAnew(slot: number): void {
    this.racesAnew = true;
    this.raced.add(slot);
  }

  private noteBare(slot: number): void {
    this.bare++;
    if (this.touched) this.noteTouched(slot);
  }

  /** The granularity rule counts every slot that somebody races for, however it is touched. */
  private noteTouched(slot: number): void {
    if (!this.races.slots[slot] && !(this.races.locks[slot] & ~TAKEN)) return;
    if (!this.arrays[this.arrayOf[slot]].options.ghost) this.touched?.add(slot);
  }

  /** Finds the array and index of a slot, for messages. */
  describe(slot: number): { array: Slots; index: number } {
    const array = this.arrays[this.arrayOf[slot]];
    return { array, index: slot - array.base };
  }
}
