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
 * was learned of those who use it is forgotten. So it is when a step turns out to be visible, which
 * ends transactions earlier, for those who passed it.
 */
import { doubled, type Footprint } from './footprint.ts';
import type { Machine } from './machine.ts';
import type { Violation } from './memory.ts';

/** One way in which the thread may go on. */
export interface Reaction {
  readonly violations: readonly Violation[];
  /** What changes in the row: entries of {@link Reactions.changes} from `first` up to `end`. */
  readonly first: number;
  readonly end: number;
}

/** All ways in which the thread may go on; none: it must wait. */
export interface Leaf {
  readonly ways: readonly Reaction[];
  /** The thread has finished after one of them. */
  readonly finishes: boolean;
}

/** Not known yet. Leaves are numbered -1, -2, ... */
const UNKNOWN = 0;
/** Words of a decision: the byte's place in the row, a value, and where to go on if it has it or not. */
const WORDS = 4;
/** Beyond this many words everything is forgotten. */
const MAX_WORDS = 1 << 23;
const NONE: readonly Violation[] = [];

export class Reactions {
  private decisions = new Int32Array(WORDS * 256);
  private used = WORDS;
  /** By thread and node. */
  private readonly roots: Int32Array<ArrayBuffer>[];
  private leaves: Leaf[] = [];
  /** Places in a row, each with the byte that is put there: `place << 8 | byte`. */
  changes = new Int32Array(1024);
  private changed = 0;
  /** Roots (thread + node * threads) to be forgotten when a slot gets a column, or a node is visible. */
  private readonly users: number[][] = [];
  private readonly passers: number[][] = [];
  /** For the present recording. */
  private ways: Reaction[] = [];
  private finishes = false;
  private dropped = false;
  private tests = new Int32Array(128);

  constructor(
    private readonly machine: Machine,
    private readonly footprint: Footprint,
  ) {
    this.roots = Array.from({ length: machine.nThreads }, () => new Int32Array(256));
  }

  /** To be called when nodes need more bytes. */
  forgetAll(): void {
    this.dropped = true;
    this.used = WORDS;
    this.changed = 0;
    this.leaves = [];
    for (const roots of this.roots) roots.fill(UNKNOWN);
  }

  private forget(list: number[] | undefined): void {
    if (!list?.length) return;
    const n = this.roots.length;
    for (const root of list) this.roots[root % n][Math.floor(root / n)] = UNKNOWN;
    list.length = 0;
    this.dropped = true;
  }

  /** To be called when a slot has got a column. */
  columnOf(slot: number): void {
    this.forget(this.users[slot]);
    this.dropped = true;
  }

  /** To be called when the step at a node has turned out to be visible. */
  visibleAt(node: number): void {
    this.forget(this.passers[node]);
    this.dropped = true;
  }

  /** What thread `t` does in the state whose row begins at `base`; undefined: not known. */
  find(t: number, rows: Uint8Array, base: number): Leaf | undefined {
    const roots = this.roots[t];
    const node = this.machine.nodeAt(t, rows, base);
    if (node >= roots.length) return undefined;
    const { decisions } = this;
    let at = roots[node];
    while (at > 0) {
      at = rows[base + decisions[at]] === decisions[at + 1] ? decisions[at + 2] : decisions[at + 3];
    }
    return at === UNKNOWN ? undefined : this.leaves[-1 - at];
  }

  /** To be called before a thread's transitions from a state are made. */
  begin(): void {
    if (this.used > MAX_WORDS) this.forgetAll();
    this.footprint.begin();
    this.ways = [];
    this.finishes = false;
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
    const first = this.changed;
    const high = machine.highByteOf(t);
    this.change(t, row[t]);
    if (high >= 0) this.change(high, row[high]);
    for (let i = 0; i < footprint.writeCount; i++) {
      const [low, other] = machine.placesOf(footprint.writes[i]);
      if (low >= 0) this.change(low, row[low]);
      if (other >= 0) this.change(other, row[other]);
    }
    if (machine.at[t] === 0) this.finishes = true;
    const { violations } = machine;
    this.ways.push({
      violations: violations.length ? [...violations] : NONE,
      first,
      end: this.changed,
    });
  }

  private change(place: number, byte: number): void {
    if (this.changed === this.changes.length) this.changes = doubled(this.changes);
    this.changes[this.changed++] = (place << 8) | byte;
  }

  /** Keeps what was made. The machine is back in the state in which it began. */
  end(t: number, node: number): void {
    const { machine, footprint } = this;
    if (this.dropped) return;
    const root = t + node * this.roots.length;
    let tests = 0;
    for (let i = 0; i < footprint.readCount; i++) {
      const slot = footprint.reads[i];
      const [low, high] = machine.placesOf(slot);
      if (tests + 2 > this.tests.length) this.tests = doubled(this.tests);
      if (low >= 0) this.tests[tests++] = low;
      if (high >= 0) this.tests[tests++] = high;
      else note(this.users, slot, root);
    }
    for (const slot of footprint.written)
      if (machine.placesOf(slot)[1] < 0) note(this.users, slot, root);
    for (const passed of footprint.passed) note(this.passers, passed, root);
    this.graft(t, node, tests, -this.leaves.push({ ways: this.ways, finishes: this.finishes }));
  }

  private graft(t: number, node: number, tests: number, leaf: number): void {
    const { row } = this.machine;
    let roots = this.roots[t];
    while (node >= roots.length) this.roots[t] = roots = doubled(roots);
    while (this.used + tests * WORDS > this.decisions.length)
      this.decisions = doubled(this.decisions);
    const { decisions } = this;
    // Where the link to what is to come stands: in `decisions`, or at the root.
    let link = -1;
    let at = roots[node];
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
      if (link < 0) roots[node] = next;
      else decisions[link] = next;
      link = next + 2;
    }
    if (link < 0) roots[node] = leaf;
    else decisions[link] = leaf;
  }
}

function note(lists: number[][], key: number, root: number): void {
  lists[key] ??= [];
  const list = lists[key];
  if (list[list.length - 1] !== root) list.push(root);
}
