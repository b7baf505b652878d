// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "None rely on struct page like mm/ moving stuff around for compaction/ksm/numa-balancing/whateverr"
 * (Vetter 22/19:29): an exporter moves its memory itself, and mm's own movers must not.
 */
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const user: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};
/** The same, from the start. */
const mapsAndUses: Act = function* (at) {
  yield* at.mmap();
  yield* user(at);
};
const moves: Act = function* ({ move }) {
  yield* move();
};
const special = {
  source: 'Vetter 22/19:29',
  rules: ['R2'],
  expected: 'safe',
  exporter: exporterOf('ttm'),
  touched: true,
} as const;
const inserted = {
  source: 'Vetter 22/19:29',
  rules: ['R1', 'R2'],
  expected: 'violated',
  exporter: exporterOf('system-heap-insert-page'),
  mapped: 'no',
} as const;

export default [
  story({
    ...special,
    id: 'migrate/compaction-special',
    title: 'compaction comes to a page behind a special PTE',
    story:
      'Compaction finds pages by their physical address. Those of the exporter are not on the LRU lists, ' +
      'and are passed over; the exporter’s own move is the only one there is.',
    status: 'real compaction (6.12 mm/compaction.c:870) and TTM',
    threads: { user, ttm: moves, compaction: consumerOf('compaction') },
  }),
  story({
    ...special,
    id: 'migrate/ksm-special',
    title: 'KSM scans a mapping of special PTEs',
    story:
      'madvise(MADV_MERGEABLE) leaves VM_PFNMAP VMAs alone (VM_SPECIAL), and ksmd looks at others only.',
    status: 'real KSM (6.12 mm/ksm.c:681) and TTM',
    threads: { user, ttm: moves, ksm: consumerOf('ksm') },
  }),
  story({
    ...special,
    id: 'migrate/numa-special',
    title: 'NUMA balancing scans a mapping of special PTEs',
    story:
      'task_numa_work() skips VM_PFNMAP: no hint fault is ever provoked, and nothing is moved to the node ' +
      'that faults.',
    status: 'real NUMA balancing (6.12 kernel/sched/fair.c:3394) and TTM',
    threads: { ttm: moves, numa: consumerOf('numa-balancing') },
  }),
  story({
    ...inserted,
    id: 'migrate/compaction-inserted',
    title: 'compaction comes to an inserted struct page',
    story:
      'The entry is an ordinary one now, and the page has a mapcount. What keeps compaction away is only ' +
      'that the exporter never put the page on an LRU list. Rules fall all the same, before anybody moves.',
    status: 'real compaction and the system heap as it was proposed in 2022',
    threads: { user: mapsAndUses, compaction: consumerOf('compaction') },
  }),
  story({
    ...inserted,
    id: 'migrate/ksm-inserted',
    title: 'KSM scans inserted struct pages',
    story:
      'VM_MIXEDMAP is as good as VM_PFNMAP here (VM_SPECIAL): madvise() leaves the VMA alone. Besides, the ' +
      'mapping is shared and the page not anonymous.',
    status: 'real KSM and the system heap as it was proposed in 2022',
    threads: { user: mapsAndUses, ksm: consumerOf('ksm') },
  }),
  story({
    ...inserted,
    id: 'migrate/numa-inserted',
    title: 'NUMA balancing scans inserted struct pages',
    story: 'VM_MIXEDMAP is skipped like VM_PFNMAP. The page stays on its node.',
    status: 'real NUMA balancing and the system heap as it was proposed in 2022',
    threads: { user: mapsAndUses, numa: consumerOf('numa-balancing') },
  }),
];
