// SPDX-License-Identifier: GPL-2.0-or-later
/** The change that started the thread: the system heap with vm_insert_page instead of a PFN. */
import type { ExporterTraits } from '../../contract/traits.ts';
import { systemHeap } from './system-heap.ts';

export const systemHeapInsertPage: ExporterTraits = {
  ...systemHeap,
  id: 'system-heap-insert-page',
  title: 'system dma-heap with vm_insert_page (proposed in 2022, not merged)',
  status: 'hypothetical',
  source: 'Vetter 22/17:08',
  inserts: 'mmap-insert-page',
};

export default systemHeapInsertPage;
