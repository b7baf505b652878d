// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What started the thread: vm_insert_page() in an exporter makes get_user_pages() work on a dma-buf,
 * and whoever holds such a page believes that it stays the buffer's (Vetter 22/17:08).
 */
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const moves: Act = function* ({ move }) {
  yield* move();
};

/** Inserts struct pages, and is right in everything else. */
const insertsPages = like('test-fipage', 'fipage-zap-first', { zap: 'before-copy' });

export default [
  story({
    id: 'gup/insert-page-pin',
    title: 'vm_insert_page, a page reference, and a move',
    story:
      'The exporter maps struct pages, so get_user_pages() succeeds. The exporter moves; the page is no ' +
      'longer the buffer’s, and what the holder of the reference writes there is lost.',
    source: 'Vetter 22/17:08',
    status: 'test module kind fipage; the system heap as it was proposed in 2022',
    rules: ['R2'],
    expected: 'violated',
    exporter: insertsPages,
    threads: { gup: consumerOf('gup'), exporter: moves },
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
    exporter: exporterOf('ttm'),
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), ttm: moves },
  }),
];
