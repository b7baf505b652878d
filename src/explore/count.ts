// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Counts schedules: of all complete interleavings of a system, in how many does this happen, and in
 * which order? By dynamic programming over the graph of single steps, so nothing is enumerated.
 *
 * A schedule is a sequence of single steps of threads, each way of a choice being another; it is
 * complete when nobody can go on. There are infinitely many where a thread can retry for ever, so each
 * retry loop is taken at most once: in a counted schedule no thread comes to the same loop head (an
 * `again` with its locals) more than twice. Schedules that cannot end under this rule do not count.
 *
 * These are counts. A scheduler does not draw schedules by lot, so they are no probabilities.
 */
import { Machine, Moved, type System } from './machine.ts';
import { StateStore } from './store.ts';

export interface CountOptions {
  /**
   * What to tell apart: severities (`corrupts`), rules (`R6`), `deadlock`, or what steps tell by
   * `mem.happened(name)`. At most twelve.
   */
  readonly events: readonly string[];
  /** Give up beyond this many states (of the graph, and of the graph with loops counted). Default 4 million. */
  readonly maxStates?: number;
}

/** The schedules in which exactly these events happen, for the first time in this order. */
export interface CountedOrder {
  readonly events: readonly string[];
  readonly schedules: bigint;
}

export interface Counted {
  /** All complete schedules. */
  readonly schedules: bigint;
  /** By what happens and in which order; orders that no schedule has are left out. */
  readonly orders: readonly CountedOrder[];
  /** Whether any schedule was left out because it takes a retry loop twice. */
  readonly cut: boolean;
  /** States of the unreduced graph. */
  readonly states: number;
}

/** How many schedules have an order of events that is as wanted. */
export function schedulesIn(
  counted: Counted,
  wanted: (events: readonly string[]) => boolean,
): bigint {
  let sum = 0n;
  for (const { events, schedules } of counted.orders) if (wanted(events)) sum += schedules;
  return sum;
}

/** Words of an edge: target, thread, the thread's node there, events (the number of an order). */
const EDGE = 4;
/** More than there are different visits. */
const VISITS = 1 << 20;
const NODES = 1 << 16;
/** A thread would come to a loop head for the third time. */
const TOO_OFTEN = -1;

/** Numbers for texts; the empty one is 0. */
class Interned {
  private readonly texts = [''];
  private readonly numbers = new Map([['', 0]]);

  number(text: string): number {
    let n = this.numbers.get(text);
    if (n === undefined) this.numbers.set(text, (n = this.texts.push(text) - 1));
    return n;
  }

  text(n: number): string {
    return this.texts[n];
  }
}

/** A state that is being worked on: not all of its successors are summed up yet. */
interface Frame {
  readonly place: number;
  readonly state: number;
  readonly visits: number;
  edge: number;
}

/** Schedules by order of events: pairs of an order's number and a count. */
type Tally = Map<number, bigint>;

/** Counts the schedules of a system in slices; call {@link run} until it gives the result. */
export class ScheduleCount {
  result: Counted | null = null;
  private readonly machine: Machine;
  private readonly store: StateStore;
  private readonly events: readonly string[];
  private readonly limit: number;
  private readonly work: Generator<void, Counted>;
  private budget = 0;
  private transitions = 0;

  /** Edges of states, in order; those of state s are at `edgeStart[s]` up to `edgeStart[s + 1]`. */
  private readonly edges: number[] = [];
  private readonly edgeStart: number[] = [0];
  private readonly deadlocked = new Set<number>();
  /** Nodes of threads that follow a node. */
  private readonly follow = new Map<number, Set<number>>();

  /** Orders of events as texts of event numbers, one character each. */
  private readonly orders = new Interned();
  private readonly joined = new Map<number, number>();
  /** How often threads came to loop heads, as texts of (thread, head, times), a character each. */
  private readonly visits = new Interned();
  private readonly visited = new Map<number, number>();
  private readonly ahead = new Map<number, ReadonlySet<number>>();
  private readonly places = new Map<number, number>();
  private cut = false;

  /** @throws RangeError when there are more than twelve events */
  constructor(make: () => System, { events, maxStates = 4_000_000 }: CountOptions) {
    if (events.length > 12) throw new RangeError('more than twelve events to tell apart');
    this.events = events;
    this.limit = maxStates;
    const machine = new Machine(make(), { reduce: false });
    this.machine = machine;
    const store = new StateStore(machine.layout);
    this.store = store;
    machine.onLayout = () => {
      store.widen(machine.stride);
      store.lay(machine.layout);
    };
    this.work = this.phases();
  }

  get progress(): { readonly states: number; readonly transitions: number } {
    return { states: this.result?.states ?? this.store.count, transitions: this.transitions };
  }

  /**
   * Goes on for about `budget` transitions.
   * @returns the result once there is one, else null
   * @throws RangeError when there are too many states to count over
   * @throws ProgramError when the program itself is wrong
   */
  run(budget = Number.POSITIVE_INFINITY): Counted | null {
    this.budget = this.transitions + budget;
    if (!this.result) {
      const { done, value } = this.work.next();
      if (done) this.result = value;
    }
    return this.result;
  }

  private *phases(): Generator<void, Counted> {
    yield* this.graph();
    const tally = yield* this.tally();
    const list = [...tally].map(([order, schedules]) => ({
      events: [...this.orders.text(order)].map((c) => this.events[c.charCodeAt(0)]),
      schedules,
    }));
    list.sort(
      (a, b) => a.events.length - b.events.length || (`${a.events}` < `${b.events}` ? -1 : 1),
    );
    const schedules = list.reduce((n, o) => n + o.schedules, 0n);
    const states = this.store.count;
    this.store.close();
    return { schedules, orders: list, cut: this.cut, states };
  }

  /** The graph of single steps; a path does not end where a rule falls. */
  private *graph(): Generator<void, void> {
    const { machine, store, edges } = this;
    const { mem, nThreads } = machine;
    const happened: string[] = [];
    mem.events = happened;
    machine.toInitial();
    store.add(machine.row32);
    for (let state = 0; state < store.count; state++) {
      if (this.transitions > this.budget) yield;
      machine.load(store, state);
      for (let t = 0; t < nThreads; t++) {
        const from = machine.at[t];
        const ways = machine.ways(t);
        for (let way = 0; way < ways; way++) {
          happened.length = 0;
          if (machine.transition(t, way) === Moved.No) break;
          this.transitions++;
          const seen = machine.violations.flatMap(({ rule, severity }) => [rule, severity]);
          const order = this.orderOf([...happened, ...seen]);
          const node = machine.at[t];
          edges.push(store.add(machine.row32), t, node, order);
          this.follows(from, node);
          machine.undo();
        }
      }
      const first = this.edgeStart[state];
      this.edgeStart.push(edges.length);
      if (edges.length === first && !machine.allDone()) this.deadlocked.add(state);
      this.tooMany(store.count);
    }
    mem.events = null;
  }

  private follows(from: number, to: number): void {
    const known = this.follow.get(from);
    if (known) known.add(to);
    else this.follow.set(from, new Set([to]));
  }

  private tooMany(states: number): void {
    if (states <= this.limit) return;
    throw new RangeError(
      `more than ${this.limit.toLocaleString('en')} states to count schedules over`,
    );
  }

  /** The first time each of the events happens, as the number of an order. */
  private orderOf(names: readonly string[]): number {
    let text = '';
    for (const name of names) {
      const event = this.events.indexOf(name);
      if (event >= 0 && !text.includes(String.fromCharCode(event))) {
        text += String.fromCharCode(event);
      }
    }
    return this.orders.number(text);
  }

  /** Sums over successors, deepest first: without a third visit of any loop head there is no cycle. */
  private *tally(): Generator<void, Tally> {
    const { edges, edgeStart } = this;
    const tallies: (Tally | null)[] = [];
    const enter = (state: number, visits: number): Frame | number => {
      const key = state * VISITS + visits;
      const known = this.places.get(key);
      if (known !== undefined) return known;
      const place = tallies.push(null) - 1;
      this.places.set(key, place);
      this.tooMany(place);
      return { place, state, visits, edge: edgeStart[state] };
    };
    const first = enter(0, this.startVisits()) as Frame;
    const stack = [first];
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const end = edgeStart[frame.state + 1];
      let deeper: Frame | null = null;
      for (; frame.edge < end; frame.edge += EDGE) {
        const visits = this.visit(frame.visits, edges[frame.edge + 1], edges[frame.edge + 2]);
        if (visits === TOO_OFTEN) continue;
        const next = enter(edges[frame.edge], visits);
        if (typeof next === 'number') continue;
        deeper = next;
        break;
      }
      if (deeper) {
        stack.push(deeper);
        continue;
      }
      tallies[frame.place] = this.sum(frame, tallies);
      stack.pop();
      this.transitions++;
      if (this.transitions > this.budget) yield;
    }
    return tallies[first.place] as Tally;
  }

  private sum(frame: Frame, tallies: readonly (Tally | null)[]): Tally {
    const { edges, edgeStart } = this;
    const sum: Tally = new Map();
    const begin = edgeStart[frame.state];
    const end = edgeStart[frame.state + 1];
    if (begin === end) {
      const order = this.deadlocked.has(frame.state) ? this.orderOf(['deadlock']) : 0;
      return sum.set(order, 1n);
    }
    for (let e = begin; e < end; e += EDGE) {
      const visits = this.visit(frame.visits, edges[e + 1], edges[e + 2]);
      if (visits === TOO_OFTEN) {
        this.cut = true;
        continue;
      }
      const place = this.places.get(edges[e] * VISITS + visits) as number;
      for (const [order, n] of tallies[place] as Tally) {
        const whole = this.before(edges[e + 3], order);
        sum.set(whole, (sum.get(whole) ?? 0n) + n);
      }
    }
    return sum;
  }

  /** The loop heads that a thread at a node can still come to. */
  private headsAhead(node: number): ReadonlySet<number> {
    const known = this.ahead.get(node);
    if (known) return known;
    const { loopHead } = this.machine.control;
    const heads = new Set<number>();
    const seen = new Set<number>();
    for (const todo = [node]; todo.length; ) {
      for (const next of this.follow.get(todo.pop() as number) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        if (loopHead[next]) heads.add(next);
        todo.push(next);
      }
    }
    this.ahead.set(node, heads);
    return heads;
  }

  private startVisits(): number {
    const { machine } = this;
    machine.toInitial();
    let visits = 0;
    for (let t = 0; t < machine.nThreads; t++) visits = this.visit(visits, t, machine.at[t]);
    return visits;
  }

  /**
   * What threads have visited after one of them came to a node, as far as it can matter again: or
   * {@link TOO_OFTEN}.
   */
  private visit(before: number, thread: number, node: number): number {
    const key = (before * 32 + thread) * NODES + node;
    let after = this.visited.get(key);
    if (after === undefined) this.visited.set(key, (after = this.visitNew(before, thread, node)));
    return after;
  }

  private visitNew(before: number, thread: number, node: number): number {
    const ahead = this.headsAhead(node);
    const text = this.visits.text(before);
    const entries: string[] = [];
    let times = 1;
    for (let i = 0; i < text.length; i += 3) {
      const head = text.charCodeAt(i + 1);
      if (text.charCodeAt(i) !== thread) entries.push(text.slice(i, i + 3));
      else if (head === node) times += text.charCodeAt(i + 2);
      else if (ahead.has(head)) entries.push(text.slice(i, i + 3));
    }
    if (this.machine.control.loopHead[node]) {
      if (times > 2) return TOO_OFTEN;
      if (ahead.has(node)) entries.push(String.fromCharCode(thread, node, times));
    }
    const after = this.visits.number(entries.sort().join(''));
    if (after >= VISITS) throw new RangeError('too many different numbers of retries');
    return after;
  }

  /** The order of events of a path whose first step brings `first` and whose rest brings `rest`. */
  private before(first: number, rest: number): number {
    if (first === 0) return rest;
    const key = first * 65_536 + rest;
    let whole = this.joined.get(key);
    if (whole === undefined) {
      const head = this.orders.text(first);
      const tail = [...this.orders.text(rest)].filter((c) => !head.includes(c)).join('');
      this.joined.set(key, (whole = this.orders.number(head + tail)));
    }
    return whole;
  }
}
