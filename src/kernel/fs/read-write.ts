// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Calls on a descriptor that only some files answer: seek, stat, truncate, fallocate, pread, pwrite,
 * splice and the dma-buf's ioctl. A file answers with the methods it has; which error the lack of one
 * gives is the caller's business. fs/read_write.c, fs/open.c, fs/splice.c
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EBADF, EINVAL, ENODEV, ENOTTY, ESPIPE } from '../errno.ts';
import { type FileOperations, file_operations, type Kernel } from '../kernel.ts';
import type { Word } from '../mm/uaccess.ts';
import { fd_lookup, file_ops, file_size } from './file.ts';

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

const readonly = step('FMODE_WRITE', (k: Kernel, file: number) => k.file_readonly.get(file));

function* ops_of(file: number): Run<FileOperations> {
  return file_operations.at(yield* file_ops(file)) as FileOperations;
}

/** lseek(2), offset in bytes. A file without llseek has no FMODE_LSEEK. */
export const sys_lseek = routine(
  'lseek',
  function* (mm: number, fd: number, offset: number, whence: number): Run<number> {
    const file = yield* fd_lookup(mm, fd);
    if (file < 0) return -EBADF;
    const ops = yield* ops_of(file);
    if (whence < 0 || whence > SEEK_HOLE) return -EINVAL;
    return ops.llseek ? yield* ops.llseek(file, offset, whence) : -ESPIPE;
  },
  'fs/read_write.c',
);

/** fstat(2): st_size in pages. */
export const sys_fstat_size = routine(
  'fstat',
  function* (mm: number, fd: number): Run<number> {
    const file = yield* fd_lookup(mm, fd);
    return file < 0 ? -EBADF : yield* file_size(file);
  },
  'fs/stat.c',
);

/** ftruncate(2) to a number of pages. */
export const sys_ftruncate = routine(
  'ftruncate',
  function* (mm: number, fd: number, pages: number): Run<number> {
    if (pages < 0) return -EINVAL;
    const file = yield* fd_lookup(mm, fd);
    if (file < 0) return -EBADF;
    const ops = yield* ops_of(file);
    if (!ops.regular || !ops.truncate || (yield* readonly(file))) return -EINVAL;
    return yield* ops.truncate(file, pages);
  },
  'fs/open.c',
);

/**
 * fs/open.c vfs_fallocate with FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE: a file that is not open for
 * writing is refused before one that has no such operation (6.12 fs/open.c:283, 6.1 fs/open.c:280).
 */
export const vfs_punch_hole = routine(
  'vfs_fallocate',
  function* (file: number, first: number, n: number): Run<number> {
    if (first < 0 || n <= 0) return -EINVAL;
    if (yield* readonly(file)) return -EBADF;
    const ops = yield* ops_of(file);
    return ops.punch_hole ? yield* ops.punch_hole(file, first, n) : -ENODEV;
  },
  'fs/open.c',
);

/** fallocate(2) with FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE. */
export const sys_punch_hole = routine(
  'fallocate',
  function* (mm: number, fd: number, first: number, n: number): Run<number> {
    const file = yield* fd_lookup(mm, fd);
    return file < 0 ? -EBADF : yield* vfs_punch_hole(file, first, n);
  },
  'fs/open.c',
);

/** pread(2) of one word; `value` is set when `err` is 0, and err is -1 at the end of the file. */
export function* sys_pread(mm: number, fd: number, page: number, word: number): Run<Word> {
  const file = yield* fd_lookup(mm, fd);
  if (file < 0) return { err: -EBADF, value: 0 };
  const ops = yield* ops_of(file);
  if (ops.pseudo) return { err: -ESPIPE, value: 0 };
  if (!ops.read) return { err: -EINVAL, value: 0 };
  if (ops.regular && page >= (yield* file_size(file))) return { err: END_OF_FILE, value: 0 };
  return { err: 0, value: yield* ops.read(file, page, word) };
}
/** Zero bytes were read. */
export const END_OF_FILE = 1;

/** pwrite(2) of one word. */
export const sys_pwrite = routine(
  'pwrite',
  function* (mm: number, fd: number, page: number, word: number, value: number): Run<number> {
    const file = yield* fd_lookup(mm, fd);
    if (file < 0) return -EBADF;
    const ops = yield* ops_of(file);
    if (ops.pseudo) return -ESPIPE;
    if (yield* readonly(file)) return -EBADF;
    return ops.write ? yield* ops.write(file, page, word, value) : -EINVAL;
  },
  'fs/read_write.c',
);

/** splice(2) of the first page into a fresh pipe: pages moved. */
export const sys_splice = routine(
  'splice',
  function* (mm: number, fd: number): Run<number> {
    const file = yield* fd_lookup(mm, fd);
    if (file < 0) return -EBADF;
    const ops = yield* ops_of(file);
    if (!ops.splice_read) return -EINVAL;
    return (yield* file_size(file)) > 0 ? 1 : 0;
  },
  'fs/splice.c',
);

/** DMA_BUF_IOCTL_SYNC */
export const sys_dma_buf_sync = routine(
  'ioctl',
  function* (mm: number, fd: number, flags: number): Run<number> {
    const file = yield* fd_lookup(mm, fd);
    if (file < 0) return -EBADF;
    const ops = yield* ops_of(file);
    return ops.sync ? yield* ops.sync(file, flags) : -ENOTTY;
  },
  'fs/ioctl.c',
);
