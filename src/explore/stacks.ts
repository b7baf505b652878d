// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What threads can do next: stacks of the local states of routines (local.ts), with the locks that are
 * held, and where each value that a step returns leads. Nothing of it depends on what is in memory, so
 * searches over systems with the same locks share it, and a mutant shares what does not come to the
 * guard that it does without.
 */
import { type Guard, type Guards, guardText } from './guards.ts';
import { LocalGraphs, type LocalNode } from './local.ts';
import type { LockTable } from './locks.ts';
import { type Arg, ProgramError, type RoutineDef, type StepDef } from './program.ts';

/** What a thread holds. Masks are over lock numbers (only the first 31 locks count). */
export interface Locks {
  /** Each lock held, as a number: see {@link Stacks.entryOf}. */
  readonly held: readonly number[];
  readonly write: number;
  readonly any: number;
  /** Locks that it would hold if taking them were not what the mutant leaves out. */
  readonly unheld: readonly number[];
}

const NOTHING: Locks = { held: [], write: 0, any: 0, unheld: [] };

/** A guard that the program comes to. */
export interface Met {
  readonly guard: Guard;
  /** The guard as a person reads it. */
  readonly text: string;
  /** Whether it does anything there: a test that does not hold stops nobody. */
  readonly acts: boolean;
}

const NONE: readonly Met[] = [];

/** Where a value leads, and what is passed on the way. */
export interface Edge {
  /** What the step returned. */
  readonly value: number;
  readonly to: Stack;
  readonly met: readonly Met[];
  /** An `again` was passed: a loop begins where it leads. */
  readonly loops: boolean;
  /** One that was known before: it may close a cycle. */
  readonly cyclic: boolean;
  /** The other edges of the stack that it begins at: there are few. */
  readonly next: Edge | null;
}

function edgeOf(first: Edge | null, value: number): Edge | null {
  let edge = first;
  while (edge && edge.value !== value) edge = edge.next;
  return edge;
}

/** A thread's local state: its innermost routine's, and those of the routines that called it. */
export class Stack {
  /** What is called from here, by the number of its local state. */
  children: Map<number, Stack> | null = null;
  edges: Edge | null = null;

  constructor(
    /** Null for a thread that has finished: it keeps no locals. */
    readonly local: LocalNode | null,
    readonly parent: Stack | null,
    readonly locks: Locks,
    /** The step to run here; null where a routine is called. */
    readonly def: StepDef | null,
    readonly args: readonly Arg[],
    /** Known to one mutant only. */
    readonly isMutant: boolean,
  ) {}

  /** The routines that the thread is in, outermost first. */
  get routines(): readonly RoutineDef[] {
    const out: RoutineDef[] = [];
    for (let s: Stack | null = this; s?.local; s = s.parent) out.unshift(s.local.graph.def);
    return out;
  }

  /** For messages: the routines and the step. */
  get where(): string {
    const names = this.routines.map((d) => d.name);
    return `${names.join(' > ')} > ${this.def?.name ?? '?'}`;
  }
}

const NO_ARGS: readonly Arg[] = [];
export const FINISHED = new Stack(null, null, NOTHING, null, NO_ARGS, false);

/** The entry of a lock that is held for reading, from that of one held for writing. */
const forReading = (entry: number): number => entry & ~1;

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

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/** A lock as {@link Locks.held} has it: its number, and whether for writing. */
export function entryOf(world: unknown, def: StepDef, args: readonly Arg[]): number {
  const lock = (def.lock as (...a: unknown[]) => number)(world, ...args);
  return def.shared ? lock * 2 : lock * 2 + 1;
}

/** What threads can do next, in systems whose steps name the same locks by the same numbers. */
export class Stacks {
  /** By the local state in which a thread starts. */
  readonly starts = new Map<LocalNode, Edge>();
  /** Stacks of one routine. */
  readonly roots = new Map<number, Stack>();
}

/** All that searches over different systems may share, if their steps' `lock` depends on the arguments only. */
export class Graphs {
  private readonly byLocks = new Map<string, Stacks>();

  constructor(readonly local = new LocalGraphs()) {}

  stacks(locks: LockTable): Stacks {
    const key = locks.classes.map((c) => `${c.name} ${c.count}`).join();
    let stacks = this.byLocks.get(key);
    if (!stacks) this.byLocks.set(key, (stacks = new Stacks()));
    return stacks;
  }
}

/** Finds out where values lead, in one system. */
export class Walker {
  private readonly local: LocalGraphs;
  private readonly stacks: Stacks;
  /** Of a mutant: where it goes otherwise than the program, and what is called there. */
  private readonly edges = new Map<Stack, Edge>();
  private readonly children = new Map<Stack | null, Map<number, Stack>>();
  /** Of the edge at hand. */
  private met: Met[] = [];
  private loops = false;
  private cyclic = false;

  constructor(
    private readonly world: unknown,
    private readonly locks: LockTable,
    graphs: Graphs,
    private readonly guards: Guards,
  ) {
    this.local = graphs.local;
    this.stacks = graphs.stacks(locks);
  }

  /** Where a thread starts that runs a routine. */
  start(def: RoutineDef, args: readonly Arg[]): Edge {
    const { entry } = this.local.graphOf(def, args);
    const known = this.stacks.starts.get(entry);
    if (known && !this.leavesOut(known)) return known;
    this.begin();
    const edge = this.edge(0, this.resolve(entry, null, NOTHING), null);
    if (!this.guards.without.length) this.stacks.starts.set(entry, edge);
    return edge;
  }

  /** Where a thread goes when the step at a stack has returned a value. */
  after(from: Stack, value: number): Edge {
    const known = edgeOf(from.edges, value);
    if (known && !this.leavesOut(known)) return known;
    // What a mutant does is kept apart from what the program does, but where the program never is.
    if (this.guards.without.length === 0 || from.isMutant) {
      from.edges = this.walk(from, value, from.edges);
      return from.edges;
    }
    const others = this.edges.get(from) ?? null;
    const own = edgeOf(others, value);
    if (own) return own;
    const edge = this.walk(from, value, others);
    this.edges.set(from, edge);
    return edge;
  }

  /** Does the program come to a guard here that this mutant does without? */
  private leavesOut({ met }: Edge): boolean {
    return (
      this.guards.without.length > 0 &&
      met.some(({ guard }) => this.guards.isOut(guard.what, guard.where))
    );
  }

  private begin(): void {
    if (this.met.length) this.met = [];
    this.loops = this.cyclic = false;
  }

  /** @param next the edges of the stack that are known */
  private walk(from: Stack, value: number, next: Edge | null): Edge {
    this.begin();
    const { args } = from;
    const def = from.def as StepDef;
    let { locks } = from;
    const takes = def.kind === 'acquire' || (def.kind === 'try' && value === 1);
    if (def.lock && (takes || def.kind === 'release' || def.kind === 'downgrade')) {
      const entry = entryOf(this.world, def, args);
      if (takes) locks = withHeld(locks, sorted([...locks.held, entry]));
      else if (!locks.held.includes(entry)) {
        const how = def.kind === 'downgrade' ? ' for writing' : '';
        throw new ProgramError(
          `${from.where}: ${def.name} of ${this.locks.label(entry >> 1)}, which this thread does not hold${how}`,
        );
      } else {
        const rest = less(locks.held, entry);
        const held = def.kind === 'release' ? rest : sorted([...rest, forReading(entry)]);
        locks = withHeld(locks, held);
      }
    }
    const local = this.follow(from.local as LocalNode, value);
    return this.edge(value, this.resolve(local, from.parent, locks), next);
  }

  private follow(node: LocalNode, value: number): LocalNode {
    const next = this.local.follow(node, value);
    if (node.back?.has(value)) this.cyclic = true;
    return next;
  }

  /** Comes to a guard; tells whether to leave it out. */
  private meet(what: string, where: string, acts: boolean): boolean {
    const guard = { what, where };
    this.met.push({ guard, text: guardText(guard), acts });
    return this.guards.isOut(what, where);
  }

  /** Walks through calls, returns, promises and tests to the next step, and interns the stack. */
  private resolve(at: LocalNode, parent: Stack | null, locksThen: Locks): Stack {
    let local = at;
    let up = parent;
    let locks = locksThen;
    for (let spins = 0; ; spins++) {
      if (spins > 10_000) throw new ProgramError(`${local.graph.def.name}: calls itself for ever`);
      const o = local.outcome;
      const where = local.graph.def.name;
      if (o.type === 'return') {
        if (!up) {
          if (locks.held.length) {
            const names = locks.held.map((h) => this.locks.label(h >> 1));
            throw new ProgramError(`${where} ends while holding ${names.join(', ')}`);
          }
          return FINISHED;
        }
        const caller = up.local as LocalNode;
        up = up.parent;
        local = this.follow(caller, o.value);
      } else if (o.type === 'call') {
        if (o.def.guard && this.meet(o.def.guard, where, true)) local = this.follow(local, 0);
        else {
          up = this.intern(up, local, locks, null, NO_ARGS);
          local = this.local.graphOf(o.def, o.args).entry;
        }
      } else if (o.type === 'again') {
        this.loops = true;
        local = this.follow(local, 0);
      } else if (o.type === 'guard') {
        const out = this.meet(o.what, where, o.value !== 0);
        local = this.follow(local, out ? 0 : o.value);
      } else {
        const { def } = o;
        const out = def.guard ? this.meet(def.guard, where, true) : false;
        if (out && !def.without) {
          const takes = def.kind === 'acquire' || def.kind === 'try';
          if (takes && def.lock) {
            const unheld = unheldOf(locks, entryOf(this.world, def, o.args));
            locks = { ...locks, unheld: sorted([...locks.unheld, unheld]) };
          }
          local = this.follow(local, def.kind === 'try' ? 1 : 0);
          continue;
        }
        const lets = def.kind === 'release' || def.kind === 'downgrade';
        if (lets && def.lock && locks.unheld.length) {
          const entry = entryOf(this.world, def, o.args);
          const unheld = unheldOf(locks, entry);
          if (locks.unheld.includes(unheld)) {
            const rest = less(locks.unheld, unheld);
            const shared = def.kind === 'downgrade' ? [unheldOf(locks, forReading(entry))] : [];
            locks = { ...locks, unheld: sorted([...rest, ...shared]) };
            local = this.follow(local, 0);
            continue;
          }
        }
        const run = out && def.without ? { ...def, run: withoutOf(def) } : def;
        return this.intern(up, local, locks, run, o.args);
      }
    }
  }

  private edge(value: number, to: Stack, next: Edge | null): Edge {
    const { met, loops, cyclic } = this;
    return { value, to, met: met.length ? met : NONE, loops, cyclic, next };
  }

  private intern(
    parent: Stack | null,
    local: LocalNode,
    locks: Locks,
    def: StepDef | null,
    args: readonly Arg[],
  ): Stack {
    const { guards, stacks } = this;
    const known = (parent ? parent.children : stacks.roots)?.get(local.id);
    if (guards.without.length) {
      const alike = known && !locks.unheld.length && same(known.locks.held, locks.held);
      if (alike && known.def === def) return known;
      return this.internMutant(parent, local, locks, def, args);
    }
    if (!known) {
      const stack = new Stack(local, parent, locks, def, args, false);
      const siblings = parent ? (parent.children ??= new Map()) : stacks.roots;
      siblings.set(local.id, stack);
      return stack;
    }
    if (!same(known.locks.held, locks.held)) {
      const names = ({ held }: Locks) => `[${held.map((x) => this.locks.label(x >> 1))}]`;
      throw new ProgramError(
        `${known.where} is reached with different locks held: ${names(known.locks)} and ${names(locks)}`,
      );
    }
    return known;
  }

  private internMutant(
    parent: Stack | null,
    local: LocalNode,
    locks: Locks,
    def: StepDef | null,
    args: readonly Arg[],
  ): Stack {
    let siblings = this.children.get(parent);
    if (!siblings) this.children.set(parent, (siblings = new Map()));
    const key = this.guards.keyOf(local.id, locks);
    let stack = siblings.get(key);
    if (!stack) siblings.set(key, (stack = new Stack(local, parent, locks, def, args, true)));
    return stack;
  }
}

const withoutOf = (def: StepDef) => def.without as unknown as StepDef['run'];
