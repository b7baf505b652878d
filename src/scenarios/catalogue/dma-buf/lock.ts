// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The tree that the patch was posted for holds the reservation lock around the exporter's mmap callback
 * (the context lines of the diff, Vetter 22/17:08). 6.1 and 6.12 do not, and in 6.12 the GEM shmem helper
 * takes the lock itself.
 */
import { type Run, routine } from '../../../explore/program.ts';
import { resv } from '../../../kernel/dma-buf/dma-resv.ts';
import { exporter } from '../../../kernel/dma-buf/exporter.ts';
import type { DmaBufOps } from '../../../kernel/kernel.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, install_ops, story } from '../../stage.ts';

const { ops } = exporter(exporterOf('vgem'));
/** drm_gem_shmem_mmap() of 6.12: the pages are brought in under the lock, 6.12 drm_gem_shmem_helper.c:619. */
const takesLock: DmaBufOps = {
  ...ops,
  name: 'drm_gem_shmem_dmabuf_ops',
  mmap: routine(
    'drm_gem_shmem_mmap',
    function* (mm: number, vma: number, buf: number): Run<number> {
      yield* resv.lock(buf);
      yield* resv.unlock(buf);
      return ops.mmap ? yield* ops.mmap(mm, vma, buf) : 0;
    },
  ),
};

const user: Act = function* ({ mmap, write, read }) {
  yield* mmap();
  yield* write(0);
  yield* read(0);
};
const moves: Act = function* ({ move }) {
  yield* move();
};
const common = {
  source: 'Vetter 22/17:08, the diff',
  rules: ['deadlock'],
  mapped: 'no',
} as const;

export default [
  story({
    ...common,
    id: 'dma-buf/locked-callback',
    title: 'mmap() with the reservation lock around the callback, and a move',
    story:
      'The lock is taken under mmap_lock, as in the fault handler, and the callback of TTM takes none: ' +
      'mapping, faulting and moving get by each other.',
    status: 'real TTM on the tree of the patch (not in 6.1 or 6.12)',
    rules: ['deadlock', 'R4', 'R5'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    kernel: { patch: 'corrected' },
    threads: { user, ttm: moves },
  }),
  story({
    ...common,
    id: 'dma-buf/callback-takes-lock',
    title: 'the same lock around a callback that takes it',
    story:
      'The GEM shmem helper of 6.12 brings its pages in under the reservation lock. On the tree of the ' +
      'patch the core holds it already: mmap() waits for itself, with mmap_lock held for writing.',
    status:
      'hypothetical: the helper of 6.12 (drivers/gpu/drm/drm_gem_shmem_helper.c:619) on the tree of the patch',
    expected: 'violated',
    exporter: exporterOf('vgem'),
    kernel: { patch: 'corrected' },
    before: () => install_ops(takesLock),
    threads: { user },
  }),
  story({
    ...common,
    id: 'dma-buf/callback-locks-alone',
    title: 'the same callback, and no lock around it',
    story:
      'As 6.12 has it: the core leaves the lock to the exporter, who takes it for as long as he needs it.',
    status:
      'real GEM shmem helper (6.12 drivers/gpu/drm/drm_gem_shmem_helper.c:619), real core (:165)',
    rules: ['deadlock', 'R11'],
    expected: 'safe',
    exporter: exporterOf('vgem'),
    before: () => install_ops(takesLock),
    threads: {
      user: function* (at) {
        yield* user(at);
        yield* at.munmap();
      },
      closes: function* ({ close }) {
        yield* close();
      },
    },
  }),
];
