// SPDX-License-Identifier: GPL-2.0-or-later
/** R15, pgoff-is-not-pfn: a VM_PFNMAP VMA whose vm_pgoff is taken for the PFN. */
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const user: Act = function* ({ write }) {
  yield* write(0);
};
/** The same, and then the program lets go of the buffer. */
const userLeaves: Act = function* ({ write, munmap, close }) {
  yield* write(0);
  yield* munmap();
  yield* close();
};

export default [
  story({
    id: 'kvm/pgoff-as-pfn',
    title: 'vm_pgoff taken for the PFN',
    story:
      'For a mapping of /dev/mem, of a PCI BAR through sysfs, or through VFIO of 6.1 the PFN stands in ' +
      'vm_pgoff. For a dma-buf it is the offset into the buffer: its page 0 becomes physical page 0, and ' +
      'the guest reads and writes there.',
    source: 'R15',
    status: 'real (6.12 arch/riscv/kvm/mmu.c:513) against the real system heap',
    rules: ['R15'],
    expected: 'violated',
    exporter: exporterOf('system-heap'),
    threads: { user, kvm: consumerOf('pgoff-as-pfn') },
  }),
  story({
    id: 'kvm/pfn-from-page-table',
    title: 'the PFN looked up in the page table, under a notifier',
    story:
      'The entry tells the PFN whatever the driver keeps in vm_pgoff, and the notifier says when it stops ' +
      'being true: here at munmap(), before the last close.',
    source: 'R15',
    status: 'generic consumer against the real system heap',
    rules: ['R15', 'R8'],
    expected: 'safe',
    exporter: exporterOf('system-heap'),
    threads: { user: userLeaves, kvm: consumerOf('notifier-retry') },
  }),
];
