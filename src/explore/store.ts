// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The set of states seen so far: rows of bytes in order of discovery, found by hash.
 *
 * States are looked up in batches. A look-up in a large table is two cache misses and hardly
 * anything else; within a batch the misses overlap, which makes it several times faster.
 */

const FIRST_CAPACITY = 64;
/** States per batch: enough to overlap the misses, few enough to stay in the first-level cache. */
export const BATCH = 64;
/** From this capacity on the table does not fit into the caches. */
const LARGE = 1 << 16;
/** Bits of a table entry that hold a state's index plus one; the others are a tag from its hash. */
const INDEX = (1 << 26) - 1;

export class StateStore {
  /** All rows, one after the other, as words and as bytes. */
  rows32: Int32Array;
  rows: Uint8Array;
  /** Open addressing; an entry is the state's index plus one, below the top bits of its hash. */
  private table = new Int32Array(FIRST_CAPACITY * 2);
  private capacity = FIRST_CAPACITY;
  private words: number;
  count = 0;
  /** Of all rows, for when the table grows. */
  private hashes = new Int32Array(FIRST_CAPACITY);

  /** The batch: rows, hashes, and after {@link lookUp} the states' indices. */
  staged = 0;
  private stagedRows: Int32Array;
  private stagedBytes: Uint8Array;
  private readonly stagedHash = new Int32Array(BATCH);
  readonly index = new Int32Array(BATCH);
  /** Keeps the loads that warm the caches from being optimized away. */
  touched = 0;

  constructor(stride: number) {
    this.words = stride >> 2;
    this.rows32 = new Int32Array(this.words * this.capacity);
    this.rows = new Uint8Array(this.rows32.buffer);
    this.stagedRows = new Int32Array(this.words * BATCH);
    this.stagedBytes = new Uint8Array(this.stagedRows.buffer);
  }

  private hash(row: Int32Array, from: number): number {
    let h = 0x9e3779b9 | 0;
    const end = from + this.words;
    for (let i = from; i < end; i++) {
      h = Math.imul(h ^ row[i], 0x85ebca6b);
      h ^= h >>> 15;
    }
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }

  /**
   * Puts a row, as 32-bit words, into the batch.
   * @returns whether the batch is now full
   */
  stage(row: Int32Array): boolean {
    const { words, stagedRows } = this;
    const base = this.staged * words;
    for (let i = 0; i < words; i++) stagedRows[base + i] = row[i];
    this.stagedHash[this.staged++] = this.hash(row, 0);
    return this.staged === BATCH;
  }

  /**
   * Puts a stored row into the batch, with some of its bytes changed.
   * @param changes `place << 8 | byte`, from `first` up to `end`
   * @returns whether the batch is now full
   */
  stageChanged(state: number, changes: Int32Array, first: number, end: number): boolean {
    const { words, stagedRows, stagedBytes, rows32, staged } = this;
    const base = staged * words;
    const from = state * words;
    for (let i = 0; i < words; i++) stagedRows[base + i] = rows32[from + i];
    for (let i = first; i < end; i++) stagedBytes[base * 4 + (changes[i] >> 8)] = changes[i];
    this.stagedHash[staged] = this.hash(stagedRows, base);
    return ++this.staged === BATCH;
  }

  /** Finds or adds every row of the batch and puts the states' numbers into {@link index}. */
  lookUp(): void {
    const { staged, stagedHash, words } = this;
    while (this.count + staged > this.capacity) this.grow();
    this.touch();
    for (let i = 0; i < staged; i++) this.index[i] = this.findOrAdd(stagedHash[i], i * words);
    this.staged = 0;
  }

  /**
   * Loads what the look-ups of the batch will need, so that the loads overlap. A small table has no need
   * of it, but V8 compiles a look-up that suddenly does it once more.
   */
  private touch(): void {
    const { staged, stagedHash, words, table, rows32 } = this;
    const mask = table.length - 1;
    let touched = 0;
    for (let i = 0; i < staged; i++) touched ^= table[stagedHash[i] & mask];
    for (let i = 0; i < staged; i++) {
      const entry = table[stagedHash[i] & mask];
      if (((entry ^ stagedHash[i]) & ~INDEX) === 0) touched ^= rows32[(entry & INDEX) * words];
    }
    this.touched = touched;
  }

  private findOrAdd(h: number, from: number): number {
    const { table, rows32, stagedRows, words } = this;
    const mask = table.length - 1;
    let at = h & mask;
    for (let entry = table[at]; entry !== 0; entry = table[at]) {
      if (((entry ^ h) & ~INDEX) === 0) {
        const index = (entry & INDEX) - 1;
        const base = index * words;
        let i = 0;
        while (i < words && rows32[base + i] === stagedRows[from + i]) i++;
        if (i === words) return index;
      }
      at = (at + 1) & mask;
    }
    const index = this.count++;
    table[at] = (index + 1) | (h & ~INDEX);
    this.hashes[index] = h;
    const base = index * words;
    for (let i = 0; i < words; i++) rows32[base + i] = stagedRows[from + i];
    return index;
  }

  /** Finds or adds one row. */
  add(row: Int32Array): number {
    this.stage(row);
    this.lookUp();
    return this.index[0];
  }

  private grow(): void {
    this.capacity *= this.capacity < LARGE ? 4 : 2;
    if (this.capacity > INDEX) throw new RangeError(`more than ${this.count} states`);
    const rows = new Int32Array(this.words * this.capacity);
    rows.set(this.rows32);
    this.rows32 = rows;
    this.rows = new Uint8Array(rows.buffer);
    const hashes = new Int32Array(this.capacity);
    hashes.set(this.hashes);
    this.hashes = hashes;
    this.table = new Int32Array(this.capacity * 2);
    this.fill();
  }

  /** Enters all rows into the empty table. */
  private fill(): void {
    const { table, hashes } = this;
    const mask = table.length - 1;
    for (let i = 0; i < this.count; i++) {
      const h = hashes[i];
      let at = h & mask;
      while (table[at] !== 0) at = (at + 1) & mask;
      table[at] = (i + 1) | (h & ~INDEX);
    }
  }

  /**
   * Widens all rows; the new bytes are zero, which is every column's initial value. The batch must
   * be empty.
   */
  widen(stride: number): void {
    const { rows32, words } = this;
    this.words = stride >> 2;
    this.rows32 = new Int32Array(this.words * this.capacity);
    for (let i = 0; i < this.count; i++) {
      this.rows32.set(rows32.subarray(i * words, (i + 1) * words), i * this.words);
    }
    this.rows = new Uint8Array(this.rows32.buffer);
    this.stagedRows = new Int32Array(this.words * BATCH);
    this.stagedBytes = new Uint8Array(this.stagedRows.buffer);
    this.table.fill(0);
    for (let i = 0; i < this.count; i++) this.hashes[i] = this.hash(this.rows32, i * this.words);
    this.fill();
  }

  /** Forgets all states. */
  clear(stride: number): void {
    this.count = 0;
    this.staged = 0;
    if (stride >> 2 === this.words) this.table.fill(0);
    else this.widen(stride);
  }
}
