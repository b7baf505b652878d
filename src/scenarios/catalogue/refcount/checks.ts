// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * WARN_ON(page_count(p) != 1): "In most cases this WARN_ON here won't hit" at free time (König 23/12:49);
 * "If dmabuf checks the refcount after it does the unmap mapping range it should catch any bogus pin"
 * (Gunthorpe 23/12:53); "you must combine this with the special PTE flag" (23/12:46). How often does
 * each check fire in schedules that corrupt, and before or after? (R10)
 */
import type { ExporterTraits } from '../../../contract/traits.ts';
import { BLOCKED, step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { consumerOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

/** The exporter moves once, and leaves the old page to its worker. */
const queue_delayed_work = step('queue_delayed_work', (k: Kernel) => k.notes.set(0, 1));
const work_is_due = step('worker_thread', (k: Kernel) => (k.notes.get(0) ? 0 : BLOCKED));
const movesAndQueues: Act = function* ({ move }) {
  yield* move();
  yield* queue_delayed_work();
};
/** "IIRC the cleanup worker only runs every 10ms or so" (König 23/13:12) */
const worker: Act = function* ({ exporter }) {
  yield* work_is_due();
  yield* exporter.worker();
};
const moves: Act = function* ({ move }) {
  yield* move();
};

/** TTM with such a check. */
const checks = (name: string, but: Partial<ExporterTraits>) => like('ttm', name, but);
const counts = { corrupts: 'data is corrupted', R10: 'the check fires' };
const withRef = consumerOf('follow-with-ref');
const common = { rules: ['R6', 'R10'], counts } as const;

export default [
  story({
    ...common,
    id: 'refcount/at-free',
    title: 'the check at free time, by a delayed worker',
    story:
      'A consumer takes a page reference, the buffer moves, the worker frees the old page later and looks ' +
      'at its count. By then the reference is often gone again, and what it did has been done.',
    source: 'König 23/12:49',
    status: 'hypothetical check in real TTM (6.12 drivers/gpu/drm/ttm/ttm_bo.c:306 the worker)',
    expected: 'violated',
    exporter: checks('ttm-checks-at-free', { oldPage: 'worker', checksRefs: 'at-free' }),
    kernel: { notes: ['delayed_work'] },
    threads: { kvm: withRef, ttm: movesAndQueues, worker },
  }),
  story({
    ...common,
    id: 'refcount/pooled',
    title: 'the check at free time, and a pool',
    story:
      'The old page goes into the driver’s pool and comes out of it for the next buffer. It is never freed, ' +
      'so the check is never made.',
    source: 'König 23/13:12',
    status: 'hypothetical check in real TTM (6.12 drivers/gpu/drm/ttm/ttm_pool.c:410 the pool)',
    expected: 'violated',
    exporter: checks('ttm-pooled', { oldPage: 'pooled', checksRefs: 'at-free' }),
    threads: { kvm: withRef, ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/after-unmap',
    title: 'the check right after the unmap',
    story:
      'Once unmap_mapping_range() has returned nobody may hold the page but the exporter. Whoever does is ' +
      'caught here, before the page is reused; who takes his reference a moment later is not.',
    source: 'Gunthorpe 23/12:53',
    status: 'hypothetical check in TTM',
    expected: 'violated',
    exporter: checks('ttm-checks-after-unmap', { checksRefs: 'after-unmap' }),
    threads: { kvm: withRef, ttm: moves },
  }),
  story({
    id: 'refcount/after-unmap-pin',
    title: 'the same check and a pin of an inserted struct page',
    story:
      'With special PTEs nobody honest holds a page. With struct pages GUP hands them out, to the honest ' +
      'too: the check still sees the pin, and an exporter that moves all the same loses the write.',
    source: 'Gunthorpe 23/12:46',
    status: 'hypothetical check in the test module’s kind fipage',
    rules: ['R2', 'R10'],
    counts,
    expected: 'violated',
    exporter: like('test-fipage', 'fipage-checks', {
      zap: 'before-copy',
      checksRefs: 'after-unmap',
    }),
    threads: { gup: consumerOf('gup'), exporter: moves },
  }),
  story({
    ...common,
    id: 'refcount/no-reference-taken',
    title: 'the same check, and a consumer that takes no reference',
    story:
      'A PFN is kept without touching the page’s count. No check of counts can see that, whenever it is ' +
      'made: it is a check for one way of being wrong.',
    source: 'R10',
    status: 'hypothetical check in TTM',
    rules: ['R8', 'R10'],
    expected: 'violated',
    exporter: checks('ttm-checks-after-unmap', { checksRefs: 'after-unmap' }),
    threads: { follower: consumerOf('follow-and-keep'), ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/zero',
    title: 'counts of zero, and pages that go back to the allocator',
    story:
      '“Maybe a GFP flag to set the page reference count to zero” (König 23/09:39). Who asks before he takes ' +
      '(get_page_unless_zero, as KVM does) gets no page. But to free it the exporter has to raise the count ' +
      'first, and who looked the PFN up before the move may take his reference in that very moment.',
    source: 'König 23/09:39',
    status: 'hypothetical (the mangled counts of König 23/09:06 were not merged)',
    expected: 'violated',
    exporter: checks('ttm-zero-counts', { pageRefs: 'zero' }),
    threads: { kvm: withRef, ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/zero-pooled',
    title: 'counts of zero, and pages that stay in the driver’s pool',
    story: 'The count never leaves zero while somebody could look: nobody ever gets a reference.',
    source: 'König 23/09:39',
    status: 'hypothetical',
    expected: 'safe',
    exporter: checks('ttm-zero-counts-pooled', { pageRefs: 'zero', oldPage: 'pooled' }),
    threads: { kvm: withRef, ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/zero-no-reference-taken',
    title: 'counts of zero, and a consumer that takes no reference',
    story: 'There is nothing for it to stumble over, and it keeps the PFN as before.',
    source: 'R10',
    status: 'hypothetical',
    rules: ['R8', 'R10'],
    expected: 'violated',
    exporter: checks('ttm-zero-counts', { pageRefs: 'zero' }),
    threads: { follower: consumerOf('follow-and-keep'), ttm: moves },
  }),
];
