// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on a buffer's descriptor: seek, stat, truncate, read, write, sync, splice. */
import {
  DMA_BUF_SYNC_END,
  DMA_BUF_SYNC_READ,
  DMA_BUF_SYNC_WRITE,
} from '../kernel/dma-buf/dma-buf.ts';
import {
  END_OF_FILE,
  sys_dma_buf_sync,
  sys_fstat_size,
  sys_ftruncate,
  sys_lseek,
  sys_pread,
  sys_punch_hole,
  sys_pwrite,
  sys_splice,
} from '../kernel/fs/read-write.ts';
import { count, type OpHandler, status } from './guest.ts';
import { parseNumber } from './program.ts';

const PAGE = 4096;
const pages = (n: number): number => (n < 0 ? n : n * PAGE);

const SYNC: Readonly<Record<string, number>> = {
  r: DMA_BUF_SYNC_READ,
  w: DMA_BUF_SYNC_WRITE,
  rw: DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE,
};

export const FD_OPS: Readonly<Record<string, OpHandler>> = {
  bseek: (g, proc, [fd, whence, offset]) =>
    count(
      g.run(proc, () => sys_lseek(proc, parseNumber(fd), parseNumber(offset), parseNumber(whence))),
    ),
  bstat: (g, proc, [fd]) => count(pages(g.run(proc, () => sys_fstat_size(proc, parseNumber(fd))))),
  btrunc: (g, proc, [fd, n]) =>
    status(g.run(proc, () => sys_ftruncate(proc, parseNumber(fd), parseNumber(n)))),
  bpunch: (g, proc, [fd, first, n]) =>
    status(
      g.run(proc, () => sys_punch_hole(proc, parseNumber(fd), parseNumber(first), parseNumber(n))),
    ),
  bread: (g, proc, [fd, off]) => {
    const { addr, word } = g.at('0', off);
    const { err, value } = g.run(proc, () => sys_pread(proc, parseNumber(fd), addr, word));
    if (err === END_OF_FILE) return '0=0';
    return err ? count(err) : `8${g.show(value)}`;
  },
  bwrite: (g, proc, [fd, off, val]) => {
    const { addr, word } = g.at('0', off);
    const ret = g.run(proc, () => sys_pwrite(proc, parseNumber(fd), addr, word, g.token(val)));
    return ret < 0 ? count(ret) : '8';
  },
  bsync: (g, proc, [fd, when, how]) => {
    const flags = (SYNC[how] ?? 0) | (when === 'end' ? DMA_BUF_SYNC_END : 0);
    return status(g.run(proc, () => sys_dma_buf_sync(proc, parseNumber(fd), flags)));
  },
  bsplice: (g, proc, [fd]) => count(pages(g.run(proc, () => sys_splice(proc, parseNumber(fd))))),
};
