// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The machine: threads over one memory, one transition at a time, each undone after it was looked at.
 *
 * A transition of a thread is a whole *transaction* in Lipton's sense ("Reduction: a method of
 * proving properties of parallel programs", 1975) when reduction is on: taking a lock moves right,
 * releasing one moves left, a step whose accesses do not race moves both ways; so a run of
 * right-movers, one step that others can see, and a run of left-movers needs no scheduling point
 * inside. What races is found by the memory's lockset algorithm while exploring, never declared:
 * when an access races after all, the search starts over knowing it (search.ts).
 * With reduction off every step is a transition of its own.
 */
import { Control, DONE } from './control.ts';
import { type Guard, Guards } from './guards.ts';
import { placeOf } from './local.ts';
import type { LockTable } from './locks.ts';
import { emptyList, type Memory, type Violation } from './memory.ts';
import { BLOCKED, ProgramError, type Run, type StepDef, taken } from './program.ts';
import type { Reactions } from './reactions.ts';
import type { Graphs } from './stacks.ts';
import type { Layout, StateStore } from './store.ts';

export interface Thread {
  readonly name: string;
  /** The thread's program. Threads given the same function are identical to symmetry. */
  readonly run: () => Run<unknown>;
  /** Another thread may rely on this one never finishing: waiting for it is no deadlock. */
  readonly daemon?: boolean;
}

/** A system: shared memory, and threads over it. Made afresh for each search. */
export interface System {
  readonly mem: Memory;
  readonly locks: LockTable;
  /** Passed to every step as its first argument. */
  readonly world: unknown;
  readonly threads: readonly Thread[];
  /** Rules that fell before the first step of any thread, while the system was set up. */
  readonly found?: readonly Violation[];
  /** Looks at a state in which every thread has finished. */
  readonly final?: () => void;
  /** The threads run without these guards: the system is a mutant. */
  readonly without?: readonly Guard[];
}

/** One executed step, kept when a trace is wanted. */
export interface TraceStep {
  readonly thread: number;
  readonly node: number;
  readonly def: StepDef;
  /** Which way a choice went; else 0. */
  readonly way: number;
  readonly value: number;
  readonly changes: readonly { slot: number; before: number; after: number }[];
  readonly violations: readonly Violation[];
}

/**
 * Raised in the middle of a search when transactions turn out to have been too long: an access
 * races after all, locks nest both ways, a loop has no step that others can see, or threads that were taken
 * for interchangeable are not.
 * No Error: nobody asks where it was raised, and to note that takes longer than many transitions.
 */
export class Learned {
  constructor(readonly what: 'race' | 'nesting' | 'loop' | 'asymmetry') {}
}

const MAX_FUSED = 1_000;
/** To run a step, or to count the ways of a choice. */
const COUNT = -1;
const NO_SLOT = -1;

/** Result of {@link Machine.transition}. */
export const enum Moved {
  /** The thread has finished or must wait. */
  No = 0,
  Yes = 1,
}

/** Values below this have their codes in a flat table. */
const NEAR = 32;

/** Dictionary of one array's values: a code a byte wide, or two. */
class Codes {
  readonly values: number[] = [];
  private far: Map<number, number> | null = null;

  /** @param near a table of all arrays, which has codes plus one from `base` on */
  constructor(
    private readonly near: Int32Array,
    private readonly base: number,
  ) {}

  encode(v: number): number {
    if (v >= 0 && v < NEAR) {
      const c = this.near[this.base + v];
      if (c > 0) return c - 1;
    } else {
      const c = this.far?.get(v);
      if (c !== undefined) return c;
    }
    const code = this.values.push(v) - 1;
    if (code > 0xffff)
      throw new ProgramError('more than 65,536 different values in one array of slots');
    if (v >= 0 && v < NEAR) this.near[this.base + v] = code + 1;
    else {
      this.far ??= new Map();
      this.far.set(v, code);
    }
    return code;
  }
}

export interface MachineOptions {
  /** Control graphs of the same threads, made before. */
  readonly control?: Control | null;
  /** What may be known already of what threads do. */
  readonly graphs?: Graphs;
  /** Bytes of a row that are likely to be needed. Default: few, and more as columns are found. */
  readonly stride?: number;
  /** Transitions are transactions rather than single steps. Default true. */
  readonly reduce?: boolean;
  /** A transaction ends before it takes a lock while holding one. Default false. */
  readonly splitNested?: boolean;
  /** A transaction ends at the head of a loop. Default false. */
  readonly splitLoops?: boolean;
  /** Runs every step twice and compares. Default false. */
  readonly strict?: boolean;
}

export class Machine {
  readonly mem: Memory;
  readonly control: Control;
  readonly nThreads: number;
  /** Current node of each thread. */
  readonly at: Int32Array;
  /** The current state as stored: a byte a thread, then a byte a column. */
  row: Uint8Array;
  row32: Int32Array;
  stride: number;
  private columns = 0;
  private readonly columnOf: Int32Array;
  private readonly highOf: Int32Array;
  readonly slotOfColumn: number[] = [];
  private readonly codes: Codes[];
  private readonly initialCode: Int32Array;
  /** With these a row is all zero, but for the nodes. */
  private readonly zeroWords: Int32Array;
  private initialWords: Int32Array;
  private initialRow: Uint8Array;
  private readonly initialAt: Int32Array;
  /** Told of what changes how transitions made before would be stored, or where they would end. */
  reactions: Reactions | null = null;
  /** The last transition ended in the check of the final state. */
  checkedFinal = false;
  /** Called when rows are made up in another way than before: longer, or with longer nodes. */
  onLayout: () => void = () => {};

  reduce: boolean;
  splitNested: boolean;
  private readonly splitLoops: boolean;
  private readonly strict: boolean;
  /** Steps executed in the last transition. */
  steps = 0;
  /** Violations of the last transition, in order. */
  readonly violations: Violation[] = emptyList();
  /** Collects executed steps when not null. */
  trace: TraceStep[] | null = null;
  /** Test mode: steps that touched more than one slot raced for, by step definition. */
  readonly wide = new Map<StepDef, Set<string>>();
  testMode = false;
  private choiceSeen = false;
  /** Identical threads, which are exchanged for each other. */
  private readonly groups: number[][] = [];
  private readonly perThreadColumns: number[][] = [];
  private readonly ownerColumns: number[] = [];
  /** Where the second byte of a thread's node is, if it has one; and whether any has. */
  private readonly threadHigh: Int32Array;
  private longNodes = false;
  private undoAt = new Int32Array(256);
  private undoTop = 0;
  private moved = -1;
  private movedFrom = DONE;

  constructor(
    public system: System,
    options: MachineOptions = {},
  ) {
    const { mem } = system;
    this.mem = mem;
    this.reduce = options.reduce ?? true;
    this.splitNested = options.splitNested ?? false;
    this.splitLoops = options.splitLoops ?? false;
    this.strict = options.strict ?? false;
    this.nThreads = system.threads.length;
    this.control =
      options.control ??
      new Control(system.world, system.locks, options.graphs, new Guards(system.without));
    mem.races.begin(this.nThreads, this.control.lockSets);
    mem.logging = true;
    this.at = new Int32Array(this.nThreads);
    this.columnOf = new Int32Array(mem.size).fill(-1);
    this.highOf = new Int32Array(mem.size).fill(-1);
    this.zeroWords = this.initialWords = mem.words.slice();
    const near = new Int32Array(mem.arrays.length * NEAR);
    this.codes = mem.arrays.map((_, i) => new Codes(near, i * NEAR));
    this.initialCode = new Int32Array(mem.size);
    for (let s = 0; s < mem.size; s++) {
      this.initialCode[s] = this.codes[mem.arrayOf[s]].encode(mem.words[s]);
    }
    this.stride = Math.max((this.nThreads + 23) & ~7, options.stride ?? 0);
    this.row = new Uint8Array(this.stride);
    this.initialRow = new Uint8Array(0);
    this.row32 = new Int32Array(this.row.buffer);
    this.initialAt = new Int32Array(this.nThreads);
    this.threadHigh = new Int32Array(this.nThreads).fill(-1);
    this.findStarts();
    this.toInitial();
  }

  /** Puts the machine into the state in which the search starts. */
  toInitial(): void {
    this.mem.words.set(this.initialWords);
    this.mem.logTop = 0;
    this.row.fill(0);
    this.row.set(this.initialRow);
    for (let t = 0; t < this.nThreads; t++) this.setAt(t, this.initialAt[t]);
  }

  private findStarts(): void {
    this.system.threads.forEach((t, i) => {
      this.mem.self = i;
      this.initialAt[i] = this.control.start(t.run, i);
    });
  }

  /**
   * Goes on to another system over the same memory, which is in the state in which that one begins. Columns
   * and codes stay, and what is known of transitions.
   */
  turnTo(system: System): void {
    const { mem, zeroWords } = this;
    this.system = system;
    this.initialWords = mem.words.slice();
    this.findStarts();
    this.row.fill(0);
    for (let s = 0; s < mem.size; s++) if (mem.words[s] !== zeroWords[s]) this.packSlot(s);
    this.initialRow = this.row.slice();
    this.again();
  }

  /**
   * Begins again, knowing which accesses race. Columns and codes stay: they say how a state is stored, not
   * which states there are. So does what is known of transitions, but for those that touch what was found to
   * be raced for.
   */
  again(): void {
    const { mem } = this;
    this.violations.length = 0;
    this.undoTop = 0;
    this.reactions?.forgetSlots(mem.raced);
    mem.racesAnew = false;
    mem.raced.clear();
    mem.foreign.clear();
    mem.reports.length = 0;
    this.toInitial();
  }

  /** The system, as it was before this machine ran it. The machine must not be used any more. */
  rewound(): System {
    const { mem } = this;
    mem.footprint = null;
    mem.words.set(this.initialWords);
    mem.forget();
    return this.system;
  }

  private setAt(t: number, node: number): void {
    this.at[t] = node;
    this.row[t] = node & 0xff;
    const high = this.threadHigh[t];
    if (high >= 0) this.row[high] = node >> 8;
    else if (node > 0xff) {
      this.widenThread(t);
      this.row[this.threadHigh[t]] = node >> 8;
    }
  }

  /** Gives a thread's node a second byte, and that of every thread it may be exchanged with. */
  private widenThread(t: number): void {
    const members = this.groups.find((g) => g.includes(t)) ?? [t];
    for (const m of members) this.threadHigh[m] = this.nThreads + this.newColumn(NO_SLOT);
    this.reactions?.forgetAll();
    this.longNodes = true;
    this.onLayout();
  }

  /** Restores a stored state: only what differs from the present one, which is little. */
  load(store: StateStore, state: number): void {
    const { row, row32, nThreads, at } = this;
    const { bytes: rows, words: rows32 } = store;
    const words = this.stride >> 2;
    const first = store.rowOf(state);
    const base = first >> 2;
    this.mem.logTop = 0;
    for (let w = 0; w < words; w++) {
      if (row32[w] === rows32[base + w]) continue;
      for (let i = w * 4; i < w * 4 + 4; i++) {
        if (row[i] === rows[first + i]) continue;
        row[i] = rows[first + i];
        if (i >= nThreads) this.unpack(i - nThreads);
        else at[i] = row[i];
      }
    }
    if (this.longNodes) {
      for (let t = 0; t < nThreads; t++) {
        const high = this.threadHigh[t];
        at[t] = high < 0 ? row[t] : row[t] | (row[high] << 8);
      }
    }
  }

  /** Brings a slot up to date with the row. */
  private unpack(column: number): void {
    const slot = this.slotOfColumn[column];
    if (slot === NO_SLOT) return;
    const first = this.nThreads;
    let code = this.row[first + this.columnOf[slot]];
    const high = this.highOf[slot];
    if (high >= 0) code |= this.row[first + high] << 8;
    this.mem.words[slot] = this.codes[this.mem.arrayOf[slot]].values[code ^ this.initialCode[slot]];
  }

  /** The node of a thread, as the row that begins at `base` has it. */
  nodeAt(t: number, rows: Uint8Array, base: number): number {
    const high = this.threadHigh[t];
    return high < 0 ? rows[base + t] : rows[base + t] | (rows[base + high] << 8);
  }

  /** Turns symmetry on: threads with the same program are interchangeable. */
  useSymmetry(): void {
    const byRun = new Map<unknown, number[]>();
    this.system.threads.forEach((t, i) => {
      const list = byRun.get(t.run);
      if (list) list.push(i);
      else byRun.set(t.run, [i]);
    });
    for (const members of byRun.values()) {
      if (members.length > 1) this.groups.push(members);
    }
    if (!this.groups.length) return;
    for (const members of this.groups) {
      if (members.some((t) => this.threadHigh[t] >= 0)) {
        throw new Error('symmetry must be turned on before the search begins');
      }
    }
    for (const a of this.mem.arrays) {
      const per = a.options.perThread;
      if (per) {
        for (let j = 0; j < per; j++) {
          const columns: number[] = [];
          for (let t = 0; t < this.nThreads; t++) {
            columns.push(this.columnFor(a.base + t * per + j));
          }
          this.perThreadColumns.push(columns);
        }
      }
      if (a.options.holdsThread) {
        for (let i = 0; i < a.length; i++) this.ownerColumns.push(this.columnFor(a.base + i));
      }
    }
    this.onLayout();
  }

  /** How rows are made up, and what of them is exchanged with identical threads. */
  get layout(): Layout {
    const { stride, threadHigh: highs, groups, nThreads } = this;
    const ownSlots = this.perThreadColumns.map((columns) => columns.map((c) => nThreads + c));
    const ownerSlots = this.ownerColumns.map((c) => {
      const slot = this.slotOfColumn[c];
      const codes = this.codes[this.mem.arrayOf[slot]];
      const byteOf = (_: unknown, t: number) => codes.encode(t + 1) ^ this.initialCode[slot];
      return [nThreads + c, ...Array.from({ length: nThreads }, byteOf)];
    });
    return { stride, highs, groups, ownSlots, ownerSlots };
  }

  /**
   * A step that touches the slots of some of several identical threads, and not of the others, tells
   * them apart: who takes it next depends on which of them it has dealt with.
   */
  private checkExchange(self: number): void {
    const { foreign } = this.mem;
    for (const mask of foreign.values()) {
      for (const members of this.groups) {
        let others = 0;
        for (const t of members) if (t !== self) others |= 1 << t;
        const touched = mask & others;
        if (touched !== 0 && touched !== others) {
          foreign.clear();
          throw new Learned('asymmetry');
        }
      }
    }
    foreign.clear();
  }

  /** Identical threads are exchanged for each other. */
  get symmetric(): boolean {
    return this.groups.length > 0;
  }

  private columnFor(slot: number): number {
    if (this.columnOf[slot] < 0) this.columnOf[slot] = this.newColumn(slot);
    return this.columnOf[slot];
  }

  private newColumn(slot: number): number {
    const c = this.columns++;
    this.slotOfColumn.push(slot);
    if (this.nThreads + this.columns > this.stride) {
      const stride = this.stride + 8;
      const row = new Uint8Array(stride);
      row.set(this.row);
      this.row = row;
      this.row32 = new Int32Array(row.buffer);
      this.stride = stride;
      this.onLayout();
    }
    return c;
  }

  /** Brings the row up to date with a slot, and remembers what it said. */
  private packSlot(slot: number): void {
    const code =
      this.codes[this.mem.arrayOf[slot]].encode(this.mem.words[slot]) ^ this.initialCode[slot];
    let c = this.columnOf[slot];
    if (c < 0) {
      if (code === 0) return;
      c = this.columnOf[slot] = this.newColumn(slot);
      this.reactions?.columnOf(slot);
    }
    const first = this.nThreads;
    this.putByte(first + c, code & 0xff);
    let high = this.highOf[slot];
    if (high < 0) {
      if (code < 256) return;
      const { perThread, holdsThread } = this.mem.describe(slot).array.options;
      if (this.groups.length && (perThread || holdsThread)) {
        throw new ProgramError(
          `more than 256 different values in ${this.mem.describe(slot).array.name}: too many for ` +
            'slots that symmetry exchanges; turn symmetry off',
        );
      }
      high = this.highOf[slot] = this.newColumn(slot);
      this.reactions?.forgetAll();
    }
    this.putByte(first + high, code >> 8);
  }

  private putByte(at: number, byte: number): void {
    if (this.undoTop === this.undoAt.length) {
      const bigger = new Int32Array(this.undoTop * 2);
      bigger.set(this.undoAt);
      this.undoAt = bigger;
    }
    this.undoAt[this.undoTop++] = (at << 8) | this.row[at];
    this.row[at] = byte;
  }

  /**
   * Number of ways in which thread `t` may go on here: 0 when finished, else its choices. Must be
   * called before a choice's {@link transition}.
   */
  ways(t: number): number {
    const node = this.at[t];
    if (node === DONE) return 0;
    return this.control.isChoice[node] === 0 ? 1 : this.countWays(t, node);
  }

  private countWays(t: number, node: number): number {
    this.enter(t, node);
    const n = this.execute(this.control.def[node], node, COUNT);
    if (this.mem.racesAnew && (this.reduce || this.testMode)) throw new Learned('race');
    this.choiceSeen = this.mem.bare > 0;
    if (this.mem.foreign.size > 0) this.checkExchange(t);
    if (n === BLOCKED) return 0;
    return n < 1 ? 1 : n;
  }

  private enter(t: number, node: number): void {
    const { mem, control } = this;
    mem.self = t;
    mem.races.held = control.heldSet[node];
    mem.bare = 0;
    mem.waits = false;
  }

  /** @param way of a choice whose ways do something; or {@link COUNT} */
  private execute(def: StepDef, node: number, way: number): number {
    const a = this.control.args[node];
    let v: number | boolean | void;
    try {
      v =
        way === COUNT
          ? def.run(this.system.world, a[0], a[1], a[2], a[3], a[4], a[5])
          : taken(def, this.system.world, way, a);
    } catch (error) {
      if (error instanceof ProgramError) throw error;
      const place = placeOf(error);
      throw new ProgramError(
        `${this.control.where(node)} throws: ` +
          `${error instanceof Error ? error.message : String(error)}${place && ` (${place})`}`,
        { cause: error },
      );
    }
    if (typeof v === 'number') {
      if ((v | 0) !== v) this.notInteger(node, v);
      return v;
    }
    if (v === undefined) return 0;
    if (typeof v !== 'boolean') this.notInteger(node, v);
    return v ? 1 : 0;
  }

  private notInteger(node: number, value: unknown): never {
    throw new ProgramError(
      `${this.control.where(node)}${this.control.place(node)} returns ${String(value)}: ` +
        'a step returns a 32-bit integer, a boolean or nothing',
    );
  }

  /** Runs a step once more from the same state: it must do the same. */
  private repeat(def: StepDef, node: number, way: number, value: number, mark: number): void {
    const { mem } = this;
    const writes = () => {
      const after = new Map<number, number>();
      for (let i = mark; i < mem.logTop; i++) {
        after.set(mem.logSlots[i], mem.words[mem.logSlots[i]]);
      }
      return [...after].flat().join();
    };
    const { bare } = mem;
    const reports = mem.reports.length;
    const before = writes();
    this.rollback(mark);
    const again = this.execute(def, node, way);
    mem.reports.length = reports;
    mem.bare = bare;
    if (again === value && before === writes()) return;
    throw new ProgramError(
      `${this.control.where(node)}${this.control.place(node)} is not deterministic: run twice in ` +
        'the same state it did two different things. A step may depend on its arguments and on ' +
        'slots, on nothing else; what it must remember belongs in a slot',
    );
  }

  /**
   * Lets thread `t` make one transition. The machine is then in the new state, {@link row} is its
   * stored form, and {@link undo} goes back.
   * @param way which of {@link ways} a choice takes
   */
  transition(t: number, way: number): Moved {
    const { mem, control } = this;
    if (this.violations.length) this.violations.length = 0;
    this.steps = 0;
    this.moved = t;
    const begin = this.at[t];
    this.movedFrom = begin;
    let node = begin;
    if (node === DONE) return Moved.No;
    mem.logTop = 0;
    const { footprint } = mem;
    this.checkedFinal = false;
    let seenByOthers = false;
    for (;;) {
      const def = control.def[node];
      const { kind } = def;
      const first = this.steps === 0;
      if (!first) {
        if (kind === 'choice') break;
        if (seenByOthers && kind === 'acquire') break;
        if (this.splitNested && kind === 'acquire' && control.held[node].length) break;
        if (this.splitLoops && control.loopHead[node]) break;
      }
      const mark = mem.logTop;
      const written = footprint ? footprint.writeCount : 0;
      let value: number;
      if (kind === 'choice' && !def.take) {
        value = way;
        seenByOthers = this.choiceSeen;
      } else {
        this.enter(t, node);
        if (this.testMode) mem.touched = new Set();
        if (kind === 'choice') seenByOthers = this.choiceSeen;
        const how = kind === 'choice' ? way : COUNT;
        value = this.execute(def, node, how);
        if (mem.racesAnew && (this.reduce || this.testMode)) throw new Learned('race');
        if (value === BLOCKED) {
          if (mem.logTop !== mark) {
            throw new ProgramError(`${control.where(node)} changed memory and then said BLOCKED`);
          }
          if (first) return Moved.No;
          footprint?.unwind(written);
          break;
        }
        // Who waits for it while holding another lock may wait for ever: others must see that.
        if (mem.waits && !first && control.held[node].length) {
          this.rollback(mark);
          footprint?.unwind(written);
          mem.reports.length = 0;
          break;
        }
        if (mem.foreign.size > 0) this.checkExchange(t);
        if (this.strict) this.repeat(def, node, how, value, mark);
        if (mem.bare > 0) {
          if (!first && seenByOthers) {
            this.rollback(mark);
            footprint?.unwind(written);
            mem.reports.length = 0;
            break;
          }
          seenByOthers = true;
        }
        if (kind === 'release' || kind === 'downgrade') seenByOthers = true;
        if (this.testMode) this.noteWide(def);
      }
      const to = control.next(node, value);
      this.steps++;
      if (this.trace) this.record(t, node, def, kind === 'choice' ? way : 0, value, mark);
      if (mem.reports.length) {
        let fatal = false;
        for (const v of mem.reports) {
          this.violations.push(v);
          if (v.severity === 'corrupts') fatal = true;
        }
        mem.reports.length = 0;
        if (fatal) {
          node = to;
          break;
        }
      }
      node = to;
      if (node === DONE || !this.reduce) break;
      if (this.steps > MAX_FUSED && !this.splitLoops) throw new Learned('loop');
    }
    this.setAt(t, node);
    this.undoTop = 0;
    for (let i = 0; i < mem.logTop; i++) this.packSlot(mem.logSlots[i]);
    if (node === DONE) this.checkFinal();
    return Moved.Yes;
  }

  private checkFinal(): void {
    const { final } = this.system;
    if (!final) return;
    for (let t = 0; t < this.nThreads; t++) if (this.at[t] !== DONE) return;
    const { mem } = this;
    const { watching } = mem;
    this.checkedFinal = true;
    mem.watching = false;
    final();
    mem.watching = watching;
    this.violations.push(...mem.reports);
    mem.reports.length = 0;
  }

  private rollback(mark: number): void {
    const { mem } = this;
    while (mem.logTop > mark) {
      mem.logTop--;
      mem.words[mem.logSlots[mem.logTop]] = mem.logOld[mem.logTop];
    }
  }

  /** Takes the last transition back. */
  undo(): void {
    const { mem } = this;
    this.rollback(0);
    const { row, undoAt } = this;
    for (let i = this.undoTop - 1; i >= 0; i--) row[undoAt[i] >> 8] = undoAt[i] & 0xff;
    this.undoTop = 0;
    mem.logTop = 0;
    this.setAt(this.moved, this.movedFrom);
  }

  private record(
    t: number,
    node: number,
    def: StepDef,
    way: number,
    value: number,
    mark: number,
  ): void {
    const { mem } = this;
    const before = new Map<number, number>();
    for (let i = mark; i < mem.logTop; i++) {
      if (!before.has(mem.logSlots[i])) before.set(mem.logSlots[i], mem.logOld[i]);
    }
    const changes = [...before].map(([slot, old]) => ({
      slot,
      before: old,
      after: mem.words[slot],
    }));
    this.trace?.push({ thread: t, node, def, way, value, changes, violations: [...mem.reports] });
  }

  private noteWide(def: StepDef): void {
    const { mem } = this;
    const touched = mem.touched as Set<number>;
    mem.touched = null;
    if (touched.size < 2) return;
    let set = this.wide.get(def);
    if (!set) this.wide.set(def, (set = new Set()));
    set.add(
      [...touched]
        .map((s) => {
          const { array, index } = mem.describe(s);
          return array.label(index);
        })
        .sort()
        .join(' + '),
    );
  }

  /** Something is to be checked when every thread has finished. */
  get checksFinal(): boolean {
    return this.system.final !== undefined;
  }

  /** The last transition ended its path. */
  ended(): boolean {
    return this.violations.some((v) => v.severity === 'corrupts');
  }

  /** The byte of a row that holds a slot, or minus one while it has its initial value in every row. */
  lowByteOf(slot: number): number {
    const low = this.columnOf[slot];
    return low < 0 ? -1 : this.nThreads + low;
  }

  /** The second byte of a row that holds a slot, or minus one while one is enough. */
  secondByteOf(slot: number): number {
    const high = this.highOf[slot];
    return high < 0 ? -1 : this.nThreads + high;
  }

  /** Where the second byte of a thread's node is in a row, or minus one. */
  highByteOf(t: number): number {
    return this.threadHigh[t];
  }

  /** A thread has nothing to do. */
  startsDone(t: number): boolean {
    return this.initialAt[t] === DONE;
  }

  /** Every thread that should finish has finished. */
  allDone(): boolean {
    for (let t = 0; t < this.nThreads; t++) {
      if (this.at[t] !== DONE && !this.system.threads[t].daemon) return false;
    }
    return true;
  }
}
