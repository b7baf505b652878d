// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the matrix rests on: the reductions change no verdict, and every step of the kernel model
 * touches one word that others can change, unless it says what makes it atomic.
 */
import { describe, expect, it } from 'vitest';
import { Search, type SearchResult } from '../../src/explore/search.ts';
import { cellSystems, type Face, facesOf } from '../../src/scenarios/cell.ts';
import { type Cell, matrixCells, SharedFaces } from '../../src/scenarios/matrix.ts';

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

describe('every pair of threads of the matrix', () => {
  // Each exporter meets many consumers that leave it and its user alone; once is enough.
  const shared = new SharedFaces();
  const seen = new Set<string>();
  const pairs = faces(matrixCells(), (f) => f.idle !== null).filter(({ cell, face }) => {
    const key = `${cell.exporter.id} ${shared.key(cell, face, '6.12')}`;
    return !seen.has(key) && seen.add(key);
  });
  const unexplained = new Set<string>();
  let wide = 0;

  it('tells the same when transitions are merged as step by step', () => {
    for (const { cell, face } of pairs) {
      const make = cellSystems(cell.exporter, cell.consumer, face, '6.12');
      const full = new Search(make, { reduce: false, testMode: true, stopAt: 'never' });
      const all = findings(full.run());
      const merged = findings(new Search(make, { reduce: true, stopAt: 'never' }).run());
      expect(merged, `${cell.id} ${JSON.stringify(face)}`).toBe(all);
      for (const [def, slots] of full.machine.wide) {
        wide++;
        if (!def.atomic) unexplained.add(`${def.name}: ${[...slots][0]} (${cell.id})`);
      }
    }
    expect(pairs.length).toBeGreaterThan(300);
  });

  it('every step touches one racy word, or says why more are atomic', () => {
    expect([...unexplained]).toEqual([]);
    // The test can fail: there are wide steps, and all of them are explained.
    expect(wide).toBeGreaterThan(0);
  });
});

describe('three threads', () => {
  it('tell the same when transitions are merged', () => {
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
