// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * follow, fixup, follow, taken apart at its gaps. hva_to_pfn_remapped() runs here in its three parts,
 * and the exporter's move is let in at one gap only: what comes of each?
 */
import { BLOCKED, type Run, routine, step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { access_page } from '../../../kernel/mm/access.ts';
import { pte_pfn } from '../../../kernel/mm/flags.ts';
import { follow_pfn } from '../../../kernel/mm/follow.ts';
import { fixup_user_fault } from '../../../kernel/mm/gup.ts';
import { mmap_read_lock, mmap_read_unlock } from '../../../kernel/mm/vma.ts';
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, MM, story } from '../../stage.ts';

const READ_FOR_WRITE = 1;

/** The gap that the consumer is in; 0 while it is in none. */
const enter = step('gap', (k: Kernel, gap: number) => k.notes.set(0, gap));
/** Waits for the consumer to come to a gap. */
const at_gap = step('wait_for_gap', (k: Kernel, gap: number) =>
  k.notes.get(0) === gap ? 0 : BLOCKED,
);
/** Waits until the move is over. */
const moved = step('wait_for_move', (k: Kernel) => (k.notes.get(0) === 0 ? 0 : BLOCKED));

const gap = routine('gap', function* (here: number): Run<void> {
  yield* enter(here);
  yield* moved();
});

/** The fallback gives up although the buffer is there, and its caller sends a signal or kills the VM. */
const gives_up = step('KVM_PFN_ERR_FAULT', (k: Kernel) =>
  k.mem.report({
    severity: 'breaks',
    rule: 'R8',
    text: 'the lookup fails although the buffer is there: it was zapped before the second look',
  }),
);

/** The parts of the fallback, and a gap after one of them. */
const in_parts = routine('hva_to_pfn_remapped', function* (at: number): Run<number> {
  yield* mmap_read_lock(MM);
  let entry = yield* follow_pfn(MM, 0);
  if (at === 1) yield* gap(1);
  if (entry < 0) {
    yield* fixup_user_fault(MM, 0, READ_FOR_WRITE);
    if (at === 2) yield* gap(2);
    entry = yield* follow_pfn(MM, 0);
  }
  yield* mmap_read_unlock(MM);
  return entry;
});

const follower = (at: number): Act =>
  function* ({ page }) {
    const guest = page(0, 'the guest');
    const entry = yield* in_parts(at);
    if (at === 3) yield* gap(3);
    if (entry < 0) yield* gives_up();
    else yield* access_page(pte_pfn(entry), 1, 0, 2, guest, 'R8');
  };

const movesAt = (here: number): Act =>
  function* ({ move }) {
    yield* at_gap(here);
    yield* move();
    yield* enter(0);
  };

const common = {
  source: 'Vetter 23/14:28',
  status: 'the parts of KVM’s hva_to_pfn_remapped (6.12 virt/kvm/kvm_main.c:2897) against real TTM',
  rules: ['R8'],
  exporter: exporterOf('ttm'),
  looksUpAs: consumerOf('follow-and-keep'),
  kernel: { notes: ['gap'] },
} as const;

export default [
  story({
    ...common,
    id: 'kvm/gap-before-fixup',
    title: 'a move between the first look and the fixup does no harm',
    story:
      'There was nothing to be found, and the fixup asks the exporter anew: it inserts the page where the ' +
      'buffer is by then.',
    expected: 'safe',
    threads: { follower: follower(1), ttm: movesAt(1) },
  }),
  story({
    ...common,
    id: 'kvm/gap-before-second-look',
    title: 'a move between the fixup and the second look: spurious failure',
    story:
      'The fixup succeeds and the entry is zapped at once. The second look finds nothing, and the fallback ' +
      'reports a fault that is none. “You can also not loop” (see kvm/loops-until-mapped).',
    expected: 'violated',
    threads: { follower: follower(2), ttm: movesAt(2) },
  }),
  story({
    ...common,
    id: 'kvm/gap-before-use',
    title: 'a move between the second look and the use: the stale translation',
    story:
      'Everything went well, and the PFN is that of a page that the buffer has left and the allocator has ' +
      'got back.',
    expected: 'violated',
    threads: { follower: follower(3), ttm: movesAt(3) },
  }),
];
