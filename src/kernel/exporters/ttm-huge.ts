// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * TTM's huge entries, reverted because a PMD had no special bit (Vetter 22/19:50): GUP-fast looks at
 * the entry alone and takes the page. The kernels that ran it let such VMAs have huge entries, and GUP-fast did
 * not ask for page->mapping; 6.1 lets no VM_PFNMAP VMA have one (6.1 mm/huge_memory.c:106), 6.12 makes them special.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { ttm } from './ttm.ts';

const ttmHuge: ExporterTraits = {
  ...ttm,
  id: 'ttm-huge',
  title: 'TTM with huge entries (reverted)',
  status: 'historical',
  source: 'Vetter 22/19:50',
  // What became of them shows at a move; eviction is the ttm row's.
  takesBack: ['move'],
  inserts: 'fault-huge-pfn',
  hugeSpecial: false,
  contiguous: true,
  kernelOfItsDay: { huge_pfnmap: true, gup_fast_checks_mapping: false },
};

export default ttmHuge;
