// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The system dma-heap (CONFIG_DMABUF_HEAPS_SYSTEM): remap_pfn_range of every page in the mmap callback,
 * which sets the flags; nothing is refused, so a private mapping fails in remap_pfn_range, unless it
 * is one page long (R14). Memory stays where it is until the last close.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const systemHeap: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'system-heap',
  title: 'system dma-heap',
  status: 'real',
  source: '6.12 drivers/dma-buf/heaps/system_heap.c:195, 6.1 :196; CONFIG_DMABUF_HEAPS_SYSTEM',
  inserts: 'mmap-remap-pfn',
  setsFlags: [],
  lock: 'none',
  refusesPrivate: false,
};

export default systemHeap;
