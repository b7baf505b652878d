// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The clearest counterexample: fewest threads that take part, then fewest context switches, then
 * fewest steps. Shortest is not clearest: a reader follows threads and switches, not step counts.
 *
 * For every set of threads, smallest first, pairs (state, thread that moved last) are searched in
 * order of (switches, steps). Over transactions first, where it is cheap to learn how few threads
 * and switches will do (joining a transaction's steps never adds a switch); then over single steps
 * within that many switches, which finds the fewest steps.
 */
import { Expander } from './expand.ts';
import { doubled } from './footprint.ts';
import { Moved, type System } from './machine.ts';
import type { Violation } from './memory.ts';
import { deadlockOf } from './search.ts';
import { type Knowledge, type Move, Space } from './space.ts';

/** The shape of a counterexample: what makes it more or less clear. */
export interface Shape {
  readonly threads: number;
  readonly switches: number;
  readonly steps: number;
}

export interface ClearestOptions {
  /** A thread that is known to break a rule: sets with it are tried first, and win among equals. */
  readonly suspect?: number;
  /** Only a clearer one than this is wanted. */
  readonly clearerThan?: Shape;
  /** What earlier searches over the same programs learned. */
  readonly knowledge?: Knowledge;
  /**
   * That of an earlier search over the same system, with transactions and without symmetry: it need not be
   * opened again, and what transactions do is known. Its states are forgotten; whoever opened it closes it.
   */
  readonly space?: Space;
  /** Violations of less severity do not count. Default `breaks`. */
  readonly atLeast?: Violation['severity'];
  /** Violations for which this says no do not count. */
  readonly match?: (violation: Violation) => boolean;
  /** Identical threads need not be tried in each other's place. Default true. */
  readonly symmetry?: boolean;
  /** Give up on a set of threads beyond this many states. Default 1 million. */
  readonly maxStates?: number;
}

export interface Clearest {
  readonly violation: Violation;
  readonly threads: number;
  readonly switches: number;
  readonly steps: number;
  /** One move for each single step. */
  readonly moves: readonly Move[];
  /** False when a limit was reached, so that a clearer one may exist. */
  readonly minimal: boolean;
}

/** Finds the clearest counterexample, or null when there is none within the limit. */
export function clearest(make: () => System, options: ClearestOptions = {}): Clearest | null {
  const slices = clearestInSlices(make, options);
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value;
  }
}

/** The same, with a pause after every thousand states or so. */
export function clearestInSlices(
  make: () => System,
  options: ClearestOptions = {},
): Generator<void, Clearest | null> {
  return new Finder(make, options).found();
}

interface Witness {
  readonly violation: Violation;
  readonly switches: number;
  readonly steps: number;
  readonly moves: readonly Move[];
}

interface Bound {
  readonly switches: number;
  readonly steps: number;
}

const less = (a: Bound, b: Bound) =>
  a.switches !== b.switches ? a.switches < b.switches : a.steps < b.steps;

const unbounded = (switches: number): Bound => ({ switches, steps: Number.POSITIVE_INFINITY });

const NO_ENTRY = -1;
/** Words of an entry: the pair, the way to the one before, the move, and the next entry in its list. */
const ENTRY = 4;

class Finder {
  private readonly space: Space;
  private readonly maxStates: number;
  private minimal = true;
  private expander!: Expander;
  /** Per pair: whether the best way to it is known. */
  private settled = new Uint8Array(4096);
  /** Ways to pairs, in order of discovery. */
  private entries = new Int32Array(4096 * ENTRY);
  private entryCount = 0;

  constructor(
    make: () => System,
    private readonly options: ClearestOptions,
  ) {
    this.maxStates = options.maxStates ?? 1_000_000;
    this.space = options.space ?? new Space(make, {}, options.knowledge);
    // Nobody asks how a state was reached: entries say so.
    this.space.store.begin(false, this.maxStates, 0);
  }

  *found(): Generator<void, Clearest | null> {
    try {
      return yield* this.find();
    } finally {
      if (!this.options.space) this.space.close();
    }
  }

  private *find(): Generator<void, Clearest | null> {
    const { nThreads } = this.space.machine;
    const { clearerThan } = this.options;
    const largest = Math.min(nThreads, clearerThan?.threads ?? nThreads);
    for (let size = 1; size <= largest; size++) {
      const limit: Bound | null = size === clearerThan?.threads ? clearerThan : null;
      let switches = limit?.switches ?? Number.POSITIVE_INFINITY;
      const sets: (readonly number[])[] = [];
      let steps = Number.POSITIVE_INFINITY;
      for (const members of this.subsets(size)) {
        const found = yield* this.search(members, true, unbounded(switches));
        if (!found) continue;
        if (found.switches < switches) {
          sets.length = 0;
          ({ switches, steps } = found);
        }
        steps = Math.min(steps, found.steps);
        sets.push(members);
      }
      // What was found is a witness of single steps too: nothing longer is wanted.
      const known: Bound = { switches, steps: steps + 1 };
      let best: Witness | null = null;
      let bound = limit && less(limit, known) ? limit : known;
      for (const members of sets) {
        best = (yield* this.search(members, false, bound)) ?? best;
        bound = best ?? bound;
      }
      if (best) {
        const threads = new Set(best.moves.map((m) => m.thread)).size;
        return { ...best, threads, minimal: this.minimal };
      }
    }
    return null;
  }

  /**
   * Sets of threads of one size, of those that have something to do; of sets that differ in identical threads
   * only, the first.
   */
  private subsets(size: number): number[][] {
    const { machine } = this.space;
    const { threads } = machine.system;
    const first = new Map<unknown, number>();
    const kind = threads.map(({ run }, t) => {
      if (this.options.symmetry === false || this.space.knowledge.asymmetric) return t;
      if (!first.has(run)) first.set(run, t);
      return first.get(run) as number;
    });
    const seen = new Set<string>();
    const out: number[][] = [];
    const grow = (members: number[], from: number): void => {
      if (members.length < size) {
        for (let t = from; t < threads.length; t++) {
          if (!machine.startsDone(t)) grow([...members, t], t + 1);
        }
        return;
      }
      const key = members
        .map((t) => kind[t])
        .sort((a, b) => a - b)
        .join();
      if (!seen.has(key)) out.push(members);
      seen.add(key);
    };
    grow([], 0);
    const { suspect = -1 } = this.options;
    const rank = (members: readonly number[]) => (members.includes(suspect) ? 0 : 1);
    return out.sort((a, b) => rank(a) - rank(b));
  }

  /** The clearest witness in which only `members` move and which is clearer than `bound`. */
  private *search(
    members: readonly number[],
    reduce: boolean,
    bound: Bound,
  ): Generator<void, Witness | null> {
    for (;;) {
      const { machine, store } = this.space;
      machine.reduce = reduce;
      machine.toInitial();
      store.clear(machine.stride);
      this.expander = new Expander(this.space, true);
      this.settled.fill(0);
      this.entryCount = 0;
      try {
        return yield* this.layers(members, reduce, bound);
      } catch (error) {
        this.space.restart(error);
      }
    }
  }

  /**
   * Looks at pairs in order of switches, then steps. A pair is a number: the state times
   * (threads + 1), plus the last thread, or plus the number of threads at the very start.
   */
  private *layers(
    members: readonly number[],
    reduce: boolean,
    limit: Bound,
  ): Generator<void, Witness | null> {
    const { expander } = this;
    const { machine, store } = this.space;
    const n = machine.nThreads;
    let best = null as Witness | null;
    let bound = limit;
    let looked = 0;
    let layer = new Layer();
    let next = new Layer();
    // Where we are, for `visit`.
    let switches = 0;
    let steps = 0;
    let entry = 0;
    let last = 0;
    const offer = (violation: Violation, cost: Bound, moves: readonly Move[]) => {
      if (!less(cost, bound)) return;
      best = { violation, ...cost, moves };
      bound = best;
    };
    const visit = () => {
      const { thread, way, violations } = expander;
      const changes = thread === last || last === n ? 0 : 1;
      const after = steps + expander.steps;
      if (violations.length) {
        const cost = { switches: switches + changes, steps: after };
        const violation = violations.find((v) => this.counts(v));
        if (violation) offer(violation, cost, [...this.path(entry), { thread, way }]);
        if (violations.some((v) => v.severity === 'corrupts')) return false;
      }
      // Of single steps none with fewer switches than the limit's is left to be found (see `find`).
      if (after >= bound.steps && (!reduce || switches + changes === bound.switches)) return false;
      if (switches + changes > bound.switches) return false;
      const to = this.enter(thread, entry, (way << 8) | thread);
      if (!this.settled[this.entries[to * ENTRY]]) {
        (changes ? next : layer).add(after, to, this.entries);
      }
      return false;
    };
    layer.add(0, this.entry(store.add(machine.row32), n, NO_ENTRY, 0), this.entries);
    for (; layer.length && switches <= bound.switches; switches++) {
      for (steps = 0; steps < layer.length; steps++) {
        if (switches === bound.switches && steps >= bound.steps) break;
        for (
          entry = layer.first(steps);
          entry !== NO_ENTRY;
          entry = this.entries[entry * ENTRY + 3]
        ) {
          const pair = this.entries[entry * ENTRY];
          if (this.settled[pair]) continue;
          this.settled[pair] = 1;
          if (++looked % 1_000 === 0) yield;
          last = pair % (n + 1);
          const state = (pair - last) / (n + 1);
          const inversion = this.inversion(members, state);
          if (inversion) offer(inversion, { switches, steps }, this.path(entry));
          const enabled = expander.expand(state, members, visit);
          const violation = enabled ? null : this.deadlock(members);
          if (violation) offer(violation, { switches, steps }, this.path(entry));
          if (store.count > this.maxStates) {
            this.minimal = false;
            return best;
          }
        }
      }
      [layer, next] = [next, layer];
      next.clear();
    }
    return best;
  }

  private counts(violation: Violation): boolean {
    const { atLeast = 'breaks', match } = this.options;
    if (atLeast === 'corrupts' && violation.severity !== 'corrupts') return false;
    return match ? match(violation) : true;
  }

  /** A thread that is about to take a lock against the order of others. */
  private inversion(members: readonly number[], state: number): Violation | null {
    const { machine, order, store } = this.space;
    const base = store.rowOf(state);
    for (const { violation, node } of order.found) {
      const there = (t: number) => machine.nodeAt(t, store.bytes, base) === node;
      if (this.counts(violation) && members.some(there)) return violation;
    }
    return null;
  }

  /** In the state that was expanded none of the members can move: is it a deadlock that counts? */
  private deadlock(members: readonly number[]): Violation | null {
    const { machine } = this.space;
    this.expander.load();
    if (machine.allDone() || !this.nobodyMoves(members)) return null;
    const violation = deadlockOf(machine);
    return this.counts(violation) ? violation : null;
  }

  private nobodyMoves(members: readonly number[]): boolean {
    const { machine } = this.space;
    for (let t = 0; t < machine.nThreads; t++) {
      if (members.includes(t) || !machine.ways(t)) continue;
      if (machine.transition(t, 0) === Moved.No) continue;
      machine.undo();
      return false;
    }
    return true;
  }

  /** Notes a way to the state that the transition at hand leads to. */
  private enter(last: number, before: number, move: number): number {
    const { store } = this.space;
    this.expander.stage();
    store.lookUp();
    return this.entry(store.index[0], last, before, move);
  }

  private entry(state: number, last: number, before: number, move: number): number {
    const pair = state * (this.space.machine.nThreads + 1) + last;
    if (pair >= this.settled.length) {
      const settled = new Uint8Array(Math.max(pair + 1, this.settled.length * 2));
      settled.set(this.settled);
      this.settled = settled;
    }
    const entry = this.entryCount++;
    if (entry * ENTRY + ENTRY > this.entries.length) this.entries = doubled(this.entries);
    this.entries[entry * ENTRY] = pair;
    this.entries[entry * ENTRY + 1] = before;
    this.entries[entry * ENTRY + 2] = move;
    return entry;
  }

  private path(entry: number): Move[] {
    const moves: Move[] = [];
    for (let e = entry; this.entries[e * ENTRY + 1] !== NO_ENTRY; e = this.entries[e * ENTRY + 1]) {
      const move = this.entries[e * ENTRY + 2];
      moves.push({ thread: move & 0xff, way: move >> 8 });
    }
    return moves.reverse();
  }
}

/** Entries to look at with one number of switches: lists by number of steps, linked where the entries are. */
class Layer {
  /** Pairs of the first and the last entry, plus one. */
  private ends = new Int32Array(256);
  /** One more than the most steps. */
  length = 0;

  first(steps: number): number {
    return this.ends[2 * steps] - 1;
  }

  add(steps: number, entry: number, entries: Int32Array): void {
    while (2 * steps + 1 >= this.ends.length) this.ends = doubled(this.ends);
    if (steps >= this.length) this.length = steps + 1;
    const last = this.ends[2 * steps + 1];
    if (last) entries[(last - 1) * ENTRY + 3] = entry;
    else this.ends[2 * steps] = entry + 1;
    this.ends[2 * steps + 1] = entry + 1;
    entries[entry * ENTRY + 3] = NO_ENTRY;
  }

  clear(): void {
    this.ends.fill(0, 0, 2 * this.length);
    this.length = 0;
  }
}
