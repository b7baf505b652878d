// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Huge entries: TTM's were reverted because there was no special bit for a PMD, "and so would let
 * gup_fast through" (Vetter 22/19:50). 6.12 has the bit; 6.1 makes no huge entry in a VM_PFNMAP VMA.
 */
import { consumerOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const moves: Act = function* ({ move }) {
  yield* move();
};

/** A block of two pages, mapped by one entry, on a kernel as it was when TTM had huge entries. */
const huge = {
  inserts: 'fault-huge-pfn',
  contiguous: true,
  kernelOfItsDay: { huge_pfnmap: true, gup_fast_checks_mapping: false },
} as const;

export default [
  story({
    id: 'gup/huge-not-special',
    title: 'a huge entry without a special bit of its own',
    story:
      'GUP-fast looks at the entry alone. The PMD entry carries no special bit, so it takes a reference ' +
      'of a page behind a VM_PFNMAP mapping; then the exporter moves.',
    source: 'Vetter 22/19:50',
    status:
      'historical: TTM’s huge entries were reverted; 6.12 has a special PMD, 6.1 makes no huge entry',
    rules: ['R3'],
    expected: 'violated',
    exporter: like('ttm', 'ttm-huge-not-special', { ...huge, hugeSpecial: false }),
    pages: 2,
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
  story({
    id: 'gup/huge-special',
    title: 'a huge entry that is special at its own level',
    story: 'With pmd_special() GUP-fast refuses the block as it refuses a single special entry.',
    source: 'R3',
    status: 'hypothetical TTM on real 6.12 (vmf_insert_pfn_pmd sets the bit)',
    rules: ['R3'],
    expected: 'safe',
    exporter: like('ttm', 'ttm-huge-special', { ...huge, hugeSpecial: true }),
    pages: 2,
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
  story({
    id: 'gup/no-huge',
    title: 'no huge entries, as TTM is since',
    story: 'The same buffer in small entries, each special: GUP-fast refuses every one.',
    source: 'Vetter 22/19:50',
    status: 'real TTM',
    rules: ['R3'],
    expected: 'safe',
    exporter: like('ttm', 'ttm-small', { ...huge, inserts: 'fault-pfn', status: 'real' }),
    pages: 2,
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
];
