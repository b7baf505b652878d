// SPDX-License-Identifier: GPL-2.0-or-later
/** The matrix as a whole: verdicts, rules and exact state counts, as golden text. */
import { describe, expect, it } from 'vitest';
import type { ExporterTraits } from '../../src/contract/traits.ts';
import { replay } from '../../src/explore/schedule.ts';
import { cellJson } from '../../src/report/json.ts';
import { cellSystems, facesOf } from '../../src/scenarios/cell.ts';
import {
  type CellResult,
  CellRun,
  makeCell,
  matrixCells,
  SharedFaces,
} from '../../src/scenarios/matrix.ts';

function line(r: CellResult): string {
  const ce = r.counterexample;
  const shape = ce ? `${ce.threads} threads, ${ce.switches} switches, ${ce.steps} steps` : '';
  return [r.cell.id, r.verdict, r.rules.join(','), `${r.states} states`, shape]
    .join(' | ')
    .trimEnd();
}

describe('matrix', () => {
  for (const linux of ['6.12', '6.1'] as const) {
    it(`of ${linux} is what it was`, async () => {
      const shared = new SharedFaces();
      const lines = matrixCells().map((cell) => {
        const result = new CellRun(cell, linux, shared).run();
        if (!result) throw new Error(`${cell.id}: an unlimited run must end`);
        return line(result);
      });
      await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`../golden/matrix-${linux}.txt`);
    });
  }

  it('tells cells of exporters that behave alike as if each were alone', () => {
    const shared = new SharedFaces();
    const consumers = ['gup-fast', 'notifier-no-retry', 'follow-with-ref', 'sg-page-reader'];
    let reused = 0;
    for (const consumer of consumers) {
      for (const exporter of ['ttm', 'i915-lmem']) {
        const [cell] = matrixCells({ exporter, consumer });
        const [face] = facesOf(cell.exporter, cell.consumer);
        if (shared.get(cell, face, '6.12')) reused++;
        const together = new CellRun(cell, '6.12', shared).run() as CellResult;
        const apart = new CellRun(cell, '6.12').run() as CellResult;
        expect({ ...cellJson(together), ms: 0 }).toEqual({ ...cellJson(apart), ms: 0 });
        const { counterexample, face: found } = together;
        if (!counterexample || !found) continue;
        const make = cellSystems(cell.exporter, cell.consumer, found, '6.12');
        const again = replay(make(), counterexample.schedule);
        expect(again.diverged ? again.text : again.violations).toContainEqual(
          counterexample.violation,
        );
      }
    }
    expect(reused).toBeGreaterThan(0);
  });

  it('says what every reader of the thread expects', () => {
    const verdict = (id: string): string => {
      const cell = matrixCells().find((c) => c.id === id);
      if (!cell) throw new Error(id);
      return new CellRun(cell, '6.12').run()?.verdict ?? 'no result';
    };
    expect(verdict('ttm/follow-and-keep')).toBe('corrupts');
    expect(verdict('ttm/notifier-no-retry')).toBe('corrupts');
    expect(verdict('ttm/notifier-retry')).toBe('safe');
    expect(verdict('ttm/gup-fast')).toBe('refused');
    expect(verdict('ttm/hmm-mirror')).toBe('refused');
    expect(verdict('test-ipage/gup')).toBe('corrupts');
  });

  it('would say the same of TTM’s variants if their cells evicted, too', () => {
    const rank = ['refused', 'safe', 'breaks', 'corrupts'];
    for (const id of ['ttm-huge', 'ttm-mangled-refs']) {
      const shared = new SharedFaces();
      for (const { exporter, consumer } of matrixCells({ exporter: id })) {
        const run = (takesBack: ExporterTraits['takesBack']) => {
          const cell = makeCell({ ...exporter, takesBack }, consumer);
          return new CellRun(cell, '6.12', shared, 4_000_000, false).run() as CellResult;
        };
        const [moves, evicts] = [run(['move']), run(['evict'])];
        const name = `${id}/${consumer.id}`;
        expect(rank.indexOf(evicts.verdict), name).toBeLessThanOrEqual(rank.indexOf(moves.verdict));
        expect(rank.indexOf(evicts.verdict), name).toBeGreaterThanOrEqual(0);
        expect(moves.rules, name).toEqual(expect.arrayContaining([...evicts.rules]));
      }
    }
  });

  it('tells what docs/matrix.md says of each consumer', () => {
    const shared = new SharedFaces();
    const column = (consumer: string) =>
      ['ttm', 'system-heap'].map((exporter) => {
        const [cell] = matrixCells({ exporter, consumer });
        const r = new CellRun(cell, '6.12', shared, 4_000_000, false).run();
        return `${r?.verdict} ${r?.rules.join(' ')}`.trim();
      });
    const told: Readonly<Record<string, readonly [ttm: string, heap: string]>> = {
      'kvm-guest-fault-6.1': ['breaks R6', 'breaks R6'],
      'kvm-vcpu-map-6.1': ['corrupts R6', 'breaks R6'],
      'vfio-type1': ['refused', 'refused'],
      'pgoff-as-pfn': ['corrupts R15', 'corrupts R15'],
      'direct-io': ['refused', 'refused'],
      'iommu-sva': ['safe', 'safe'],
      compaction: ['refused', 'refused'],
      ksm: ['refused', 'refused'],
      'numa-balancing': ['refused', 'refused'],
      'sg-page-reader': ['breaks R12', 'breaks R12'],
      'sg-page-reader-debug': ['breaks R12', 'breaks R12'],
      'refuse-special': ['refused', 'refused'],
    };
    for (const [consumer, verdicts] of Object.entries(told)) {
      expect(column(consumer), consumer).toEqual(verdicts);
    }
  });
});
