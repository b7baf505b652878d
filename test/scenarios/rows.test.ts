// SPDX-License-Identifier: GPL-2.0-or-later
/** Cells shared out among threads: each is done once, whoever is quicker. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Claims } from '../../src/scenarios/claims.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { Rows } from '../../src/scenarios/rows.ts';

const cells = matrixCells();

test('threads that share claims do each cell once, in any order of asking', () => {
  const turns = fc.infiniteStream(fc.nat(2));
  const property = fc.property(turns, (order) => {
    const memory = new SharedArrayBuffer(Rows.bytes(cells));
    // Each thread has rows of its own, over the same memory.
    const threads = (['front', 'end', 'end'] as const).map((side) =>
      new Rows(cells, new Claims(memory)).cellsFrom(side),
    );
    const done: string[] = [];
    const left = new Set(threads);
    for (const turn of order) {
      const cell = threads[turn].next();
      if (cell.done) left.delete(threads[turn]);
      else done.push(cell.value.id);
      if (!left.size) break;
    }
    expect(done.sort()).toEqual(cells.map((c) => c.id).sort());
  });
  fc.assert(property, { numRuns: 20 });
});

test('a thread keeps to a row while there are others', () => {
  const rows = new Rows(cells);
  const front = rows.cellsFrom('front');
  const end = rows.cellsFrom('end');
  const exporters = (from: typeof front) =>
    new Set(Array.from({ length: 12 }, () => from.next().value?.exporter.id));
  expect(exporters(front)).not.toContain([...exporters(end)][0]);
});
