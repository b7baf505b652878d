// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * KVM's fallback for what get_user_pages() refuses: follow, fixup, follow, and keep what was found
 * (König 23/13:12 to Gunthorpe 23/16:26). What comes of it depends on what is kept, and on who tells.
 */
import { consumerOf, exporterOf } from '../../cast.ts';
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
    id: 'kvm/follow-and-keep',
    title: 'follow, fixup, follow, keep; the exporter moves in the gap',
    story:
      'A consumer without a notifier looks a PFN up, faults it in when it is missing, looks again, and ' +
      'keeps what it found. The buffer moves: the entry is zapped and the TLBs are flushed, but nobody ' +
      'tells the consumer. It goes on writing to a page that is the buffer’s no more.',
    source: 'Vetter 23/14:28',
    status: 'generic consumer against real TTM (6.12 drivers/gpu/drm/ttm/ttm_bo_vm.c:181)',
    rules: ['R8'],
    expected: 'violated',
    exporter: ttm,
    threads: { follower: consumerOf('follow-and-keep'), ttm: moves },
  }),
  story({
    id: 'kvm/follow-with-ref',
    title: 'the same with a page reference: the page stays, the buffer goes',
    story:
      'A reference taken through a special PTE keeps the page from being freed; it does not keep the ' +
      'PTE from changing. The consumer and the buffer part ways, and its writes are lost.',
    source: 'König 23/13:12',
    status: 'generic consumer against real TTM',
    rules: ['R6'],
    expected: 'violated',
    exporter: ttm,
    threads: { follower: consumerOf('follow-with-ref'), ttm: moves },
  }),
  story({
    id: 'kvm/notifier-no-retry',
    title: 'a notifier without the sequence test',
    story:
      'The consumer is told when entries go. But an invalidation that comes between its lookup and its ' +
      'installing the PFN finds nothing to take away, and the stale PFN is installed after it.',
    source: 'Vetter 23/14:34',
    status: 'generic consumer against real TTM',
    rules: ['R8'],
    expected: 'violated',
    exporter: ttm,
    threads: { follower: consumerOf('notifier-no-retry'), ttm: moves },
  }),
  story({
    id: 'kvm/notifier-retry',
    title: 'a notifier and the sequence test: follow, fixup, follow is safe here',
    story:
      'The consumer reads the sequence before it looks the PFN up and tests it under its own lock before ' +
      'it installs what it found. Whatever came in between makes it start over.',
    source: 'Gunthorpe 23/16:26',
    status: 'generic consumer against real TTM',
    rules: ['R8'],
    expected: 'safe',
    exporter: ttm,
    threads: { follower: consumerOf('notifier-retry'), ttm: movesTwice },
  }),
  story({
    id: 'kvm/through-hmm',
    title: 'hmm_range_fault: the scheme is right, and refuses this memory',
    story:
      'hmm_range_fault() and its sequence are what the thread ends with. But it speaks of struct pages: ' +
      'it answers EFAULT for VM_PFNMAP, so that PFNs have to be followed inside the same scheme.',
    source: 'König 23/15:15',
    status: 'real HMM (6.12 mm/hmm.c:527) against real TTM',
    rules: ['R8'],
    expected: 'safe',
    exporter: ttm,
    threads: { mirror: consumerOf('hmm-mirror'), ttm: movesTwice },
  }),
];
