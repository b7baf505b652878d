// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What mm's movers do to memory that is theirs to move, while a device writes to it: a reference stops
 * them, a PFN that somebody kept does not. (Of a dma-buf it is the other way round: see movers.ts.)
 */
import { access_page } from '../../../kernel/mm/access.ts';
import { pte_pfn } from '../../../kernel/mm/flags.ts';
import { raw_walk } from '../../../kernel/mm/follow.ts';
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, MM, story } from '../../stage.ts';

/** An open-coded walk of the page table, and DMA to what it found: no reference, no notifier. */
const keepsPfn: Act = function* ({ page }) {
  const entry = yield* raw_walk(MM, 0);
  if (entry > 0) yield* access_page(pte_pfn(entry), 1, 0, 2, page(0, 'the device'), 'R8');
};
const common = {
  source: 'Vetter 22/19:29',
  rules: ['R8'],
  exporter: exporterOf('memfd'),
  touched: true,
  kernel: { diskPages: 1 },
} as const;

export default [
  story({
    ...common,
    id: 'migrate/under-direct-io',
    title: 'compaction comes to a page that direct I/O has taken',
    story:
      'The page is on an LRU list, and mapped: compaction isolates it, and finds one reference more than ' +
      'the mapping explains. It lets go. That is what a page reference is good for, with mm’s own memory.',
    status: 'real compaction (6.12 mm/compaction.c:870) and direct I/O on a memfd',
    expected: 'safe',
    threads: { disk: consumerOf('direct-io'), compaction: consumerOf('compaction') },
  }),
  story({
    ...common,
    id: 'migrate/under-kept-pfn',
    title: 'compaction comes to a page whose PFN a device has kept',
    story:
      'Nothing in the counts says that somebody uses the page. It is copied, its old frame freed, and the ' +
      'device writes there.',
    status: 'hypothetical driver that walks page tables itself, real compaction, on a memfd',
    expected: 'violated',
    threads: { device: keepsPfn, compaction: consumerOf('compaction') },
  }),
];
