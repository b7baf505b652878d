// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Move and zap: before old backing is reused, every entry of every mapping of the buffer must be gone.
 * A driver that moves has an address_space, so that unmap_mapping_range() finds the VMAs (Vetter
 * 22/19:29); four ways to get that wrong, and the way that is right.
 */
import { exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

/** The program stores into the buffer and looks at it again. */
const user: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};
/** Another CPU of the same process does so too. */
const other: Act = function* ({ write, read }) {
  yield* write(0, 2);
  yield* read(0);
};
const moves: Act = function* ({ move }) {
  yield* move();
};

export default [
  story({
    id: 'ttm/move',
    title: 'TTM moves a buffer under two CPUs of a user',
    story:
      'Zap first, flush, then copy, switch, free; the fault handler decides under the lock that the move ' +
      'holds. Whatever the two CPUs do meanwhile, they use the page that is the buffer’s.',
    source: 'Vetter 22/19:29',
    status: 'real TTM (6.12 drivers/gpu/drm/ttm/ttm_bo_vm.c:181)',
    rules: ['R4', 'R5'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    threads: { user, other, ttm: moves },
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
    exporter: like('ttm', 'ttm-no-zap', { zap: 'never' }),
    threads: { user, ttm: moves },
  }),
  story({
    id: 'ttm/zaps-other-mapping',
    title: 'a move whose VMA hangs on another address_space',
    story:
      'The driver zaps the address_space of its device, but the dma-buf’s file has one of its own. ' +
      'unmap_mapping_range() finds no VMA there, and every entry stays.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical variant of TTM',
    rules: ['R4'],
    expected: 'violated',
    exporter: like('ttm', 'ttm-other-mapping', { sharesMapping: false }),
    threads: { user, ttm: moves },
  }),
  story({
    id: 'ttm/zaps-wrong-offset',
    title: 'a move that zaps by an offset that the VMA does not have',
    story:
      'unmap_mapping_range() finds VMAs by file offset. The VMA carries another offset than the driver ' +
      'zaps by, so its entries stay, although the address_space is the right one.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical variant of TTM',
    rules: ['R4'],
    expected: 'violated',
    exporter: like('ttm', 'ttm-wrong-offset', { zapOffsetMatches: false }),
    threads: { user, ttm: moves },
  }),
  story({
    id: 'ttm/zap-after-copy',
    title: 'a move that copies before it zaps',
    story:
      'Until the zap, a store still goes to the old page. One that comes after the copy is lost, although ' +
      'every mapping is zapped and flushed before the page is freed.',
    source: 'R4',
    status: 'hypothetical variant of TTM; the order of the test module’s move',
    rules: ['R4'],
    expected: 'violated',
    exporter: like('ttm', 'ttm-zap-late', { zap: 'after-switch' }),
    threads: { user, ttm: moves },
  }),
];
