// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * VFIO's type 1 IOMMU: pins what has pages; what a VM_PFNMAP VMA leads to it follows, and maps for the
 * device only if no struct page is counted there (is_invalid_reserved_pfn). No notifier: the device
 * keeps the PFN until userspace unmaps it.
 */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const vfioType1: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'vfio-type1',
  title: 'VFIO type 1: pin, else follow and map for the device',
  status: 'real',
  source:
    '6.12 drivers/vfio/vfio_iommu_type1.c:551 vaddr_get_pfns, 6.1 line 557; CONFIG_VFIO_IOMMU_TYPE1',
  gupFirst: true,
  longTerm: true,
  onlyReserved: true,
  notifier: false,
  retries: false,
};

export default vfioType1;
