// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * mremap(2): mm/mremap.c. A move copies the VMA and moves the entries, so a translation that somebody
 * kept stays right while the address goes away; only the notifier tells.
 */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EFAULT, EINVAL, ENOMEM, EPERM } from '../errno.ts';
import { file_mapping, fput, get_file } from '../fs/file.ts';
import type { Kernel } from '../kernel.ts';
import { vma_ops } from './fault.ts';
import {
  PTE_PRESENT,
  VM_DONTEXPAND,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYSHARE,
  VM_PFNMAP,
  VM_SEALED,
  VM_SHARED,
} from './flags.ts';
import { mm_populate } from './gup.ts';
import { pte_lock, pte_unlock, VM_PAT } from './insert.ts';
import { DOWNGRADED, do_munmap, split_vma } from './mmap.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import {
  flush_tlb_range,
  next_present,
  pmdp_get,
  pmdp_get_and_clear,
  ptep_get_and_clear,
  ptrs_per_pmd,
  set_pmd_at,
  set_pte_at,
} from './pgtable.ts';
import {
  find_vma_intersection,
  has_anon_vma,
  mmap_read_unlock,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  set_vm_pgoff,
  unlink_anon_vmas,
  vm_area_dup,
  vm_end,
  vm_file,
  vm_flags,
  vm_flags_mod,
  vm_ops,
  vm_pgoff,
  vm_start,
  vma_link_file,
  vma_lookup,
} from './vma.ts';
import { vma_adjust_end, vma_merge_copy, vma_merge_extend } from './vma-merge.ts';
import { i_mmap_lock_write, i_mmap_unlock_write } from './zap.ts';

export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
export const MREMAP_DONTUNMAP = 4;

const vma_is_anonymous = routine('vma_is_anonymous', function* (vma: number): Run<number> {
  return (yield* vm_ops(vma)) ? 0 : 1;
});

/** mm/mremap.c vma_to_resize: may this part of a VMA become `newLen` pages? */
const vma_to_resize = routine(
  'vma_to_resize',
  function* (mm: number, addr: number, oldLen: number, newLen: number, flags: number): Run<number> {
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) return -EFAULT;
    const vmf = yield* vm_flags(vma);
    if (oldLen === 0 && !(vmf & (VM_SHARED | VM_MAYSHARE))) return -EINVAL;
    const fixed = vmf & (VM_DONTEXPAND | VM_PFNMAP);
    if (yield* guard('the VM_PFNMAP test', flags & MREMAP_DONTUNMAP && fixed)) return -EINVAL;
    if (oldLen > (yield* vm_end(vma)) - addr) return -EFAULT;
    if (newLen === oldLen) return vma;
    return (yield* guard('the VM_DONTEXPAND test', fixed)) ? -EFAULT : vma;
  },
  'mm/mremap.c',
);

/**
 * mm/mremap.c move_page_tables: each entry is taken out, and put in at its new place, under the
 * page-table locks; the old range is flushed before they are dropped.
 */
const move_page_tables = routine(
  'move_page_tables',
  function* (mm: number, from: number, to: number, len: number): Run<void> {
    yield* mmu_notifier_invalidate_range_start(mm, from, from + len);
    yield* pte_lock(mm);
    const n = yield* ptrs_per_pmd();
    let moved = 0;
    const end = from + len;
    for (let addr = yield* next_present(mm, from, end); addr < end; ) {
      moved = 1;
      const target = to + (addr - from);
      const pmd = yield* pmdp_get(mm, addr);
      if (pmd & PTE_PRESENT) {
        // move_huge_pmd where both ends are aligned; else the entry is split, which drops it.
        const block = addr - (addr % n);
        const whole = block === addr && block + n <= end && target % n === 0;
        const entry = yield* pmdp_get_and_clear(mm, addr);
        if (whole) yield* set_pmd_at(mm, target, entry);
        addr = yield* next_present(mm, Math.min(end, block + n), end);
        continue;
      }
      const pte = yield* ptep_get_and_clear(mm, addr);
      yield* set_pte_at(mm, target, pte);
      addr = yield* next_present(mm, addr + 1, end);
    }
    if (moved) yield* flush_tlb_range(mm, from, end);
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, from, end);
  },
  'mm/mremap.c',
);

/** mm/vma.c copy_vma (6.1: mm/mmap.c): a VMA for the new place, merged or new. */
const copy_vma = routine(
  'copy_vma',
  function* (
    mm: number,
    vma: number,
    addr: number,
    len: number,
    oldPgoff: number,
    keep: number,
  ): Run<number> {
    const file = yield* vm_file(vma);
    let pgoff = oldPgoff;
    let apart = 0;
    if ((yield* vma_is_anonymous(vma)) && !(yield* has_anon_vma(vma))) {
      pgoff = addr;
      apart = keep;
    }
    const merged = yield* vma_merge_copy(vma, addr, addr + len, pgoff, apart);
    if (merged >= 0) {
      if (file && merged >> 16) yield* fput(file - 1);
      return merged & 0xffff;
    }
    const copy = yield* vm_area_dup(vma, mm, addr, addr + len, pgoff);
    if (copy < 0) return copy;
    if (file) yield* get_file(file - 1);
    const ops = yield* vma_ops(copy);
    if (ops?.open) yield* ops.open(copy);
    if (file) {
      const mapping = yield* file_mapping(file - 1);
      yield* i_mmap_lock_write(mapping);
      yield* vma_link_file(copy, 1);
      yield* i_mmap_unlock_write(mapping);
    }
    return copy;
  },
  'mm/vma.c',
);

/** mm/mremap.c move_vma. Returns 0 or a negative errno. */
const move_vma = routine(
  'move_vma',
  function* (
    mm: number,
    vma: number,
    addr: number,
    oldLen: number,
    newLen: number,
    target: number,
    flags: number,
  ): Run<number> {
    const vmf = yield* vm_flags(vma);
    const keep = flags & MREMAP_DONTUNMAP;
    let source = vma;
    if (keep && vmf & VM_LOCKED) {
      if ((yield* vm_start(source)) !== addr) source = yield* split_vma(source, addr);
      if (source < 0) return source;
      if ((yield* vm_end(source)) !== addr + oldLen) {
        const rest = yield* split_vma(source, addr + oldLen);
        if (rest < 0) return rest;
      }
    }
    const pgoff = (yield* vm_pgoff(source)) + addr - (yield* vm_start(source));
    const copy = yield* copy_vma(mm, source, target, newLen, pgoff, keep ? 1 : 0);
    if (copy < 0) return -ENOMEM;
    // An anonymous VMA that nobody has touched may have merged with its own copy.
    source = yield* vma_lookup(mm, addr);
    if (source === NO_VMA) return -EFAULT;
    yield* move_page_tables(mm, addr, target, oldLen);
    const start = yield* vm_start(source);
    const end = yield* vm_end(source);
    if ((yield* vm_flags(source)) & VM_PFNMAP) yield* vm_flags_mod(source, 0, VM_PAT);
    if (keep) {
      yield* vm_flags_mod(source, 0, VM_LOCKED | VM_LOCKONFAULT);
      if (start === addr && end === addr + oldLen) {
        yield* unlink_anon_vmas(source);
        if ((yield* vma_is_anonymous(source)) && !(yield* vm_file(source))) {
          yield* set_vm_pgoff(source, start);
        }
      }
      return 0;
    }
    // With an old length of 0 there is nothing to unmap: the error is not looked at.
    yield* do_munmap(mm, addr, addr + oldLen, 0);
    return 0;
  },
  'mm/mremap.c',
);

/** mm/mremap.c mremap_to */
const mremap_to = routine(
  'mremap_to',
  function* (
    mm: number,
    addr: number,
    oldLen: number,
    newLen: number,
    target: number,
    flags: number,
  ): Run<number> {
    if (addr + oldLen > target && target + newLen > addr) return -EINVAL;
    let err = yield* do_munmap(mm, target, target + newLen, 0);
    if (err < 0) return err;
    let len = oldLen;
    if (oldLen > newLen) {
      err = yield* do_munmap(mm, addr + newLen, addr + oldLen, 0);
      if (err < 0) return err;
      len = newLen;
    }
    const vma = yield* vma_to_resize(mm, addr, len, newLen, flags);
    if (vma < 0) return vma;
    return yield* move_vma(mm, vma, addr, len, newLen, target, flags);
  },
  'mm/mremap.c',
);

const extends_without_merging = step('vm_ops->close', (k: Kernel) =>
  k.linux.close_never_merges ? 1 : 0,
);

/** Grows a VMA in place, into free address space behind it. */
const expand = routine(
  'vma_merge_extend',
  function* (vma: number, end: number): Run<number> {
    const ops = yield* vma_ops(vma);
    if (ops?.close && (yield* extends_without_merging())) {
      yield* vma_adjust_end(vma, end);
      return 0;
    }
    const file = yield* vm_file(vma);
    const merged = yield* vma_merge_extend(vma, end);
    if (merged < 0) return -ENOMEM;
    if (file && merged >> 16) yield* fput(file - 1);
    return 0;
  },
  'mm/vma.c',
);

const do_mremap = routine(
  'mremap',
  function* (
    mm: number,
    addr: number,
    oldLen: number,
    newLen: number,
    target: number,
    flags: number,
  ): Run<number> {
    const found = yield* vma_lookup(mm, addr);
    if (found === NO_VMA) return -EFAULT;
    if ((yield* vm_flags(found)) & VM_SEALED) return -EPERM;
    if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
      return yield* mremap_to(mm, addr, oldLen, newLen, target, flags);
    }
    if (oldLen === newLen) return 0;
    // 6.12 mm/mremap.c:1156, 6.1 mm/mremap.c:1048: shrinking may go on with mmap_lock for reading.
    if (oldLen > newLen) return yield* do_munmap(mm, addr + newLen, addr + oldLen, 1);
    const vma = yield* vma_to_resize(mm, addr, oldLen, newLen, flags);
    if (vma < 0) return vma;
    const end = yield* vm_end(vma);
    const delta = newLen - oldLen;
    if (addr + oldLen !== end) return -ENOMEM;
    if ((yield* find_vma_intersection(mm, end, end + delta)) !== NO_VMA) return -ENOMEM;
    return yield* expand(vma, end + delta);
  },
  'mm/mremap.c',
);

/**
 * mremap(2) in pages. Without MREMAP_FIXED nothing is moved: the model knows no free address.
 * @returns 0 or a negative errno
 */
export const sys_mremap = routine(
  'mremap',
  function* (
    mm: number,
    addr: number,
    oldLen: number,
    newLen: number,
    target: number,
    flags: number,
  ): Run<number> {
    if (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)) return -EINVAL;
    if (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || oldLen !== newLen)) {
      return -EINVAL;
    }
    if (newLen === 0) return -EINVAL;
    yield* mmap_write_lock(mm);
    const ret = yield* do_mremap(mm, addr, oldLen, newLen, target, flags);
    if (ret === DOWNGRADED) {
      yield* mmap_read_unlock(mm);
      return 0;
    }
    const at = flags & MREMAP_FIXED ? target : addr;
    const vma = ret < 0 ? NO_VMA : yield* vma_lookup(mm, at);
    const locked = vma === NO_VMA ? 0 : (yield* vm_flags(vma)) & VM_LOCKED;
    yield* mmap_write_unlock(mm);
    if (locked && newLen > oldLen) yield* mm_populate(mm, at + oldLen, at + newLen, 1);
    return ret;
  },
  'mm/mremap.c',
);
