// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Taking entries out of page tables: mm/memory.c zap_page_range_single, unmap_mapping_range.
 *
 * The order is the point: notifiers first, entries under the page-table lock, then the TLBs, and
 * only then the pages. A VM_PFNMAP or VM_MIXEDMAP VMA is flushed before the notifier's end, others
 * after it (include/asm-generic/tlb.h tlb_end_vma, 6.12 line 577).
 */
import { lockSteps } from '../../explore/locks.ts';
import { again, guard, type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import {
  is_cow_mapping,
  PTE_DIRTY,
  PTE_MIGRATION,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_YOUNG,
  pte_pfn,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SEQ_READ,
} from './flags.ts';
import { pte_lock, pte_unlock, VM_PAT } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import { folio_mark_dirty, page_mapping, page_remove_rmap, put_page } from './page.ts';
import {
  flush_tlb_range,
  next_present,
  pmdp_get,
  pmdp_get_and_clear,
  ptep_get,
  ptep_get_and_clear,
} from './pgtable.ts';
import { batchAnon, folio_mark_accessed, lru_add_drain, pagesInBatch } from './swap.ts';
import { EXTENT_LOCKED, NO_VMA, vm_flags, vm_flags_mod, vm_start, vma_lookup } from './vma.ts';

const i_mmap = lockSteps(
  ['i_mmap_lock_read', 'i_mmap_unlock_read'],
  (k: Kernel) => k.i_mmap_rwsem,
  {
    shared: true,
  },
);
const i_mmap_w = lockSteps(
  ['i_mmap_lock_write', 'i_mmap_unlock_write'],
  (k: Kernel) => k.i_mmap_rwsem,
);
export const i_mmap_lock_read = i_mmap.lock;
export const i_mmap_unlock_read = i_mmap.unlock;
export const i_mmap_lock_write = i_mmap_w.lock;
export const i_mmap_unlock_write = i_mmap_w.unlock;

/** page->mapping of an anonymous page, and of one that KSM merged. */
export const MAPPING_ANON = -1;
export const MAPPING_KSM = -2;

export const set_page_mapping = step('folio->mapping', (k: Kernel, pfn: number, mapping: number) =>
  k.page_mapping.set(pfn, mapping),
);

/**
 * Part of mm/rmap.c folio_add_new_anon_rmap: a new page is anonymous memory from now on, and waits for
 * the LRU lists. Returns 1 if it was the last that its batch can take.
 */
export const set_new_anon = step('folio->mapping', (k: Kernel, pfn: number, vma: number) => {
  k.page_mapping.set(pfn, MAPPING_ANON);
  return batchAnon(k, pfn, vma);
});

export interface ZapResult {
  readonly pages: readonly number[];
  readonly cleared: boolean;
  /** Dirty pages of files were flushed under the lock already. */
  readonly flushed: boolean;
  /** Pages may have got into an LRU batch on the way. */
  readonly batched: boolean;
}

/**
 * Lets go of the pages that were zapped, after the flush. mm/swap_state.c free_pages_and_swap_cache
 * (6.1 :306, 6.12 :315), which drains the batches first
 */
export function* free_pages_and_swap_cache({ pages, batched }: ZapResult): Run<void> {
  if (batched && pages.length) yield* lru_add_drain();
  for (const pfn of pages) yield* put_page(pfn, 1);
}

/**
 * How many pages a PMD entry maps; with BATCHED, if pages wait in an LRU batch (mm/swap.c), and with
 * AGED, if it is kept in mind which pages were used.
 */
const tlb_gather_mmu = step(
  'tlb_gather_mmu',
  (k: Kernel) =>
    k.config.ptrsPerPmd | (pagesInBatch(k) ? BATCHED : 0) | (k.config.pageFlags ? AGED : 0),
);
const BATCHED = 0x100000;
const AGED = 0x200000;

/**
 * mm/memory.c zap_pte_range: clears all entries of [start, end) and returns the pages whose
 * references must go after the flush. A part of its caller, not a routine, for the sake of the list.
 */
export function* zap_pte_range(
  mm: number,
  start: number,
  end: number,
  evenCows = 1,
): Run<ZapResult> {
  const pages: number[] = [];
  let cleared = false;
  let force_flush = false;
  const gather = yield* tlb_gather_mmu();
  if (gather & BATCHED) yield* lru_add_drain();
  const n = gather & ~(BATCHED | AGED);
  yield* pte_lock(mm);
  for (let addr = yield* next_present(mm, start, end); addr < end; ) {
    const pmd = yield* pmdp_get(mm, addr);
    if (pmd & PTE_PRESENT) {
      // A zap of a part of a huge entry splits it, which for such an entry means dropping it whole.
      yield* pmdp_get_and_clear(mm, addr);
      cleared = true;
      addr = yield* next_present(mm, Math.min(end, addr - (addr % n) + n), end);
      continue;
    }
    if (!evenCows && (yield* is_cow(yield* ptep_get(mm, addr)))) {
      addr = yield* next_present(mm, addr + 1, end);
      continue;
    }
    const pte = yield* ptep_get_and_clear(mm, addr);
    cleared = true;
    // A migration entry holds neither reference nor mapcount.
    if (!(pte & PTE_MIGRATION) && !(yield* guard('the pte_special test', pte & PTE_SPECIAL))) {
      const pfn = pte_pfn(pte);
      const dirty = pte & PTE_DIRTY && (yield* page_mapping(pfn)) !== MAPPING_ANON;
      if (dirty) force_flush = true;
      if (gather & AGED && pte & PTE_YOUNG) yield* used_by(mm, addr, pfn);
      if (dirty) yield* folio_mark_dirty(pfn);
      yield* page_remove_rmap(pfn);
      pages.push(pfn);
    }
    addr = yield* next_present(mm, addr + 1, end);
  }
  if (force_flush) yield* flush_tlb_range(mm, start, end);
  yield* pte_unlock(mm);
  return { pages, cleared, flushed: force_flush, batched: (gather & AGED) !== 0 };
}

/** A file's page is marked as used if its entry was. 6.1 mm/memory.c:1446, 6.12 mm/memory.c:1502 */
const used_by = routine(
  'folio_mark_accessed',
  function* (mm: number, addr: number, pfn: number): Run<void> {
    if ((yield* page_mapping(pfn)) === MAPPING_ANON) return;
    const vma = yield* vma_lookup(mm, addr);
    const flags = vma === NO_VMA ? 0 : yield* vm_flags(vma);
    if (!(flags & VM_SEQ_READ)) yield* folio_mark_accessed(pfn, 0);
  },
  'mm/memory.c',
);

/** mm/memory.c should_zap_folio: a private copy is left alone where the caller wants only the file's. */
const is_cow = routine('should_zap_folio', function* (pte: number): Run<number> {
  if (yield* guard('the pte_special test', pte & PTE_SPECIAL)) return 0;
  return (yield* page_mapping(pte_pfn(pte))) === MAPPING_ANON ? 1 : 0;
});

/** mm/memory.c zap_page_range_single: all entries of a part of one VMA. */
export const zap_page_range_single = routine(
  'zap_page_range_single',
  function* (mm: number, vma: number, start: number, end: number): Run<void> {
    yield* unmap_mapping_range_vma(mm, vma, start, end, 1);
  },
  'mm/memory.c',
);

/**
 * arch/x86/mm/pat/memtype.c untrack_pfn: a VMA that one remap_pfn_range has made is no longer known as
 * such once part of it is zapped, if its first entry, or vm_pgoff of a private one, says what it was.
 */
const untrack_pfn = routine(
  'untrack_pfn',
  function* (mm: number, vma: number, flags: number): Run<void> {
    if (!(flags & VM_PAT)) return;
    if (!is_cow_mapping(flags) && !(yield* ptep_get(mm, yield* vm_start(vma)))) return;
    yield* vm_flags_mod(vma, 0, VM_PAT);
  },
  'arch/x86/mm/pat/memtype.c',
);

/** The same with the choice to leave copies of private mappings alone. */
const unmap_mapping_range_vma = routine(
  'zap_page_range_single',
  function* (mm: number, vma: number, start: number, end: number, evenCows: number): Run<void> {
    const flags = yield* vm_flags(vma);
    yield* mmu_notifier_invalidate_range_start(mm, start, end);
    if (flags & VM_PFNMAP) yield* untrack_pfn(mm, vma, flags);
    yield* unmap_page_range(mm, flags, start, end, evenCows);
  },
  'mm/memory.c',
);

/**
 * From a notifier's start, which has been called, to its end and the freeing of what was mapped: mm/memory.c
 * unmap_page_range and mm/mmu_gather.c tlb_finish_mmu. A part of its caller.
 */
export function* unmap_page_range(
  mm: number,
  flags: number,
  start: number,
  end: number,
  evenCows = 1,
): Run<void> {
  const zapped = yield* zap_pte_range(mm, start, end, evenCows);
  const flush = zapped.cleared && !zapped.flushed;
  const early = (flags & (VM_PFNMAP | VM_MIXEDMAP)) !== 0;
  // What the entries were matters no more; a caller may go on behind `end`.
  yield* again('zapped', end, flush, early, zapped.batched, ...zapped.pages);
  if (flush && early) yield* flush_tlb_range(mm, start, end);
  const late = flush && !early;
  yield* again('tlb_end_vma', end, late, zapped.batched, ...zapped.pages);
  yield* mmu_notifier_invalidate_range_end(mm, start, end);
  if (late) yield* flush_tlb_range(mm, start, end);
  yield* free_pages_and_swap_cache(zapped);
}

/**
 * The next VMA, by number, that maps part of [first, last] of a mapping; NO_VMA at the end. The
 * interval tree orders them otherwise, but the set is the same and i_mmap_rwsem is held.
 */
export const vma_interval_tree = step(
  'vma_interval_tree_foreach',
  (k: Kernel, mapping: number, first: number, last: number, after: number) => {
    for (let v = after; v < k.config.mms * k.config.vmas; v++) {
      if (!k.vm_linked.get(v)) continue;
      const file = k.vm_file.get(v);
      if (file === 0 || k.file_mapping.get(file - 1) !== mapping) continue;
      const pgoff = k.vm_pgoff.get(v);
      const n = k.vm_end.get(v) - k.vm_start.get(v);
      if (pgoff <= last && pgoff + n - 1 >= first) return v;
    }
    return NO_VMA;
  },
  { atomic: EXTENT_LOCKED },
);

const range_start = step(
  'zba',
  (k: Kernel, v: number, first: number) => {
    const pgoff = k.vm_pgoff.get(v);
    return k.vm_start.get(v) + Math.max(0, first - pgoff);
  },
  { atomic: EXTENT_LOCKED },
);
const range_end = step(
  'zea',
  (k: Kernel, v: number, last: number) => {
    const pgoff = k.vm_pgoff.get(v);
    return Math.min(k.vm_end.get(v), k.vm_start.get(v) + (last - pgoff) + 1);
  },
  { atomic: EXTENT_LOCKED },
);
/** The part of a VMA that maps pages [first, last] of its file. */
export function* mapped_part(
  vma: number,
  first: number,
  last: number,
): Run<{ readonly start: number; readonly end: number }> {
  return { start: yield* range_start(vma, first), end: yield* range_end(vma, last) };
}

export const mm_of = step('vma->vm_mm', (k: Kernel, v: number) => Math.floor(v / k.config.vmas));

/**
 * mm/memory.c unmap_mapping_pages: zaps pages [first, first + n) of a mapping in every VMA of every
 * mm that maps it, by file offset; copies of private mappings too, if `evenCows`.
 */
export const unmap_mapping_pages = routine(
  'unmap_mapping_range',
  function* (mapping: number, first: number, n: number, evenCows: number): Run<void> {
    const last = first + n - 1;
    yield* i_mmap.lock(mapping);
    for (let after = 0; ; ) {
      const vma = yield* vma_interval_tree(mapping, first, last, after);
      if (vma === NO_VMA) break;
      const mm = yield* mm_of(vma);
      const { start, end } = yield* mapped_part(vma, first, last);
      yield* unmap_mapping_range_vma(mm, vma, start, end, evenCows);
      after = vma + 1;
    }
    yield* i_mmap.unlock(mapping);
  },
  'mm/memory.c',
  'unmap_mapping_range',
);

/** The same, copies included: what a driver calls. */
export const unmap_mapping_range = (mapping: number, first: number, n: number): Run<void> =>
  unmap_mapping_pages(mapping, first, n, 1);
