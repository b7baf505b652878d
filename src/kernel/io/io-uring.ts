// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * io_uring's registered buffers: long-term pins for writing of a whole range, or nothing. 6.1 looks at
 * the VMAs afterwards and refuses every file but shared memory. io_uring/rsrc.c io_pin_pages
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EFAULT, EINVAL, EOPNOTSUPP } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { vma_ops } from '../mm/fault.ts';
import { FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE, pin_user_pages, unpin_user_page } from '../mm/gup.ts';
import { get_user_pages_fast } from '../mm/gup-fast.ts';
import { shmem_vm_ops } from '../mm/shmem.ts';
import { NO_VMA, vm_file, vma_lookup } from '../mm/vma.ts';

const FLAGS = FOLL_WRITE | FOLL_LONGTERM | FOLL_PIN;

const refuses_files = step('io_pin_pages', (k: Kernel) => (k.linux.iouring_refuses_files ? 1 : 0));

/** What io_pin_pages thinks of the files behind the range: 0, or the errno. 6.1 io_uring/rsrc.c:1009 */
const file_backed = routine(
  'io_pin_pages',
  function* (mm: number, addr: number, n: number): Run<number> {
    let first = -1;
    for (let a = addr; a < addr + n; a++) {
      const vma = yield* vma_lookup(mm, a);
      if (vma === NO_VMA) continue;
      const file = yield* vm_file(vma);
      if (first < 0) first = file;
      if (file !== first) return -EINVAL;
      if (file && (yield* vma_ops(vma)) !== shmem_vm_ops) return -EOPNOTSUPP;
    }
    return 0;
  },
  'io_uring/rsrc.c',
);

/**
 * IORING_REGISTER_BUFFERS of one buffer of `n` pages. Returns 0 or an errno. The pins last until the
 * ring is gone, which its closing only asks for (io_uring/io_uring.c io_ring_exit_work).
 */
export const io_register_buffer = routine(
  'io_sqe_buffer_register',
  function* (mm: number, addr: number, n: number): Run<number> {
    // io_buffer_validate, 6.12 io_uring/rsrc.c:100, 6.1 :126
    if (n === 0) return -EFAULT;
    const old = yield* refuses_files();
    const pages: number[] = [];
    let err = 0;
    while (pages.length < n && !err) {
      const a = addr + pages.length;
      const page = old
        ? yield* pin_user_pages(mm, a, FLAGS)
        : yield* get_user_pages_fast(mm, a, FLAGS);
      if (page < 0) err = page;
      else pages.push(page);
    }
    // A range that is pinned in part is let go, whatever the reason was.
    if (err && pages.length) err = -EFAULT;
    if (!err && old) err = yield* file_backed(mm, addr, n);
    if (err) for (const page of pages) yield* unpin_user_page(page, FLAGS);
    return err;
  },
  'io_uring/rsrc.c',
);
