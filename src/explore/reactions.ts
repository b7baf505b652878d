// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a thread does next, learned as decisions over the bytes of a stored state.
 *
 * A transition is a function of the thread's node and of the slots it reads: the same node and the same
 * values lead to the same writes. So the first execution from a node is kept as a chain of decisions,
 * one for each byte that it read, with what it wrote at the end; the next one that reads something
 * else branches off. A state in which all decisions are known is expanded by copying its row and
 * changing a few bytes; no step runs. What is kept is only ever what the steps themselves did:
 * whatever is not known yet is executed (machine.ts).
 *
 * Bytes of slots that have had one value so far are not decided on: when such a slot gets a column, what
 * was learned of those who use it is forgotten. So it is when a slot turns out to be raced for, which
 * ends transactions earlier, for those who touch it.
 */
import type { Arena, Words } from './arena.ts';
import { DONE } from './control.ts';
import { doubled, type Footprint } from './footprint.ts';
import type { Machine } from './machine.ts';
import { emptyList, type Violation } from './memory.ts';

/** What {@link Reactions.find} says of a state in which it is not known what the thread does. */
export const UNKNOWN = 0;
/** Words of a decision: the byte's place in the row, a value, and where to go on if it has it or not. */
const WORDS = 4;
/** Words of a leaf: its first way, how many ways there are, and what is special about them. */
const LEAF = 3;
const FINISHES = 1;
/** Not told of yet; see {@link Reactions.told}. */
const BREAKS = 2;
const TOLD = 4;
export const NOTHING: readonly Violation[] = emptyList();
/** Beyond this many words everything is forgotten. */
const MAX_WORDS = 1 << 23;

export class Reactions {
  private readonly decisions: Words;
  private used = WORDS;
  /** By thread and node: `width` for each thread, for transactions first and then for single steps. */
  private readonly roots: Words;
  private width = 256;
  private readonly leaves: Words;
  private leafCount = 0;
  /** Of way w, the changes from `ends[w]` up to `ends[w + 1]`. */
  private readonly ends: Words;
  private wayCount = 0;
  private steps: Int32Array<ArrayBuffer>;
  /** By way, whether a path ends with it. */
  private readonly fatal: Words;
  /** By way, where it breaks a rule. */
  private readonly broken = new Map<number, readonly Violation[]>();
  private readonly changeList: Words;
  private changed = 0;
  /** By slot, roots (row + node * rows) to be forgotten when it gets a column. */
  private readonly users = new Lists();
  /** Rows of roots, and the one of the first thread. */
  private readonly rows: number;
  private first = 0;
  /** For the present recording. */
  private firstWay = 0;
  private special = 0;
  private dropped = false;
  private tests = new Int32Array(128);

  constructor(
    private readonly machine: Machine,
    private readonly footprint: Footprint,
    private readonly arena: Arena,
  ) {
    this.decisions = arena.array('decisions', WORDS * 1024);
    this.leaves = arena.array('leaves', LEAF * 512);
    this.ends = arena.array('ends', 1024);
    this.steps = new Int32Array(this.ends.length);
    this.fatal = arena.array('fatal', this.ends.length);
    this.changeList = arena.array('changes', 4096);
    this.rows = 2 * machine.nThreads;
    this.roots = arena.array('roots', this.rows * this.width);
    arena.size('width', this.width);
  }

  /** Places in a row, each with the byte that is put there: `place << 8 | byte`. */
  get changes(): Int32Array {
    return this.changeList.view;
  }

  /** To be called when a search begins: what single steps do says nothing of transactions. */
  serve(reduced: boolean): void {
    this.first = reduced ? 0 : this.machine.nThreads;
    this.arena.shift('roots', this.first * this.width);
  }

  /** To be called when accesses to slots turned out to race: transactions with such a step may be too long. */
  forgetSlots(slots: ReadonlySet<number>): void {
    if (!slots.size) return;
    const places = new Set<number>();
    for (const slot of slots) {
      this.forget(slot);
      const low = this.machine.lowByteOf(slot);
      const high = this.machine.secondByteOf(slot);
      if (low >= 0) places.add(low);
      if (high >= 0) places.add(high);
    }
    const { view: roots } = this.roots;
    for (let root = 0; root < this.rows * this.width; root++) {
      if (this.touches(roots[root], places)) roots[root] = UNKNOWN;
    }
  }

  /** Does some transition that is known from here on read or write one of these bytes of a row? */
  private touches(from: number, places: ReadonlySet<number>): boolean {
    const { view: decisions } = this.decisions;
    let at = from;
    for (; at > 0; at = decisions[at + 3]) {
      if (places.has(decisions[at]) || this.touches(decisions[at + 2], places)) return true;
    }
    if (at === UNKNOWN) return false;
    const first = this.firstOf(at);
    const end = this.changesOf(first + this.countOf(at));
    for (let i = this.changesOf(first); i < end; i++) {
      if (places.has(this.changes[i] >> 8)) return true;
    }
    return false;
  }

  /** To be called when slots or nodes need a second byte, or transactions end earlier from now on. */
  forgetAll(): void {
    this.dropped = true;
    this.used = WORDS;
    this.changed = 0;
    this.leafCount = 0;
    this.wayCount = 0;
    this.broken.clear();
    this.users.clear();
    this.roots.view.fill(UNKNOWN);
  }

  private forget(slot: number): void {
    const { rows } = this;
    const { view: roots } = this.roots;
    for (const root of this.users.take(slot)) {
      roots[(root % rows) * this.width + Math.floor(root / rows)] = UNKNOWN;
    }
    this.dropped = true;
  }

  /** To be called when a slot has got a column. */
  columnOf(slot: number): void {
    this.forget(slot);
  }

  /** What thread `t` does in the state whose row begins at `base`: a leaf, or {@link UNKNOWN}. */
  find(t: number, rows: Uint8Array, base: number): number {
    const node = this.machine.nodeAt(t, rows, base);
    if (node >= this.width) return UNKNOWN;
    const { view: decisions } = this.decisions;
    let at = this.roots.view[(this.first + t) * this.width + node];
    while (at > 0) {
      at = rows[base + decisions[at]] === decisions[at + 1] ? decisions[at + 2] : decisions[at + 3];
    }
    return at;
  }

  /** The first of the ways in which the thread may go on, and how many there are; none: it must wait. */
  firstOf(leaf: number): number {
    return this.leaves.view[-leaf * LEAF];
  }

  countOf(leaf: number): number {
    return this.leaves.view[-leaf * LEAF + 1];
  }

  /** The thread has finished after one of them. */
  finishes(leaf: number): boolean {
    return (this.leaves.view[-leaf * LEAF + 2] & FINISHES) !== 0;
  }

  /** One of them breaks a rule. */
  breaks(leaf: number): boolean {
    return (this.leaves.view[-leaf * LEAF + 2] & (BREAKS | TOLD)) !== 0;
  }

  /** From here on nobody needs to be told again that one of them breaks a rule. */
  told(leaf: number): void {
    const { view: leaves } = this.leaves;
    const special = -leaf * LEAF + 2;
    if (leaves[special] & BREAKS) leaves[special] ^= BREAKS | TOLD;
  }

  /** Nobody was told of anything yet. */
  untold(): void {
    const { view: leaves } = this.leaves;
    for (let leaf = 1; leaf <= this.leafCount; leaf++) {
      if (leaves[leaf * LEAF + 2] & TOLD) leaves[leaf * LEAF + 2] ^= BREAKS | TOLD;
    }
  }

  /** What changes in the row: entries of {@link changes} from this one up to that of the next way. */
  changesOf(way: number): number {
    return this.ends.view[way];
  }

  stepsOf(way: number): number {
    return this.steps[way];
  }

  violationsOf(way: number): readonly Violation[] {
    return this.broken.get(way) ?? NOTHING;
  }

  /** To be called before a thread's transitions from a state are made. */
  begin(): void {
    if (this.used > MAX_WORDS) this.forgetAll();
    this.footprint.begin();
    this.firstWay = this.wayCount;
    this.special = 0;
    this.dropped = false;
  }

  /** To be called before each of them, and after it with {@link made}. */
  beginWay(): void {
    this.footprint.beginWay();
  }

  /** Notes the transition that the machine has just made, and not yet taken back. */
  made(t: number): void {
    const { machine, footprint } = this;
    const { row } = machine;
    // The check of the final state looks at everything.
    if (machine.checkedFinal) this.dropped = true;
    const high = machine.highByteOf(t);
    this.change(t, row[t]);
    if (high >= 0) this.change(high, row[high]);
    for (let i = 0; i < footprint.writeCount; i++) {
      const low = machine.lowByteOf(footprint.writes[i]);
      const other = machine.secondByteOf(footprint.writes[i]);
      if (low >= 0) this.change(low, row[low]);
      if (other >= 0) this.change(other, row[other]);
    }
    if (machine.checksFinal && machine.at[t] === DONE) this.special |= FINISHES;
    if (machine.violations.length) {
      this.special |= BREAKS;
      this.broken.set(this.wayCount, [...machine.violations]);
    }
    this.fatal.view[this.wayCount] = machine.ended() ? 1 : 0;
    this.steps[this.wayCount++] = machine.steps;
    if (this.wayCount === this.ends.length) {
      this.arena.enlarge('ends', this.ends.length * 2);
      this.arena.enlarge('fatal', this.ends.length);
      this.steps = doubled(this.steps);
    }
    this.ends.view[this.wayCount] = this.changed;
  }

  private change(place: number, byte: number): void {
    const { changeList } = this;
    if (this.changed === changeList.length) this.arena.enlarge('changes', this.changed * 2);
    changeList.view[this.changed++] = (place << 8) | byte;
  }

  /** Keeps what was made. The machine is back in the state in which it began. */
  end(t: number, node: number): void {
    const { machine, footprint } = this;
    if (this.dropped) return;
    const root = this.first + t + node * this.rows;
    let tests = 0;
    for (let i = 0; i < footprint.readCount; i++) {
      const slot = footprint.reads[i];
      const low = machine.lowByteOf(slot);
      const high = machine.secondByteOf(slot);
      if (tests + 2 > this.tests.length) this.tests = doubled(this.tests);
      if (low >= 0) this.tests[tests++] = low;
      if (high >= 0) this.tests[tests++] = high;
      if (low < 0) this.users.add(slot, root);
    }
    for (const slot of footprint.written)
      if (machine.lowByteOf(slot) < 0) this.users.add(slot, root);
    const at = ++this.leafCount * LEAF;
    if (at + LEAF > this.leaves.length) this.arena.enlarge('leaves', this.leaves.length * 2);
    const { view: leaves } = this.leaves;
    leaves[at] = this.firstWay;
    leaves[at + 1] = this.wayCount - this.firstWay;
    leaves[at + 2] = this.special;
    this.graft(t, node, tests, -this.leafCount);
  }

  /** Makes room for twice as many nodes. */
  private widen(): void {
    const { rows, roots, width, arena } = this;
    const known = roots.view.slice(0, rows * width);
    this.width = 2 * width;
    arena.array('roots', rows * this.width);
    for (let row = 0; row < rows; row++) {
      roots.view.set(known.subarray(row * width, (row + 1) * width), row * this.width);
    }
    arena.size('width', this.width);
    arena.shift('roots', this.first * this.width);
  }

  private graft(t: number, node: number, tests: number, leaf: number): void {
    const { row } = this.machine;
    while (node >= this.width) this.widen();
    while (this.used + tests * WORDS > this.decisions.length) {
      this.arena.enlarge('decisions', this.decisions.length * 2);
    }
    const { view: decisions } = this.decisions;
    const { view: roots } = this.roots;
    const root = (this.first + t) * this.width + node;
    // Where the link to what is to come stands: in `decisions`, or at the root.
    let link = -1;
    let at = roots[root];
    let known = 0;
    while (at > 0) {
      if (decisions[at] !== this.tests[known]) return;
      const yes = row[decisions[at]] === decisions[at + 1];
      if (yes) known++;
      link = yes ? at + 2 : at + 3;
      at = decisions[link];
    }
    if (at !== UNKNOWN) return;
    for (; known < tests; known++) {
      const place = this.tests[known];
      const next = this.used;
      this.used += WORDS;
      decisions[next] = place;
      decisions[next + 1] = row[place];
      decisions[next + 2] = decisions[next + 3] = UNKNOWN;
      if (link < 0) roots[root] = next;
      else decisions[link] = next;
      link = next + 2;
    }
    if (link < 0) roots[root] = leaf;
    else decisions[link] = leaf;
  }
}

/** Lists of roots by number, as links in one array. */
class Lists {
  private heads = new Int32Array(256);
  /** Pairs of a root and the next link. */
  private links = new Int32Array(512);
  private used = 2;

  add(list: number, root: number): void {
    while (list >= this.heads.length) this.heads = doubled(this.heads);
    const head = this.heads[list];
    if (head && this.links[head] === root) return;
    if (this.used === this.links.length) this.links = doubled(this.links);
    this.links[this.used] = root;
    this.links[this.used + 1] = head;
    this.heads[list] = this.used;
    this.used += 2;
  }

  /** Empties a list, and gives what it held. */
  *take(list: number): Generator<number> {
    let at = this.heads[list] ?? 0;
    this.heads[list] = 0;
    for (; at; at = this.links[at + 1]) yield this.links[at];
  }

  clear(): void {
    this.heads.fill(0);
    this.used = 2;
  }
}
