// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "I think it would be better that ... we would add something to the page indicating that you can't grab a
 * reference to it. But this might break some use cases as well" (König 23/09:06). There are no page bits left
 * for it (Vetter 23/09:30). What would it catch, what not, and what would break? (R6, R10)
 */
import type { ExporterTraits } from '../../../contract/traits.ts';
import { consumerOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const moves: Act = function* ({ move }) {
  yield* move();
};
const movesTwice: Act = function* ({ move }) {
  yield* move();
  yield* move();
};
const touches: Act = function* ({ write }) {
  yield* write(0);
};

/** An exporter whose pages have the flag. */
const flagged = (of: string, name: string, but: Partial<ExporterTraits> = {}) =>
  like(of, name, { pageRefs: 'refused', ...but });
const status = 'hypothetical: no kernel has such a flag';
const counts = { corrupts: 'data is corrupted', R10: 'the check fires' };
const common = { status, counts } as const;

export default [
  story({
    ...common,
    id: 'refcount/page-flag',
    title: 'a page flag against references',
    story:
      'Who asks for a reference of a flagged page gets none, and when the flag goes, as the page is freed, its ' +
      'count is zero already: there is no moment in between as with counts of zero.',
    source: 'König 23/09:06',
    rules: ['R6', 'R10'],
    expected: 'safe',
    exporter: flagged('ttm', 'ttm-page-flag'),
    threads: { kvm: consumerOf('follow-with-ref'), ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/page-flag-page-returns',
    title: 'a page flag, and a page that comes back',
    story:
      'Flag and count are two words. Who looked the PFN up before a move asks while the page is free, or new and ' +
      'not flagged yet, and takes his reference of what the next move has allocated.',
    source: 'König 23/09:06',
    rules: ['R6', 'R10'],
    expected: 'violated',
    exporter: flagged('ttm', 'ttm-page-flag'),
    threads: { kvm: consumerOf('follow-with-ref'), ttm: movesTwice },
  }),
  story({
    ...common,
    id: 'refcount/page-flag-pooled',
    title: 'a page flag, and pages that stay in the driver’s pool',
    story: 'The flag stays with the page as long as anybody may know its PFN.',
    source: 'König 23/09:06',
    rules: ['R6', 'R10'],
    expected: 'safe',
    exporter: flagged('ttm', 'ttm-page-flag-pooled', { oldPage: 'pooled' }),
    threads: { kvm: consumerOf('follow-with-ref'), ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/page-flag-no-reference-taken',
    title: 'a page flag, and a consumer that takes no reference',
    story: 'It never asks the page, and keeps the PFN as before.',
    source: 'R10',
    rules: ['R8', 'R10'],
    expected: 'violated',
    exporter: flagged('ttm', 'ttm-page-flag'),
    threads: { follower: consumerOf('follow-and-keep'), ttm: moves },
  }),
  story({
    ...common,
    id: 'refcount/page-flag-huge',
    title: 'a page flag behind a huge entry that is not special',
    story:
      'GUP-fast walks through the entry, asks the page, and is turned away: the flag does what the missing bit ' +
      'of the entry would have done.',
    source: 'König 23/09:06',
    rules: ['R3'],
    expected: 'safe',
    exporter: flagged('ttm', 'ttm-huge-page-flag', {
      inserts: 'fault-huge-pfn',
      contiguous: true,
      hugeSpecial: false,
      kernelOfItsDay: { huge_pfnmap: true, gup_fast_checks_mapping: false },
    }),
    pages: 2,
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
  story({
    id: 'refcount/page-flag-inserted',
    title: 'a page flag, and an exporter that inserts struct pages',
    story:
      'The entry that vm_insert_page() makes holds a reference, so the first fault falls over the flag, long ' +
      'before anybody pins: a use case that breaks, and an exporter that is told.',
    source: 'König 23/09:06',
    status,
    rules: ['R2', 'bug'],
    given: ['R1', 'R2'],
    expected: 'violated',
    exporter: flagged('test-fipage', 'fipage-page-flag', { zap: 'before-copy' }),
    threads: { user: touches },
  }),
];
