// SPDX-License-Identifier: GPL-2.0-or-later
/** msync(2): mm/msync.c. MS_SYNC asks the file, and a dma-buf's file has no fsync. */
import { type Run, routine } from '../../explore/program.ts';
import { EBUSY, EINVAL, ENOMEM } from '../errno.ts';
import { file_ops } from '../fs/file.ts';
import { file_operations } from '../kernel.ts';
import { VM_LOCKED, VM_SHARED } from './flags.ts';
import {
  find_vma,
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_end,
  vm_file,
  vm_flags,
  vm_start,
} from './vma.ts';

export const MS_ASYNC = 1;
export const MS_INVALIDATE = 2;
export const MS_SYNC = 4;

/** fs/sync.c vfs_fsync_range */
const vfs_fsync_range = routine(
  'vfs_fsync_range',
  function* (file: number): Run<number> {
    return file_operations.at(yield* file_ops(file))?.fsync ? 0 : -EINVAL;
  },
  'fs/sync.c',
);

const sync_vmas = routine(
  'msync',
  function* (mm: number, start: number, end: number, flags: number): Run<number> {
    let hole = 0;
    for (let at = start; ; ) {
      const vma = yield* find_vma(mm, at);
      if (vma === NO_VMA) return -ENOMEM;
      const from = yield* vm_start(vma);
      if (at < from) {
        if (flags === MS_ASYNC) return -ENOMEM;
        at = from;
        if (at >= end) return -ENOMEM;
        hole = -ENOMEM;
      }
      const vmf = yield* vm_flags(vma);
      if (flags & MS_INVALIDATE && vmf & VM_LOCKED) return -EBUSY;
      const file = yield* vm_file(vma);
      at = yield* vm_end(vma);
      if (flags & MS_SYNC && file && vmf & VM_SHARED) {
        // The lock is dropped for the duration; nobody else runs in a straight run.
        const err = yield* vfs_fsync_range(file - 1);
        if (err || at >= end) return err || hole;
      } else if (at >= end) return hole;
    }
  },
  'mm/msync.c',
);

/** msync(2) */
export const sys_msync = routine(
  'msync',
  function* (mm: number, addr: number, n: number, flags: number): Run<number> {
    if (n < 0) return -ENOMEM;
    if (n === 0) return 0;
    yield* mmap_read_lock(mm);
    const ret = yield* sync_vmas(mm, addr, addr + n, flags);
    yield* mmap_read_unlock(mm);
    return ret;
  },
  'mm/msync.c',
);
