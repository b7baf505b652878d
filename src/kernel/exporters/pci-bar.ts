// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A PCI BAR mapped through sysfs or /proc/bus/pci (CONFIG_PCI, ARCH_GENERIC_PCI_MMAP_RESOURCE): one
 * remap_pfn_range of all of it, vm_pgoff holds the PFN (6.12 drivers/pci/mmap.c:45, 6.1 :43), and
 * private mappings are not refused (6.12 drivers/pci/pci-sysfs.c:1054, 6.1 :1090). Its file has the
 * address_space of all of iomem (6.12 :1213, 6.1 :1245). A driver that claims the region for itself alone
 * zaps it for good (6.12 kernel/resource.c:1231, called at :1328; 6.1 :1190, :1286; CONFIG_IO_STRICT_DEVMEM).
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const pciBar: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'pci-bar',
  title: 'BAR through PCI sysfs',
  status: 'real',
  source: '6.12 drivers/pci/mmap.c:24, 6.1 :22; CONFIG_PCI, CONFIG_IO_STRICT_DEVMEM',
  object: 'device',
  memory: 'bar',
  inserts: 'mmap-remap-range',
  setsFlags: [],
  lock: 'none',
  takesBack: ['revoke'],
  refusesPrivate: false,
  hasAccess: true,
  pgoff: 'pfn',
};

export default pciBar;
