// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A driver claims a PCI BAR while a program maps it. mmap() looks for a claim first (6.12
 * drivers/pci/pci-sysfs.c:1067, 6.1 :1103), makes all entries, and only then is the VMA linked where a zap
 * finds it (6.12 mm/mmap.c:1537, 6.1 :2846). revoke_iomem() zaps once (6.12 kernel/resource.c:1328,
 * 6.1 :1286; CONFIG_IO_STRICT_DEVMEM).
 */
import { exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const maps: Act = function* ({ mmap, write }) {
  if ((yield* mmap()) < 0) return;
  yield* write(0);
};
const claims: Act = function* ({ revoke }) {
  yield* revoke();
};

export default [
  story({
    id: 'pci/claim-misses-new-mapping',
    title: 'a driver claims a BAR between the test of mmap() and the link of its VMA',
    story:
      'The zap comes when the entries are made, or are about to be, and the VMA is not linked yet: it finds ' +
      'nothing. There is no fault handler to ask again, so the program keeps its entries for good.',
    source: 'Vetter 23/14:34',
    status: 'real, by the source (6.12 drivers/pci/pci-sysfs.c:1054); not seen on a machine',
    rules: ['R4'],
    expected: 'violated',
    exporter: exporterOf('pci-bar'),
    mapped: 'no',
    threads: { program: maps, driver: claims },
  }),
  story({
    id: 'pci/claim-finds-all-by-fault',
    title: 'the same with entries that are made by faults, as VFIO makes them',
    story:
      'mmap() makes no entry. Faults come after the VMA is linked, and look for the claim under the lock of ' +
      'the zap: what comes before is zapped, what comes after is refused.',
    source: 'Vetter 23/14:34',
    status: 'real VFIO (6.12 drivers/vfio/pci/vfio_pci_core.c:1707)',
    rules: ['R4'],
    expected: 'safe',
    exporter: exporterOf('vfio-bar'),
    mapped: 'no',
    threads: { program: maps, driver: claims },
  }),
];
