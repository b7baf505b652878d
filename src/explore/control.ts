// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Control graphs: what a thread's program can do next, built once, as numbered nodes.
 *
 * Each routine, for given arguments, has a graph of its own: a local node is "the values returned
 * so far since the routine began", reduced by two kinds of forgetting: a call that returned leaves
 * only its result, and an `again` leaves only the locals it names. A thread's node is a stack of
 * local nodes, interned to a number. The graphs are shared by all threads and all callers, so a
 * generator runs only when an edge is taken for the first time.
 */
import { Guards } from './guards.ts';
import type { LockTable } from './locks.ts';
import {
  type Arg,
  ProgramError,
  probe,
  type Request,
  type RoutineDef,
  type Run,
  resume,
  type StepDef,
} from './program.ts';
import { LockSets } from './races.ts';

/** Node number of a thread that has finished. A finished thread keeps no locals. */
export const DONE = 0;
const MAX_NODES = 65_535;
const MAX_LOCAL = 20_000;
const MAX_HISTORY = 3_000;
/** Histories that are held to one promise, in strict mode; else one. */
const MAX_TWINS = 16;
/** Values below this are looked up in a flat table. */
const DIRECT = 4;

type Outcome = Request | { readonly type: 'return'; readonly value: number };

interface LocalNode {
  readonly id: number;
  readonly graph: LocalGraph;
  readonly outcome: Outcome;
  /** The values sent from the routine's start: the representative history. */
  readonly parent: LocalNode | null;
  readonly sent: number;
  readonly depth: number;
  /** The live generator standing at this node, until it is advanced. */
  live: Run<unknown> | null;
  readonly edges: Map<number, LocalNode>;
  /** The values whose edges lead to an `again` that was known before: they may close a cycle. */
  back: Set<number> | null;
  /** Other histories that arrived at this `again`; checked along with the first. */
  readonly twins: (readonly number[])[];
  /** The graph's nodes are merged at this one by a promise to forget. */
  readonly labelled: boolean;
}

interface LocalGraph {
  readonly def: RoutineDef;
  readonly args: readonly Arg[];
  entry: LocalNode;
  readonly labels: Map<string, LocalNode>;
  size: number;
}

function sameArgs(a: readonly Arg[], b: readonly Arg[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function sameOutcome(a: Outcome, b: Outcome): boolean {
  if (a.type === 'return' || b.type === 'return') {
    return a.type === 'return' && b.type === 'return' && a.value === b.value;
  }
  if (a.type === 'again' || b.type === 'again') {
    if (a.type !== 'again' || b.type !== 'again') return false;
    return a.label === b.label && sameArgs(a.args, b.args);
  }
  if (a.type === 'guard' || b.type === 'guard') {
    return a.type === 'guard' && b.type === 'guard' && a.what === b.what && a.value === b.value;
  }
  // A step's def is made once per declaration, so identity is the right test.
  return a.def === b.def && sameArgs(a.args, b.args);
}

/** What a thread holds at a node: see the fields of {@link Control}. */
interface Locks {
  readonly held: readonly number[];
  readonly write: number;
  readonly any: number;
  readonly unheld: readonly number[];
}

/** The entry of a lock that is held for reading, from that of one held for writing. */
const forReading = (entry: number): number => entry & ~1;

const NOTHING: Locks = { held: [], write: 0, any: 0, unheld: [] };

const sorted = (list: number[]): readonly number[] => list.sort((a, b) => a - b);

/** The list with one entry fewer. */
function less(list: readonly number[], entry: number): readonly number[] {
  const at = list.indexOf(entry);
  return list.filter((_, i) => i !== at);
}

/** A lock that was to be taken: with how often it is held, for the last one taken is released first. */
const unheldOf = ({ held }: Locks, entry: number): number =>
  entry * 64 + held.filter((h) => h === entry).length;

function withHeld({ unheld }: Locks, held: readonly number[]): Locks {
  let write = 0;
  let any = 0;
  for (const h of held) {
    const lock = h >> 1;
    if (lock >= 31) continue;
    any |= 1 << lock;
    if (h & 1) write |= 1 << lock;
  }
  return { held, write, any, unheld };
}

function describe(o: Outcome): string {
  if (o.type === 'return') return `return ${o.value}`;
  if (o.type === 'again')
    return `again('${o.label}'${o.args.map((a) => `, ${String(a)}`).join('')})`;
  if (o.type === 'guard') return `${o.what} = ${o.value}`;
  const args = o.args.filter((a) => a !== undefined);
  return `${o.def.name}(${args.map((a) => (typeof a === 'object' ? '…' : String(a))).join(', ')})`;
}

/** Can a routine come from one of its local states to another, as far as is known? */
function reaches(from: LocalNode, to: LocalNode): boolean {
  const seen = new Set([from]);
  for (const node of seen) {
    if (node === to) return true;
    for (const next of node.edges.values()) seen.add(next);
  }
  return false;
}

/** The first place on a call stack that is not the engine's own, as `file:line`, or nothing. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n')) {
    const place = /\(?(?:file:\/\/)?([^()\s]+:\d+):\d+\)?$/.exec(line)?.[1];
    if (place && !/src\/explore\/[\w-]+\.ts|node:|dist\/(chunk|cli|index|web)/.test(place))
      return place;
  }
  return '';
}

const atPlace = (place: string) => (place ? ` (${place})` : '');

/**
 * Graphs of routines, by routine and arguments. They say nothing of any system, so searches over
 * different systems may share them: a kernel function is then run once for all of them.
 */
export class LocalGraphs {
  private readonly byRoutine = new Map<RoutineDef, Place>();
  readonly objects = new Map<Arg, number>();
  count = 0;

  /** Where the graph of a routine with these arguments is, or is to be. */
  place(def: RoutineDef, args: readonly Arg[]): Place {
    let place = placeAt(this.byRoutine, def);
    for (const arg of args) place = placeAt(place.further, arg);
    return place;
  }
}

function placeAt<K>(places: Map<K, Place>, key: K): Place {
  let place = places.get(key);
  if (!place) places.set(key, (place = { graph: null, further: new Map() }));
  return place;
}

/** Graphs by the arguments of a routine, one after the other. */
interface Place {
  graph: LocalGraph | null;
  readonly further: Map<Arg, Place>;
}

export class Control {
  /** Per node: the step to run, its arguments, and what is known of the thread. */
  readonly def: StepDef[] = [];
  readonly args: (readonly Arg[])[] = [];
  /** Locks held at the node, as bit masks over lock numbers (only the first 31 locks count). */
  readonly heldWrite: number[] = [];
  readonly heldAny: number[] = [];
  /** The same two by the number of the set. */
  readonly heldSet: number[] = [];
  readonly lockSets = new LockSets();
  readonly held: (readonly number[])[] = [];
  /** Locks that the thread would hold if taking them were not what the mutant leaves out. */
  private readonly unheld: (readonly number[])[] = [];
  /** One where the step at a node is a choice. */
  isChoice = new Uint8Array(256);
  /** Nodes at which a loop begins: an `again` leads to them. */
  readonly loopHead: boolean[] = [];
  private readonly local: (LocalNode | null)[] = [];
  private readonly parent: number[] = [];
  private readonly children: Map<number, number>[] = [];
  private edges = new Int32Array(DIRECT * 256).fill(-1);
  private readonly farEdges: Map<number, number>[] = [];
  /** True once some local graph has a cycle: only then can the state graph have one. */
  cyclic = false;
  /** Called when a node is made that takes a lock, with the locks held before. */
  onAcquire: ((held: readonly number[], lock: number, node: number) => void) | null = null;

  constructor(
    private readonly world: unknown,
    readonly locks: LockTable,
    /** Builds every local node twice, and holds more than one other history to each promise. */
    private readonly strict = false,
    private readonly graphs = new LocalGraphs(),
    /** What was met of guards, and which of them is left out. */
    readonly guards = new Guards(),
  ) {
    this.addNode(null, -1, NOTHING); // DONE
  }

  get size(): number {
    return this.def.length;
  }

  /** The node at which each thread starts. */
  readonly starts: number[] = [];

  /** The node at which thread `thread`, running `run`, starts. */
  start(run: () => Run<unknown>, thread: number): number {
    const request = run().next();
    if (request.done || request.value.type !== 'call') {
      throw new ProgramError('a thread must be a routine: routine(name, function* () { ... })');
    }
    const graph = this.graphOf(request.value.def, request.value.args);
    this.starts[thread] = this.resolve(graph.entry, -1, NOTHING);
    return this.starts[thread];
  }

  /** The nodes that were found to follow a node. */
  successors(node: number): number[] {
    const found: number[] = [];
    for (let at = node * DIRECT; at < (node + 1) * DIRECT; at++) {
      if (this.edges[at] >= 0) found.push(this.edges[at]);
    }
    for (const to of this.farEdges[node]?.values() ?? []) found.push(to);
    return found;
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
    const local = this.local[node] as LocalNode;
    const def = this.def[node];
    let locks: Locks = {
      held: this.held[node],
      write: this.heldWrite[node],
      any: this.heldAny[node],
      unheld: this.unheld[node],
    };
    const takes = def.kind === 'acquire' || (def.kind === 'try' && value === 1);
    if (def.lock && (takes || def.kind === 'release')) {
      const entry = this.entryOf(def, this.args[node]);
      if (takes) locks = withHeld(locks, sorted([...locks.held, entry]));
      else if (!locks.held.includes(entry)) {
        throw new ProgramError(
          `${this.where(node)}: ${def.name} of ${this.locks.label(entry >> 1)}, which this thread does not hold`,
        );
      } else locks = withHeld(locks, less(locks.held, entry));
    } else if (def.lock && def.kind === 'downgrade') {
      const entry = this.entryOf(def, this.args[node]);
      if (!locks.held.includes(entry)) {
        throw new ProgramError(
          `${this.where(node)}: ${def.name} of ${this.locks.label(entry >> 1)}, which this thread does not hold for writing`,
        );
      }
      locks = withHeld(locks, sorted([...less(locks.held, entry), forReading(entry)]));
    }
    const to = this.resolve(this.follow(local, value), this.parent[node], locks);
    if (value >= 0 && value < DIRECT) this.edges[node * DIRECT + value] = to;
    else {
      this.farEdges[node] ??= new Map();
      this.farEdges[node].set(value, to);
    }
    return to;
  }

  /** A lock as `held` has it: its number, and whether for writing. */
  entryOf(def: StepDef, args: readonly Arg[]): number {
    const lock = (def.lock as (...a: unknown[]) => number)(this.world, ...args);
    return def.shared ? lock * 2 : lock * 2 + 1;
  }

  /** Walks through calls, returns, promises and tests to the next step, and interns the stack. */
  private resolve(at: LocalNode, parent: number, locksThen: Locks): number {
    const { guards } = this;
    let local = at;
    let up = parent;
    let locks = locksThen;
    let loops = false;
    for (let spins = 0; ; spins++) {
      if (spins > 10_000) throw new ProgramError(`${local.graph.def.name}: calls itself for ever`);
      const o = local.outcome;
      const where = local.graph.def.name;
      if (o.type === 'return') {
        if (up < 0) {
          if (locks.held.length) {
            const names = locks.held.map((h) => this.locks.label(h >> 1));
            throw new ProgramError(`${where} ends while holding ${names.join(', ')}`);
          }
          return DONE;
        }
        const caller = this.local[up] as LocalNode;
        up = this.parent[up];
        local = this.follow(caller, o.value);
      } else if (o.type === 'call') {
        if (o.def.guard && guards.leaveOut(o.def.guard, where, true)) local = this.follow(local, 0);
        else {
          up = this.intern(up, local, locks);
          local = this.graphOf(o.def, o.args).entry;
        }
      } else if (o.type === 'again') {
        loops = true;
        local = this.follow(local, 0);
      } else if (o.type === 'guard') {
        const out = guards.leaveOut(o.what, where, o.value !== 0);
        local = this.follow(local, out ? 0 : o.value);
      } else {
        const { def } = o;
        if (def.guard && guards.leaveOut(def.guard, where, true) && !def.without) {
          const takes = def.kind === 'acquire' || def.kind === 'try';
          if (takes && def.lock) {
            const unheld = unheldOf(locks, this.entryOf(def, o.args));
            locks = { ...locks, unheld: sorted([...locks.unheld, unheld]) };
          }
          local = this.follow(local, def.kind === 'try' ? 1 : 0);
          continue;
        }
        const lets = def.kind === 'release' || def.kind === 'downgrade';
        if (lets && def.lock && locks.unheld.length) {
          const entry = this.entryOf(def, o.args);
          const unheld = unheldOf(locks, entry);
          if (locks.unheld.includes(unheld)) {
            const rest = less(locks.unheld, unheld);
            const shared = def.kind === 'downgrade' ? [unheldOf(locks, forReading(entry))] : [];
            locks = { ...locks, unheld: sorted([...rest, ...shared]) };
            local = this.follow(local, 0);
            continue;
          }
        }
        const node = this.intern(up, local, locks);
        if (loops) this.loopHead[node] = true;
        return node;
      }
    }
  }

  private intern(parent: number, local: LocalNode, locks: Locks): number {
    const siblings = this.children[parent + 1];
    const key = this.guards.without.length ? this.guards.keyOf(local.id, locks) : local.id;
    const known = siblings?.get(key);
    if (known === undefined) return this.addNode(local, parent, locks, key);
    const { held } = locks;
    const h = this.held[known];
    if (h.length !== held.length || h.some((x, i) => x !== held[i])) {
      throw new ProgramError(
        `${this.where(known)} is reached with different locks held: ` +
          `[${h.map((x) => this.locks.label(x >> 1))}] and [${held.map((x) => this.locks.label(x >> 1))}]`,
      );
    }
    return known;
  }

  private addNode(local: LocalNode | null, parent: number, locks: Locks, key = 0): number {
    const id = this.def.length;
    if (id > MAX_NODES) {
      throw new ProgramError(
        `more than ${MAX_NODES} local states in ${local?.graph.def.name}: ` +
          'a loop remembers its whole history; put `yield* again(label, locals that matter)` at its head',
      );
    }
    const step = local?.outcome.type === 'step' ? local.outcome : null;
    const def = step && this.defOf(step.def, (local as LocalNode).graph.def.name);
    const args = step ? step.args : [];
    this.def.push(def as StepDef);
    this.args.push(args);
    this.held.push(locks.held);
    this.unheld.push(locks.unheld);
    this.loopHead.push(false);
    this.heldWrite.push(locks.write);
    this.heldAny.push(locks.any);
    this.heldSet.push(this.lockSets.numberOf(locks.any, locks.write));
    this.local.push(local);
    this.parent.push(parent);
    if (local) {
      this.children[parent + 1] ??= new Map();
      this.children[parent + 1].set(key, id);
    }
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

  /** What is executed where a routine asks for a step: in a mutant perhaps something else. */
  private defOf(def: StepDef, where: string): StepDef {
    const { guards } = this;
    if (!def.without || !guards.isOut(def.guard ?? '', where)) return def;
    return { ...def, run: def.without as unknown as StepDef['run'] };
  }

  /** The names of the routines that the thread is in, outermost first. */
  stack(node: number): readonly RoutineDef[] {
    const out: RoutineDef[] = [];
    for (let n = node; n > 0; n = this.parent[n])
      out.unshift((this.local[n] as LocalNode).graph.def);
    return out;
  }

  /** For messages: the routines and the step at a node. */
  where(node: number): string {
    if (node === DONE) return 'the end';
    const names = this.stack(node).map((d) => d.name);
    return `${names.join(' > ')} > ${this.def[node]?.name ?? '?'}`;
  }

  private graphOf(def: RoutineDef, args: readonly Arg[]): LocalGraph {
    const place = this.graphs.place(def, args);
    if (place.graph) return place.graph;
    const graph: LocalGraph = { def, args, entry: null as never, labels: new Map(), size: 0 };
    place.graph = graph;
    const live = this.begin(graph);
    const outcome = this.advance(live, 0, graph, true);
    if (this.strict) this.same(graph, [], outcome, this.replay(graph, [])[1]);
    graph.entry = this.makeLocal(graph, null, 0, live, outcome, outcome.type === 'again');
    if (outcome.type === 'again') graph.labels.set(this.labelKey(outcome), graph.entry);
    return graph;
  }

  private begin(graph: LocalGraph): Run<unknown> {
    return (graph.def.body as (...a: unknown[]) => Run<unknown>)(...graph.args);
  }

  private advance(gen: Run<unknown>, value: number, graph: LocalGraph, first = false): Outcome {
    let r: IteratorResult<Request, unknown>;
    try {
      r = resume(gen, first ? 0 : value);
    } catch (error) {
      if (error instanceof ProgramError) throw error;
      throw new ProgramError(
        `${graph.def.name} throws: ${error instanceof Error ? error.message : String(error)}${atPlace(placeOf(error))}`,
        { cause: error },
      );
    }
    if (!r.done) {
      if (!r.value || typeof r.value !== 'object' || !('type' in r.value)) {
        throw new ProgramError(
          `${graph.def.name} yields ${String(r.value)}: write yield* before steps and routines`,
        );
      }
      return r.value;
    }
    const v = r.value;
    if (v === undefined) return { type: 'return', value: 0 };
    if (typeof v === 'number') return { type: 'return', value: v | 0 };
    if (typeof v === 'boolean') return { type: 'return', value: v ? 1 : 0 };
    throw new ProgramError(`${graph.def.name} returns ${typeof v}: a routine returns an integer`);
  }

  private makeLocal(
    graph: LocalGraph,
    parent: LocalNode | null,
    sent: number,
    live: Run<unknown>,
    outcome: Outcome,
    labelled: boolean,
  ): LocalNode {
    const depth = parent ? parent.depth + 1 : 0;
    if (++graph.size > MAX_LOCAL || depth > MAX_HISTORY) {
      const many = graph.size > MAX_LOCAL ? MAX_LOCAL : MAX_HISTORY;
      const place = parent ? this.placeAfter(graph, this.historyOf(parent)) : '';
      throw new ProgramError(
        `${graph.def.name}${place} has more than ${many} local states: a loop remembers its whole ` +
          'history; put `yield* again(label, locals that matter)` at its head',
      );
    }
    return {
      id: this.graphs.count++,
      graph,
      outcome,
      parent,
      sent,
      depth,
      live: outcome.type === 'return' ? null : live,
      edges: new Map(),
      back: null,
      twins: [],
      labelled,
    };
  }

  private historyOf(node: LocalNode): number[] {
    const history: number[] = [];
    for (let n: LocalNode | null = node; n?.parent; n = n.parent) history.push(n.sent);
    return history.reverse();
  }

  /** Runs the routine afresh along a history and returns it with what it asks for at the end. */
  private replay(graph: LocalGraph, history: readonly number[]): [Run<unknown>, Outcome] {
    const gen = this.begin(graph);
    let o = this.advance(gen, 0, graph, true);
    for (const v of history) o = this.advance(gen, v, graph);
    return [gen, o];
  }

  /** The line at which a routine stands after a history. */
  private placeAfter(graph: LocalGraph, history: readonly number[]): string {
    let place = '';
    probe.ask = () => {
      place = placeOf(new Error());
    };
    try {
      this.replay(graph, history);
    } catch {
      // The routine is broken in some way that is already being reported.
    } finally {
      probe.ask = null;
    }
    return atPlace(place);
  }

  /** The line of the routine that asks for the step at a node, as ` (file:line)`, or nothing. */
  place(node: number): string {
    const local = this.local[node];
    return local ? this.placeAfter(local.graph, this.historyOf(local)) : '';
  }

  private labelKey(o: { readonly label: string; readonly args: readonly Arg[] }): string {
    const parts = o.args.map((a) => {
      if (a === null || typeof a !== 'object') return JSON.stringify(a) ?? 'undefined';
      const { objects } = this.graphs;
      let id = objects.get(a);
      if (id === undefined) objects.set(a, (id = objects.size));
      return `#${id}`;
    });
    return `${o.label}|${parts.join(',')}`;
  }

  /** The local node after `node`'s request was answered with `value`. */
  private follow(node: LocalNode, value: number): LocalNode {
    const known = node.edges.get(value);
    if (known) {
      if (node.back?.has(value)) this.cyclic = true;
      return known;
    }
    const { graph } = node;
    let gen = node.live;
    node.live = null;
    if (!gen) {
      const history = this.historyOf(node);
      const [fresh, outcome] = this.replay(graph, history);
      this.same(graph, history, node.outcome, outcome);
      gen = fresh;
    }
    const outcome = this.advance(gen, value, graph);
    if (this.strict) {
      const history = [...this.historyOf(node), value];
      this.same(graph, history, outcome, this.replay(graph, history)[1]);
    }
    let next: LocalNode;
    if (outcome.type === 'again') {
      const key = this.labelKey(outcome);
      const merged = graph.labels.get(key);
      if (merged) {
        if (reaches(merged, node)) {
          this.cyclic = true;
          node.back ??= new Set();
          node.back.add(value);
        }
        next = merged;
        if (merged.twins.length < (this.strict ? MAX_TWINS : 1)) {
          this.addTwin(merged, [...this.historyOf(node), value]);
        }
      } else {
        next = this.makeLocal(graph, node, value, gen, outcome, true);
        graph.labels.set(key, next);
      }
    } else {
      next = this.makeLocal(graph, node, value, gen, outcome, false);
    }
    node.edges.set(value, next);
    // Whoever came to the `again` above by another history must want the same thing here.
    const tail = [value];
    let head = node;
    for (; !head.labelled && head.parent; head = head.parent) tail.unshift(head.sent);
    for (const twin of [...head.twins]) this.keepsPromise(head, twin, tail, next);
    return next;
  }

  /** The same history must lead to the same request. */
  private same(graph: LocalGraph, history: readonly number[], a: Outcome, b: Outcome): void {
    if (sameOutcome(a, b)) return;
    throw new ProgramError(
      `${graph.def.name}${this.placeAfter(graph, history)} is not deterministic: after the same ` +
        `results it did ${describe(a)} once and ${describe(b)} later. A routine may depend on its ` +
        'arguments and on what its steps returned, on nothing else',
    );
  }

  /** Another history arrives at a label: all that follows must be the same for it. */
  private addTwin(head: LocalNode, twin: readonly number[]): void {
    head.twins.push(twin);
    const walk = (n: LocalNode, tail: readonly number[]): void => {
      for (const [value, to] of n.edges) {
        const longer = [...tail, value];
        this.keepsPromise(head, twin, longer, to);
        if (!to.labelled) walk(to, longer);
      }
    };
    walk(head, []);
  }

  private keepsPromise(
    head: LocalNode,
    twin: readonly number[],
    tail: readonly number[],
    next: LocalNode,
  ): void {
    const { graph } = head;
    const history = [...twin, ...tail];
    const expected = next.outcome;
    const outcome = this.replay(graph, history)[1];
    if (sameOutcome(outcome, expected)) {
      // Once more round the loop is one more history: a routine may count its rounds.
      if (this.strict && next.labelled && next.twins.length < MAX_TWINS) {
        this.addTwin(next, history);
      }
      return;
    }
    const label = head.outcome.type === 'again' ? head.outcome.label : '';
    throw new ProgramError(
      `${graph.def.name}: again('${label}')${this.placeAfter(graph, this.historyOf(head))} promises ` +
        'that nothing but its named locals matters, yet after it the routine did ' +
        `${describe(expected)} with one history and ${describe(outcome)} with another` +
        `${this.placeAfter(graph, history)}. Name the local that makes the difference`,
    );
  }
}
