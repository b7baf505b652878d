// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What every search over a system shares: the machine, the states found so far, and starting over
 * when something is learned that the states found so far did not take into account.
 */
import type { Control } from './control.ts';
import { LockOrder } from './lock-order.ts';
import { Learned, Machine, type System, type Thread } from './machine.ts';
import { StateStore } from './store.ts';

export interface SpaceOptions {
  /** Sound reductions (transactions). Default true. */
  readonly reduce?: boolean;
  /** Treat threads with the same program as interchangeable. Default false. */
  readonly symmetry?: boolean;
  /** Report steps that touch several racy slots (the granularity rule). Default false. */
  readonly testMode?: boolean;
  /** Look for hidden nondeterminism and hold every history to every promise. Default false. */
  readonly strict?: boolean;
}

/** One transition: the thread that moves, and which way of a choice it takes. */
export interface Move {
  readonly thread: number;
  readonly way: number;
}

/**
 * What searches over the same programs have in common: what one of them learned, and the control
 * graphs. The graphs serve again as long as `make` gives systems with the same array of threads.
 */
export class Knowledge {
  racy: Uint8Array | null = null;
  splitNested = false;
  splitLoops = false;
  /** Threads with the same program can be told apart after all. */
  asymmetric = false;
  control: Control | null = null;
  order: LockOrder | null = null;
  private threads: readonly Thread[] | null = null;

  /** Forgets the graphs of other threads. */
  meet(threads: readonly Thread[]): void {
    if (threads === this.threads) return;
    this.threads = threads;
    this.control = null;
    this.order = null;
  }
}

export class Space {
  machine!: Machine;
  store!: StateStore;
  order!: LockOrder;
  restarts = 0;

  /**
   * @param make builds the system from nothing; called again whenever the search starts over
   */
  constructor(
    private readonly make: () => System,
    private readonly options: SpaceOptions,
    readonly knowledge = new Knowledge(),
  ) {
    this.open();
  }

  get reduce(): boolean {
    return this.options.reduce ?? true;
  }

  /** A fresh system, with what was learned. */
  private open(): void {
    const { testMode = false, strict = false, symmetry = false } = this.options;
    const { reduce, knowledge } = this;
    const system = this.make();
    const { mem } = system;
    knowledge.meet(system.threads);
    if (knowledge.racy) mem.racy.set(knowledge.racy);
    const { splitNested, splitLoops } = knowledge;
    const control = strict ? null : knowledge.control;
    const machine = new Machine(system, { reduce, splitNested, splitLoops, strict, control });
    const order = (control && knowledge.order) || new LockOrder(system.locks);
    knowledge.control = machine.control;
    knowledge.order = this.order = order;
    machine.control.onAcquire = (held, lock, node) => {
      const known = order.found.length;
      order.note(held, lock, machine.control.where(node), node);
      // Without lock inversions a deadlock shows at the ends of transactions too.
      if (!reduce || knowledge.splitNested || order.found.length === known) return;
      knowledge.splitNested = machine.splitNested = true;
      if (machine.reduce) throw new Learned('nesting');
    };
    if (symmetry && !knowledge.asymmetric) machine.useSymmetry();
    this.machine = machine;
    if (this.store) this.store.clear(machine.stride);
    else this.store = new StateStore(machine.stride);
    machine.onGrow = (stride) => this.store.widen(stride);
    if (reduce) this.rehearse();
    machine.testMode = testMode;
    mem.watching = reduce || testMode;
    mem.racyGrew = false;
    mem.marks = 0;
    mem.symmetric = machine.symmetric;
    machine.toInitial();
  }

  /**
   * To be called with what a search threw. When something was learned, opens a fresh system that
   * knows it: the search must begin again.
   */
  restart(error: unknown): void {
    if (!(error instanceof Learned)) throw error;
    if (error.what === 'loop') this.knowledge.splitLoops = true;
    if (error.what === 'asymmetry') this.knowledge.asymmetric = true;
    this.knowledge.racy = this.machine.mem.racy.slice();
    this.restarts++;
    this.open();
  }

  /** A few straight runs in different thread orders, to learn what is racy before storing states. */
  private rehearse(): void {
    const { machine } = this;
    const { mem, nThreads: n } = machine;
    machine.reduce = false;
    mem.watching = true;
    let seed = 1;
    try {
      for (let round = 0; round < 2 * n + 4; round++) {
        machine.toInitial();
        for (let steps = 0; steps < 2_000; steps++) {
          let moved = false;
          for (let i = 0; i < n; i++) {
            const t =
              round < n ? (round + i) % n : (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
            const ways = machine.ways(t);
            if (ways && machine.transition(t, ways > 1 ? seed % ways : 0)) {
              moved = true;
              break;
            }
          }
          if (!moved || machine.ended()) break;
        }
      }
    } finally {
      machine.reduce = true;
      machine.totalSteps = 0;
    }
  }
}
