// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * NUMA balancing: the kernel takes access away from entries, and moves a page to the node of the CPU
 * that faults on it. Only of memory that is ordinary: kernel/sched/fair.c task_numa_work tests the
 * VMA, mm/mprotect.c change_pte_range the entry, mm/memory.c do_numa_page the page. In the model every
 * hinted page lies on the wrong node.
 */
import { guard, type Run, routine } from '../../explore/program.ts';
import {
  is_cow_mapping,
  PTE_NONE,
  PTE_PRESENT,
  PTE_SPECIAL,
  pte_pfn,
  VM_MIXEDMAP,
  VM_READ,
  VM_WRITE,
} from './flags.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import { folio_isolate_lru, migrate_folio, vma_migratable } from './migrate.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import { page_mapping, page_ref_count } from './page.ts';
import { flush_tlb_range, ptep_clear_bits, ptep_get, ptep_set_bits } from './pgtable.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vm_file, vm_flags, vma_lookup } from './vma.ts';
import { MAPPING_KSM } from './zap.ts';

/**
 * Whether an entry gets a hint: only what leads to a struct page, neither merged nor shared by
 * copy-on-write. 6.12 mm/mprotect.c:119, 6.1 line 122.
 */
const wants_hint = routine(
  'change_pte_range',
  function* (pte: number, flags: number): Run<number> {
    // vm_normal_page: nothing behind a special entry is a page.
    if (!(pte & PTE_PRESENT) || pte & PTE_NONE) return 0;
    if (yield* guard('the pte_special test', pte & PTE_SPECIAL)) return 0;
    const pfn = pte_pfn(pte);
    if ((yield* page_mapping(pfn)) === MAPPING_KSM) return 0;
    return is_cow_mapping(flags) && (yield* page_ref_count(pfn)) !== 1 ? 0 : 1;
  },
  'mm/mprotect.c',
);

/** change_prot_numa of one page. Returns 1 if the entry has a hint now. */
const change_prot_numa = routine(
  'change_prot_numa',
  function* (mm: number, addr: number, flags: number): Run<number> {
    yield* mmu_notifier_invalidate_range_start(mm, addr, addr + 1);
    yield* pte_lock(mm);
    const hint = yield* wants_hint(yield* ptep_get(mm, addr), flags);
    // The right to write stays in the entry: 6.1 saves it so (pte_mk_savedwrite, mm/mprotect.c:173); 6.12
    // finds it again at the hint fault (can_change_pte_writable, mm/memory.c:5603).
    if (hint) yield* ptep_set_bits(mm, addr, PTE_NONE);
    yield* pte_unlock(mm);
    if (hint) yield* flush_tlb_range(mm, addr, addr + 1);
    yield* mmu_notifier_invalidate_range_end(mm, addr, addr + 1);
    return hint;
  },
  'mm/mempolicy.c',
);

/**
 * The scan of one page of a process. 6.12 kernel/sched/fair.c:3394, 6.1 line 2996.
 * @returns 1 if its entry has a hint now
 */
export const task_numa_work = routine(
  'task_numa_work',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let hint = 0;
    if (vma !== NO_VMA && (yield* vma_migratable(vma))) {
      const flags = yield* vm_flags(vma);
      const library = (yield* vm_file(vma)) && (flags & (VM_READ | VM_WRITE)) === VM_READ;
      const mixed = yield* guard('the VM_MIXEDMAP test', flags & VM_MIXEDMAP);
      if (!mixed && flags & (VM_READ | VM_WRITE) && !library) {
        hint = yield* change_prot_numa(mm, addr, flags);
      }
    }
    yield* mmap_read_unlock(mm);
    return hint;
  },
  'kernel/sched/fair.c',
);

/**
 * A fault on a hinted entry: the page is moved if it can be taken off the LRU lists, and the entry
 * gets its rights back if not. 6.12 mm/memory.c:5570, 6.1 line 4787.
 */
export const do_numa_page = routine(
  'do_numa_page',
  function* (mm: number, addr: number, entry: number): Run<number> {
    yield* pte_lock(mm);
    if ((yield* ptep_get(mm, addr)) !== entry) {
      yield* pte_unlock(mm);
      return 0;
    }
    const pfn = pte_pfn(entry);
    if (!(entry & PTE_SPECIAL) && (yield* folio_isolate_lru(pfn))) {
      yield* pte_unlock(mm);
      if (yield* migrate_folio(pfn)) return 0;
      yield* pte_lock(mm);
    }
    if (((yield* ptep_get(mm, addr)) & ~PTE_SPECIAL) === (entry & ~PTE_SPECIAL)) {
      yield* ptep_clear_bits(mm, addr, PTE_NONE);
    }
    yield* pte_unlock(mm);
    return 0;
  },
  'mm/memory.c',
);
