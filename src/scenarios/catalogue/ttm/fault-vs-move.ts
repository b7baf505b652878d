// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Refault races are the exporter's to handle (Vetter 22/19:29): unmap_mapping_range() does not stop a
 * fault that is under way.
 */
import { exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const user: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};
const movesTwice: Act = function* ({ move }) {
  yield* move();
  yield* move();
};

export default [
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
    exporter: like('ttm', 'ttm-looks-first', { faultLocks: 'looks-before-locking' }),
    threads: { user, ttm: movesTwice },
  }),
  story({
    id: 'ttm/locks-before-looking',
    title: 'a fault handler that decides under the lock of the move',
    story:
      'The handler takes the reservation lock, or drops mmap_lock and waits for it, and looks only then. ' +
      'What it inserts is true for as long as it holds the lock, and the next move zaps it.',
    source: 'Vetter 22/19:29',
    status: 'real TTM (6.12 drivers/gpu/drm/ttm/ttm_bo_vm.c:125)',
    rules: ['R5'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    threads: { user, ttm: movesTwice },
  }),
];
