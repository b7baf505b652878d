// SPDX-License-Identifier: GPL-2.0-or-later
/** What a transition reads of the state it begins in, and what it writes: slots, in order. */

export class Footprint {
  /** Slots read before they were written, in order; of all ways of a choice together. */
  reads = new Int32Array(64);
  readCount = 0;
  /** Slots written in this way. */
  writes = new Int32Array(64);
  writeCount = 0;
  /** Slots written in any way. */
  readonly written: number[] = [];
  private readonly readAt: Int32Array;
  private readonly writtenAt: Int32Array;
  private now = 0;
  private began = 0;

  /** @param slots how many slots the memory has */
  constructor(slots: number) {
    this.readAt = new Int32Array(slots);
    this.writtenAt = new Int32Array(slots);
  }

  /** From here on another transition is made. */
  begin(): void {
    this.readCount = 0;
    this.written.length = 0;
    this.began = this.now + 1;
    this.beginWay();
  }

  /** From here on the same transition is made, in another way of its choice. */
  beginWay(): void {
    this.writeCount = 0;
    this.now++;
  }

  read(slot: number): void {
    if (this.writtenAt[slot] === this.now || this.readAt[slot] >= this.began) return;
    this.readAt[slot] = this.now;
    if (this.readCount === this.reads.length) this.reads = doubled(this.reads);
    this.reads[this.readCount++] = slot;
  }

  write(slot: number): void {
    if (this.writtenAt[slot] === this.now) return;
    this.writtenAt[slot] = this.now;
    if (this.writeCount === this.writes.length) this.writes = doubled(this.writes);
    this.writes[this.writeCount++] = slot;
    this.written.push(slot);
  }

  /** The last step is taken back: what it alone wrote is not written. */
  unwind(writeCount: number): void {
    while (this.writeCount > writeCount) this.writtenAt[this.writes[--this.writeCount]] = 0;
  }
}

export function doubled(a: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const b = new Int32Array(a.length * 2);
  b.set(a);
  return b;
}
