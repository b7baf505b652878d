// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Writes that a present entry does not allow: the page is copied, or found to be this process's alone,
 * or the exporter is told. mm/memory.c do_wp_page
 */
import { again, choice, guard, type Run, routine, step } from '../../explore/program.ts';
import { EAGAIN } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { fault_dirty_shared_page, vma_ops } from './fault.ts';
import {
  FAULT_FLAG_UNSHARE,
  PTE_DIRTY,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_FAULT_ERROR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_MAYSHARE,
  VM_SHARED,
  VM_WRITE,
} from './flags.ts';
import { mk_pte, pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import {
  alloc_page,
  copy_page,
  fill_page,
  get_page,
  OWNER_ANON,
  page_add_rmap,
  page_is_exclusive,
  page_mapping,
  page_ref_count,
  page_remove_rmap,
  put_page,
  set_page_exclusive,
} from './page.ts';
import {
  flush_tlb_range,
  hw_walk,
  inTlb,
  ptep_get,
  ptep_get_and_clear,
  ptep_set_bits,
  same_pte,
  serves,
  set_pte_at,
  TLB_MISS,
  tlbWays,
} from './pgtable.ts';
import { lru_add_drain } from './swap.ts';
import { anon_vma_prepare, vm_flags, vm_page_prot } from './vma.ts';
import { MAPPING_ANON, set_new_anon } from './zap.ts';

const current_mm = step('current->mm', (k: Kernel) => k.config.cpuMm[k.mem.self]);
const words_of_page = step('PAGE_SIZE', (k: Kernel) => k.config.words);
const copy_user_word = choice(
  'copy_from_user',
  (k: Kernel, mm: number, addr: number) => tlbWays(k, inTlb(k, addr), mm, addr),
  {
    text: ([, addr, to], v, k: Kernel) =>
      v === TLB_MISS
        ? `TLB miss at ${addr}`
        : `copy page${pte_pfn(inTlb(k, Number(addr)))} to page${to}`,
    atomic:
      'a flush interrupt comes between instructions; nobody else reaches the page copied to yet',
  },
  (k: Kernel, evicted: number, _mm: number, addr: number, to: number, word: number) => {
    const entry = inTlb(k, addr);
    if (evicted || !serves(entry, 0)) return TLB_MISS;
    const { words } = k.config;
    k.page_word.set(to * words + word, k.page_word.get(pte_pfn(entry) * words + word));
    return 0;
  },
);

/** arch/x86/lib/copy_user_64.S with page faults off: 1 if all of the page could be read. */
const copy_from_user_inatomic = routine(
  '__copy_from_user_inatomic',
  function* (addr: number, to: number): Run<number> {
    const mm = yield* current_mm();
    const words = yield* words_of_page();
    for (let word = 0; word < words; word++) {
      for (;;) {
        yield* again('instruction', word);
        if ((yield* copy_user_word(mm, addr, to, word)) !== TLB_MISS) break;
        if (!(yield* hw_walk(mm, addr, 0))) return 0;
      }
    }
    return 1;
  },
  'arch/x86/lib/usercopy_64.c',
);

/**
 * What has no struct page is read at its user address, in the memory of whoever runs: for a write
 * from another process (ptrace, process_vm_writev) that is not the mapping that faults. Where nothing
 * can be read the copy is zeroes. 6.12 mm/memory.c:3034, 6.1 mm/memory.c:2880 __wp_page_copy_user
 */
const wp_page_copy_user = routine(
  '__wp_page_copy_user',
  function* (mm: number, addr: number, orig: number, copy: number): Run<number> {
    if (yield* copy_from_user_inatomic(addr, copy)) return 0;
    yield* pte_lock(mm);
    const changed = !same_pte(yield* ptep_get(mm, addr), orig);
    const gone = yield* guard('the pte_same test', changed);
    if (!gone && !(yield* copy_from_user_inatomic(addr, copy))) yield* fill_page(copy, 0);
    yield* pte_unlock(mm);
    return gone ? -EAGAIN : 0;
  },
  'mm/memory.c',
);

/** mm/memory.c wp_page_copy: the write gets a page of its own. */
const wp_page_copy = routine(
  'wp_page_copy',
  function* (
    mm: number,
    vma: number,
    addr: number,
    orig: number,
    held: number,
    unshare: number,
  ): Run<number> {
    yield* anon_vma_prepare(vma);
    const copy = yield* alloc_page(OWNER_ANON);
    if (copy < 0) return VM_FAULT_OOM;
    // Of the zero page nothing is copied, whatever it holds: new pages are zero as they come.
    if (held) yield* copy_page(copy, held);
    else if (pte_pfn(orig) && (yield* wp_page_copy_user(mm, addr, orig, copy)) < 0) {
      yield* put_page(copy, 1);
      return 0;
    }
    yield* mmu_notifier_invalidate_range_start(mm, addr, addr + 1);
    const prot = yield* vm_page_prot(vma);
    yield* pte_lock(mm);
    const now = yield* ptep_get(mm, addr);
    const same = !(yield* guard('the pte_same test', !same_pte(now, orig)));
    if (same) {
      yield* ptep_get_and_clear(mm, addr);
      yield* flush_tlb_range(mm, addr, addr + 1);
      if (yield* set_new_anon(copy, vma)) yield* lru_add_drain();
      yield* set_page_exclusive(copy, 1);
      yield* page_add_rmap(copy);
      const writable = (yield* vm_flags(vma)) & VM_WRITE ? PTE_WRITE : 0;
      yield* set_pte_at(mm, addr, mk_pte(copy, prot) | (unshare ? 0 : PTE_DIRTY | writable));
      if (held) yield* page_remove_rmap(held);
    }
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, addr, addr + 1);
    if (!same) yield* put_page(copy, 1);
    // The reference that the entry held, and the one taken for the copy.
    if (held) yield* put_page(held, same ? 2 : 1);
    return 0;
  },
  'mm/memory.c',
);

/** mm/memory.c wp_page_reuse: the entry simply becomes writable. */
const make_writable = routine(
  'wp_page_reuse',
  function* (mm: number, vma: number, addr: number): Run<void> {
    const flags = yield* vm_flags(vma);
    const bits = PTE_YOUNG | PTE_DIRTY | (flags & VM_WRITE ? PTE_WRITE : 0);
    yield* ptep_set_bits(mm, addr, bits);
  },
  'mm/memory.c',
);

/** mm/memory.c wp_pfn_shared: tells the exporter of the first write. */
const wp_pfn_shared = routine(
  'wp_pfn_shared',
  function* (mm: number, vma: number, addr: number, orig: number): Run<number> {
    const ops = yield* vma_ops(vma);
    if (!ops?.pfn_mkwrite) {
      yield* make_writable(mm, vma, addr);
      yield* pte_unlock(mm);
      return 0;
    }
    yield* pte_unlock(mm);
    const ret = yield* ops.pfn_mkwrite(mm, vma, addr);
    if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) return ret & VM_FAULT_ERROR;
    yield* finish_mkwrite_fault(mm, vma, addr, orig);
    return 0;
  },
  'mm/memory.c',
);

/** mm/memory.c wp_page_shared: likewise, of a page, which becomes dirty. */
const wp_page_shared = routine(
  'wp_page_shared',
  function* (mm: number, vma: number, addr: number, orig: number, flags: number): Run<number> {
    const ops = yield* vma_ops(vma);
    const pfn = pte_pfn(orig);
    yield* get_page(pfn, 1);
    if (!ops?.page_mkwrite) {
      yield* make_writable(mm, vma, addr);
      yield* pte_unlock(mm);
    } else {
      yield* pte_unlock(mm);
      const made = yield* ops.page_mkwrite(mm, vma, addr, pfn);
      const bad = made & (VM_FAULT_ERROR | VM_FAULT_NOPAGE);
      if (bad || !(yield* finish_mkwrite_fault(mm, vma, addr, orig))) {
        yield* put_page(pfn, 1);
        return made & VM_FAULT_ERROR;
      }
    }
    const ret = yield* fault_dirty_shared_page(mm, pfn, flags, ops?.page_mkwrite ? 1 : 0);
    yield* put_page(pfn, 1);
    return ret;
  },
  'mm/memory.c',
);

/** mm/memory.c finish_mkwrite_fault: 1 if the entry was still the one that faulted, and is writable now. */
const finish_mkwrite_fault = routine(
  'finish_mkwrite_fault',
  function* (mm: number, vma: number, addr: number, orig: number): Run<number> {
    yield* pte_lock(mm);
    const changed = !same_pte(yield* ptep_get(mm, addr), orig);
    const gone = yield* guard('the pte_same test', changed);
    if (!gone) yield* make_writable(mm, vma, addr);
    yield* pte_unlock(mm);
    return gone ? 0 : 1;
  },
  'mm/memory.c',
);

/**
 * mm/memory.c do_wp_page, called with the page-table lock held; drops it. With FAULT_FLAG_UNSHARE
 * nobody writes: a pin for reading wants a page that is this process's alone.
 */
export const do_wp_page = routine(
  'do_wp_page',
  function* (mm: number, vma: number, addr: number, orig: number, flags: number): Run<number> {
    const unshare = flags & FAULT_FLAG_UNSHARE ? 1 : 0;
    if ((yield* vm_flags(vma)) & (VM_SHARED | VM_MAYSHARE)) {
      return orig & PTE_SPECIAL
        ? yield* wp_pfn_shared(mm, vma, addr, orig)
        : yield* wp_page_shared(mm, vma, addr, orig, flags);
    }
    const pfn = orig & PTE_SPECIAL ? 0 : pte_pfn(orig);
    if (pfn && (yield* page_mapping(pfn)) === MAPPING_ANON) {
      const exclusive = yield* page_is_exclusive(pfn);
      const shared = !exclusive && (yield* page_ref_count(pfn)) !== 1;
      if (!(yield* guard('the exclusive-page test', shared))) {
        if (!exclusive) yield* set_page_exclusive(pfn, 1);
        if (!unshare) yield* make_writable(mm, vma, addr);
        yield* pte_unlock(mm);
        return 0;
      }
    }
    if (pfn) yield* get_page(pfn, 1);
    yield* pte_unlock(mm);
    return yield* wp_page_copy(mm, vma, addr, orig, pfn, unshare);
  },
  'mm/memory.c',
);
