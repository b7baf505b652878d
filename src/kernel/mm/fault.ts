// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Page faults: from the CPU's exception (arch/x86/mm/fault.c) through mm/memory.c handle_mm_fault to
 * the driver's handler and back.
 *
 * A driver's `fault` either inserts the entry itself and says VM_FAULT_NOPAGE, or names a page with a
 * reference: then it returns the pfn above VM_FAULT_PAGE_SHIFT.
 */
import { again, guard, type Run, routine, step } from '../../explore/program.ts';
import { type Kernel, type VmOperations, vm_operations } from '../kernel.ts';
import {
  FAULT_FLAG_ALLOW_RETRY,
  FAULT_FLAG_TRIED,
  FAULT_FLAG_UNSHARE,
  FAULT_FLAG_WRITE,
  PTE_DIRTY,
  PTE_NONE,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  VM_EXEC,
  VM_FAULT_COMPLETED,
  VM_FAULT_ERROR,
  VM_FAULT_FALLBACK,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_PAGE_SHIFT,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
  VM_LOCKED,
  VM_READ,
  VM_SHARED,
  VM_SPECIAL,
  VM_WRITE,
} from './flags.ts';
import { mk_pte, pte_lock, pte_unlock, set_new_pte } from './insert.ts';
import { migration_entry_wait } from './migrate.ts';
import { do_numa_page } from './numa.ts';
import { MMF_UNSTABLE } from './oom_kill.ts';
import {
  alloc_page,
  copy_page,
  dirtyFolio,
  OWNER_ANON,
  page_add_rmap,
  put_page,
  set_page_exclusive,
} from './page.ts';
import {
  flush_tlb_range,
  pmd_none,
  pmdp_get,
  ptep_get,
  ptep_set_bits,
  same_pte,
  set_pmd_at,
  set_pte_at,
} from './pgtable.ts';
import { lru_add_drain, mlock_folio } from './swap.ts';
import {
  anon_vma_prepare,
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_flags,
  vm_ops,
  vm_page_prot,
  vma_lookup,
} from './vma.ts';
import { do_wp_page } from './wp.ts';
import { set_new_anon } from './zap.ts';

// Signals, negative so that they differ from data (see user_access).
export const SEGV_MAPERR = -1;
export const SEGV_ACCERR = -2;
export const BUS_ADRERR = -3;

/** The operations of a VMA, or undefined for anonymous memory. */
export function* vma_ops(vma: number): Run<VmOperations | undefined> {
  return vm_operations.at(yield* vm_ops(vma));
}

/** Is the OOM reaper at work, or was? Then no fault makes up memory for what it took. include/linux/oom.h */
const check_stable_address_space = step('check_stable_address_space', (k: Kernel, mm: number) =>
  k.mm_flags.get(mm) & MMF_UNSTABLE ? VM_FAULT_SIGBUS : 0,
);
const stable = 'the MMF_UNSTABLE test';

/** mm/memory.c do_anonymous_page; 6.12 lines 4769 and 4817, 6.1 lines 4176 and 4217 for MMF_UNSTABLE. */
const do_anonymous_page = routine(
  'do_anonymous_page',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    const prot = yield* vm_page_prot(vma);
    if (!(flags & FAULT_FLAG_WRITE)) {
      yield* pte_lock(mm);
      const taken = yield* guard('the pte_none test', yield* ptep_get(mm, addr));
      const gone = taken ? 0 : yield* check_stable_address_space(mm);
      const refused = yield* guard(stable, gone);
      if (!taken && !refused) yield* set_pte_at(mm, addr, mk_pte(0, prot) | PTE_SPECIAL);
      yield* pte_unlock(mm);
      return refused ? VM_FAULT_SIGBUS : 0;
    }
    yield* anon_vma_prepare(vma);
    const pfn = yield* alloc_page(OWNER_ANON);
    if (pfn < 0) return VM_FAULT_OOM;
    const vmf = yield* vm_flags(vma);
    let entry = mk_pte(pfn, prot);
    if (vmf & VM_WRITE) entry |= PTE_WRITE | PTE_DIRTY;
    yield* pte_lock(mm);
    if (yield* guard('the pte_none test', yield* ptep_get(mm, addr))) {
      yield* pte_unlock(mm);
      yield* put_page(pfn, 1);
      return 0;
    }
    if (yield* guard(stable, yield* check_stable_address_space(mm))) {
      yield* pte_unlock(mm);
      yield* put_page(pfn, 1);
      return VM_FAULT_SIGBUS;
    }
    if (yield* set_new_anon(pfn, vma)) yield* lru_add_drain();
    yield* set_page_exclusive(pfn, 1);
    yield* page_add_rmap(pfn);
    yield* set_pte_at(mm, addr, entry);
    yield* pte_unlock(mm);
    return 0;
  },
  'mm/memory.c',
);

/** mm/memory.c finish_fault for a page of the driver's or file's: takes over its reference. */
const finish_fault = routine(
  'finish_fault',
  function* (mm: number, vma: number, addr: number, pfn: number, write: number): Run<number> {
    const prot = yield* vm_page_prot(vma);
    const flags = yield* vm_flags(vma);
    let entry = mk_pte(pfn, prot);
    if (write) entry |= PTE_DIRTY | (flags & VM_WRITE ? PTE_WRITE : 0);
    yield* pte_lock(mm);
    const taken = (yield* ptep_get(mm, addr)) || !(yield* pmd_free(mm, addr));
    if (yield* guard('the pte_none test', taken)) {
      yield* pte_unlock(mm);
      return VM_FAULT_NOPAGE;
    }
    yield* page_add_rmap(pfn);
    if ((flags & (VM_LOCKED | VM_SPECIAL)) === VM_LOCKED) yield* mlock_folio(pfn);
    yield* set_new_pte(mm, addr, entry, vma);
    yield* pte_unlock(mm);
    return 0;
  },
  'mm/memory.c',
);
const pmd_free = routine('pmd_trans_huge', function* (mm: number, addr: number): Run<number> {
  return (yield* pmdp_get(mm, addr)) === 0 ? 1 : 0;
});

/** mm/memory.c do_cow_fault: a private mapping's first write gets a copy of the driver's page. */
const do_cow_fault = routine(
  'do_cow_fault',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    const ops = yield* vma_ops(vma);
    yield* anon_vma_prepare(vma);
    const copy = yield* alloc_page(OWNER_ANON);
    if (copy < 0) return VM_FAULT_OOM;
    const ret = yield* (ops as Required<VmOperations>).fault(mm, vma, addr, flags);
    if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) {
      yield* put_page(copy, 1);
      return ret;
    }
    const source = ret >>> VM_FAULT_PAGE_SHIFT;
    yield* copy_page(copy, source);
    if (yield* set_new_anon(copy, vma)) yield* lru_add_drain();
    yield* set_page_exclusive(copy, 1);
    const done = yield* finish_fault(mm, vma, addr, copy, 1);
    yield* put_page(source, 1);
    if (done) yield* put_page(copy, 1);
    return done;
  },
  'mm/memory.c',
);

/** mm/memory.c do_read_fault */
const do_read_fault = routine(
  'do_read_fault',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    const ops = (yield* vma_ops(vma)) as Required<VmOperations>;
    if (ops.map_pages) {
      const done = yield* ops.map_pages(mm, vma, addr);
      if (done) return done;
    }
    const ret = yield* ops.fault(mm, vma, addr, flags);
    if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) return ret;
    const pfn = ret >>> VM_FAULT_PAGE_SHIFT;
    const done = yield* finish_fault(mm, vma, addr, pfn, 0);
    if (done) yield* put_page(pfn, 1);
    return done;
  },
  'mm/memory.c',
);

/** mm/memory.c do_shared_fault */
const do_shared_fault = routine(
  'do_shared_fault',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    const ops = (yield* vma_ops(vma)) as VmOperations & Pick<Required<VmOperations>, 'fault'>;
    const ret = yield* ops.fault(mm, vma, addr, flags);
    if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) return ret;
    const pfn = ret >>> VM_FAULT_PAGE_SHIFT;
    if (ops.page_mkwrite) {
      const made = yield* ops.page_mkwrite(mm, vma, addr, pfn);
      if (made & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) {
        yield* put_page(pfn, 1);
        return made;
      }
    }
    const done = yield* finish_fault(mm, vma, addr, pfn, 1);
    if (!done) return yield* fault_dirty_shared_page(mm, pfn, flags, ops.page_mkwrite ? 1 : 0);
    yield* put_page(pfn, 1);
    return done;
  },
  'mm/memory.c',
);

/**
 * A write fault made a page dirty: before whoever does so is made to wait for the writing back of others
 * (balance_dirty_pages), it lets go of mmap_lock if it may. 6.12 mm/memory.c:3185, 6.1 mm/memory.c:3032;
 * a driver's page without a mapping has nothing to be written back.
 * @returns 0, or VM_FAULT_COMPLETED with mmap_lock dropped
 */
export const fault_dirty_shared_page = routine(
  'fault_dirty_shared_page',
  function* (mm: number, pfn: number, flags: number, mkwrite: number): Run<number> {
    if (!(yield* may_have_to_wait(pfn, mkwrite)) || !may_retry(flags)) return 0;
    yield* mmap_read_unlock(mm);
    return VM_FAULT_COMPLETED;
  },
  'mm/memory.c',
);
const may_have_to_wait = step(
  'folio_mark_dirty',
  (k: Kernel, pfn: number, mkwrite: number) => {
    const dirtied = dirtyFolio(k, pfn);
    return (dirtied || mkwrite) && k.page_mapping.get(pfn) > 0 ? 1 : 0;
  },
  { atomic: 'under the folio lock, without which no page leaves its mapping (mm/truncate.c)' },
);

/** mm/memory.c do_fault: a mapping with operations and no entry. */
const do_fault = routine(
  'do_fault',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    const ops = yield* vma_ops(vma);
    if (!ops?.fault) {
      yield* pte_lock(mm);
      const pte = yield* ptep_get(mm, addr);
      yield* pte_unlock(mm);
      return pte ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
    }
    if (!(flags & FAULT_FLAG_WRITE)) return yield* do_read_fault(mm, vma, addr, flags);
    const vmf = yield* vm_flags(vma);
    if (!(vmf & VM_SHARED)) return yield* do_cow_fault(mm, vma, addr, flags);
    return yield* do_shared_fault(mm, vma, addr, flags);
  },
  'mm/memory.c',
);

const huge_allowed = step('thp_vma_allowable_order', (k: Kernel) => (k.linux.huge_pfnmap ? 1 : 0));

/** mm/memory.c __handle_mm_fault and handle_pte_fault */
export const handle_mm_fault = routine(
  'handle_mm_fault',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    const ops = yield* vma_ops(vma);
    if (ops?.huge_fault && (yield* huge_allowed()) && (yield* pmd_none(mm, addr))) {
      const ret = yield* ops.huge_fault(mm, vma, addr, flags);
      if (!(ret & VM_FAULT_FALLBACK)) return ret;
    }
    yield* again('no huge entry', ops);
    const pmd = yield* pmdp_get(mm, addr);
    if (pmd & PTE_PRESENT) {
      if (!(flags & FAULT_FLAG_WRITE) || pmd & PTE_WRITE) return 0;
      // wp_huge_pmd: no driver of ours handles it, so the entry is split, which drops it.
      yield* set_pmd_at(mm, addr, 0);
      yield* flush_tlb_range(mm, addr, addr + 1);
    }
    const entry = yield* ptep_get(mm, addr);
    if (!entry) {
      return ops
        ? yield* do_fault(mm, vma, addr, flags)
        : yield* do_anonymous_page(mm, vma, addr, flags);
    }
    if (!(entry & PTE_PRESENT)) return yield* migration_entry_wait(mm, addr, entry);
    if (entry & PTE_NONE && (yield* vm_flags(vma)) & (VM_READ | VM_WRITE | VM_EXEC)) {
      return yield* do_numa_page(mm, addr, entry);
    }
    yield* again('handle_pte_fault', entry);
    yield* pte_lock(mm);
    const now = yield* ptep_get(mm, addr);
    if (yield* guard('the pte_same test', !same_pte(now, entry))) {
      yield* pte_unlock(mm);
      return 0;
    }
    if (flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE) && !(now & PTE_WRITE)) {
      return yield* do_wp_page(mm, vma, addr, now, flags);
    }
    // arch/x86/mm/pgtable.c:502 ptep_set_access_flags: after a read the entry stays old; 6.1 line 486.
    if (flags & FAULT_FLAG_WRITE) yield* ptep_set_bits(mm, addr, PTE_YOUNG | PTE_DIRTY);
    yield* pte_unlock(mm);
    return 0;
  },
  'mm/memory.c',
);

/** mm/memory.c fault_flag_allow_retry_first: may this attempt drop mmap_lock? */
export const may_retry = (flags: number): boolean =>
  (flags & (FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)) === FAULT_FLAG_ALLOW_RETRY;

/** One attempt of do_user_addr_fault: 0, a signal, or VM_FAULT_RETRY with mmap_lock dropped. */
const user_fault = routine(
  'do_user_addr_fault',
  function* (mm: number, addr: number, write: number, tried: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) {
      yield* mmap_read_unlock(mm);
      return SEGV_MAPERR;
    }
    const flags = yield* vm_flags(vma);
    const denied = write ? !(flags & VM_WRITE) : !(flags & (VM_READ | VM_WRITE | VM_EXEC));
    if (yield* guard('the access_error test', denied)) {
      yield* mmap_read_unlock(mm);
      return SEGV_ACCERR;
    }
    const how = FAULT_FLAG_ALLOW_RETRY | tried | (write ? FAULT_FLAG_WRITE : 0);
    const ret = yield* handle_mm_fault(mm, vma, addr, how);
    if (ret & VM_FAULT_COMPLETED) return 0;
    if (ret & VM_FAULT_RETRY) return VM_FAULT_RETRY;
    yield* mmap_read_unlock(mm);
    // pagefault_out_of_memory: back to the program, which faults again (6.12 mm/oom_kill.c:1190).
    if (ret & VM_FAULT_OOM) return 0;
    return ret & VM_FAULT_ERROR ? BUS_ADRERR : 0;
  },
  'arch/x86/mm/fault.c',
);

/**
 * arch/x86/mm/fault.c do_user_addr_fault.
 * @returns 0 to run the instruction again, or a signal
 */
export const handle_page_fault = routine(
  'exc_page_fault',
  function* (mm: number, addr: number, write: number): Run<number> {
    const first = yield* user_fault(mm, addr, write, 0);
    if (first !== VM_FAULT_RETRY) return first;
    return yield* user_fault(mm, addr, write, FAULT_FLAG_TRIED);
  },
  'arch/x86/mm/fault.c',
);
