// SPDX-License-Identifier: GPL-2.0-or-later
/** How an exporter made from traits is mapped: its mmap callback, its vm_ops and what they insert. */
import type { ExporterTraits } from '../../contract/traits.ts';
import { guard, type Run, routine } from '../../explore/program.ts';
import { EACCES, EBUSY, EINVAL, ENOMEM, ENXIO } from '../errno.ts';
import type { FileOperations, VmOperations } from '../kernel.ts';
import { may_retry } from '../mm/fault.ts';
import {
  FAULT_FLAG_WRITE,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_FAULT_FALLBACK,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_PAGE_SHIFT,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
  VM_IO,
  VM_MAYSHARE,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SHARED,
  VM_WRITE,
} from '../mm/flags.ts';
import {
  remap_pfn_range,
  vm_insert_page,
  vmf_insert_mixed,
  vmf_insert_pfn,
  vmf_insert_pfn_pmd,
  vmf_insert_pfn_prot,
} from '../mm/insert.ts';
import { get_page } from '../mm/page.ts';
import { ptrs_per_pmd } from '../mm/pgtable.ts';
import { shmem_file_operations } from '../mm/shmem.ts';
import { vma_set_file } from '../mm/util.ts';
import {
  mmap_read_unlock,
  PROT_R,
  set_vm_ops,
  set_vm_pgoff,
  vm_end,
  vm_flags,
  vm_flags_mod,
  vm_page_prot,
  vm_pgoff,
  vm_private_data,
  vm_start,
} from '../mm/vma.ts';
import { type ExporterMemory, lockOf } from './exporter-memory.ts';
import * as object from './object.ts';

const FLAGS = { VM_PFNMAP, VM_MIXEDMAP, VM_IO, VM_DONTEXPAND, VM_DONTDUMP } as const;
const bitsOf = (names: ExporterTraits['setsFlags']) => names.reduce((acc, f) => acc | FLAGS[f], 0);

export interface ExporterMapping {
  readonly mmap: (mm: number, vma: number, buf: number) => Run<number>;
  readonly vm_ops: VmOperations;
}

/** Where a buffer begins in its address_space: by how much vm_pgoff is moved. */
export function* pgoff_base(traits: ExporterTraits, buf: number): Run<number> {
  return traits.pgoff === 'offset' ? 0 : yield* object.offset_node(buf);
}

/** The vm_fault_t of vm_insert_page's errno. include/linux/mm.h vmf_error */
const fault_of = (err: number): number => {
  if (err === 0 || err === -EBUSY) return VM_FAULT_NOPAGE;
  return err === -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
};

/** Everything that answers a CPU: the mapping of an exporter. */
export function mappingOf(traits: ExporterTraits, memory: ExporterMemory): ExporterMapping {
  const { inserts } = traits;
  const vm_ops = vmOps(traits, memory);
  const insertsAtMmap = vm_ops.fault === undefined;
  const sets = bitsOf(traits.setsFlags);
  const clears = bitsOf(traits.clearsFlags);

  const insert_all = routine(
    `${traits.id}_map_all`,
    function* (mm: number, vma: number, buf: number): Run<number> {
      const start = yield* vm_start(vma);
      const end = yield* vm_end(vma);
      const off = (yield* vm_pgoff(vma)) - (yield* pgoff_base(traits, buf));
      const table = yield* object.table_of(buf);
      // A private mapping must be covered whole; who has a block can do that.
      const whole = traits.contiguous && !((yield* vm_flags(vma)) & VM_SHARED);
      if (inserts === 'mmap-remap-range' || (inserts === 'mmap-remap-pfn' && whole)) {
        if (!(yield* object.contiguous(buf, off, end - start))) return -ENXIO;
        return yield* remap_pfn_range(mm, vma, start, table, off, end - start);
      }
      for (let addr = start; addr < end; addr++) {
        const i = off + addr - start;
        const err =
          inserts === 'mmap-remap-pfn'
            ? yield* remap_pfn_range(mm, vma, addr, table, i, 1)
            : yield* vm_insert_page(mm, vma, addr, yield* object.backing(buf, i));
        if (err) return err;
      }
      return 0;
    },
  );

  /** The backing file's mmap decides everything; the VMA holds that file from then on. */
  const hand_over = routine(
    `${traits.id}_mmap`,
    function* (mm: number, vma: number, buf: number): Run<number> {
      const file = (yield* object.source(buf)) - 1;
      const { mmap } = shmem_file_operations as Required<FileOperations>;
      const err = yield* mmap(mm, vma, file);
      if (err) return err;
      yield* vma_set_file(vma, file);
      return 0;
    },
    traits.source,
  );

  const mmap = routine(
    `${traits.id}_mmap`,
    function* (mm: number, vma: number, buf: number): Run<number> {
      const flags = yield* vm_flags(vma);
      if (traits.refusesPrivate) {
        const isPrivate = !(flags & (VM_SHARED | VM_MAYSHARE));
        if (yield* guard('the VM_SHARED test', isPrivate)) return -EINVAL;
      }
      if (traits.refusesWritable && flags & VM_WRITE) return -EACCES;
      if (insertsAtMmap && traits.takesBack.includes('revoke')) {
        if (yield* guard('the iomem_is_exclusive test', yield* object.claimed(buf))) return -EINVAL;
      }
      yield* vm_flags_mod(vma, sets, clears);
      yield* set_vm_ops(vma, vm_ops, buf + 1);
      if (traits.pgoff !== 'offset') {
        yield* set_vm_pgoff(vma, (yield* vm_pgoff(vma)) + (yield* pgoff_base(traits, buf)));
      }
      if (traits.countsVmas) yield* object.count_vma(vma, 1);
      if (!insertsAtMmap) return 0;
      const err = yield* insert_all(mm, vma, buf);
      if (err && traits.countsVmas) yield* object.count_vma(vma, -1);
      return err;
    },
    traits.source,
  );

  return { mmap: inserts === 'file-mmap' ? hand_over : mmap, vm_ops };
}

function vmOps(traits: ExporterTraits, memory: ExporterMemory): VmOperations {
  const { inserts } = traits;
  const name = `${traits.id}_vm_ops`;
  const lock = lockOf(traits);

  const page_index = routine('vmf->pgoff', function* (vma: number, addr: number): Run<number> {
    if (traits.ignoresPgoff) return addr - (yield* vm_start(vma));
    let base = 0;
    if (traits.pgoff !== 'offset') {
      base = yield* object.offset_node((yield* vm_private_data(vma)) - 1);
    }
    return (yield* vm_pgoff(vma)) - base + addr - (yield* vm_start(vma));
  });

  const insert_one = routine(
    `${traits.id}_insert`,
    function* (mm: number, vma: number, addr: number, pfn: number, flags: number): Run<number> {
      switch (inserts) {
        case 'fault-pfn-readonly-first': {
          if (flags & FAULT_FLAG_WRITE) return yield* vmf_insert_pfn(mm, vma, addr, pfn);
          const prot = yield* vm_page_prot(vma);
          return yield* vmf_insert_pfn_prot(mm, vma, addr, pfn, prot & PROT_R);
        }
        case 'fault-mixed':
          return yield* vmf_insert_mixed(mm, vma, addr, pfn);
        case 'fault-insert-page':
          return fault_of(yield* vm_insert_page(mm, vma, addr, pfn));
        case 'fault-vmf-page':
          yield* get_page(pfn, 1);
          return pfn << VM_FAULT_PAGE_SHIFT;
        default:
          return yield* vmf_insert_pfn(mm, vma, addr, pfn);
      }
    },
  );

  const prefault = routine(
    `${traits.id}_prefault`,
    function* (mm: number, vma: number, addr: number, buf: number): Run<void> {
      const start = yield* vm_start(vma);
      const end = yield* vm_end(vma);
      const n = yield* object.npages(buf);
      for (let a = start; a < end; a++) {
        if (a === addr) continue;
        const i = yield* page_index(vma, a);
        if (i >= n) break;
        yield* vmf_insert_pfn(mm, vma, a, yield* object.backing(buf, i));
      }
    },
  );

  const answer = routine(
    `${traits.id}_fault`,
    function* (
      mm: number,
      vma: number,
      addr: number,
      flags: number,
      buf: number,
      seen: number,
    ): Run<number> {
      yield* object.count_fault(buf);
      const i = yield* page_index(vma, addr);
      if (yield* guard('the revoked test', yield* object.revoked(buf))) return VM_FAULT_SIGBUS;
      if (i >= (yield* object.npages(buf))) return VM_FAULT_SIGBUS;
      const pfn = seen > 0 ? seen : yield* memory.populate(buf, i);
      if (pfn === -ENOMEM) return VM_FAULT_OOM;
      if (!pfn) return VM_FAULT_SIGBUS;
      const ret = yield* insert_one(mm, vma, addr, pfn, flags);
      if (traits.prefaults && !(ret & VM_FAULT_SIGBUS)) yield* prefault(mm, vma, addr, buf);
      return ret;
    },
  );

  const fault = routine(
    `${traits.id}_vm_fault`,
    function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
      const buf = (yield* vm_private_data(vma)) - 1;
      // R5: whoever looks first and locks afterwards inserts what was true once.
      const seen =
        traits.faultLocks === 'looks-before-locking'
          ? yield* object.backing(buf, yield* page_index(vma, addr))
          : 0;
      if (traits.faultMayRetry && lock.tried && may_retry(flags)) {
        // ttm_bo_vm_reserve: never wait for the reservation under mmap_lock if that can be helped.
        if (!(yield* lock.tried.lock(buf))) {
          yield* mmap_read_unlock(mm);
          yield* lock.fault.lock(buf);
          yield* lock.fault.unlock(buf);
          return VM_FAULT_RETRY;
        }
      } else yield* lock.fault.lock(buf);
      const ret = yield* answer(mm, vma, addr, flags, buf, seen);
      yield* lock.fault.unlock(buf);
      return ret;
    },
    traits.source,
  );

  /** One entry for the block of pages from `first` on, if it is one block that an entry can map. */
  const insert_block = routine(
    `${traits.id}_insert_block`,
    function* (
      mm: number,
      vma: number,
      addr: number,
      flags: number,
      buf: number,
      first: number,
    ): Run<number> {
      const n = yield* ptrs_per_pmd();
      if (first + n > (yield* object.npages(buf))) return VM_FAULT_FALLBACK;
      if (!(yield* object.contiguous(buf, first, n))) return VM_FAULT_FALLBACK;
      const pfn = yield* object.backing(buf, first);
      if (pfn % n) return VM_FAULT_FALLBACK;
      yield* object.count_fault(buf);
      const write = flags & FAULT_FLAG_WRITE ? 1 : 0;
      return yield* vmf_insert_pfn_pmd(mm, vma, addr, pfn, write, traits.hugeSpecial ? 1 : 0);
    },
  );

  const huge_fault = routine(
    `${traits.id}_huge_fault`,
    function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
      const buf = (yield* vm_private_data(vma)) - 1;
      const n = yield* ptrs_per_pmd();
      const block = addr - (addr % n);
      yield* lock.fault.lock(buf);
      let ret = VM_FAULT_FALLBACK;
      if (block >= (yield* vm_start(vma)) && block + n <= (yield* vm_end(vma))) {
        const first = yield* page_index(vma, block);
        const revoked = yield* object.revoked(buf);
        if (yield* guard('the revoked test', revoked)) ret = VM_FAULT_SIGBUS;
        else ret = yield* insert_block(mm, vma, addr, flags, buf, first);
      }
      yield* lock.fault.unlock(buf);
      return ret;
    },
    traits.source,
  );

  const mkwrite = routine(
    `${traits.id}_mkwrite`,
    function* (_mm: number, vma: number): Run<number> {
      yield* object.count_mkwrite((yield* vm_private_data(vma)) - 1);
      return 0;
    },
  );

  /** vm_ops->access of its own: the buffer's page of the moment, whatever the entry says. */
  const access = routine(
    `${traits.id}_vm_access`,
    function* (_mm: number, vma: number, addr: number): Run<number> {
      const buf = (yield* vm_private_data(vma)) - 1;
      const i = yield* page_index(vma, addr);
      if (i >= (yield* object.npages(buf))) return -EINVAL;
      return (yield* object.backing(buf, i)) || -EINVAL;
    },
  );

  const writes =
    inserts === 'fault-vmf-page' ? { page_mkwrite: mkwrite } : { pfn_mkwrite: mkwrite };
  return {
    name,
    ...(inserts.startsWith('fault-') ? { fault } : {}),
    ...(inserts === 'fault-huge-pfn' ? { huge_fault } : {}),
    ...(traits.tracksWrites ? writes : {}),
    ...(traits.hasAccess ? { access } : {}),
    ...(traits.countsVmas
      ? {
          open: (vma: number) => object.count_vma(vma, 1),
          close: (vma: number) => object.count_vma(vma, -1),
        }
      : {}),
  };
}
