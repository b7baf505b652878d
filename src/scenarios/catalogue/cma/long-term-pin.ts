// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Long-term pins and CMA areas, whose pages have to stay movable. Ordinary memory that happens to lie in
 * one is moved out first. A buffer whose memory is of the area cannot be: by PFN it is refused, and as
 * 6.1 maps the CMA heap the pin never comes back.
 */
import { step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { access_page } from '../../../kernel/mm/access.ts';
import { FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE, unpin_user_page } from '../../../kernel/mm/gup.ts';
import { get_user_pages_fast } from '../../../kernel/mm/gup-fast.ts';
import { set_pageblock_migratetype } from '../../../kernel/mm/page.ts';
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, MM, story } from '../../stage.ts';

const FLAGS = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;

/** From here on the page stays where it is, for as long as the device likes. */
const stays_pinned = step('ib_umem_get', (k: Kernel, pfn: number) => {
  if (!k.page_cma.peek(pfn)) return;
  const text = `page${pfn} of the CMA area is pinned for good: the area is lost to its owner`;
  k.mem.report({ severity: 'breaks', rule: 'leak', text });
});

const pins: Act = function* ({ page }) {
  const pfn = yield* get_user_pages_fast(MM, 0, FLAGS);
  if (pfn < 0) return;
  yield* stays_pinned(pfn);
  yield* access_page(pfn, 1, 0, 2, page(0, 'the device'), 'R8');
  yield* unpin_user_page(pfn, FLAGS);
};
const writes: Act = ({ write }) => write(0);
/** The first page that is handed out, the memfd's, lies in the area. */
const inArea: Act = () => set_pageblock_migratetype(1);

const common = { source: 'Gunthorpe 22/19:34' } as const;
const GUP = 'real GUP (6.12 mm/gup.c:2354, 6.1 :1964)';

export default [
  story({
    ...common,
    id: 'cma/pin-moves-page-out',
    title: 'a long-term pin of ordinary memory in a CMA area',
    story:
      'GUP-fast leaves the page to the slow path, which takes it, sees where it lies, lets go, moves it out ' +
      'and looks it up again. The device gets the new page, and the program writes to the same.',
    status: `${GUP}, on a memfd`,
    rules: ['leak', 'R8'],
    expected: 'safe',
    exporter: exporterOf('memfd'),
    touched: true,
    before: inArea,
    threads: { rdma: pins, user: writes },
  }),
  story({
    ...common,
    id: 'cma/pin-of-old-heap-never-ends',
    title: 'a long-term pin of a page that a driver took from a CMA area',
    story:
      'The page is in no LRU list and cannot be isolated. The list of what is to be moved stays empty, which ' +
      'counts as success: -EAGAIN, and the same page is looked up again. Only a fatal signal ends it.',
    status: `real CMA heap of 6.1 (drivers/dma-buf/heaps/cma_heap.c:171), ${GUP}; read in the source, seen on no machine`,
    rules: ['livelock'],
    expected: 'violated',
    exporter: exporterOf('cma-heap-6.1'),
    given: ['R1', 'R2'],
    touched: true,
    threads: { rdma: consumerOf('long-term-pin') },
  }),
  story({
    ...common,
    id: 'cma/pin-of-new-heap-refused',
    title: 'the same buffer, mapped by PFN',
    story:
      'VM_PFNMAP and a special entry: there is no page to pin, and so nothing to move. -EFAULT at once.',
    status: `real CMA heap of 6.12 (drivers/dma-buf/heaps/cma_heap.c:163), ${GUP}`,
    rules: ['livelock', 'leak'],
    expected: 'safe',
    exporter: exporterOf('cma-heap'),
    touched: true,
    threads: { rdma: consumerOf('long-term-pin'), user: writes },
  }),
];
