// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * An exporter from its traits: its memory, its mapping, the ways in which it takes memory back, and
 * what userspace gets a descriptor of. Named drivers are trait sets over this.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { type Run, routine, step } from '../../explore/program.ts';
import { alloc_file, fd_install, file_private, get_file, set_file_mapping } from '../fs/file.ts';
import type { DmaBufOps, FileOperations, Kernel, VmOperations } from '../kernel.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, mmapTarget, sys_mmap } from '../mm/mmap.ts';
import { shmem_file_operations } from '../mm/shmem.ts';
import { sg_set_page } from './attach.ts';
import { dma_buf_alloc, dma_buf_export } from './dma-buf.ts';
import { mappingOf } from './exporter-map.ts';
import { lockOf, memoryOf } from './exporter-memory.ts';
import { type ExporterTakeBack, takeBackOf } from './exporter-take.ts';
import * as object from './object.ts';

export type { MoveOptions } from './exporter-take.ts';

export interface Exporter extends ExporterTakeBack {
  readonly traits: ExporterTraits;
  readonly ops: DmaBufOps;
  readonly vm_ops: VmOperations;
  /** Makes a buffer of n pages and puts its descriptor into slot fd. Returns 0 or an errno. */
  readonly create: (mm: number, fd: number, n: number) => Run<number>;
  /** The same, of the first n pages of a file of shared memory. */
  readonly create_from: (mm: number, fd: number, n: number, file: number) => Run<number>;
  /** Maps all of it at page 0, as a program does: shared, except anonymous memory. 0 or an errno. */
  readonly map: (mm: number, fd: number, n: number, prot: number) => Run<number>;
  /** The driver's worker, where old pages wait for one: frees what waits now. */
  readonly worker: () => Run<void>;
}

const built = new WeakMap<ExporterTraits, Exporter>();

/** The exporter that the traits describe; the same traits give the same one. */
export function exporter(traits: ExporterTraits): Exporter {
  let made = built.get(traits);
  if (!made) built.set(traits, (made = OBJECTS[traits.object](traits)));
  return made;
}

const set_object = step(
  'obj_init',
  (k: Kernel, buf: number, file: number, pages: number) => {
    k.buf_file.set(buf, file);
    k.buf_npages.set(buf, pages);
  },
  { atomic: 'nobody else has the descriptor yet' },
);

const OBJECTS: Readonly<Record<ExporterTraits['object'], (t: ExporterTraits) => Exporter>> = {
  'dma-buf': build,
  device: build,
  memfd: (traits) => ordinary(traits, memfd_create, MAP_SHARED),
  anonymous: (traits) => ordinary(traits, no_file, MAP_PRIVATE | MAP_ANONYMOUS),
};

const memfd_create = routine(
  'memfd_create',
  function* (mm: number, fd: number, n: number): Run<number> {
    const file = yield* alloc_file(shmem_file_operations, 0, n);
    if (file < 0) return file;
    yield* fd_install(mm, fd, file);
    return 0;
  },
  'mm/memfd.c',
);
/** Anonymous memory begins with mmap. */
const no_file = routine('anonymous', function* (): Run<number> {
  return 0;
});

/** Ordinary memory beside the exporters: mm's own, which no driver takes back. */
function ordinary(traits: ExporterTraits, create: Exporter['create'], flags: number): Exporter {
  const map = (mm: number, fd: number, n: number, prot: number): Run<number> =>
    sys_mmap(mm, 0, n, prot, flags, mmapTarget(fd, 0));
  return { ...build(traits), create, map };
}

function build(traits: ExporterTraits): Exporter {
  const memory = memoryOf(traits);
  const { mmap, vm_ops } = mappingOf(traits, memory);
  const takeBack = takeBackOf(traits, memory);

  /** A device's own file: its mmap is the driver's, and no dma-buf stands between. */
  const device_fops: FileOperations = {
    name: `${traits.id}_fops`,
    mmap: routine(`${traits.id}_fops_mmap`, function* (mm: number, vma: number, file: number) {
      return yield* mmap(mm, vma, yield* file_private(file));
    }),
    release: routine(`${traits.id}_fops_release`, function* (file: number): Run<number> {
      return yield* memory.release(yield* file_private(file));
    }),
  };

  const open_device = routine(`${traits.id}_open`, function* (buf: number, n: number): Run<number> {
    const file = yield* alloc_file(device_fops, buf, n);
    if (file >= 0) yield* set_object(buf, file, n);
    return file;
  });

  const ops = dmaBufOps(traits, mmap, memory.release);

  const create_from = routine(
    `${traits.id}_create`,
    function* (mm: number, fd: number, n: number, given: number): Run<number> {
      const buf = yield* dma_buf_alloc();
      if (given >= 0) yield* get_file(given);
      const err = yield* memory.fill(buf, n, given);
      if (err) return err;
      const file =
        traits.object === 'device'
          ? yield* open_device(buf, n)
          : yield* dma_buf_export(buf, ops, n);
      if (file < 0) return file;
      if (!traits.sharesMapping) yield* set_file_mapping(file, file);
      yield* fd_install(mm, fd, file);
      return buf;
    },
  );
  const create = (mm: number, fd: number, n: number): Run<number> => create_from(mm, fd, n, -1);

  const map = (mm: number, fd: number, n: number, prot: number): Run<number> =>
    sys_mmap(mm, 0, n, prot, MAP_SHARED, mmapTarget(fd, 0));
  return { traits, ops, vm_ops, create, create_from, map, ...takeBack, worker: memory.worker };
}

function dmaBufOps(
  traits: ExporterTraits,
  mmap: DmaBufOps['mmap'],
  release: DmaBufOps['release'],
): DmaBufOps {
  const lock = lockOf(traits).move;
  const attach = routine(`${traits.id}_attach`, function* (buf: number): Run<number> {
    yield* lock.lock(buf);
    yield* object.pin(buf, 1);
    yield* lock.unlock(buf);
    return 0;
  });
  const detach = routine(`${traits.id}_detach`, function* (buf: number): Run<void> {
    yield* lock.lock(buf);
    yield* object.pin(buf, -1);
    yield* lock.unlock(buf);
  });
  const map_dma_buf = routine(
    `${traits.id}_map_dma_buf`,
    function* (buf: number, att: number): Run<number> {
      const n = yield* object.npages(buf);
      for (let i = 0; i < n; i++) yield* sg_set_page(att, i, yield* object.backing(buf, i));
      return 0;
    },
  );
  return {
    name: `${traits.id}_dmabuf_ops`,
    ...(traits.mappable === false ? {} : { mmap }),
    release,
    ...(traits.syncsWhatBegan
      ? { begin_cpu_access: object.begin_cpu_access, end_cpu_access: object.end_cpu_access }
      : {}),
    ...(traits.pinsForImporters ? { attach, detach } : {}),
    map_dma_buf,
  };
}
