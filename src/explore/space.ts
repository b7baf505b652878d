// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What every search over a system shares: the machine, the states found so far, and starting over
 * when something is learned that the states found so far did not take into account.
 */
import type { Control } from './control.ts';
import type { Guards } from './guards.ts';
import { LocalGraphs } from './local.ts';
import { LockOrder } from './lock-order.ts';
import { Learned, Machine, type System, type Thread } from './machine.ts';
import type { Accesses } from './races.ts';
import { Graphs } from './stacks.ts';
import { StateStore } from './store.ts';

export interface SpaceOptions {
  /** Sound reductions (transactions). Default true. */
  readonly reduce?: boolean;
  /** Treat threads with the same program as interchangeable. Default false. */
  readonly symmetry?: boolean;
  /** Report steps that touch several slots raced for (the granularity rule). Default false. */
  readonly testMode?: boolean;
  /** Look for hidden nondeterminism and hold every history to every promise. Default false. */
  readonly strict?: boolean;
}

/** How many runs with random switches come before a search. */
const RANDOM_RUNS = 4;

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
  /** What was seen of the accesses; of several searches if they are of one memory. */
  accesses: readonly Accesses[] = [];
  /** Bytes of a row. */
  stride = 0;
  splitNested = false;
  splitLoops = false;
  /** Threads with the same program can be told apart after all. */
  asymmetric = false;
  control: Control | null = null;
  /** @param graphs to be shared with other systems' searches */
  constructor(readonly graphs = new Graphs()) {}

  order: LockOrder | null = null;
  /** Kept for the next search, over the same memory; see {@link Knowledge.close}. */
  space: Space | null = null;
  private threads: readonly Thread[] | null = null;
  private without: System['without'];

  /** The guards that the programs came to: see guards.ts. */
  get guards(): Guards['met'] {
    return this.control?.guards.met ?? new Map();
  }

  /** Gives the memory of what was kept back. */
  close(): void {
    this.space?.close();
    this.space = null;
  }

  /** What holds for a mutant of the system too, or is a good guess. */
  forMutant(): Knowledge {
    const { graphs, accesses, splitNested, splitLoops, asymmetric } = this;
    const learned = { accesses, splitNested, splitLoops, asymmetric };
    return Object.assign(new Knowledge(graphs), learned);
  }

  /** Forgets the graphs of other threads, and of these with another guard left out. */
  meet({ threads, without }: System): void {
    if (threads === this.threads && without === this.without) return;
    this.threads = threads;
    this.without = without;
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
    private make: () => System,
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
    // Starting over needs no new system, only the state in which this one began.
    const system = this.machine?.rewound() ?? this.make();
    const { mem } = system;
    knowledge.meet(system);
    const { splitNested, splitLoops } = knowledge;
    const control = strict ? null : knowledge.control;
    const { graphs } = knowledge;
    const machine = new Machine(system, {
      reduce,
      splitNested,
      splitLoops,
      strict,
      stride: knowledge.stride,
      control,
      graphs: strict ? new Graphs(new LocalGraphs(true)) : graphs,
    });
    const order = (control && knowledge.order) || new LockOrder(system.locks);
    knowledge.control = machine.control;
    knowledge.order = this.order = order;
    machine.control.onAcquire = (held, lock, node) => {
      if (!held.length) return;
      const known = order.found.length;
      order.note(held, lock, () => machine.control.where(node), node);
      // Without lock inversions a deadlock shows at the ends of transactions too.
      if (!reduce || knowledge.splitNested || order.found.length === known) return;
      knowledge.splitNested = machine.splitNested = true;
      if (machine.reduce) throw new Learned('nesting');
      machine.reactions?.forgetAll();
    };
    if (symmetry && !knowledge.asymmetric) machine.useSymmetry();
    mem.races.exchanged = machine.symmetric;
    for (const seen of knowledge.accesses) mem.races.learn(seen, mem.raced);
    this.machine = machine;
    if (this.store) {
      this.store.clear(machine.stride);
      this.store.lay(machine.layout);
    } else this.store = new StateStore(machine.layout);
    machine.onLayout = () => this.lay();
    if (reduce && !knowledge.accesses.length) this.rehearse();
    machine.testMode = testMode;
    mem.watching = reduce || testMode;
    mem.racing = true;
    mem.racesAnew = false;
    mem.raced.clear();
    mem.marks = 0;
    mem.symmetric = machine.symmetric;
    machine.toInitial();
  }

  /**
   * Goes on to another system over the same memory, with another beginning, other threads or both: what
   * the threads that it has in common with the one before do is known.
   * @param make of a system that differs in nothing else
   */
  turnTo(make: () => System): void {
    this.make = make;
    const { machine, store, knowledge } = this;
    const { mem } = machine;
    mem.watching = mem.symmetric = false;
    const system = make();
    if (system.mem !== mem || system.threads.length !== machine.nThreads || machine.symmetric) {
      throw new Error('a search is kept for systems over the same memory');
    }
    for (const seen of knowledge.accesses) mem.races.learn(seen, mem.raced);
    store.clear(machine.stride);
    machine.reduce = this.reduce;
    machine.turnTo(system);
  }

  /** Rows as the machine makes them up from now on, as long wherever this knowledge serves again. */
  private lay(): void {
    const { store, machine, knowledge } = this;
    if (store.staged) store.lookUp();
    if (machine.stride !== knowledge.stride) {
      knowledge.stride = machine.stride;
      store.widen(machine.stride);
    }
    store.lay(machine.layout);
  }

  /** Gives the memory of the states back: they must not be asked for any more. */
  close(): void {
    this.store.close();
  }

  /**
   * To be called with what a search threw. When something was learned, opens a fresh system that
   * knows it: the search must begin again.
   */
  restart(error: unknown): void {
    if (!(error instanceof Learned)) throw error;
    this.restarts++;
    if (error.what === 'race') {
      this.machine.again();
      this.store.clear(this.machine.stride);
      return;
    }
    if (error.what === 'loop') this.knowledge.splitLoops = true;
    if (error.what === 'asymmetry') this.knowledge.asymmetric = true;
    this.knowledge.accesses = [this.machine.mem.races.accesses()];
    this.open();
  }

  /**
   * Learns what races before states are stored: a run of each thread before the others, then runs
   * that switch at random, from at every step to rarely. The same runs every time.
   */
  private rehearse(): void {
    const { machine } = this;
    const { mem, nThreads: n } = machine;
    machine.reduce = false;
    mem.watching = true;
    let seed = 1 + this.restarts;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 12) % below;
    };
    try {
      for (let round = 0; round < n + RANDOM_RUNS; round++) {
        if (round < n && machine.startsDone(round)) continue;
        const patience = round < n ? Number.POSITIVE_INFINITY : 1 + (round % 5) * 8;
        machine.toInitial();
        let thread = round < n ? round : random(n);
        let left = patience;
        for (let steps = 0, stuck = 0; steps < 2_000 && stuck < n; steps++) {
          if (left-- <= 0) {
            thread = random(n);
            left = random(patience);
          }
          const ways = machine.ways(thread);
          if (ways && machine.transition(thread, random(ways))) stuck = 0;
          else {
            stuck++;
            thread = (thread + 1) % n;
          }
          if (machine.ended()) break;
        }
      }
    } finally {
      machine.reduce = true;
    }
  }
}
