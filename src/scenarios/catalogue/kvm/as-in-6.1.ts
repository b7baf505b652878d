// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * KVM of 6.1 has both: guest faults under notifier and sequence (Gunthorpe 23/16:26, "this is why I
 * have no idea what the page ref is doing"), and callers that keep the PFN without.
 */
import { consumerLike, consumerOf, exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const ttm = exporterOf('ttm');
const moves: Act = function* ({ move }) {
  yield* move();
};
const movesTwice: Act = function* ({ move }) {
  yield* move();
  yield* move();
};

export default [
  story({
    id: 'kvm/vcpu-map-6.1',
    title: 'kvm_vcpu_map() of 6.1: a reference, no notifier',
    story:
      'Nested virtualization maps a guest page through the same lookup and keeps the PFN. The reference ' +
      'keeps the page, nothing keeps the entry, and after a move KVM writes where nobody looks.',
    source: 'König 23/13:12',
    status: 'real (6.1 virt/kvm/kvm_main.c:2834, CONFIG_KVM_INTEL) against real TTM',
    rules: ['R6'],
    expected: 'violated',
    exporter: ttm,
    threads: { kvm: consumerOf('kvm-vcpu-map-6.1'), ttm: moves },
  }),
  story({
    id: 'kvm/guest-fault-6.1',
    title: 'a guest fault of 6.1: protected, and a needless reference',
    story:
      'Notifier and sequence make it right whatever the exporter does. The reference that the lookup takes ' +
      'through the special PTE is dropped again: no data is wrong, but for a moment a page is counted ' +
      'that its owner does not count.',
    source: 'Gunthorpe 23/16:26',
    status: 'real (6.1 arch/x86/kvm/mmu/mmu.c:4247, CONFIG_KVM) against real TTM',
    rules: ['R6'],
    expected: 'violated',
    exporter: ttm,
    threads: { kvm: consumerOf('kvm-guest-fault-6.1'), ttm: moves },
  }),
  story({
    id: 'kvm/guest-fault-without-reference',
    title: 'the same without the reference',
    story:
      '“I don’t entirely understand why it needs the page reference at all” (Gunthorpe 23/15:08). It does ' +
      'not: everything that keeps the guest right is there without.',
    source: 'Gunthorpe 23/15:08',
    status: 'hypothetical variant of KVM of 6.1',
    rules: ['R6', 'R8'],
    expected: 'safe',
    exporter: ttm,
    threads: {
      kvm: consumerLike('kvm-guest-fault-6.1', 'kvm-without-ref', { takesPageRef: false }),
      ttm: movesTwice,
    },
  }),
];
