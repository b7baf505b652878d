// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The CMA dma-heap of 6.1 (CONFIG_DMABUF_HEAPS_CMA): no flag in mmap (line 181), and a fault handler
 * that names a struct page in vmf->page (171). What the patch was to put an end to.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const cmaHeap61: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'cma-heap-6.1',
  title: 'CMA dma-heap of 6.1',
  status: 'real',
  source: '6.1 drivers/dma-buf/heaps/cma_heap.c:181; CONFIG_DMABUF_HEAPS_CMA',
  inserts: 'fault-vmf-page',
  setsFlags: [],
  lock: 'none',
  contiguous: true,
  cma: true,
};

export default cmaHeap61;
