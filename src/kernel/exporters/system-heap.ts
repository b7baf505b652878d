// SPDX-License-Identifier: GPL-2.0-or-later
/** The system dma-heap: remap_pfn_range of everything at mmap; memory stays until the last close. */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const systemHeap: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'system-heap',
  title: 'system dma-heap',
  status: 'real',
  source: '6.12 drivers/dma-buf/heaps/system_heap.c:195',
  inserts: 'mmap-remap-pfn',
  setsFlags: [],
};

export default systemHeap;
