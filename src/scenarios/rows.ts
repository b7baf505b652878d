// SPDX-License-Identifier: GPL-2.0-or-later
/** Cells of the matrix shared out among threads, so that each keeps to cells that have work in common. */
import { cellClass } from './cell.ts';
import type { Cell } from './matrix.ts';

/**
 * What is still to be done. A row is the cells of all exporters that behave alike, consumer by consumer.
 * A thread keeps to one row, whose cells share work, while there are others.
 */
export class Rows {
  private readonly fresh: Cell[][];
  private readonly begun: Cell[][] = [];

  constructor(cells: readonly Cell[]) {
    const rows = new Map<string, Map<string, Cell[]>>();
    for (const cell of cells) {
      const byConsumer = entry(rows, cellClass(cell.exporter), () => new Map<string, Cell[]>());
      entry(byConsumer, cell.consumer.id, (): Cell[] => []).push(cell);
    }
    this.fresh = [...rows.values()].map((row) => [...row.values()].flat());
  }

  /**
   * A row for a thread that has finished its own: one that nobody has begun, else half of what is left
   * of another's; empty when there is nothing more to do. The thread takes its cells from it.
   */
  next(from: 'front' | 'end'): Cell[] {
    let row = from === 'front' ? this.fresh.shift() : this.fresh.pop();
    if (!row) {
      const [longest = []] = this.begun.sort((a, b) => b.length - a.length);
      row = longest.splice(Math.ceil(longest.length / 2));
    }
    this.begun.push(row);
    return row;
  }

  /** Rows that nobody has begun. */
  get count(): number {
    return this.fresh.length;
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
