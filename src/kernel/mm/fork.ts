// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * fork and exit of an address space: kernel/fork.c dup_mmap, mm/memory.c copy_page_range, mm/mmap.c
 * exit_mmap. PFN maps are always copied; what a fault can fill again is left out.
 */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EINVAL, ENOMEM } from '../errno.ts';
import { file_mapping, get_file } from '../fs/file.ts';
import type { Kernel } from '../kernel.ts';
import { vma_ops } from './fault.ts';
import {
  is_cow_mapping,
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_DONTCOPY,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SHARED,
  VM_WIPEONFORK,
} from './flags.ts';
import { follow_pfn } from './follow.ts';
import { GUP_PIN_COUNTING_BIAS } from './gup.ts';
import { mk_pte, pte_lock, pte_unlock, VM_PAT } from './insert.ts';
import { do_munmap } from './mmap.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
  mmu_notifier_release,
} from './mmu_notifier.ts';
import {
  alloc_page,
  copy_page,
  get_page,
  OWNER_ANON,
  page_add_rmap,
  page_is_exclusive,
  page_mapping,
  page_ref_count,
  set_page_exclusive,
} from './page.ts';
import {
  flush_tlb_range,
  next_present,
  pmdp_get,
  ptep_get,
  ptep_set_wrprotect,
  ptrs_per_pmd,
  set_pmd_at,
  set_pte_at,
} from './pgtable.ts';
import {
  anon_vma_fork,
  find_vma_intersection,
  has_anon_vma,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  unlink_anon_vmas,
  vm_area_dup,
  vm_end,
  vm_file,
  vm_flags,
  vm_flags_mod,
  vm_page_prot,
  vm_pgoff,
  vm_start,
  vma_link_file,
} from './vma.ts';
import { i_mmap_lock_write, i_mmap_unlock_write, MAPPING_ANON, set_page_mapping } from './zap.ts';

const address_space_size = step('TASK_SIZE', (k: Kernel) => k.config.vpages);

/**
 * arch/x86/mm/pat/memtype.c track_pfn_copy: the mapping was made by one remap_pfn_range; its first
 * entry says which. Once that is a private copy nobody can tell, and fork fails.
 */
const track_pfn_copy = routine(
  'track_pfn_copy',
  function* (mm: number, src: number, dst: number): Run<number> {
    if (!((yield* vm_flags(src)) & VM_PAT)) return 0;
    const entry = yield* follow_pfn(mm, yield* vm_start(src));
    const ordinary = entry < 0 || !(entry & PTE_SPECIAL);
    if (yield* guard('the pte_special test', ordinary)) return -EINVAL;
    yield* vm_flags_mod(dst, VM_PAT, 0);
    return 0;
  },
  'arch/x86/mm/pat/memtype.c',
);

/** mm/memory.c copy_present_pte: what the child gets for a page of the parent's. */
const copy_present_pte = routine(
  'copy_present_pte',
  function* (mm: number, child: number, dst: number, addr: number, flags: number): Run<number> {
    const pte = yield* ptep_get(mm, addr);
    if (!(yield* guard('the pte_special test', pte & PTE_SPECIAL))) {
      const pfn = pte_pfn(pte);
      const anon = (yield* page_mapping(pfn)) === MAPPING_ANON;
      // folio_try_dup_anon_rmap: what may be pinned is copied at once, so that the pin stays true.
      if (anon && (yield* page_is_exclusive(pfn))) {
        const pinned = (yield* page_ref_count(pfn)) >= GUP_PIN_COUNTING_BIAS;
        if (yield* guard('the pin test', pinned)) {
          const copy = yield* alloc_page(OWNER_ANON);
          if (copy < 0) return copy;
          yield* copy_page(copy, pfn);
          yield* set_page_mapping(copy, MAPPING_ANON);
          yield* set_page_exclusive(copy, 1);
          yield* page_add_rmap(copy);
          const entry = mk_pte(copy, yield* vm_page_prot(dst)) | PTE_DIRTY;
          yield* set_pte_at(child, addr, entry | (flags & 2 ? PTE_WRITE : 0));
          return 0;
        }
        yield* set_page_exclusive(pfn, 0);
      }
      yield* get_page(pfn, 1);
      yield* page_add_rmap(pfn);
    }
    let entry = pte;
    const cow = is_cow_mapping(flags) && pte & PTE_WRITE;
    if (yield* guard('the write protection', cow)) {
      yield* ptep_set_wrprotect(mm, addr);
      entry &= ~PTE_WRITE;
    }
    if (flags & VM_SHARED) entry &= ~PTE_DIRTY;
    yield* set_pte_at(child, addr, entry & ~PTE_YOUNG);
    return 0;
  },
  'mm/memory.c',
);

const copy_pte_range = routine(
  'copy_pte_range',
  function* (mm: number, child: number, src: number, dst: number): Run<number> {
    const start = yield* vm_start(src);
    const end = yield* vm_end(src);
    const flags = yield* vm_flags(src);
    const n = yield* ptrs_per_pmd();
    yield* pte_lock(mm);
    let err = 0;
    for (let addr = yield* next_present(mm, start, end); addr < end && !err; ) {
      const pmd = yield* pmdp_get(mm, addr);
      if (pmd & PTE_PRESENT) {
        // copy_huge_pmd: an entry without a page is copied as it is, only not accessed.
        yield* set_pmd_at(child, addr, pmd & ~PTE_YOUNG);
        addr = yield* next_present(mm, Math.min(end, addr - (addr % n) + n), end);
        continue;
      }
      err = yield* copy_present_pte(mm, child, dst, addr, flags);
      addr = yield* next_present(mm, addr + 1, end);
    }
    yield* pte_unlock(mm);
    return err;
  },
  'mm/memory.c',
);

const write_protect_seq_inc = step('write_protect_seq', (k: Kernel, mm: number) => {
  k.write_protect_seq.add(mm, 1);
});

/** mm/memory.c copy_page_range */
const copy_page_range = routine(
  'copy_page_range',
  function* (mm: number, child: number, src: number, dst: number): Run<number> {
    const flags = yield* vm_flags(src);
    // vma_needs_copy: the others are filled by faults.
    if (!(flags & (VM_PFNMAP | VM_MIXEDMAP)) && !(yield* has_anon_vma(src))) return 0;
    if (flags & VM_PFNMAP) {
      const err = yield* track_pfn_copy(mm, src, dst);
      if (err) return err;
    }
    const cow = is_cow_mapping(flags);
    const start = yield* vm_start(src);
    const end = yield* vm_end(src);
    if (cow) {
      yield* mmu_notifier_invalidate_range_start(mm, start, end);
      yield* write_protect_seq_inc(mm);
    }
    const err = yield* copy_pte_range(mm, child, src, dst);
    if (cow) {
      yield* write_protect_seq_inc(mm);
      yield* mmu_notifier_invalidate_range_end(mm, start, end);
    }
    return err;
  },
  'mm/memory.c',
);

/** One VMA of kernel/fork.c dup_mmap. */
const dup_vma = routine(
  'dup_mmap',
  function* (mm: number, child: number, src: number): Run<number> {
    const flags = yield* vm_flags(src);
    if (flags & VM_DONTCOPY) return 0;
    const start = yield* vm_start(src);
    const end = yield* vm_end(src);
    const dst = yield* vm_area_dup(src, child, start, end, yield* vm_pgoff(src));
    if (dst < 0) return dst;
    yield* vm_flags_mod(dst, 0, VM_PAT | VM_LOCKED | VM_LOCKONFAULT);
    if (flags & VM_WIPEONFORK) yield* unlink_anon_vmas(dst);
    else yield* anon_vma_fork(dst);
    const file = yield* vm_file(dst);
    const ops = yield* vma_ops(dst);
    if (ops?.open) yield* ops.open(dst);
    if (file) {
      yield* get_file(file - 1);
      const mapping = yield* file_mapping(file - 1);
      yield* i_mmap_lock_write(mapping);
      yield* vma_link_file(dst, 1);
      yield* i_mmap_unlock_write(mapping);
    }
    return flags & VM_WIPEONFORK ? 0 : yield* copy_page_range(mm, child, src, dst);
  },
  'kernel/fork.c',
);

/**
 * kernel/fork.c dup_mmap: `child`, which is empty, becomes a copy of `mm`. When it fails, what was
 * copied is taken down again.
 * @returns 0 or -ENOMEM, whatever went wrong (kernel/fork.c dup_mm)
 */
export const dup_mmap = routine(
  'dup_mmap',
  function* (mm: number, child: number): Run<number> {
    yield* mmap_write_lock(mm);
    const top = yield* address_space_size();
    let err = 0;
    for (let at = 0; !err; ) {
      const vma = yield* find_vma_intersection(mm, at, top);
      if (vma === NO_VMA) break;
      err = yield* dup_vma(mm, child, vma);
      at = yield* vm_end(vma);
    }
    yield* flush_tlb_range(mm, 0, top);
    yield* mmap_write_unlock(mm);
    if (!err) return 0;
    yield* exit_mmap(child);
    return -ENOMEM;
  },
  'kernel/fork.c',
);

/** mm/mmap.c exit_mmap: everything goes. */
export const exit_mmap = routine(
  'exit_mmap',
  function* (mm: number): Run<void> {
    const end = yield* address_space_size();
    yield* mmu_notifier_release(mm, end);
    yield* mmap_write_lock(mm);
    yield* do_munmap(mm, 0, end, 0);
    yield* mmap_write_unlock(mm);
  },
  'mm/mmap.c',
);
