// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Exhaustive search: every interleaving of a system, breadth first, states stored once.
 *
 * A search is an object that is run in slices, so that its owner can show progress and be
 * interrupted. It ends with everything covered, at a violation that ends it, or at a limit; only
 * the first of these may be called safe.
 */

import { findLivelock } from './livelock.ts';
import type { LockTable } from './locks.ts';
import { Machine, Moved, RacyFound, type System } from './machine.ts';
import type { Violation } from './memory.ts';
import { StateStore } from './store.ts';

export interface SearchOptions {
  /** Sound reductions (transactions). Default true. */
  readonly reduce?: boolean;
  /** Treat threads with the same program as interchangeable. Default false. */
  readonly symmetry?: boolean;
  /** Give up beyond this many states. Default 4 million. */
  readonly maxStates?: number;
  /** End at the first violation of at least this severity. Default `corrupts`. */
  readonly stopAt?: 'breaks' | 'corrupts';
  /** Report steps that touch several racy slots (the granularity rule). Default false. */
  readonly testMode?: boolean;
  /** Look for livelock. Default true. */
  readonly livelock?: boolean;
}

/** Where a violation was found: the state before it, and the transition that breaks the rule. */
export interface Finding {
  readonly violation: Violation;
  readonly state: number;
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

const NO_STATE = -1;

/** Checks that lock classes are taken in one order, as lockdep does; reports each pair once. */
export class LockOrder {
  private readonly after = new Map<string, Map<string, string>>();
  readonly found: Violation[] = [];

  constructor(private readonly locks: LockTable) {}

  note(held: readonly number[], lock: number, where: string): void {
    const next = this.locks.classOf(lock);
    for (const h of held) {
      const before = this.locks.classOf(h >> 1);
      if (before === next) {
        // Two locks of one class: lockdep wants a nesting annotation; address order is ours.
        if (h >> 1 >= lock) {
          this.push(
            `${where} takes ${this.locks.label(lock)} while holding ${this.locks.label(h >> 1)}`,
          );
        }
        continue;
      }
      let map = this.after.get(before.name);
      if (!map) this.after.set(before.name, (map = new Map()));
      if (map.has(next.name)) continue;
      map.set(next.name, where);
      const back = this.path(next.name, before.name, new Set());
      if (back) {
        this.push(
          `possible circular locking: ${where} takes ${next.name} under ${before.name}, ` +
            `but ${back} takes them the other way round`,
        );
      }
    }
  }

  private push(text: string): void {
    if (!this.found.some((v) => v.text === text)) {
      this.found.push({ severity: 'breaks', rule: 'lock-order', text });
    }
  }

  private path(from: string, to: string, seen: Set<string>): string | null {
    if (seen.has(from)) return null;
    seen.add(from);
    for (const [next, where] of this.after.get(from) ?? []) {
      if (next === to) return where;
      const further = this.path(next, to, seen);
      if (further) return further;
    }
    return null;
  }
}

export class Search {
  machine: Machine;
  store: StateStore;
  private readonly options: Required<SearchOptions>;
  private parents = new Int32Array(4096);
  private moves = new Int32Array(4096);
  private edges = new Int32Array(16384);
  private edgeStart = new Int32Array(4097);
  private edgeCount = 0;
  private cursor = 0;
  private racy: Uint8Array | null = null;
  private findings = new Map<string, Finding>();
  private marks = 0;
  transitions = 0;
  restarts = 0;
  result: SearchResult | null = null;
  private order!: LockOrder;

  /**
   * @param make builds the system from nothing; called again when the search must start over
   */
  constructor(
    private readonly make: () => System,
    options: SearchOptions = {},
  ) {
    this.options = {
      reduce: options.reduce ?? true,
      symmetry: options.symmetry ?? false,
      maxStates: options.maxStates ?? 4_000_000,
      stopAt: options.stopAt ?? 'corrupts',
      testMode: options.testMode ?? false,
      livelock: options.livelock ?? true,
    };
    this.machine = null as never;
    this.store = null as never;
    this.start();
  }

  private start(): void {
    const system = this.make();
    const { mem } = system;
    if (this.racy) mem.racy.set(this.racy);
    mem.watching = this.options.reduce || this.options.testMode;
    mem.racyGrew = false;
    mem.marks = 0;
    const machine = new Machine(system, { reduce: this.options.reduce });
    machine.testMode = this.options.testMode;
    this.order = new LockOrder(system.locks);
    machine.control.onAcquire = (held, lock, node) =>
      this.order.note(held, lock, machine.control.where(node));
    if (this.options.symmetry) machine.useSymmetry();
    this.machine = machine;
    if (this.store) this.store.clear(machine.stride);
    else this.store = new StateStore(machine.stride);
    machine.onGrow = (stride) => this.store.widen(stride);
    this.findings = new Map();
    this.marks = 0;
    this.transitions = 0;
    this.cursor = 0;
    this.edgeCount = 0;
    if (this.options.reduce) {
      try {
        this.rehearse();
      } catch (error) {
        // Nothing is lost: what was learned is in mem.racy, and the search itself comes next.
        if (!(error instanceof RacyFound)) throw error;
      }
      mem.racyGrew = false;
    }
    machine.toInitial();
    this.add(NO_STATE, 0);
  }

  /** A few straight runs in different thread orders, to learn what is racy before storing states. */
  private rehearse(): void {
    const { machine } = this;
    const n = machine.nThreads;
    machine.reduce = false;
    let seed = 1;
    for (let round = 0; round < 2 * n + 4; round++) {
      machine.toInitial();
      for (let steps = 0; steps < 2_000; steps++) {
        let moved = false;
        for (let i = 0; i < n; i++) {
          const t =
            round < n ? (round + i) % n : (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
          const ways = machine.ways(t);
          if (ways && machine.transition(t, ways > 1 ? seed % ways : 0) === Moved.Yes) {
            moved = true;
            break;
          }
        }
        if (!moved || machine.violations.some((v) => v.severity === 'corrupts')) break;
      }
    }
    machine.reduce = true;
    machine.totalSteps = 0;
    machine.mem.marks = 0;
  }

  private add(parent: number, move: number): number {
    const row32 = this.machine.canonical();
    const index = this.store.add32(row32, this.machine.stride >> 2);
    if (index < 0) {
      const fresh = -1 - index;
      if (fresh >= this.parents.length) {
        this.parents = doubled(this.parents);
        this.moves = doubled(this.moves);
        const starts = new Int32Array(this.parents.length + 1);
        starts.set(this.edgeStart);
        this.edgeStart = starts;
      }
      this.parents[fresh] = parent;
      this.moves[fresh] = move;
    }
    return index;
  }

  /**
   * Explores until done or until about `budget` transitions were made.
   * @returns the result once there is one, else null
   */
  run(budget = Number.POSITIVE_INFINITY): SearchResult | null {
    if (this.result) return this.result;
    const until = this.transitions + budget;
    for (;;) {
      try {
        if (!this.slice(until)) return null;
        return this.result;
      } catch (error) {
        if (!(error instanceof RacyFound)) throw error;
        this.racy = this.machine.mem.racy.slice();
        this.restarts++;
        this.start();
      }
    }
  }

  private slice(until: number): boolean {
    const { machine, store } = this;
    const { maxStates } = this.options;
    const keepEdges = this.options.livelock;
    const n = machine.nThreads;
    while (this.cursor < store.count) {
      if (this.transitions > until) return false;
      const state = this.cursor++;
      machine.load(store.bytes, store.offset(state));
      if (keepEdges) this.edgeStart[state] = this.edgeCount;
      let enabled = false;
      for (let t = 0; t < n; t++) {
        const ways = machine.ways(t);
        for (let way = 0; way < ways; way++) {
          if (machine.transition(t, way) === Moved.No) break;
          enabled = true;
          this.transitions++;
          let ended = false;
          if (machine.violations.length) ended = this.note(state, t, way);
          if (!ended) {
            const index = this.add(state, (way << 8) | t);
            if (keepEdges) this.addEdge(index < 0 ? -1 - index : index, t);
          }
          machine.undo();
          if (this.result) return true;
        }
      }
      if (!enabled && !machine.allDone()) this.deadlock(state);
      if (this.result) return true;
      if (store.count > maxStates) {
        this.finish(false, `gave up at ${maxStates.toLocaleString('en')} states`);
        return true;
      }
    }
    if (keepEdges) this.edgeStart[this.cursor] = this.edgeCount;
    for (const v of this.order.found) this.keep({ violation: v, state: 0, thread: 0, way: 0 });
    if (keepEdges && machine.control.cyclic) this.livelock();
    this.finish(true, null);
    return true;
  }

  private addEdge(to: number, thread: number): void {
    if (this.edgeCount + 1 >= this.edges.length) this.edges = doubled(this.edges);
    this.edges[this.edgeCount++] = to;
    this.edges[this.edgeCount++] = thread;
  }

  private keep(finding: Finding): void {
    const key = `${finding.violation.rule}|${finding.violation.text}`;
    if (!this.findings.has(key)) this.findings.set(key, finding);
  }

  /** Keeps the findings of the last transition; true when the path ends here. */
  private note(state: number, thread: number, way: number): boolean {
    let fatal = false;
    for (const violation of this.machine.violations) {
      this.keep({ violation, state, thread, way });
      if (violation.severity === 'corrupts') fatal = true;
    }
    if (fatal || this.options.stopAt === 'breaks') this.finish(false, null);
    return fatal;
  }

  private deadlock(state: number): void {
    const { machine } = this;
    const waiting: string[] = [];
    for (let t = 0; t < machine.nThreads; t++) {
      if (machine.at[t] !== 0) {
        waiting.push(
          `${machine.system.threads[t].name} waits in ${machine.control.where(machine.at[t])}`,
        );
      }
    }
    this.keep({
      violation: { severity: 'breaks', rule: 'deadlock', text: `deadlock: ${waiting.join('; ')}` },
      state,
      thread: -1,
      way: 0,
    });
    if (this.options.stopAt === 'breaks') this.finish(false, null);
  }

  private livelock(): void {
    const { machine, store } = this;
    const found = findLivelock(
      store.count,
      machine.nThreads,
      this.edgeStart,
      this.edges,
      (state) => {
        machine.load(store.bytes, store.offset(state));
        let mask = 0;
        for (let t = 0; t < machine.nThreads; t++) {
          if (!machine.ways(t)) continue;
          if (machine.transition(t, 0) === Moved.Yes) {
            mask |= 1 << t;
            machine.undo();
          }
        }
        return mask;
      },
    );
    if (!found) return;
    const names = machine.system.threads
      .filter((_, t) => found.threads & (1 << t))
      .map((t) => t.name);
    this.keep({
      violation: {
        severity: 'breaks',
        rule: 'livelock',
        text: `livelock: ${names.join(' and ')} can go round for ever although every thread gets its turn`,
      },
      state: found.state,
      thread: -1,
      way: 0,
    });
  }

  private finish(complete: boolean, bound: string | null): void {
    this.marks |= this.machine.mem.marks;
    this.result = {
      complete,
      bound,
      states: this.store.count,
      transitions: this.transitions,
      findings: [...this.findings.values()],
      marks: this.marks,
    };
  }

  /** The moves (thread and way) that lead from the start to a state. */
  pathTo(state: number): { thread: number; way: number }[] {
    const path: { thread: number; way: number }[] = [];
    for (let s = state; this.parents[s] !== NO_STATE; s = this.parents[s]) {
      path.push({ thread: this.moves[s] & 0xff, way: this.moves[s] >> 8 });
    }
    return path.reverse();
  }
}

function doubled(a: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const b = new Int32Array(a.length * 2);
  b.set(a);
  return b;
}
