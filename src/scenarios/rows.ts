// SPDX-License-Identifier: GPL-2.0-or-later
/** Cells of the matrix shared out among threads, so that each keeps to cells that have work in common. */
import { cellClass } from './cell.ts';
import { Claims, claimBytes } from './claims.ts';
import type { Cell } from './matrix.ts';

/** A cell, and its place in the list of all. */
interface Job {
  readonly cell: Cell;
  readonly at: number;
}

/**
 * A row is the cells of all exporters that behave alike, consumer by consumer. A thread keeps to one row,
 * whose cells share work, while there are others.
 */
export class Rows {
  private readonly rows: readonly (readonly Job[])[];

  /**
   * @param cells the same for all threads
   * @param claims what these share; of {@link Rows.bytes}
   */
  constructor(
    private readonly cells: readonly Cell[],
    private readonly claims = new Claims(new ArrayBuffer(Rows.bytes(cells))),
  ) {
    const rows = new Map<string, Map<string, Job[]>>();
    for (const [at, cell] of cells.entries()) {
      const byConsumer = entry(rows, cellClass(cell.exporter), () => new Map<string, Job[]>());
      entry(byConsumer, cell.consumer.id, (): Job[] => []).push({ cell, at });
    }
    this.rows = [...rows.values()].map((row) => [...row.values()].flat());
  }

  /** Memory for the claims on cells and rows. */
  static bytes(cells: readonly Cell[]): number {
    return claimBytes(2 * cells.length);
  }

  /**
   * The cells that a thread does, each as soon as it asks for one: those of rows that nobody has begun,
   * then those at the ends of others' rows.
   */
  *cellsFrom(side: 'front' | 'end'): Generator<Cell, void> {
    const { rows, cells, claims } = this;
    const free = (row: readonly Job[]) => row.filter(({ at }) => claims.free(at)).length;
    const order = [...rows.entries()];
    if (side === 'end') order.reverse();
    for (const [i, row] of order) {
      if (claims.take(cells.length + i)) yield* this.taken(row);
    }
    for (;;) {
      const [longest] = [...rows].sort((a, b) => free(b) - free(a));
      if (!longest || !free(longest)) return;
      yield* this.taken([...longest].reverse());
    }
  }

  private *taken(row: readonly Job[]): Generator<Cell> {
    for (const { cell, at } of row) if (this.claims.take(at)) yield cell;
  }

  get count(): number {
    return this.rows.length;
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
