// SPDX-License-Identifier: GPL-2.0-or-later
/** The set of states seen so far: rows of bytes in order of discovery, found by hash. */

export class StateStore {
  private rows: Uint8Array;
  private rows32: Int32Array;
  /** Open addressing; an entry is the state's index plus one, and its hash beside it. */
  private table: Int32Array;
  private mask: number;
  private tableMask: number;
  private capacity: number;
  count = 0;

  constructor(
    private stride: number,
    expected = 4096,
  ) {
    this.capacity = expected;
    this.rows = new Uint8Array(stride * expected);
    this.rows32 = new Int32Array(this.rows.buffer);
    this.table = new Int32Array(expected * 4);
    this.mask = expected * 2 - 1;
    this.tableMask = expected * 4 - 1;
  }

  get bytes(): Uint8Array {
    return this.rows;
  }

  offset(index: number): number {
    return index * this.stride;
  }

  private static hash(row: Int32Array, words: number): number {
    let h = 0x9e3779b9 | 0;
    for (let i = 0; i < words; i++) {
      h = Math.imul(h ^ row[i], 0x85ebca6b);
      h ^= h >>> 15;
    }
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }

  /**
   * Finds or adds a state.
   * @param row32 the state's row as 32-bit words
   * @returns its index, or minus one minus its index when it is new
   */
  add32(row32: Int32Array, words: number): number {
    const h = StateStore.hash(row32, words);
    const { table, rows32 } = this;
    let at = (h & this.mask) << 1;
    for (;;) {
      const entry = table[at];
      if (entry === 0) break;
      if (table[at + 1] === h) {
        const base = (entry - 1) * words;
        let i = 0;
        while (i < words && rows32[base + i] === row32[i]) i++;
        if (i === words) return entry - 1;
      }
      at = (at + 2) & this.tableMask;
    }
    const index = this.count;
    if (index === this.capacity) {
      this.grow();
      return this.add32(row32, words);
    }
    this.count++;
    table[at] = index + 1;
    table[at + 1] = h;
    const base = index * words;
    for (let i = 0; i < words; i++) rows32[base + i] = row32[i];
    return -1 - index;
  }

  private grow(): void {
    this.capacity *= 2;
    const rows = new Uint8Array(this.stride * this.capacity);
    rows.set(this.rows);
    this.rows = rows;
    this.rows32 = new Int32Array(rows.buffer);
    const old = this.table;
    this.table = new Int32Array(this.capacity * 4);
    this.mask = this.capacity * 2 - 1;
    this.tableMask = this.capacity * 4 - 1;
    for (let i = 0; i < old.length; i += 2) if (old[i] !== 0) this.enter(old[i] - 1, old[i + 1]);
  }

  private enter(index: number, h: number): void {
    const { table } = this;
    let at = (h & this.mask) << 1;
    while (table[at] !== 0) at = (at + 2) & this.tableMask;
    table[at] = index + 1;
    table[at + 1] = h;
  }

  /** Widens all rows; the new bytes are zero, which is every column's initial value. */
  widen(stride: number): void {
    const rows = new Uint8Array(stride * this.capacity);
    const words = stride >> 2;
    const rows32 = new Int32Array(rows.buffer);
    for (let i = 0; i < this.count; i++) {
      rows.set(this.rows.subarray(i * this.stride, (i + 1) * this.stride), i * stride);
    }
    this.rows = rows;
    this.rows32 = rows32;
    this.stride = stride;
    this.table.fill(0);
    for (let i = 0; i < this.count; i++) {
      this.enter(i, StateStore.hash(rows32.subarray(i * words, (i + 1) * words), words));
    }
  }

  clear(stride: number): void {
    this.stride = stride;
    this.count = 0;
    this.table.fill(0);
    this.rows = new Uint8Array(stride * this.capacity);
    this.rows32 = new Int32Array(this.rows.buffer);
  }
}
