// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A BAR mapped through vfio-pci (CONFIG_VFIO_PCI) as 6.12 does it: PFNs without a struct page, one a fault
 * or a huge entry (CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP), under memory_lock taken for reading (:1705). Disabling
 * memory, reset and power states take it for writing and zap by unmap_mapping_range (:1648); faults
 * are SIGBUS until memory is enabled again (:1707). 6.1 maps the whole VMA in one fault (6.1 :1671, :1701)
 * and zaps a list of VMAs (:1595); it keeps the PFN in vm_pgoff, 6.12 an offset.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const vfioBar: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'vfio-bar',
  title: 'BAR through vfio-pci',
  status: 'real',
  source: '6.12 drivers/vfio/pci/vfio_pci_core.c:1755; CONFIG_VFIO_PCI_CORE',
  object: 'device',
  memory: 'bar',
  inserts: 'fault-huge-pfn',
  setsFlags: ['VM_IO', 'VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  lock: 'rwsem',
  takesBack: ['disable'],
};

export default vfioBar;
