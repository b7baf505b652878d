// SPDX-License-Identifier: GPL-2.0-or-later
/** The stories of the thread that can be run, each with its source and what is known to come out. */
import type { ConsumerTraits, ExporterTraits } from '../../contract/traits.ts';
import { CONSUMERS } from '../../kernel/consumers/index.ts';
import { systemHeap } from '../../kernel/exporters/system-heap.ts';
import { LIAR, SHMEM, testKinds, withFlags } from '../../kernel/exporters/test-module.ts';
import { ttm } from '../../kernel/exporters/ttm.ts';
import { boundOf, cellSystems, type Face, type Way } from '../cell.ts';
import type { Scenario } from '../scenario.ts';

const consumerOf = (id: string): ConsumerTraits => {
  const found = CONSUMERS.find((c) => c.id === id);
  if (!found) throw new Error(`no consumer '${id}'`);
  return found;
};
const testKind = (id: string): ExporterTraits => {
  const found = testKinds.find((e) => e.id === id);
  if (!found) throw new Error(`no exporter '${id}'`);
  return found;
};

interface Story extends Omit<Scenario, 'prepare' | 'bound'> {
  readonly exporter: ExporterTraits;
  readonly consumer: string;
  readonly way?: Way;
  /** Entries are there from the start, and the user does nothing more. */
  readonly touched?: boolean;
}

/** A story about one exporter and one consumer, all three threads at work. */
function story(s: Story): Scenario {
  const { exporter, consumer, way, touched, ...rest } = s;
  const face: Face = {
    way: way ?? exporter.takesBack[0] ?? 'close',
    readOnly: false,
    idle: touched ? 'user' : null,
    touched,
  };
  return {
    ...rest,
    bound: boundOf(exporter),
    prepare: (linux) => cellSystems(exporter, consumerOf(consumer), face, linux),
  };
}

/** TTM as it is, with one thing wrong. */
const wrongTtm = (id: string, wrong: Partial<ExporterTraits>): ExporterTraits => ({
  ...ttm,
  id,
  title: id,
  status: 'hypothetical',
  ...wrong,
});

const stories: readonly Scenario[] = [
  story({
    id: 'kvm/follow-and-keep',
    title: 'follow, fixup, follow, keep; the exporter moves in the gap',
    story:
      'A consumer without a notifier looks a PFN up, faults it in when it is missing, looks again, and ' +
      'keeps what it found. The buffer moves: the entry is zapped and the TLBs are flushed, but nobody ' +
      'tells the consumer. It goes on writing to a page that is somebody else’s.',
    source: 'Vetter 23/14:28',
    status: 'generic consumer against real TTM (6.12 drivers/gpu/drm/ttm/ttm_bo_vm.c:181)',
    rules: ['R8'],
    expected: 'violated',
    exporter: ttm,
    consumer: 'follow-and-keep',
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
    consumer: 'follow-with-ref',
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
    consumer: 'notifier-no-retry',
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
    consumer: 'notifier-retry',
  }),
  story({
    id: 'gup/insert-page-pin',
    title: 'vm_insert_page, a page reference, and a move',
    story:
      'The exporter maps struct pages, so get_user_pages succeeds. The exporter moves; the pinned page is ' +
      'no longer the buffer’s, and what the consumer writes there is lost.',
    source: 'Vetter 22/17:08',
    status: 'test module kind ipage',
    rules: ['R2'],
    expected: 'violated',
    exporter: { ...testKind('test-fipage'), id: 'fipage-zap-first', zap: 'before-copy' },
    consumer: 'gup',
  }),
  story({
    id: 'gup/special-pte-refuses',
    title: 'special PTEs: get_user_pages and its fast path refuse',
    story:
      'With VM_PFNMAP the slow path refuses by the VMA’s flag, with pte_special the fast path refuses by ' +
      'the entry. Nobody holds a page, so a move can do no harm.',
    source: 'Gunthorpe 22/19:34',
    status: 'real TTM',
    rules: ['R2', 'R13'],
    expected: 'safe',
    exporter: ttm,
    consumer: 'gup-fast',
  }),
  story({
    id: 'ttm/move-forgets-zap',
    title: 'a move that forgets the zap',
    story:
      'The buffer moves and its old page goes back to the allocator, but user mappings still lead there. ' +
      'A plain store corrupts whoever owns the page next.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical variant of TTM',
    rules: ['R4'],
    expected: 'violated',
    exporter: wrongTtm('ttm-no-zap', { zap: 'never' }),
    consumer: 'cpu',
  }),
  story({
    id: 'ttm/zaps-wrong-offset',
    title: 'a move that zaps by an offset that the VMA does not have',
    story:
      'unmap_mapping_range finds VMAs by file offset. The VMA carries another offset than the driver zaps ' +
      'by, so its entries stay.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical variant of TTM',
    rules: ['R4'],
    expected: 'violated',
    exporter: wrongTtm('ttm-wrong-offset', { zapOffsetMatches: false }),
    consumer: 'cpu',
  }),
  story({
    id: 'ttm/no-tlb-flush',
    title: 'a move that clears entries and leaves the TLBs alone',
    story:
      'The entries are gone before the buffer moves, but a CPU still has its translation cached. Its next ' +
      'store goes to the old page.',
    source: 'R4',
    status: 'hypothetical variant of TTM that walks the page tables itself',
    rules: ['R4'],
    expected: 'violated',
    exporter: wrongTtm('ttm-no-flush', { flushes: false }),
    consumer: 'cpu',
  }),
  story({
    id: 'ttm/looks-before-locking',
    title: 'a fault handler that looks before it locks',
    story:
      'The handler reads the placement and takes the reservation lock afterwards. A whole move fits in ' +
      'between: zap, copy, free. Then the handler inserts a page that is not the buffer’s any more.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical variant of TTM',
    rules: ['R5'],
    expected: 'violated',
    exporter: wrongTtm('ttm-looks-first', { faultLocks: 'looks-before-locking' }),
    consumer: 'cpu',
  }),
  story({
    id: 'ttm/zap-after-copy',
    title: 'a move that copies before it zaps',
    story:
      'Until the zap, a store still goes to the old page. One that comes after the copy is lost, although ' +
      'every mapping is zapped and flushed before the page is freed.',
    source: 'the order of the test module’s move',
    status: 'hypothetical variant of TTM',
    rules: ['R4'],
    expected: 'violated',
    exporter: wrongTtm('ttm-zap-late', { zap: 'after-switch' }),
    consumer: 'cpu',
  }),
  story({
    id: 'ttm/move',
    title: 'TTM moves a buffer under a user and another CPU',
    story:
      'Zap first, flush, then copy, switch, free; the fault handler decides under the lock that the move ' +
      'holds. Every interleaving with two users of the mapping is covered.',
    source: '6.12 drivers/gpu/drm/ttm/ttm_bo.c',
    status: 'real TTM',
    rules: ['R4', 'R5'],
    expected: 'safe',
    exporter: ttm,
    consumer: 'cpu',
  }),
  story({
    id: 'heap/close-under-follower',
    title: 'munmap and last close under a follower',
    story:
      'The system heap never moves. But the last reference frees the buffer, and a PFN that was followed ' +
      'before is then a PFN of somebody else’s page.',
    source: 'Vetter 22/18:08',
    status: 'real system heap (6.12 drivers/dma-buf/heaps/system_heap.c:195)',
    rules: ['R8', 'R11'],
    expected: 'violated',
    exporter: systemHeap,
    consumer: 'follow-and-keep',
  }),
  story({
    id: 'gup/huge-not-special',
    title: 'a huge entry without a special bit of its own',
    story:
      'GUP-fast looks at the entry alone. The PMD entry carries no special bit, so it takes a reference ' +
      'of a page behind a VM_PFNMAP mapping; then the exporter moves.',
    source: 'Vetter 22/19:50',
    status: 'hypothetical (TTM’s huge entries were reverted; 6.12 has a special PMD)',
    rules: ['R3'],
    expected: 'violated',
    exporter: wrongTtm('ttm-huge-not-special', {
      inserts: 'fault-huge-pfn',
      hugeSpecial: false,
      pgoffBase: 0,
      shmemPages: true,
      contiguous: true,
    }),
    consumer: 'gup-fast',
    touched: true,
  }),
  story({
    id: 'gup/liar',
    title: 'VM_PFNMAP set, struct pages inserted all the same',
    story:
      'The exporter sets the flag that the patch asks for and answers faults with vmf->page. The slow path ' +
      'refuses by the flag; GUP-fast never looks at the flag, and these pages have a mapping, which is all ' +
      'that 6.12 tests.',
    source: 'R13',
    status: 'the test module’s liar with shmem pages; old udmabuf faulted such pages in',
    rules: ['R2', 'R13'],
    expected: 'violated',
    exporter: {
      ...withFlags(testKind('test-fpage'), LIAR | SHMEM),
      id: 'liar-zap-first',
      zap: 'before-copy',
    },
    consumer: 'gup-fast',
    touched: true,
  }),
];

export default stories;
