// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "if (pte_special(*ptep)) return -EINVAL;" (Gunthorpe 23/13:28) closes the hole, and "completely defeats
 * the point of why this code here exists": the path was made for BARs that are passed through (Vetter
 * 23/14:34).
 */
import { type ConsumerTraits, KEEPS_CONTRACT } from '../../../contract/traits.ts';
import { step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { finder, releaser } from '../../../kernel/programs/find.ts';
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, MM, story } from '../../stage.ts';

/** A BAR that nobody takes back: the static mapping that the path is there for. */
const bar = {
  ...KEEPS_CONTRACT,
  id: 'static-bar',
  title: 'a BAR that is mapped for good',
  status: 'real',
  source: '6.12 drivers/pci/mmap.c:45',
  object: 'device',
  memory: 'bar',
  lock: 'none',
  inserts: 'mmap-remap-range',
  setsFlags: [],
} as const;

const no_passthrough = step('KVM_PFN_ERR_FAULT', (k: Kernel) =>
  k.mem.report({
    severity: 'breaks',
    rule: 'R9',
    text: 'the guest does not get its BAR, although it is mapped: the device cannot be passed through',
  }),
);
/** The guest touches its BAR for the first time, and the consumer looks it up. */
const passesThrough = (traits: ConsumerTraits): Act => {
  const find = finder(traits);
  const release = releaser(traits);
  return function* ({ page }) {
    const found = yield* find(MM, 0, 1, page(0, 'the guest'));
    if (found < 0) yield* no_passthrough();
    else yield* release(found);
  };
};
const moves: Act = function* ({ move }) {
  yield* move();
};
const user: Act = function* ({ write }) {
  yield* write(0);
};

export default [
  story({
    id: 'kvm/refuse-special-closes-hole',
    title: 'the fallback refuses special PTEs: nothing of TTM is kept',
    story:
      'The entry of a moving buffer is special, and the lookup fails. The VM that asked for it is told so; ' +
      'nobody holds anything that could become stale.',
    source: 'Gunthorpe 23/13:28',
    status: 'hypothetical patch of KVM against real TTM',
    rules: ['R8', 'R6'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    touched: true,
    threads: { kvm: consumerOf('refuse-special'), ttm: moves },
  }),
  story({
    id: 'kvm/refuse-special-breaks-passthrough',
    title: 'and neither is a BAR, which is what the path is there for',
    story:
      'remap_pfn_range() makes special entries of static mappings too; the bit does not tell them apart. ' +
      'The guest’s BAR is refused like everything else.',
    source: 'Vetter 23/14:34',
    status: 'hypothetical patch of KVM against a real PCI BAR',
    rules: ['R9'],
    expected: 'violated',
    exporter: bar,
    looksUpAs: consumerOf('refuse-special'),
    threads: { user, kvm: passesThrough(consumerOf('refuse-special')) },
  }),
  story({
    id: 'kvm/passthrough-by-following',
    title: 'the fallback as it is: the guest gets its BAR',
    story:
      'A BAR has no struct page, so there is nothing to take a reference of; the PFN is all the guest needs. ' +
      '“I think nothing except full mmu_notifier will actually fix this.”',
    source: 'Vetter 23/14:34',
    status: 'real KVM of 6.1 against a real PCI BAR',
    rules: ['R9'],
    expected: 'safe',
    exporter: bar,
    threads: { user, kvm: passesThrough(consumerOf('kvm-guest-fault-6.1')) },
  }),
];
