// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "The common code for SVA just calls handle_mm_fault() and restarts the PRI. Since the page table is
 * physically shared there is no issue with a stale copy." (Gunthorpe 23/15:04)
 */
import { consumerLike, consumerOf, exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const movesTwice: Act = function* ({ move }) {
  yield* move();
  yield* move();
};

export default [
  story({
    id: 'sva/page-requests',
    title: 'a device faults through the process’s own page table',
    story:
      'The device misses, asks for the page, and the kernel faults it in as for a CPU; then the device ' +
      'walks again. No PFN is copied, no page reference taken. A move zaps the one page table there is, ' +
      'and the notifier flushes the device’s TLB.',
    source: 'Gunthorpe 23/15:04',
    status: 'real (6.12 drivers/iommu/iommu-sva.c:212, 6.1 drivers/iommu/io-pgfault.c:73)',
    rules: ['R8'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    threads: { device: consumerOf('iommu-sva'), ttm: movesTwice },
  }),
  story({
    id: 'sva/tlb-not-told',
    title: 'the same without the invalidation of the device’s TLB',
    story:
      'Sharing the page table is not enough where the device caches what it walked: without the notifier ' +
      'its TLB goes on leading to the old page.',
    source: 'R8',
    status: 'hypothetical variant',
    rules: ['R8'],
    expected: 'violated',
    exporter: exporterOf('ttm'),
    threads: {
      device: consumerLike('iommu-sva', 'sva-without-notifier', { notifier: false }),
      ttm: movesTwice,
    },
  }),
];
