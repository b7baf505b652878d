// SPDX-License-Identifier: GPL-2.0-or-later
/** mmap(2), munmap(2) and the end of an mm: mm/mmap.c (6.12: and mm/vma.c). */
import { type Run, routine, step } from '../../explore/program.ts';
import { EACCES, EBADF, EEXIST, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EPERM } from '../errno.ts';
import { alloc_file, fget, file_mapping, file_ops, fput, get_file } from '../fs/file.ts';
import { file_operations, type Kernel, vm_operations } from '../kernel.ts';
import { vma_ops } from './fault.ts';
import {
  PTE_PRESENT,
  VM_ACCOUNT,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_READ,
  VM_SEALED,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  VM_WRITE,
} from './flags.ts';
import { mm_populate } from './gup.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import { flush_tlb_range, pmdp_get, pmdp_get_and_clear, ptrs_per_pmd } from './pgtable.ts';
import { shmem_file_operations } from './shmem.ts';
import {
  __split_vma,
  find_vma_intersection,
  mmap_read_unlock,
  mmap_write_downgrade,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  set_vm_file,
  vm_area_alloc,
  vm_area_free,
  vm_end,
  vm_file,
  vm_flags,
  vm_flags_mod,
  vm_start,
  vma_link_file,
  vma_mark_detached,
  vma_set_page_prot,
} from './vma.ts';
import { vma_merge_new_range } from './vma-merge.ts';
import {
  free_pages_and_swap_cache,
  i_mmap_lock_write,
  i_mmap_unlock_write,
  zap_pte_range,
} from './zap.ts';

export const PROT_READ = VM_READ;
export const PROT_WRITE = VM_WRITE;

// Flags of mmap(2); the values are ours, the names are the field's.
export const MAP_SHARED = 0x1;
export const MAP_PRIVATE = 0x2;
export const MAP_SHARED_VALIDATE = 0x3;
/** The bits that hold one of the three above. */
export const MAP_TYPE = 0x3;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_LOCKED = 0x2000;
export const MAP_POPULATE = 0x8000;

/** Descriptor argument of an anonymous mapping. */
export const NO_FD = -1;

const file_is_writable = step('FMODE_WRITE', (k: Kernel, file: number) =>
  k.file_readonly.get(file) ? 0 : 1,
);

/**
 * mmap(2) at a fixed address (MAP_FIXED_NOREPLACE unless MAP_FIXED).
 * @param addr page number
 * @param n pages
 * @param pgoff offset in pages
 * @returns 0 or a negative errno
 */
export const sys_mmap = routine(
  'mmap',
  function* (
    mm: number,
    addr: number,
    n: number,
    prot: number,
    flags: number,
    fdAndOff: number,
  ): Run<number> {
    const fd = (fdAndOff & 0xff) - 1;
    const pgoff = fdAndOff >> 8;
    let file = -1;
    if (!(flags & MAP_ANONYMOUS)) {
      file = yield* fget(mm, fd);
      if (file < 0) return -EBADF;
    }
    yield* mmap_write_lock(mm);
    const ret = yield* do_mmap(mm, addr, n, prot, flags, file < 0 ? -1 : file + pgoff * 0x100);
    yield* mmap_write_unlock(mm);
    if (file >= 0) yield* fput(file);
    if (ret < 0) return ret;
    if (flags & (MAP_POPULATE | MAP_LOCKED)) yield* mm_populate(mm, addr, addr + n, 1);
    return 0;
  },
  'mm/mmap.c',
);

/** Packs descriptor and offset into the last argument of {@link sys_mmap}. */
export const mmapTarget = (fd: number, pgoff: number): number => (fd + 1) | (pgoff << 8);

export const do_mmap = routine(
  'do_mmap',
  function* (
    mm: number,
    addr: number,
    n: number,
    prot: number,
    flags: number,
    fileAndOff: number,
  ): Run<number> {
    if (n === 0) return -EINVAL;
    if (!(flags & MAP_FIXED) && (yield* find_vma_intersection(mm, addr, addr + n)) !== NO_VMA) {
      return -EEXIST;
    }
    let vmf = prot | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
    if (flags & MAP_LOCKED) vmf |= VM_LOCKED;
    const anon = fileAndOff < 0;
    const file = fileAndOff & 0xff;
    let pgoff = fileAndOff >> 8;
    const type = flags & MAP_TYPE;
    if (type === 0 || (anon && type === MAP_SHARED_VALIDATE)) return -EINVAL;
    // Every flag must be known to the file: MAP_FIXED_NOREPLACE, not a legacy flag, never is.
    if (type === MAP_SHARED_VALIDATE && !(flags & MAP_FIXED)) return -EOPNOTSUPP;
    if (flags & MAP_SHARED) {
      vmf |= VM_SHARED | VM_MAYSHARE;
      if (!anon && !(yield* file_is_writable(file))) {
        if (prot & PROT_WRITE) return -EACCES;
        vmf &= ~(VM_MAYWRITE | VM_SHARED);
      }
    }
    if (anon) pgoff = flags & MAP_SHARED ? 0 : addr;
    else if (!file_operations.at(yield* file_ops(file))?.mmap) return -ENODEV;
    if ((vmf & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE) vmf |= VM_ACCOUNT;
    return yield* mmap_region(mm, addr, n, vmf, anon ? -1 : file, pgoff);
  },
  'mm/mmap.c',
);

const mmap_region = routine(
  'mmap_region',
  function* (
    mm: number,
    addr: number,
    n: number,
    flags: number,
    file: number,
    pgoff: number,
  ): Run<number> {
    const unmapped = yield* do_munmap(mm, addr, addr + n, 0);
    if (unmapped < 0) return unmapped;
    let backing = file;
    if (file < 0 && flags & VM_SHARED) {
      backing = yield* shmem_zero_setup(n);
    } else {
      const merged = yield* vma_merge_new_range(mm, addr, addr + n, flags, file, pgoff);
      if (merged >= 0) {
        if (merged >> 16 && file >= 0) yield* fput(file);
        return 0;
      }
    }
    const vma = yield* vm_area_alloc(mm, addr, addr + n, flags, pgoff);
    if (vma < 0) return -ENOMEM;
    if (backing >= 0) {
      if (backing === file) yield* get_file(file);
      yield* set_vm_file(vma, backing + 1);
      const ops = file_operations.at(yield* file_ops(backing));
      const ret = ops?.mmap ? yield* ops.mmap(mm, vma, backing) : -ENODEV;
      if (ret < 0) {
        // unmap_region: whatever the callback inserted goes again.
        yield* unmap_region(mm, addr, addr + n, []);
        const now = yield* vm_file(vma);
        yield* vm_area_free(vma);
        if (now) yield* fput(now - 1);
        return ret;
      }
    }
    if (backing >= 0) yield* link_file(vma, 1);
    yield* vm_flags_mod(vma, VM_SOFTDIRTY, 0);
    if ((yield* vm_flags(vma)) & VM_LOCKED && (yield* vm_flags(vma)) & VM_SPECIAL) {
      yield* vm_flags_mod(vma, 0, VM_LOCKED | VM_LOCKONFAULT);
    }
    yield* vma_set_page_prot(vma);
    return 0;
  },
  'mm/mmap.c',
);

/** mm/vma.c vma_link_file, unlink_file_vma: only linked VMAs are found by unmap_mapping_range. */
const link_file = routine(
  'vma_link_file',
  function* (vma: number, linked: number): Run<void> {
    const file = yield* vm_file(vma);
    if (!file) return;
    const mapping = yield* file_mapping(file - 1);
    yield* i_mmap_lock_write(mapping);
    yield* vma_link_file(vma, linked);
    yield* i_mmap_unlock_write(mapping);
  },
  'mm/vma.c',
);

/** Shared anonymous memory is a file of shared memory. mm/shmem.c shmem_zero_setup */
const shmem_zero_setup = routine(
  'shmem_zero_setup',
  function* (n: number): Run<number> {
    return yield* alloc_file(shmem_file_operations, 0, n);
  },
  'mm/shmem.c',
);

const vm_mm = step('vma->vm_mm', (k: Kernel, v: number) => Math.floor(v / k.config.vmas));

/** mm/huge_memory.c split_huge_pmd_if_needed: splitting the entry of a driver means dropping it. */
const split_huge_pmd_if_needed = routine(
  'split_huge_pmd_if_needed',
  function* (vma: number, addr: number): Run<void> {
    const n = yield* ptrs_per_pmd();
    if (addr % n === 0) return;
    const mm = yield* vm_mm(vma);
    if (!((yield* pmdp_get(mm, addr)) & PTE_PRESENT)) return;
    const start = addr - (addr % n);
    yield* mmu_notifier_invalidate_range_start(mm, start, start + n);
    yield* pte_lock(mm);
    yield* pmdp_get_and_clear(mm, addr);
    yield* flush_tlb_range(mm, start, start + n);
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, start, start + n);
  },
  'mm/huge_memory.c',
);

/**
 * Splits `vma` at `addr`, both parts open.
 * @returns the VMA of the upper part, or a negative errno
 */
export const split_vma = routine(
  'split_vma',
  function* (vma: number, addr: number): Run<number> {
    const file = yield* vm_file(vma);
    const mapping = file ? yield* file_mapping(file - 1) : -1;
    if (file) yield* i_mmap_lock_write(mapping);
    yield* split_huge_pmd_if_needed(vma, addr);
    const upper = yield* __split_vma(vma, addr);
    if (file) yield* i_mmap_unlock_write(mapping);
    if (upper < 0) return upper;
    if (file) yield* get_file(file - 1);
    const ops = yield* vma_ops(upper);
    if (ops?.open) yield* ops.open(upper);
    return upper;
  },
  'mm/vma.c',
);

/**
 * Clears the entries of a range whose VMAs are gone from the mm's tree, takes these out of their files'
 * trees (free_pgtables), and frees what the entries held. A part of its caller, for the sake of the list.
 * 6.12 mm/vma.c:1099 vms_clear_ptes, 6.1 mm/mmap.c:2338 unmap_region
 */
function* unmap_region(mm: number, start: number, end: number, vmas: readonly number[]): Run<void> {
  yield* mmu_notifier_invalidate_range_start(mm, start, end);
  const zapped = yield* zap_pte_range(mm, start, end);
  yield* mmu_notifier_invalidate_range_end(mm, start, end);
  for (const vma of vmas) yield* link_file(vma, 0);
  if (zapped.cleared && !zapped.flushed) yield* flush_tlb_range(mm, start, end);
  yield* free_pages_and_swap_cache(zapped);
}

const closing_ops = step('vma->vm_ops', (k: Kernel, v: number) => k.vm_ops.get(v));

/** mm/vma.c remove_vma of a VMA that is in no tree any more: its end. */
const remove_vma = routine(
  'remove_vma',
  function* (vma: number): Run<void> {
    const ops = vm_operations.at(yield* closing_ops(vma));
    if (ops?.close) yield* ops.close(vma);
    const file = yield* vm_file(vma);
    if (file) yield* fput(file - 1);
  },
  'mm/vma.c',
);

/** What {@link do_munmap} says when mmap_lock is held for reading now. */
export const DOWNGRADED = 1;

/**
 * mm/vma.c do_vmi_munmap, under mmap_lock held for writing: splits at the edges, takes the VMAs out of
 * the tree, clears, closes. Faults and followers find no VMA from then on, but see entries that are
 * still there, if mmap_lock is downgraded meanwhile. 6.12 mm/vma.c:1159, 6.1 mm/mmap.c:2597
 * @param downgrade whether it may be
 * @returns 0, {@link DOWNGRADED}, or a negative errno
 */
export const do_munmap = routine(
  'do_vmi_munmap',
  function* (mm: number, start: number, end: number, downgrade: number): Run<number> {
    if (start >= end) return -EINVAL;
    const gone: number[] = [];
    let lowest = end;
    let highest = start;
    for (;;) {
      const vma = yield* find_vma_intersection(mm, highest, end);
      if (vma === NO_VMA) break;
      if ((yield* vm_flags(vma)) & VM_SEALED) return -EPERM;
      let target = vma;
      if ((yield* vm_start(vma)) < start) {
        target = yield* split_vma(vma, start);
        if (target < 0) return target;
      }
      if ((yield* vm_end(target)) > end) {
        const rest = yield* split_vma(target, end);
        if (rest < 0) return rest;
      }
      gone.push(target);
      lowest = Math.min(lowest, yield* vm_start(target));
      highest = yield* vm_end(target);
      if (highest >= end) break;
    }
    if (gone.length === 0) return 0;
    for (const vma of gone) yield* vma_mark_detached(vma);
    if (downgrade) yield* mmap_write_downgrade(mm);
    yield* unmap_region(mm, lowest, highest, gone);
    for (const vma of gone) yield* remove_vma(vma);
    return downgrade ? DOWNGRADED : 0;
  },
  'mm/vma.c',
);

/** munmap(2) */
export const sys_munmap = routine(
  'munmap',
  function* (mm: number, addr: number, n: number): Run<number> {
    if (n === 0) return -EINVAL;
    yield* mmap_write_lock(mm);
    const ret = yield* do_munmap(mm, addr, addr + n, 1);
    if (ret === DOWNGRADED) yield* mmap_read_unlock(mm);
    else yield* mmap_write_unlock(mm);
    return Math.min(ret, 0);
  },
  'mm/mmap.c',
);
