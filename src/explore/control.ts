// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Control graphs: what the threads of one system can do next, as numbered nodes. A node is a stack of
 * local states (stacks.ts) that this system has come to; it gets its number then, so that the numbers are
 * small however many stacks other systems have.
 */
import { Guards } from './guards.ts';
import type { LocalNode } from './local.ts';
import type { LockTable } from './locks.ts';
import { type Arg, ProgramError, type RoutineDef, type Run, type StepDef } from './program.ts';
import { LockSets } from './races.ts';
import { type Edge, entryOf, FINISHED, Graphs, type Stack, Walker } from './stacks.ts';

/** Node number of a thread that has finished. A finished thread keeps no locals. */
export const DONE = 0;
const MAX_NODES = 65_535;
/** Values below this are looked up in a flat table. */
const DIRECT = 4;

export class Control {
  /** Per node: the step to run, its arguments, and what is known of the thread. */
  readonly def: StepDef[] = [];
  readonly args: (readonly Arg[])[] = [];
  /** Locks held at the node: each as {@link entryOf} has it, and the number of the set. */
  readonly held: (readonly number[])[] = [];
  readonly heldSet: number[] = [];
  readonly lockSets = new LockSets();
  /** One where the step at a node is a choice. */
  isChoice = new Uint8Array(256);
  /** Nodes at which a loop begins: an `again` leads to them. */
  readonly loopHead: boolean[] = [];
  private readonly stacks: Stack[] = [];
  private readonly numbers = new Map<Stack, number>();
  private edges = new Int32Array(DIRECT * 256).fill(-1);
  /** How many edges were found. */
  edgeCount = 0;
  private readonly farEdges: Map<number, number>[] = [];
  private readonly walker: Walker;
  /** True once some local graph has a cycle: only then can the state graph have one. */
  cyclic = false;
  /** Called when a node is made that takes a lock, with the locks held before. */
  onAcquire: ((held: readonly number[], lock: number, node: number) => void) | null = null;
  /** The node at which each thread starts. */
  readonly starts: number[] = [];

  constructor(
    private readonly world: unknown,
    readonly locks: LockTable,
    private readonly graphs = new Graphs(),
    /** What was met of guards, and which of them is left out. */
    readonly guards = new Guards(),
  ) {
    this.walker = new Walker(world, locks, graphs, guards);
    this.addNode(FINISHED);
  }

  get size(): number {
    return this.def.length;
  }

  /** The node at which thread `thread`, running `run`, starts. */
  start(run: () => Run<unknown>, thread: number): number {
    const request = run().next();
    if (request.done || request.value.type !== 'call') {
      throw new ProgramError('a thread must be a routine: routine(name, function* () { ... })');
    }
    const { def, args } = request.value;
    this.starts[thread] = this.taken(this.walker.start(def, args));
    return this.starts[thread];
  }

  /** Calls `visit` for each node that was found to follow a node. */
  successors(node: number, visit: (to: number) => void): void {
    for (let at = node * DIRECT; at < (node + 1) * DIRECT; at++) {
      if (this.edges[at] >= 0) visit(this.edges[at]);
    }
    this.farEdges[node]?.forEach(visit);
  }

  /** The node after the step at `node` returned `value`. */
  next(node: number, value: number): number {
    if (value >= 0 && value < DIRECT) {
      const to = this.edges[node * DIRECT + value];
      if (to >= 0) return to;
    } else {
      const to = this.farEdges[node]?.get(value);
      if (to !== undefined) return to;
    }
    return this.makeEdge(node, value);
  }

  private makeEdge(node: number, value: number): number {
    const to = this.taken(this.walker.after(this.stacks[node], value));
    this.edgeCount++;
    if (value >= 0 && value < DIRECT) this.edges[node * DIRECT + value] = to;
    else {
      this.farEdges[node] ??= new Map();
      this.farEdges[node].set(value, to);
    }
    return to;
  }

  /** Notes what is passed on an edge that was not taken before; gives the node that it leads to. */
  private taken({ to, met, loops, cyclic }: Edge): number {
    for (const each of met) this.guards.meet(each);
    if (cyclic) this.cyclic = true;
    const node = this.numbers.get(to) ?? this.addNode(to);
    if (loops && node !== DONE) this.loopHead[node] = true;
    return node;
  }

  private addNode(stack: Stack): number {
    const { def, args, locks, local } = stack;
    const id = this.def.length;
    if (id > MAX_NODES) {
      throw new ProgramError(
        `more than ${MAX_NODES} local states in ${local?.graph.def.name}: ` +
          'a loop remembers its whole history; put `yield* again(label, locals that matter)` at its head',
      );
    }
    this.numbers.set(stack, id);
    this.stacks.push(stack);
    this.def.push(def as StepDef);
    this.args.push(args);
    this.held.push(locks.held);
    this.loopHead.push(false);
    this.heldSet.push(this.lockSets.numberOf(locks.any, locks.write));
    if (id * DIRECT + DIRECT > this.edges.length) {
      const bigger = new Int32Array(this.edges.length * 2).fill(-1);
      bigger.set(this.edges);
      this.edges = bigger;
      const choices = new Uint8Array(this.isChoice.length * 2);
      choices.set(this.isChoice);
      this.isChoice = choices;
    }
    this.isChoice[id] = def?.kind === 'choice' ? 1 : 0;
    if (def?.kind === 'acquire' && def.lock && this.onAcquire) {
      this.onAcquire(locks.held, this.entryOf(def, args) >> 1, id);
    }
    return id;
  }

  /** A lock as `held` has it: its number, and whether for writing. */
  entryOf(def: StepDef, args: readonly Arg[]): number {
    return entryOf(this.world, def, args);
  }

  /** The routines that the thread is in, outermost first. */
  stack(node: number): readonly RoutineDef[] {
    return this.stacks[node].routines;
  }

  /** For messages: the routines and the step at a node. */
  where(node: number): string {
    return node === DONE ? 'the end' : this.stacks[node].where;
  }

  /** The line of the routine that asks for the step at a node, as ` (file:line)`, or nothing. */
  place(node: number): string {
    const local: LocalNode | null = this.stacks[node].local;
    return local ? this.graphs.local.lineOf(local) : '';
  }
}
