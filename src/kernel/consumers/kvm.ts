// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * KVM of 6.1: two consumers, not one. A guest's page fault is protected by notifier and sequence; the
 * page reference that it takes through the special PTE all the same is needless, and dropped as soon
 * as the page is mapped. Other callers of the same lookup keep the PFN with nothing but that reference.
 */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const kvm = {
  ...FOLLOWS_CORRECTLY,
  gupFirst: true,
  takesPageRef: true,
} as const;

const consumers: readonly ConsumerTraits[] = [
  {
    ...kvm,
    id: 'kvm-guest-fault-6.1',
    title: 'KVM of 6.1, a guest page fault',
    status: 'real',
    source:
      '6.1 arch/x86/kvm/mmu/mmu.c:4247 direct_page_fault, virt/kvm/kvm_main.c:2588; CONFIG_KVM, x86-64',
  },
  {
    ...kvm,
    id: 'kvm-vcpu-map-6.1',
    title: 'KVM of 6.1, kvm_vcpu_map and its like',
    status: 'real',
    source:
      '6.1 virt/kvm/kvm_main.c:2834 kvm_vcpu_map, called by arch/x86/kvm/vmx/nested.c:593; CONFIG_KVM_INTEL',
    notifier: false,
    retries: false,
  },
  {
    ...kvm,
    id: 'refuse-special',
    title: 'KVM with a patch that refuses pte_special',
    status: 'hypothetical',
    source:
      'Gunthorpe 23/13:28, the diff (which returns with the page-table lock held; dropped here)',
    refusesSpecial: true,
    notifier: false,
    retries: false,
  },
  {
    ...FOLLOWS_CORRECTLY,
    id: 'pgoff-as-pfn',
    title: 'KVM on RISC-V, which takes vm_pgoff for the PFN',
    status: 'real',
    source: '6.12 arch/riscv/kvm/mmu.c:513, 6.1 arch/riscv/kvm/mmu.c:519; CONFIG_KVM, riscv64',
    lookup: 'vm-pgoff',
    retries: false,
  },
];

export default consumers;
