// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Livelock: threads that go round for ever without getting anywhere, under a fair scheduler.
 *
 * Fairness is weak for an ordinary step (a thread that can move all the time does move) and strong
 * for taking a lock (locks are handed over: who waits for one that comes free again and again gets
 * it). A set of states is a trap when a run can visit all of them over and over and be fair, so when
 * every thread either moves inside it, or waits for a lock that is never free in it, or is otherwise
 * kept waiting in some state of it. The traps are looked for among the maximal strongly connected
 * components (Tarjan); where only a lock that is free at times stands in the way, the states with
 * the free lock are taken out and what remains is decomposed again (Emerson and Lei, 1987).
 */
import { type Control, DONE } from './control.ts';
import { type Machine, Moved } from './machine.ts';
import { STAYS, type StateStore } from './store.ts';

export interface Livelock {
  /** A state on the cycle. */
  readonly state: number;
  /** Bit mask of the threads that go round. */
  readonly threads: number;
  /** All states that can be visited over and over. */
  readonly members: ReadonlySet<number>;
}

/** Looks for a livelock in a search that is complete. */
export function findLivelock(machine: Machine, store: StateStore): Livelock | null {
  const loops = loopsOf(machine.control);
  if (!loops) return null;
  const going = store.goingRound(loops);
  if (!going.length) return null;
  const { edges, edgeStart: start, count } = store;
  const kept: number[] = [];
  const keptStart = new Int32Array(count + 1);
  let next = 0;
  for (const s of going) {
    keptStart.fill(kept.length, next, s + 1);
    next = s + 1;
    for (let e = start[s]; e < start[s + 1]; e += 2) {
      if (!(edges[e + 1] & STAYS)) continue;
      edges[e + 1] ^= STAYS;
      kept.push(edges[e], edges[e + 1]);
    }
  }
  keptStart.fill(kept.length, next);
  return new Graph(machine, store, keptStart, Int32Array.from(kept)).search(going);
}

/**
 * By node: which loop of its thread's program it is on, or 0; null if there are none. A thread that comes
 * back to where it was has stayed on one.
 */
function loopsOf(control: Control): Int32Array | null {
  const n = control.size;
  const start = new Int32Array(n + 1);
  const edges = new Int32Array(2 * control.edgeCount);
  let end = 0;
  const add = (to: number) => {
    edges[end] = to;
    end += 2;
  };
  for (let node = 0; node < n; node++) {
    start[node] = end;
    if (node !== DONE) control.successors(node, add);
  }
  start[n] = end;
  const loops = new Int32Array(n);
  let found = 0;
  for (const component of new Components(n, start, edges).among(range(n))) {
    found++;
    for (const member of component) loops[member] = found;
  }
  return found ? loops : null;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/**
 * The strongly connected components of a graph, by Tarjan's algorithm, iteratively; without those
 * of one node that has no edge to itself.
 */
class Components {
  /** Which set a node belongs to at the moment; sets are numbered from 1. */
  readonly set: Int32Array;
  sets = 0;
  private readonly index: Int32Array;
  private readonly low: Int32Array;
  private readonly at: Int32Array;

  /** @param edges pairs, of which the first is the target; those of node n are at `start[n]` up to `start[n + 1]` */
  constructor(
    n: number,
    private readonly start: Int32Array,
    private readonly edges: Int32Array,
  ) {
    this.set = new Int32Array(n);
    this.index = new Int32Array(n);
    this.low = new Int32Array(n);
    this.at = new Int32Array(n);
  }

  /** Those of the given nodes and the edges between them. */
  *among(members: readonly number[]): Generator<number[]> {
    const { index, low, at, start, edges, set } = this;
    const inside = ++this.sets;
    for (const s of members) {
      set[s] = inside;
      index[s] = 0;
      at[s] = start[s];
    }
    const stack: number[] = [];
    const frame: number[] = [];
    let counter = 0;
    for (const root of members) {
      if (index[root] !== 0) continue;
      frame.push(root);
      stack.push(root);
      index[root] = low[root] = ++counter;
      while (frame.length) {
        const s = frame[frame.length - 1];
        if (at[s] < start[s + 1]) {
          const to = edges[at[s]];
          at[s] += 2;
          if (set[to] !== inside) continue;
          if (index[to] === 0) {
            frame.push(to);
            stack.push(to);
            index[to] = low[to] = ++counter;
          } else if (index[to] < low[s]) low[s] = index[to];
        } else {
          frame.pop();
          const up = frame[frame.length - 1];
          if (up !== undefined && low[s] < low[up]) low[up] = low[s];
          if (low[s] !== index[s]) continue;
          // Out of the way of what is still to come.
          if (stack[stack.length - 1] === s) {
            stack.pop();
            set[s] = 0;
            if (this.leadsTo(s, s)) yield [s];
            continue;
          }
          const component = stack.splice(stack.lastIndexOf(s));
          for (const m of component) set[m] = 0;
          yield component;
        }
      }
    }
  }

  private leadsTo(from: number, to: number): boolean {
    for (let e = this.start[from]; e < this.start[from + 1]; e += 2) {
      if (this.edges[e] === to) return true;
    }
    return false;
  }
}

function clearer(a: Livelock, b: Livelock): boolean {
  const more = bits(a.threads) - bits(b.threads);
  return more < 0 || (more === 0 && a.state < b.state);
}

function bits(mask: number): number {
  let n = 0;
  for (let rest = mask; rest; rest &= rest - 1) n++;
  return n;
}

class Graph {
  private readonly components: Components;
  private readonly threads: number;

  constructor(
    private readonly machine: Machine,
    private readonly store: StateStore,
    private readonly start: Int32Array,
    private readonly edges: Int32Array,
  ) {
    this.components = new Components(store.count, start, edges);
    this.threads = machine.nThreads;
  }

  /** Of the traps inside the given states, the one of the fewest threads that is found first. */
  search(states: readonly number[]): Livelock | null {
    let best: Livelock | null = null;
    const todo: (readonly number[])[] = [states];
    for (let inside = todo.pop(); inside; inside = todo.pop()) {
      for (const component of this.components.among(inside)) {
        const found = this.judge(component);
        if (Array.isArray(found)) todo.push(found);
        else if (found && (!best || clearer(found, best))) best = found;
      }
    }
    return best;
  }

  /** A trap, or nothing, or the part of the component in which there may still be one. */
  private judge(component: readonly number[]): Livelock | number[] | null {
    const { set } = this.components;
    const id = ++this.components.sets;
    for (const s of component) set[s] = id;
    const { start, edges } = this;
    let moving = 0;
    for (const s of component) {
      for (let e = start[s]; e < start[s + 1]; e += 2) {
        if (set[edges[e]] === id) moving |= 1 << edges[e + 1];
      }
    }
    // Threads that stand still have the same node everywhere in the component.
    if (moving === 0 || this.onlyDaemons(component[0])) return null;
    let always = (1 << this.threads) - 1;
    let ever = 0;
    const enabled = component.map((s) => {
      const mask = this.enabled(s, moving);
      always &= mask;
      ever |= mask;
      return mask;
    });
    if (always !== 0) return null;
    const starved = ever & this.waitForLock(component[0]);
    if (starved === 0) {
      const state = component.reduce((a, b) => Math.min(a, b));
      return { state, threads: moving, members: new Set(component) };
    }
    return component.filter((_, i) => (enabled[i] & starved) === 0);
  }

  /** Every thread but the daemons has finished: to go on for ever is what daemons do. */
  private onlyDaemons(state: number): boolean {
    this.machine.load(this.store, state);
    return this.machine.allDone();
  }

  /** The threads whose next step is to take a lock. */
  private waitForLock(state: number): number {
    const { machine, store } = this;
    machine.load(store, state);
    let mask = 0;
    for (let t = 0; t < this.threads; t++) {
      const node = machine.at[t];
      if (node !== DONE && machine.control.def[node].kind === 'acquire') mask |= 1 << t;
    }
    return mask;
  }

  /** The threads that can move in a state, without those in `moving`. */
  private enabled(state: number, moving: number): number {
    const { machine, store } = this;
    let mask = 0;
    const { edges, edgeStart } = store;
    for (let e = edgeStart[state]; e < edgeStart[state + 1]; e += 2) mask |= 1 << edges[e + 1];
    mask &= ~moving;
    // A transition with which a path ends has no edge.
    let loaded = false;
    for (let t = 0; t < this.threads; t++) {
      if ((mask | moving) & (1 << t)) continue;
      if (!loaded) machine.load(store, state);
      loaded = true;
      if (machine.ways(t) && machine.transition(t, 0) === Moved.Yes) {
        mask |= 1 << t;
        machine.undo();
      }
    }
    return mask;
  }
}
