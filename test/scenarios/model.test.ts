// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the matrix rests on: the reductions change no verdict, and every step of the kernel model
 * touches one word that others can change, unless it says what makes it atomic.
 */
import { describe, expect, it } from 'vitest';
import { Search, type SearchResult } from '../../src/explore/search.ts';
import { cellSystems, type Face, facesOf } from '../../src/scenarios/cell.ts';
import { type Cell, matrixCells } from '../../src/scenarios/matrix.ts';

const faces = (cells: readonly Cell[], which: (f: Face) => boolean) =>
  cells.flatMap((cell) =>
    facesOf(cell.exporter, cell.consumer)
      .filter(which)
      .map((face) => ({ cell, face })),
  );

function findings(result: SearchResult | null): string {
  if (!result?.complete) throw new Error('the search did not end');
  const texts = result.findings.map(({ violation: v }) => `${v.severity} ${v.rule} ${v.text}`);
  return JSON.stringify([[...new Set(texts)].sort(), result.marks]);
}

describe('reduction', () => {
  it('finds the same in every pair of threads as the search of every step', {
    timeout: 180_000,
  }, () => {
    let compared = 0;
    for (const { cell, face } of faces(matrixCells(), (f) => f.idle !== null)) {
      const run = (reduce: boolean) => {
        const make = cellSystems(cell.exporter, cell.consumer, face, '6.12');
        return new Search(make, { reduce, stopAt: 'never' }).run();
      };
      expect(findings(run(true)), `${cell.id} ${JSON.stringify(face)}`).toBe(findings(run(false)));
      compared++;
    }
    expect(compared).toBeGreaterThan(300);
  });

  it('finds the same with three threads', { timeout: 180_000 }, () => {
    const cells = matrixCells().filter((c) =>
      ['vgem/notifier-retry', 'vgem/notifier-no-retry', 'system-heap/cpu', 'ttm/gup'].includes(
        c.id,
      ),
    );
    expect(cells.length).toBe(4);
    for (const { cell, face } of faces(cells, (f) => f.idle === null)) {
      const run = (reduce: boolean) => {
        const make = cellSystems(cell.exporter, cell.consumer, face, '6.12');
        return new Search(make, { reduce, stopAt: 'never', livelock: false }).run();
      };
      expect(findings(run(true)), cell.id).toBe(findings(run(false)));
    }
  });
});

describe('granularity', () => {
  it('every step touches one racy word, or says why more are atomic', { timeout: 180_000 }, () => {
    const unexplained = new Set<string>();
    let steps = 0;
    for (const { cell, face } of faces(matrixCells(), (f) => f.idle !== null)) {
      const make = cellSystems(cell.exporter, cell.consumer, face, '6.12');
      const search = new Search(make, { reduce: false, testMode: true, stopAt: 'never' });
      search.run();
      for (const [def, slots] of search.machine.wide) {
        steps++;
        if (def.atomic) continue;
        unexplained.add(`${def.name}: ${[...slots][0]} (${cell.id})`);
      }
    }
    expect([...unexplained]).toEqual([]);
    // The test can fail: there are wide steps, and all of them are explained.
    expect(steps).toBeGreaterThan(0);
  });
});
