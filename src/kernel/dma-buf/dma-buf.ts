// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The dma-buf core: drivers/dma-buf/dma-buf.c. Export, the file that holds the buffer, release on the
 * last reference, and the two entries of mmap, each with the patch's warning where the patch puts it
 * (Vetter 22/17:08): as posted, which looks at the flag even when the callback failed, and as it
 * should have been (R16).
 */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EINVAL } from '../errno.ts';
import { alloc_file, file_private } from '../fs/file.ts';
import { type DmaBufOps, dma_buf_operations, type FileOperations, type Kernel } from '../kernel.ts';
import { VM_PFNMAP } from '../mm/flags.ts';
import { vma_set_file } from '../mm/util.ts';
import { set_vm_pgoff, vm_end, vm_flags, vm_pgoff, vm_start } from '../mm/vma.ts';
import { warn_if_attached } from './attach.ts';
import { resv } from './dma-resv.ts';

const buf_ops = step('dmabuf->ops', (k: Kernel, buf: number) => k.buf_ops.get(buf));
const buf_size = step('dmabuf->size', (k: Kernel, buf: number) => k.buf_npages.get(buf));
const buf_file = step('dmabuf->file', (k: Kernel, buf: number) => k.buf_file.get(buf));

/** Counts returns of the two entries by value and flag, early ones too; see {@link patchCount}. */
const note_return = step('dma_buf_mmap_return', (k: Kernel, ret: number, flags: number) => {
  k.patch_returns.add((ret < 0 ? 2 : 0) + (flags & VM_PFNMAP ? 0 : 1), 1);
});

const patch_applied = step('patch', (k: Kernel) => PATCHES.indexOf(k.patch));
const PATCHES = ['none', 'posted', 'corrected'] as const;
type Patch = (typeof PATCHES)[number];

/** WARN_ON_ONCE: one per place in the source and boot, whatever comes later. */
const WARN_ON_ONCE = step(
  'WARN_ON_ONCE',
  (k: Kernel, rule: number, text: string) => {
    if (k.patch_warned.get(0)) return;
    k.patch_warned.set(0, rule);
    k.mem.report({ severity: 'breaks', rule: `R${rule}`, text: `WARNING: ${text}` });
  },
  { text: ([, text]) => `WARNING: ${text}`, atomic: 'DO_ONCE_LITE (include/linux/once_lite.h)' },
);

const contract_broken = step('contract', (k: Kernel) =>
  k.mem.report({
    severity: 'breaks',
    rule: 'R1',
    text: "the VMA is not VM_PFNMAP after the exporter's mmap callback",
  }),
);

/**
 * What follows the callback. As posted, the patch is WARN_ON_ONCE(!(vma->vm_flags & VM_PFNMAP))
 * whatever the callback returned, so an exporter that rightly refuses sets it off (R16).
 */
const require_pfnmap = routine(
  'dma_buf_mmap_require_pfnmap',
  function* (ret: number, flags: number, patch: Patch): Run<void> {
    const pfnmap = (flags & VM_PFNMAP) !== 0;
    if (ret >= 0 && !pfnmap) yield* contract_broken();
    if (patch === 'none') return;
    if (yield* guard('the VM_PFNMAP test', pfnmap)) return;
    if (patch === 'corrected' && (yield* guard('the test of the return value', ret < 0))) return;
    const what = 'dma_buf_mmap: !(vma->vm_flags & VM_PFNMAP)';
    if (ret < 0) yield* WARN_ON_ONCE(16, `${what}, although nothing was mapped`);
    else if (pfnmap) yield* WARN_ON_ONCE(16, `${what}, although the flag is there`);
    else yield* WARN_ON_ONCE(1, what);
  },
  'drivers/dma-buf/dma-buf.c',
);

/** Indices of Kernel.patch_returns: what a probe on return sees. */
export const patchCount = { okPfn: 0, okNoPfn: 1, failPfn: 2, failNoPfn: 3 } as const;

/**
 * The callback. The tree that the patch was posted for holds the reservation lock around it (the context
 * lines of its diff, Vetter 22/17:08), so a callback that takes that lock itself never comes back;
 * 6.1 (drivers/dma-buf/dma-buf.c:149) and 6.12 (:165) do not.
 */
const call_mmap = routine(
  'dmabuf->ops->mmap',
  function* (mm: number, vma: number, buf: number): Run<number> {
    const ops = dma_buf_operations.at(yield* buf_ops(buf)) as DmaBufOps;
    if (!ops.mmap) return -EINVAL;
    const patch = PATCHES[yield* patch_applied()];
    if (patch !== 'none') yield* resv.lock(buf);
    const ret = yield* ops.mmap(mm, vma, buf);
    if (patch !== 'none') yield* resv.unlock(buf);
    yield* require_pfnmap(ret, yield* vm_flags(vma), patch);
    return ret;
  },
  'drivers/dma-buf/dma-buf.c',
);

const fits = routine(
  'dma_buf_mmap_fits',
  function* (vma: number, buf: number, pgoff: number): Run<number> {
    const pages = (yield* vm_end(vma)) - (yield* vm_start(vma));
    return pgoff + pages <= (yield* buf_size(buf)) ? 1 : 0;
  },
);

const has_mmap = step('dmabuf->ops->mmap', (k: Kernel, buf: number) =>
  dma_buf_operations.at(k.buf_ops.get(buf))?.mmap ? 1 : 0,
);

/** mmap through the dma-buf's own descriptor. */
export const dma_buf_mmap_internal = routine(
  'dma_buf_mmap_internal',
  function* (mm: number, vma: number, file: number): Run<number> {
    const ret = yield* mmap_own(mm, vma, file);
    yield* note_return(ret, yield* vm_flags(vma));
    return ret;
  },
  'drivers/dma-buf/dma-buf.c',
);

const mmap_own = routine(
  'dma_buf_mmap_internal',
  function* (mm: number, vma: number, file: number): Run<number> {
    const buf = yield* file_private(file);
    if (!(yield* has_mmap(buf))) return -EINVAL;
    if (!(yield* fits(vma, buf, yield* vm_pgoff(vma)))) return -EINVAL;
    return yield* call_mmap(mm, vma, buf);
  },
  'drivers/dma-buf/dma-buf.c',
);

/** mmap that a driver redirects to a dma-buf it imported: the VMA changes its file. */
export const dma_buf_mmap = routine(
  'dma_buf_mmap',
  function* (mm: number, vma: number, buf: number, pgoff: number): Run<number> {
    const ret = yield* mmap_redirected(mm, vma, buf, pgoff);
    yield* note_return(ret, yield* vm_flags(vma));
    return ret;
  },
  'drivers/dma-buf/dma-buf.c',
);

const mmap_redirected = routine(
  'dma_buf_mmap',
  function* (mm: number, vma: number, buf: number, pgoff: number): Run<number> {
    if (!(yield* has_mmap(buf))) return -EINVAL;
    if (!(yield* fits(vma, buf, pgoff))) return -EINVAL;
    const file = yield* buf_file(buf);
    yield* vma_set_file(vma, file);
    yield* set_vm_pgoff(vma, pgoff);
    return yield* call_mmap(mm, vma, buf);
  },
  'drivers/dma-buf/dma-buf.c',
);

/** The last reference to the file is gone: the exporter lets go of its memory. */
const dma_buf_release = routine(
  'dma_buf_release',
  function* (file: number): Run<number> {
    const buf = yield* file_private(file);
    const ops = dma_buf_operations.at(yield* buf_ops(buf)) as DmaBufOps;
    yield* ops.release(buf);
    yield* warn_if_attached(buf);
    return 0;
  },
  'drivers/dma-buf/dma-buf.c',
);

/** Only the two questions that tell the size. drivers/dma-buf/dma-buf.c dma_buf_llseek */
const dma_buf_llseek = routine(
  'dma_buf_llseek',
  function* (file: number, offset: number, whence: number): Run<number> {
    if ((whence !== 0 && whence !== 2) || offset !== 0) return -EINVAL;
    return whence === 2 ? (yield* buf_size(yield* file_private(file))) * 4096 : 0;
  },
  'drivers/dma-buf/dma-buf.c',
);

export const DMA_BUF_SYNC_READ = 1;
export const DMA_BUF_SYNC_WRITE = 2;
export const DMA_BUF_SYNC_END = 4;

/** drivers/dma-buf/dma-buf.c dma_buf_ioctl: DMA_BUF_IOCTL_SYNC; most exporters have nothing to do. */
const dma_buf_sync = routine(
  'dma_buf_ioctl',
  function* (file: number, flags: number): Run<number> {
    if (flags & ~(DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END)) return -EINVAL;
    if (!(flags & (DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE))) return -EINVAL;
    const buf = yield* file_private(file);
    const ops = dma_buf_operations.at(yield* buf_ops(buf)) as DmaBufOps;
    const call = flags & DMA_BUF_SYNC_END ? ops.end_cpu_access : ops.begin_cpu_access;
    return call ? yield* call(buf) : 0;
  },
  'drivers/dma-buf/dma-buf.c',
);

export const dma_buf_fops: FileOperations = {
  name: 'dma_buf_fops',
  pseudo: true,
  llseek: dma_buf_llseek,
  sync: dma_buf_sync,
  mmap: dma_buf_mmap_internal,
  release: dma_buf_release,
};

const set_buffer = step(
  'dma_buf_init',
  (k: Kernel, buf: number, ops: DmaBufOps, file: number, pages: number) => {
    k.buf_ops.set(buf, dma_buf_operations.number(ops));
    k.buf_file.set(buf, file);
    k.buf_npages.set(buf, pages);
  },
);

const free_buffer_slot = step('dma_buf_alloc', (k: Kernel) => {
  for (let b = 0; b < k.config.buffers; b++) if (k.buf_ops.get(b) === 0) return b;
  return -EINVAL;
});

/** A number for a new buffer, not exported yet; the exporter fills its backing first. */
export const dma_buf_alloc = free_buffer_slot;

/** Exports a buffer of `pages` pages. Returns its file, with one reference. */
export const dma_buf_export = routine(
  'dma_buf_export',
  function* (buf: number, ops: DmaBufOps, pages: number): Run<number> {
    const file = yield* alloc_file(dma_buf_fops, buf, pages);
    if (file < 0) return file;
    yield* set_buffer(buf, ops, file, pages);
    return file;
  },
  'drivers/dma-buf/dma-buf.c',
);
