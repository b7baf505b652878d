// SPDX-License-Identifier: GPL-2.0-or-later
/** The kinds of buffers that the recorded agent makes, as drivers and descriptors of the model. */
import { BLOCKED, type Run, routine, step } from '../explore/program.ts';
import { dma_buf_fops, dma_buf_mmap } from '../kernel/dma-buf/dma-buf.ts';
import { type Exporter, exporter } from '../kernel/dma-buf/exporter.ts';
import { EACCES, EBADF, EBADFD, EINVAL, ENOENT } from '../kernel/errno.ts';
import { systemHeap } from '../kernel/exporters/system-heap.ts';
import {
  BESIDE,
  fileMapped,
  notMappable,
  testKinds,
  withFlags,
} from '../kernel/exporters/test-module.ts';
import { udmabuf } from '../kernel/exporters/udmabuf.ts';
import { vgem } from '../kernel/exporters/vgem.ts';
import {
  alloc_file,
  fd_install,
  fd_lookup,
  file_ops,
  file_private,
  file_size,
  fput,
  get_file,
  set_file_mapping,
} from '../kernel/fs/file.ts';
import {
  type DmaBufOps,
  dma_buf_operations,
  type FileOperations,
  file_operations,
  type Kernel,
} from '../kernel/kernel.ts';
import { shmem_file_operations } from '../kernel/mm/shmem.ts';
import { lru_add_drain } from '../kernel/mm/swap.ts';
import { set_vm_pgoff, vm_end, vm_pgoff, vm_start } from '../kernel/mm/vma.ts';
import type { Guest } from './guest.ts';

/** Exporters of the test module, by kind and flags; the same object every time. */
const modules = new Map<string, Exporter>();
/** Which exporters are the test module's: their pages have names, their buffers can be moved. */
const byOps = new Map<DmaBufOps, Exporter>();

function moduleExporter(kind: string, flags: number): Exporter | undefined {
  const key = `${kind}+${flags}`;
  let made = modules.get(key);
  if (!made) {
    const traits = [...testKinds, fileMapped, notMappable].find((t) => t.id === `test-${kind}`);
    if (!traits) return undefined;
    made = exporter(withFlags(traits, flags));
    modules.set(key, made);
    byOps.set(made.ops, made);
  }
  return made;
}

const heap = exporter(systemHeap);
const udma = exporter(udmabuf);
const gem = exporter(vgem);

/** What a descriptor slot of process `proc` refers to. */
export interface Descriptor {
  readonly file: number;
  /** The dma-buf behind it, or -1. */
  readonly buffer: number;
  /** The test module's exporter, if it is one of its dma-bufs. */
  readonly module: Exporter | undefined;
}

/** The open file of a slot, or null. Reads, never runs anything. */
export function describe(k: Kernel, proc: number, slot: number): Descriptor | null {
  const file =
    slot >= 0 && slot < k.config.fds ? k.fd_file.get(proc * k.config.fds + slot) - 1 : -1;
  return file < 0 ? null : describeFile(k, file);
}

/** The same of an open file. */
export function describeFile(k: Kernel, file: number): Descriptor {
  if (file_operations.at(k.file_ops.get(file)) !== dma_buf_fops) {
    return { file, buffer: -1, module: undefined };
  }
  const buffer = k.file_private.get(file);
  return { file, buffer, module: moduleOf(k, buffer) };
}

/** The test module's exporter of a buffer, if it is the module's. */
export function moduleOf(k: Kernel, buffer: number): Exporter | undefined {
  const ops = dma_buf_operations.at(k.buf_ops.get(buffer));
  return ops && byOps.get(ops);
}

/** The importer of the test module: a device whose mmap is the dma-buf's. */
const importer_mmap = routine(
  'importer_mmap',
  function* (mm: number, vma: number, file: number): Run<number> {
    const dmabuf = (yield* file_private(file)) - 1;
    const buf = yield* file_private(dmabuf);
    return yield* dma_buf_mmap(mm, vma, buf, yield* vm_pgoff(vma));
  },
);
const importer_release = routine('importer_release', function* (file: number): Run<number> {
  yield* fput((yield* file_private(file)) - 1);
  return 0;
});
export const importer_fops: FileOperations = {
  name: 'importer_fops',
  mmap: importer_mmap,
  release: importer_release,
};

const fake_offset = step('drm_vma_node_start', (k: Kernel, buf: number) => k.buf_pgoff.get(buf));
/** drivers/gpu/drm/drm_vma_manager.c drm_vma_offset_exact_lookup_locked, over all objects. */
const has_object = step('drm_vma_offset_exact_lookup', (k: Kernel, at: number, pages: number) => {
  for (let b = 0; b < k.config.buffers; b++) {
    if (at && k.buf_pgoff.get(b) === at && pages <= k.buf_npages.get(b)) return 1;
  }
  return 0;
});
const size_of = step('obj->size', (k: Kernel, buf: number) => k.buf_npages.get(buf));

/** drivers/gpu/drm/drm_gem.c drm_gem_mmap: the object is found by its exact fake offset. */
const drm_gem_mmap = routine(
  'drm_gem_mmap',
  function* (mm: number, vma: number, file: number): Run<number> {
    const dmabuf = (yield* file_private(file)) - 1;
    const buf = yield* file_private(dmabuf);
    const at = yield* vm_pgoff(vma);
    const pages = (yield* vm_end(vma)) - (yield* vm_start(vma));
    if (at === 0 || at !== (yield* fake_offset(buf)) || pages > (yield* size_of(buf))) {
      // Somebody else's object: the node is found, and this descriptor may not map it.
      return (yield* has_object(at, pages)) ? -EACCES : -EINVAL;
    }
    yield* set_vm_pgoff(vma, 0);
    return yield* (gem.ops as Required<DmaBufOps>).mmap(mm, vma, buf);
  },
  'drivers/gpu/drm/drm_gem.c',
);
const drm_release = routine('drm_release', function* (file: number): Run<number> {
  yield* fput((yield* file_private(file)) - 1);
  return 0;
});
/** fs/read_write.c noop_llseek: the position stays 0. */
const noop_llseek = step('noop_llseek', () => 0);
/** drivers/gpu/drm/drm_file.c drm_read: waits for an event, and none ever comes. */
const drm_read = step('drm_read', () => BLOCKED);

export const drm_driver_fops: FileOperations = {
  name: 'drm_driver_fops',
  mmap: drm_gem_mmap,
  release: drm_release,
  llseek: noop_llseek,
  read: drm_read,
};

const has_udmabuf = (k: Kernel): boolean => k.linux.has_heap_and_udmabuf;
const has_heap_and_udmabuf = step('/dev', (k: Kernel) => (has_udmabuf(k) ? 1 : 0));
const buffer_file = step('dmabuf->file', (k: Kernel, buf: number) => k.buf_file.get(buf));
const set_readonly = step('O_RDONLY', (k: Kernel, file: number) => k.file_readonly.set(file, 1));

/** A descriptor on something else that holds a reference to a dma-buf's file. */
const wrap = routine(
  'wrap',
  function* (mm: number, fd: number, fops: FileOperations, dmabuf: number): Run<number> {
    const file = yield* alloc_file(fops, dmabuf + 1, 0);
    if (file < 0) return file;
    yield* fd_install(mm, fd, file);
    return 0;
  },
);

const make_memfd = routine('memfd_create', function* (mm: number, fd: number, n: number) {
  const file = yield* alloc_file(shmem_file_operations, 0, n);
  if (file < 0) return file;
  yield* fd_install(mm, fd, file);
  return 0;
});

/** drivers/dma-buf/udmabuf.c udmabuf_create of a whole memfd. */
const make_udmabuf = routine(
  'udmabuf_create',
  function* (mm: number, fd: number, n: number, memfd: number): Run<number> {
    if (!(yield* has_heap_and_udmabuf())) return -ENOENT;
    if (memfd < 0) {
      const file = yield* alloc_file(shmem_file_operations, 0, n);
      if (file < 0) return file;
      const buf = yield* udma.create_from(mm, fd, n, file);
      yield* fput(file);
      if (buf >= 0) yield* lru_add_drain();
      return buf < 0 ? buf : 0;
    }
    if (n > (yield* file_size(memfd))) return -EINVAL;
    const buf = yield* udma.create_from(mm, fd, n, memfd);
    // mm/gup.c memfd_pin_folios: letting go of the batch it looked pages up in drains the others.
    if (buf >= 0) yield* lru_add_drain();
    return buf < 0 ? buf : 0;
  },
  'drivers/dma-buf/udmabuf.c',
);

const make_heap = routine('dma_heap_buffer_alloc', function* (mm: number, fd: number, n: number) {
  if (!(yield* has_heap_and_udmabuf())) return -ENOENT;
  const buf = yield* heap.create(mm, fd, n);
  return buf < 0 ? buf : 0;
});

const make_vgem = routine(
  'vgem',
  function* (mm: number, fd: number, n: number, how: number): Run<number> {
    const buf = yield* gem.create(mm, fd, n);
    if (buf < 0) return buf;
    const dmabuf = yield* buffer_file(buf);
    if (how === READ_ONLY) yield* set_readonly(dmabuf);
    // The DRM descriptor takes over the reference that the dma-buf's descriptor had.
    return how === BY_DRM ? yield* wrap(mm, fd, drm_driver_fops, dmabuf) : 0;
  },
);
const READ_ONLY = 1;
const BY_DRM = 2;

const make_importer = routine(
  'importer',
  function* (mm: number, fd: number, of: number): Run<number> {
    const file = yield* fd_lookup(mm, of);
    if (file < 0) return -EBADF;
    if (file_operations.at(yield* file_ops(file)) !== dma_buf_fops) return -EINVAL;
    yield* get_file(file);
    return yield* wrap(mm, fd, importer_fops, file);
  },
);

const buffer_ops = step('dmabuf->ops', (k: Kernel, buf: number) => k.buf_ops.get(buf));

/** PRIME import into vgem and MAP_DUMB: only an object of its own can be mapped. */
const make_prime_import = routine(
  'drm_gem_prime_import',
  function* (mm: number, fd: number, of: number): Run<number> {
    const file = yield* fd_lookup(mm, of);
    if (file < 0) return -EBADF;
    if (file_operations.at(yield* file_ops(file)) !== dma_buf_fops) return -EINVAL;
    const buf = yield* file_private(file);
    if (dma_buf_operations.at(yield* buffer_ops(buf)) !== gem.ops) return -EINVAL;
    yield* get_file(file);
    return yield* wrap(mm, fd, drm_driver_fops, file);
  },
  'drivers/gpu/drm/drm_prime.c',
);

/** Makes a buffer of a kind in slot `fd`. Returns 0 or a negative errno. */
export function makeBuffer(
  g: Guest,
  proc: number,
  fd: number,
  kind: string,
  n: number,
  flags: number,
): number {
  const other = /^(udmaof|dimp|imp)(\d+)$/.exec(kind);
  if (other) {
    const of = Number(other[2]);
    if (other[1] === 'dimp') return g.run(proc, () => make_importer(proc, fd, of));
    if (other[1] === 'imp') return g.run(proc, () => make_prime_import(proc, fd, of));
    const memfd = describe(g.k, proc, of);
    if (!has_udmabuf(g.k)) return -ENOENT;
    if (n <= 0) return -EINVAL;
    // drivers/dma-buf/udmabuf.c check_memfd_seals
    const isMemfd =
      memfd && file_operations.at(g.k.file_ops.get(memfd.file)) === shmem_file_operations;
    if (!isMemfd) return -EBADFD;
    // The agent seals the memfd first, as udmabuf demands.
    g.k.file_sealed.set(memfd.file, 1);
    return g.run(proc, () => make_udmabuf(proc, fd, n, memfd.file));
  }
  // Only a file may be empty: drivers/gpu/drm/drm_dumb_buffers.c drm_mode_create_dumb,
  // drivers/dma-buf/dma-heap.c dma_heap_buffer_alloc, udmabuf.c udmabuf_create, and the test module.
  const later = kind === 'heap' || kind === 'udma';
  if (n <= 0 && kind !== 'memfd') return later && !has_udmabuf(g.k) ? -ENOENT : -EINVAL;
  switch (kind) {
    case 'heap':
      return g.run(proc, () => make_heap(proc, fd, n));
    case 'udma':
      return g.run(proc, () => make_udmabuf(proc, fd, n, -1));
    case 'memfd':
      return g.run(proc, () => make_memfd(proc, fd, n));
    case 'vgem':
      return g.run(proc, () => make_vgem(proc, fd, n, 0));
    case 'vgemro':
      return g.run(proc, () => make_vgem(proc, fd, n, READ_ONLY));
    case 'vgemdrm':
      return g.run(proc, () => make_vgem(proc, fd, n, BY_DRM));
  }
  const made = moduleExporter(kind, flags);
  if (!made) return -EINVAL;
  const buf = g.run(proc, () => made.create(proc, fd, n));
  if (buf < 0) return buf;
  g.slotOf[proc].set(buf, fd);
  const file = g.k.buf_file.get(buf);
  if (flags & BESIDE && g.lastMade >= 0) {
    const mapping = g.k.file_mapping.get(g.lastMade);
    g.run(proc, () => set_file_mapping(file, mapping));
  }
  g.lastMade = file;
  return 0;
}
