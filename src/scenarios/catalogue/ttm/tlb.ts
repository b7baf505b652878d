// SPDX-License-Identifier: GPL-2.0-or-later
/** Entries are one half of a translation; what a CPU has cached of them is the other. */
import { exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const user: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};
const moves: Act = function* ({ move }) {
  yield* move();
};

export default [
  story({
    id: 'ttm/no-tlb-flush',
    title: 'a move that clears entries and leaves the TLBs alone',
    story:
      'The entries are gone before the buffer moves, but a CPU still has its translation cached. Its next ' +
      'store goes to the old page.',
    source: 'R4',
    status: 'hypothetical variant of TTM that walks the page tables itself',
    rules: ['R4'],
    expected: 'violated',
    exporter: like('ttm', 'ttm-no-flush', { flushes: false }),
    threads: { user, ttm: moves },
  }),
  story({
    id: 'ttm/tlb-flushed-before-reuse',
    title: 'the flush comes before the page is reused',
    story:
      'zap_page_range_single() flushes before it returns, and the move copies only then. An access that ' +
      'still goes through the TLB is over before the flush is.',
    source: 'R4',
    status: 'real TTM',
    rules: ['R4'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    touched: true,
    threads: { user, ttm: moves },
  }),
];
