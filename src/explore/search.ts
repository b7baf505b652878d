// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Exhaustive search: every interleaving of a system, breadth first, states stored once.
 *
 * A search is an object that is run in slices, so that its owner can show progress and be
 * interrupted. It ends with everything covered, at a violation that ends it, or at a limit; only
 * the first of these may be called safe.
 */
import { Expander } from './expand.ts';
import { findLivelock, type Livelock } from './livelock.ts';
import { type Machine, Moved, type System, type TraceStep } from './machine.ts';
import type { Violation } from './memory.ts';
import { ProgramError } from './program.ts';
import { type Knowledge, type Move, Space, type SpaceOptions } from './space.ts';
import { Halt, NO_STATE, type StateStore } from './store.ts';

export interface SearchOptions extends SpaceOptions {
  /** What earlier searches over the same programs learned; this one adds to it. */
  readonly knowledge?: Knowledge;
  /** Give up beyond this many states. Default 4 million. */
  readonly maxStates?: number;
  /** End at the first violation of at least this severity, or cover everything. Default `corrupts`. */
  readonly stopAt?: 'breaks' | 'corrupts' | 'never';
  /** Look for livelock. Default true; never while identical threads are exchanged. */
  readonly livelock?: boolean;
}

/** Where a violation was found: the state before it, and the transition that breaks the rule. */
export interface Finding {
  readonly violation: Violation;
  readonly state: number;
  /** Minus one when the state itself is what is wrong. */
  readonly thread: number;
  readonly way: number;
}

export interface SearchResult {
  /** True when every interleaving was covered. */
  readonly complete: boolean;
  /** Why not, in words; null when complete or ended by a violation. */
  readonly bound: string | null;
  readonly states: number;
  readonly transitions: number;
  /** One finding for each distinct (rule, text). */
  readonly findings: readonly Finding[];
  /** Marks that steps set anywhere in the search, or-ed. */
  readonly marks: number;
}

/** How a walk over the state graph came to a state. */
interface Came {
  readonly from: number;
  readonly edge: number;
}

export class Search {
  readonly space: Space;
  private readonly maxStates: number;
  private readonly stopAt: 'breaks' | 'corrupts' | 'never';
  private readonly wantsLivelock: boolean;
  private readonly strict: boolean;
  /** By rule and text. */
  private readonly findings = new Map<string, Map<string, Finding>>();
  result: SearchResult | null = null;
  private loop: Livelock | null = null;
  private budget = 0;
  private work!: Generator<void, void>;
  private expander!: Expander;
  /** Lists of one thread each. */
  private threads: readonly (readonly number[])[] = [];

  /**
   * @param make builds the system from nothing; called again when the search must start over
   */
  constructor(make: () => System, options: SearchOptions = {}) {
    this.maxStates = options.maxStates ?? 4_000_000;
    this.stopAt = options.stopAt ?? 'corrupts';
    const kept = options.knowledge?.space;
    kept?.turnTo(make);
    this.space = kept ?? new Space(make, options, options.knowledge);
    this.wantsLivelock = options.livelock ?? true;
    this.strict = options.strict ?? false;
    this.begin();
  }

  /** Livelock cannot be read off states that stand for several. */
  private get lookForLivelock(): boolean {
    return this.wantsLivelock && !this.machine.symmetric;
  }

  get machine(): Machine {
    return this.space.machine;
  }

  get store(): StateStore {
    return this.space.store;
  }

  get restarts(): number {
    return this.space.restarts;
  }

  /** States that were found and not yet looked at. */
  get frontier(): number {
    return this.store.count - this.store.cursor;
  }

  /** Transitions made so far. */
  get transitions(): number {
    return this.store.transitions;
  }

  /** Gives the memory back, unless it is kept for the next search. Paths must not be asked for any more. */
  close(): void {
    if (this.space !== this.space.knowledge.space) this.space.close();
  }

  private begin(): void {
    this.findings.clear();
    for (const violation of this.machine.system.found ?? []) {
      this.keep({ violation, state: 0, thread: -1, way: 0 });
    }
    const { space } = this;
    const { machine, store } = space;
    this.threads = Array.from({ length: machine.nThreads }, (_, t) => [t]);
    this.expander = new Expander(space, !machine.testMode && !this.strict);
    let daemons = 0;
    machine.system.threads.forEach(({ daemon }, t) => {
      if (daemon) daemons |= 1 << t;
    });
    store.begin(this.lookForLivelock || this.strict, this.maxStates, daemons);
    store.add(machine.row32);
    this.work = this.slices();
  }

  /** The number of the machine's present state, which is known unless something is wrong. */
  private known(): number {
    return this.store.add(this.machine.row32);
  }

  /**
   * Explores until done or until about `budget` transitions were made.
   * @returns the result once there is one, else null
   */
  run(budget = Number.POSITIVE_INFINITY): SearchResult | null {
    if (this.result) return this.result;
    this.budget = budget;
    for (;;) {
      try {
        this.work.next();
        return this.result;
      } catch (error) {
        this.space.restart(error);
        this.begin();
      }
    }
  }

  /** Ends the search now, with what was found so far. */
  stop(why: string): SearchResult {
    if (!this.result) {
      this.finish(false, `${why} at ${this.store.count.toLocaleString('en')} states`);
    }
    return this.result as unknown as SearchResult;
  }

  /** All of the search; yields whenever about {@link budget} transitions were made. */
  private *slices(): Generator<void, void> {
    const { store, expander, machine } = this;
    for (let until = this.transitions + this.budget; !this.result; ) {
      switch (store.expand(until)) {
        case Halt.Done:
          yield* this.complete();
          return;
        case Halt.Unknown:
          store.turned(expander.expand(store.cursor, this.threads[store.turn], this.visit));
          break;
        case Halt.Deadlock:
          machine.load(store, store.cursor);
          this.deadlock(store.cursor);
          break;
        case Halt.Pause:
          if (store.count <= this.maxStates) {
            yield;
            until = this.transitions + this.budget;
            break;
          }
          if (this.strict) yield* this.lookAgain();
          this.finish(false, `gave up at ${this.maxStates.toLocaleString('en')} states`);
      }
    }
  }

  /** Takes a transition out of the state that is being expanded; true when the search ends with it. */
  private readonly visit = (): boolean => {
    const { expander, store } = this;
    const { violations, thread, way } = expander;
    const { cursor } = store;
    store.transitions++;
    if (violations.length > 0 && this.note(violations, cursor, thread, way)) {
      return this.result !== null;
    }
    store.from(cursor, (way << 8) | thread);
    if (expander.stage()) store.lookUp();
    return this.result !== null;
  };

  private *complete(): Generator<void, void> {
    for (const { violation } of this.space.order.found) {
      this.keep({ violation, state: 0, thread: -1, way: 0 });
    }
    if (this.strict) yield* this.lookAgain();
    if (this.lookForLivelock && this.machine.control.cyclic) this.livelock();
    this.finish(true, null);
  }

  private keep(finding: Finding): void {
    const { rule, text } = finding.violation;
    let texts = this.findings.get(rule);
    if (!texts) this.findings.set(rule, (texts = new Map()));
    if (!texts.has(text)) texts.set(text, finding);
  }

  /** Keeps the findings of a transition; true when the path ends here. */
  private note(
    violations: readonly Violation[],
    state: number,
    thread: number,
    way: number,
  ): boolean {
    let fatal = false;
    for (const violation of violations) {
      this.keep({ violation, state, thread, way });
      if (violation.severity === 'corrupts') fatal = true;
    }
    if (this.stopAt === 'breaks' || (fatal && this.stopAt === 'corrupts')) this.finish(false, null);
    return fatal;
  }

  private deadlock(state: number): void {
    this.keep({ violation: deadlockOf(this.machine), state, thread: -1, way: 0 });
    if (this.stopAt === 'breaks') this.finish(false, null);
  }

  /**
   * Expands every state once more, last found first. What a step keeps outside the slots has other
   * values by now, so a successor that depends on it comes out different.
   */
  private *lookAgain(): Generator<void, void> {
    const { machine, store } = this;
    store.lookUp();
    store.endEdges();
    const { count } = store;
    const edges = store.edges.slice();
    const starts = store.edgeStart.slice();
    let spent = 0;
    for (let state = store.cursor - 1; state >= 0; state--) {
      machine.load(store, state);
      let edge = starts[state];
      const end = starts[state + 1];
      for (let t = 0; t < machine.nThreads; t++) {
        const node = machine.at[t];
        const ways = machine.ways(t);
        for (let way = 0; way < ways; way++) {
          if (machine.transition(t, way) === Moved.No) break;
          const fatal = machine.ended();
          const same =
            fatal ||
            (edge < end &&
              edges[edge + 1] === t &&
              this.known() === edges[edge] &&
              store.count === count);
          machine.undo();
          if (!same) this.differs(t, node);
          if (!fatal) edge += 2;
          spent++;
        }
      }
      if (edge !== end) this.differs(edges[edge + 1], machine.at[edges[edge + 1]]);
      if (spent < this.budget) continue;
      yield;
      spent = 0;
    }
  }

  private differs(thread: number, node: number): never {
    const { machine } = this;
    throw new ProgramError(
      `${machine.system.threads[thread].name}: ${machine.control.where(node)}` +
        `${machine.control.place(node)} is not deterministic: looked at twice, the same state led to ` +
        'different ones. Something that the steps read or write is not in a slot; put it into one',
    );
  }

  private livelock(): void {
    const { machine, store } = this;
    store.endEdges();
    const found = findLivelock(machine, store);
    if (!found) return;
    const names = machine.system.threads
      .filter((_, t) => found.threads & (1 << t))
      .map((t) => t.name);
    this.loop = found;
    this.keep({
      violation: {
        severity: 'breaks',
        rule: 'livelock',
        text:
          `livelock: ${names.join(' and ')} can go round for ever ` +
          'although every thread gets its turn',
      },
      state: found.state,
      thread: -1,
      way: 0,
    });
  }

  private finish(complete: boolean, bound: string | null): void {
    this.space.knowledge.accesses = [this.machine.mem.races.accesses()];
    this.result = {
      complete,
      bound,
      states: this.store.count,
      transitions: this.transitions,
      findings: [...this.findings.values()].flatMap((texts) => [...texts.values()]),
      marks: this.machine.mem.marks,
    };
  }

  /** The moves that lead from the start to a state. Without symmetry only. */
  pathTo(state: number): Move[] {
    const path: Move[] = [];
    const { parents, moves } = this.store;
    for (let s = state; parents[s] !== NO_STATE; s = parents[s]) {
      path.push({ thread: moves[s] & 0xff, way: moves[s] >> 8 });
    }
    return path.reverse();
  }

  /** The moves into a livelock and once round it, in which every thread that goes round moves. */
  livelockPath(): { readonly into: Move[]; readonly round: Move[] } | null {
    const { loop } = this;
    if (!loop) return null;
    const round: Move[] = [];
    let at = loop.state;
    for (let t = 0; t < this.machine.nThreads; t++) {
      if (loop.threads & (1 << t) && !round.some((m) => m.thread === t)) {
        at = this.walk(at, loop.members, round, (_to, thread) => thread === t);
      }
    }
    if (at !== loop.state) this.walk(at, loop.members, round, (to) => to === loop.state);
    return { into: this.pathTo(loop.state), round };
  }

  /** Walks the shortest way inside `members` whose last edge is as wanted; returns where it ends. */
  private walk(
    from: number,
    members: ReadonlySet<number>,
    path: Move[],
    wanted: (to: number, thread: number) => boolean,
  ): number {
    const { edges, edgeStart } = this.store;
    const came = new Map<number, Came>();
    const queue = [from];
    for (let s = queue.shift(); s !== undefined; s = queue.shift()) {
      for (let e = edgeStart[s]; e < edgeStart[s + 1]; e += 2) {
        const to = edges[e];
        if (!members.has(to)) continue;
        if (wanted(to, edges[e + 1])) {
          const found = [this.moveOf(s, e)];
          for (let at = s; at !== from; ) {
            const way = came.get(at) as Came;
            found.unshift(this.moveOf(way.from, way.edge));
            at = way.from;
          }
          path.push(...found);
          return to;
        }
        if (came.has(to) || to === from) continue;
        came.set(to, { from: s, edge: e });
        queue.push(to);
      }
    }
    throw new Error('a component of the state graph is not connected');
  }

  /** The move behind an edge of a state: edges are kept in the order of threads and ways. */
  private moveOf(state: number, edge: number): Move {
    const { machine, store } = this;
    const thread = store.edges[edge + 1];
    const target = store.edges[edge];
    machine.load(store, state);
    for (let way = 0; ; way++) {
      machine.ways(thread);
      machine.transition(thread, way);
      const to = this.known();
      machine.undo();
      if (to === target) return { thread, way };
    }
  }

  /** The single steps that moves of this search consist of. */
  singleSteps(moves: readonly Move[]): Move[] {
    return this.traced(moves).map(({ thread, way }) => ({ thread, way }));
  }

  /** Moves of one single step each, as they are executed. After this nothing can be searched any more. */
  retrace(steps: readonly Move[]): readonly TraceStep[] {
    const { machine } = this;
    machine.reduce = false;
    machine.mem.watching = machine.mem.symmetric = false;
    return this.traced(steps);
  }

  private traced(moves: readonly Move[]): readonly TraceStep[] {
    const { machine } = this;
    machine.toInitial();
    const trace: TraceStep[] = [];
    machine.trace = trace;
    for (const { thread, way } of moves) {
      machine.ways(thread);
      machine.transition(thread, way);
    }
    machine.trace = null;
    return trace;
  }
}

/** What to say of a state in which nobody can move. */
export function deadlockOf(machine: Machine): Violation {
  const waiting: string[] = [];
  machine.system.threads.forEach(({ name }, t) => {
    if (machine.at[t] !== 0) {
      waiting.push(`${name} waits in ${machine.control.where(machine.at[t])}`);
    }
  });
  return { severity: 'breaks', rule: 'deadlock', text: `deadlock: ${waiting.join('; ')}` };
}
