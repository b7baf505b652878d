// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The CMA dma-heap of 6.12 (CONFIG_DMABUF_HEAPS_CMA): the flags in mmap (line 185), vmf_insert_pfn in
 * a fault handler that takes no lock (163): what it looks at never changes.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const cmaHeap: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'cma-heap',
  title: 'CMA dma-heap of 6.12',
  status: 'real',
  source: '6.12 drivers/dma-buf/heaps/cma_heap.c:178; CONFIG_DMABUF_HEAPS_CMA',
  setsFlags: ['VM_IO', 'VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  lock: 'none',
  contiguous: true,
  cma: true,
};

export default cmaHeap;
