// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A system written out as a Promela model, so that Spin can count its states.
 *
 * The model has one location for each control node of a thread and one transition for each step, or
 * for each transaction: guarded by the values that it read, it makes the writes that it made and goes
 * to the node that it ended at. What it does is recorded by running it once for every combination of
 * values that it meets in any state that the search found; the model knows no more of the system than
 * that. On the states that were found it therefore does exactly what the system does, and a state
 * that the search failed to find, or found twice, shows: Spin, which explores the model with an engine
 * of its own, then counts another number.
 */
import { type Control, DONE } from './control.ts';
import { type Machine, Moved, type System } from './machine.ts';
import { Search } from './search.ts';

export interface PromelaModel {
  /** The model's text. To be read with all steps and variables kept: `spin -a -o2 -o3`. */
  readonly text: string;
  /** States that our search stored: what Spin must count. */
  readonly states: number;
  /** Transitions that our search made. Spin counts its arrival in the initial state as one more. */
  readonly transitions: number;
  /** Transitions at which a rule falls, and deadlocks: what Spin calls errors. */
  readonly errors: number;
}

/** What a step leaves in a slot: a value, or the value that it read plus something. */
interface Write {
  readonly slot: number;
  readonly value: number;
  readonly adds: boolean;
}

/** One way in which a thread may go on, or nothing at all when its step must wait. */
interface Move {
  readonly way: number;
  readonly to: number;
  /** The access or check reported: an assertion that fails. */
  readonly errs: boolean;
  readonly writes: readonly Write[];
}

interface Leaf {
  readonly moves: readonly Move[];
}

/** The step reads a slot, and what comes next depends on the value. */
interface Branch {
  readonly slot: number;
  readonly children: Map<number, Tree>;
}

/** What is known of the step at one node of one thread. */
type Tree = Branch | Leaf;

interface Condition {
  readonly slot: number;
  readonly values: readonly number[];
  /** The values are those that the slot must not have. */
  readonly not: boolean;
}

/** A move and when it is possible; in the end, an option of an `if`. */
interface Option {
  readonly when: readonly Condition[];
  readonly move: Move;
}

const isBranch = (tree: Tree): tree is Branch => 'slot' in tree;

/** Makes transitions from the machine's present state, and notes what they read and write. */
class Recorder {
  private readonly reads = new Map<number, number>();
  private readonly words: Int32Array;
  private readonly watched: Int32Array;

  constructor(private readonly machine: Machine) {
    const { reads } = this;
    const { mem } = machine;
    const { words } = mem;
    this.words = words;
    // Where steps are joined, it is the memory that says where a transition ends.
    const asked = machine.reduce
      ? {
          read: mem.noteRead.bind(mem),
          write: mem.noteWrite.bind(mem),
          lock: mem.noteLock.bind(mem),
        }
      : null;
    let overwritten = -1;
    const read = (slot: number) => {
      if (!this.wrote(slot) && !reads.has(slot)) reads.set(slot, words[slot]);
    };
    mem.noteRead = (slot) => {
      read(slot);
      asked?.read(slot);
    };
    mem.noteLock = (slot) => {
      read(slot);
      asked?.lock(slot);
    };
    mem.noteWrite = (slot) => {
      // A slot that is set looks whether its value changes. That is no read of the step's, and the
      // slot is written in any case.
      overwritten = slot;
      mem.logWrite(slot, words[slot]);
      asked?.write(slot);
    };
    // Some steps look at the words themselves.
    this.watched = new Proxy(words, {
      get(_, key) {
        const slot = typeof key === 'string' ? Number(key) : Number.NaN;
        if (!Number.isInteger(slot)) throw new Error(`a step uses words.${String(key)}`);
        if (overwritten !== slot) read(slot);
        overwritten = -1;
        return words[slot];
      },
      set(_, key, value: number) {
        overwritten = -1;
        words[Number(key)] = value;
        return true;
      },
    });
  }

  /** The transition that is being made has written to the slot. */
  private wrote(slot: number): boolean {
    const { logSlots, logTop } = this.machine.mem;
    for (let i = 0; i < logTop; i++) if (logSlots[i] === slot) return true;
    return false;
  }

  /** Adds to `tree` what thread `t` does in the present state. */
  record(tree: Tree | undefined, t: number): Tree {
    const { machine, reads } = this;
    const { mem } = machine;
    reads.clear();
    mem.logTop = 0;
    mem.watching = true;
    mem.words = this.watched;
    let moves: Move[];
    try {
      moves = this.movesOf(t);
    } finally {
      mem.words = this.words;
      mem.watching = false;
    }
    return graft(tree, [...reads], { moves });
  }

  private movesOf(t: number): Move[] {
    const { machine } = this;
    const node = machine.at[t];
    const moves: Move[] = [];
    const ways = machine.ways(t);
    for (let way = 0; way < ways; way++) {
      if (machine.transition(t, way) === Moved.No) break;
      const errs = machine.violations.length > 0;
      // A search ends its path at such a violation: the state behind it is none.
      if (machine.ended()) moves.push({ way, to: node, errs, writes: [] });
      else moves.push({ way, to: machine.at[t], errs, writes: this.writes() });
      machine.undo();
    }
    return moves;
  }

  private writes(): Write[] {
    const { logSlots, logTop } = this.machine.mem;
    const slots = [...new Set(logSlots.subarray(0, logTop))].sort((a, b) => a - b);
    return slots.map((slot) => ({ slot, value: this.words[slot], adds: false }));
  }
}

function graft(
  tree: Tree | undefined,
  reads: readonly (readonly [slot: number, value: number])[],
  leaf: Leaf,
): Tree {
  if (reads.length === 0) return leaf;
  const [[slot, value], ...rest] = reads;
  const branch: Branch = tree && isBranch(tree) ? tree : { slot, children: new Map() };
  if (branch.slot !== slot) throw new Error('a transition reads different slots in the same state');
  branch.children.set(value, graft(branch.children.get(value), rest, leaf));
  return branch;
}

/** The known moves in the present state, or nothing when this combination of values is new. */
function lookUp(tree: Tree | undefined, words: Int32Array): Leaf | undefined {
  let at = tree;
  while (at && isBranch(at)) at = at.children.get(words[at.slot]);
  return at;
}

const word = (name: string) => name.replace(/\W+/g, '_').replace(/^\d/, 'v$&');
const remark = (text: string) => text.replace(/\*\//g, '* /');

/**
 * A variable of the model: a slot that ever changes, or the slots that the threads have each for
 * itself. It is a byte: values that do not fit into one are stored as codes.
 */
class Variable {
  readonly values = new Set<number>();
  private readonly codes = new Map<number, number>();

  constructor(
    readonly name: string,
    /** For the slots of threads: what each thread's starts with. */
    readonly starts: readonly number[] | null,
  ) {}

  /** To be called when all values are known. */
  settle(): void {
    const far = [...this.values].filter((v) => v < 0 || v > 255).sort((a, b) => a - b);
    const first = 256 - far.length;
    if (this.values.size > 256 || [...this.values].some((v) => v >= first && v <= 255)) {
      throw new Error(`${this.name}: too many values for a byte`);
    }
    for (const v of far) this.codes.set(v, first + this.codes.size);
  }

  code(value: number): number {
    return this.codes.get(value) ?? value;
  }

  /** The value is stored as it is, so that one can count with it. */
  counts(value: number): boolean {
    return value >= 0 && value < 256 && !this.codes.has(value);
  }

  declaration(initial: number): string {
    const legend = [...this.codes].map(([v, code]) => `${code} is ${v}`).join(', ');
    const type = [...this.values].every((v) => v === 0 || v === 1) ? 'bool' : 'byte';
    const { name, starts } = this;
    const start = starts ? `{ ${starts.map((v) => this.code(v)).join(', ')} }` : this.code(initial);
    const size = starts ? `[${starts.length}]` : '';
    return `${starts ? 'byte' : type} ${name}${size} = ${start};${legend && ` /* ${legend} */`}`;
  }
}

class Writer {
  private readonly variables = new Map<number, Variable>();

  constructor(
    private readonly system: System,
    private readonly control: Control,
    private readonly initial: Int32Array,
    private readonly starts: readonly number[],
    /** By thread and node. */
    private readonly trees: readonly (readonly (Tree | undefined)[])[],
  ) {
    this.findVariables();
  }

  write(): string {
    const { threads } = this.system;
    // Identical threads that do the same, each with slots of its own, are one proctype.
    const types: { first: number; count: number; body: string }[] = [];
    threads.forEach(({ run }, t) => {
      const body = this.body(t);
      const last = types.at(-1);
      if (last && threads[last.first].run === run && last.body === body) last.count++;
      else types.push({ first: t, count: 1, body });
    });
    const proctypes = types.flatMap(({ first, count, body }) => {
      const many = count > 1 ? ` [${count}]` : '';
      const name = `thread_${first}_${word(threads[first].name)}`;
      return ['', `active${many} proctype ${name}() {`, body, '}'];
    });
    return `${[...this.head(), ...proctypes].join('\n')}\n`;
  }

  private head(): string[] {
    const declarations = new Map<Variable, string>();
    for (const [slot, variable] of [...this.variables].sort(([a], [b]) => a - b)) {
      declarations.set(variable, variable.declaration(this.initial[slot]));
    }
    return [
      '/*',
      ' * Generated: the steps of a system, one transition each.',
      ' * To count its states: spin -a -o2 -o3; gcc -O2 -DSAFETY -DNOREDUCE; ./pan -c0',
      ' * A step at which a rule falls is an assertion that fails. Where that ends the path, nothing',
      ' * else changes.',
      ' */',
      ...declarations.values(),
    ];
  }

  /** Finds the slots that ever change, with all values that they ever have. */
  private findVariables(): void {
    const { variables, initial } = this;
    const { mem } = this.system;
    const written = new Map<number, Set<number>>();
    const visit = (tree: Tree): void => {
      if (isBranch(tree)) for (const child of tree.children.values()) visit(child);
      else {
        for (const { slot, value } of tree.moves.flatMap(({ writes }) => writes)) {
          written.set(slot, (written.get(slot) ?? new Set([initial[slot]])).add(value));
        }
      }
    };
    for (const trees of this.trees) for (const tree of trees) if (tree) visit(tree);
    const changed = [...written].filter(([, values]) => values.size > 1).sort(([a], [b]) => a - b);
    const ofThreads = new Map<string, Variable>();
    const names = new Set<string>();
    for (const [slot, values] of changed) {
      const { array, index } = mem.describe(slot);
      const per = array.options.perThread;
      const at = per ? index % per : index;
      const stem = word(array.name) + (array.length > (per ?? 1) ? `_${at}` : '');
      let variable = per ? ofThreads.get(`${array.id} ${at}`) : undefined;
      if (!variable) {
        let name = `${stem}_`;
        while (names.has(name)) name += '_';
        names.add(name);
        const starts: number[] = [];
        for (let i = at; per && i < array.length; i += per) starts.push(initial[array.base + i]);
        variable = new Variable(name, per ? starts : null);
        for (const v of starts) variable.values.add(v);
        if (per) ofThreads.set(`${array.id} ${at}`, variable);
      }
      for (const v of values) variable.values.add(v);
      variables.set(slot, variable);
    }
    for (const variable of new Set(variables.values())) variable.settle();
  }

  /** The text of thread `t`. */
  private body(t: number): string {
    const trees = this.trees[t];
    const start = this.starts[t];
    const out: string[] = [];
    const put = (node: number) => {
      const tree = trees[node];
      if (!tree) return;
      out.push(`  /* ${remark(this.control.where(node))} */`, `N${node}:`);
      const options = this.optionsOf(tree);
      if (options.length === 0) out.push('  false;');
      else out.push('  if', ...this.merged(t, options), '  fi;');
    };
    put(start);
    for (let node = 0; node < trees.length; node++) if (node !== start) put(node);
    // A process that ended would leave the state; this one only stops.
    out.push('end:', `N${DONE}:`, '  false');
    return out.join('\n');
  }

  /** What a step may do, and when, without conditions that make no difference. */
  private optionsOf(tree: Tree): Option[] {
    if (!isBranch(tree)) {
      return tree.moves.map((move) => {
        const writes = move.writes.filter(({ slot }) => this.variables.has(slot));
        return { when: [], move: { ...move, writes } };
      });
    }
    const { slot, children } = tree;
    const variable = this.variables.get(slot);
    const values = [...children.keys()].sort((a, b) => a - b);
    const set = new Map<number, Option[]>();
    const added = new Map<number, Option[]>();
    for (const v of values) {
      const options = this.optionsOf(children.get(v) as Tree);
      set.set(v, options);
      added.set(v, variable?.counts(v) ? relative(options, slot, v, variable) : options);
    }
    const asSet = grouped(set);
    const asAdded = grouped(added);
    const adds = asAdded.length < asSet.length;
    return (adds ? asAdded : asSet).flatMap((group) => {
      const others = values.filter((v) => !group.includes(v));
      const not = others.length < group.length;
      const when = others.length ? [{ slot, values: not ? others : group, not }] : [];
      const options = (adds && group.length > 1 ? added : set).get(group[0]) ?? [];
      return options.map((o) => ({ when: [...when, ...o.when], move: o.move }));
    });
  }

  /** The options as text, one line for each effect. */
  private merged(t: number, options: readonly Option[]): string[] {
    const byEffect = new Map<string, { move: Move; guards: string[] }>();
    for (const { when, move } of options) {
      const key = JSON.stringify(move);
      let effect = byEffect.get(key);
      if (!effect) byEffect.set(key, (effect = { move, guards: [] }));
      effect.guards.push(when.map((c) => this.condition(t, c)).join(' && '));
    }
    return [...byEffect.values()].map(({ move, guards }) => {
      const one = guards.length === 1;
      const guard = one ? guards[0] || 'true' : guards.map((g) => `(${g})`).join(' || ');
      const acts = move.writes.map(({ slot, value, adds }) => {
        const name = this.nameOf(t, slot);
        if (adds) return `${name} = ${name} ${value < 0 ? '-' : '+'} ${Math.abs(value)}`;
        return `${name} = ${this.variables.get(slot)?.code(value)}`;
      });
      if (move.errs) acts.unshift('assert(false)');
      const text = acts.length ? `d_step { ${guard} -> ${acts.join('; ')} };` : `${guard} ->`;
      return `  :: ${text} goto N${move.to}`;
    });
  }

  private condition(t: number, { slot, values, not }: Condition): string {
    const name = this.nameOf(t, slot);
    const tests = values.map(
      (v) => `${name} ${not ? '!=' : '=='} ${this.variables.get(slot)?.code(v)}`,
    );
    return tests.length === 1 ? tests[0] : `(${tests.join(not ? ' && ' : ' || ')})`;
  }

  /** What thread `t` calls a slot: its own by its own number. */
  private nameOf(t: number, slot: number): string {
    const variable = this.variables.get(slot);
    if (!variable) throw new Error('a slot that never changes makes a difference');
    if (!variable.starts) return variable.name;
    const { array, index } = this.system.mem.describe(slot);
    const of = Math.floor(index / (array.options.perThread ?? 1));
    return `${variable.name}[${of === t ? '_pid' : of}]`;
  }
}

/** The options with what they leave in a slot told as a difference to what was there before. */
function relative(
  options: readonly Option[],
  slot: number,
  before: number,
  variable: Variable,
): Option[] {
  const tell = (w: Write): Write =>
    w.slot === slot && !w.adds && variable.counts(w.value)
      ? { slot, value: w.value - before, adds: true }
      : w;
  return options.map(({ when, move }) => {
    return { when, move: { ...move, writes: move.writes.map(tell) } };
  });
}

/** The keys whose options are the same, together. */
function grouped(options: ReadonlyMap<number, readonly Option[]>): number[][] {
  const groups = new Map<string, number[]>();
  for (const [value, list] of options) {
    const key = JSON.stringify(list);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return [...groups.values()];
}

/**
 * Explores a system and writes it out, a transition for each of the search's: single steps, or
 * transactions.
 *
 * What the system's `final` looks at is left out: it changes no state.
 *
 * @param make builds the system from nothing
 * @param reduce join the steps of a transaction, as searches do by default; here by default not
 */
export function promela(make: () => System, { reduce = false } = {}): PromelaModel {
  const search = new Search(() => ({ ...make(), final: undefined }), {
    reduce,
    symmetry: false,
    livelock: false,
    stopAt: 'never',
    maxStates: Number.POSITIVE_INFINITY,
  });
  const result = search.run();
  if (!result?.complete) throw new Error(`the search ended early: ${result?.bound}`);
  const { machine, store } = search;
  const { system, control, mem, nThreads } = machine;
  machine.toInitial();
  const initial = mem.words.slice();
  const starts = [...machine.at];
  const recorder = new Recorder(machine);
  const trees: (Tree | undefined)[][] = starts.map(() => []);
  let errors = 0;
  for (let state = 0; state < result.states; state++) {
    machine.load(store, state);
    let enabled = false;
    for (let t = 0; t < nThreads; t++) {
      const node = machine.at[t];
      if (node === DONE) continue;
      const ofThread = trees[t];
      let leaf = lookUp(ofThread[node], mem.words);
      if (!leaf) {
        ofThread[node] = recorder.record(ofThread[node], t);
        leaf = lookUp(ofThread[node], mem.words) as Leaf;
      }
      const { moves } = leaf;
      for (let i = 0; i < moves.length; i++) {
        enabled = true;
        if (moves[i].errs) errors++;
      }
    }
    if (!enabled && !machine.allDone()) errors++;
  }
  const text = new Writer(system, control, initial, starts, trees).write();
  return { text, states: result.states, transitions: result.transitions, errors };
}
