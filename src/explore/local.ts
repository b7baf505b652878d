// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a routine can do, for given arguments: a graph whose nodes are "the values returned so far since
 * the routine began", reduced by two kinds of forgetting: a call that returned leaves only its result,
 * and an `again` leaves only the locals it names. A generator runs only when an edge is taken for the
 * first time, by whatever thread of whatever system.
 */
import {
  type Arg,
  ProgramError,
  probe,
  type Request,
  type RoutineDef,
  type Run,
  resume,
} from './program.ts';

const MAX_LOCAL = 20_000;
const MAX_HISTORY = 3_000;
/** Histories that are held to one promise, in strict mode; else one. */
const MAX_TWINS = 16;

export type Outcome = Request | { readonly type: 'return'; readonly value: number };

export interface LocalNode {
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

export interface LocalGraph {
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

/** Graphs by the arguments of a routine, one after the other. */
interface Place {
  graph: LocalGraph | null;
  readonly further: Map<Arg, Place>;
}

function placeAt<K>(places: Map<K, Place>, key: K): Place {
  let place = places.get(key);
  if (!place) places.set(key, (place = { graph: null, further: new Map() }));
  return place;
}

/** Graphs of routines, by routine and arguments. They say nothing of any system. */
export class LocalGraphs {
  private readonly byRoutine = new Map<RoutineDef, Place>();
  private readonly objects = new Map<Arg, number>();
  private count = 0;

  /** @param strict builds every node twice, and holds more than one other history to each promise */
  constructor(readonly strict = false) {}

  private placeOf(def: RoutineDef, args: readonly Arg[]): Place {
    let place = placeAt(this.byRoutine, def);
    for (const arg of args) place = placeAt(place.further, arg);
    return place;
  }

  /** The graph of a routine with these arguments. */
  graphOf(def: RoutineDef, args: readonly Arg[]): LocalGraph {
    const place = this.placeOf(def, args);
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
      id: this.count++,
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
  lineOf(node: LocalNode): string {
    return this.placeAfter(node.graph, this.historyOf(node));
  }

  private labelKey(o: { readonly label: string; readonly args: readonly Arg[] }): string {
    const parts = o.args.map((a) => {
      if (a === null || typeof a !== 'object') return JSON.stringify(a) ?? 'undefined';
      const { objects } = this;
      let id = objects.get(a);
      if (id === undefined) objects.set(a, (id = objects.size));
      return `#${id}`;
    });
    return `${o.label}|${parts.join(',')}`;
  }

  /** The local node after `node`'s request was answered with `value`. */
  follow(node: LocalNode, value: number): LocalNode {
    const known = node.edges.get(value);
    if (known) return known;
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
