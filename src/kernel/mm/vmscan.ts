// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Reclaim of pages that somebody named (MADV_PAGEOUT), on a machine without swap: clean pages of
 * shared memory go, dirty ones only leave the page tables, anonymous ones stay unless they were
 * given up. mm/vmscan.c reclaim_pages, shrink_folio_list
 */
import { type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { PTE_DIRTY, PTE_PRESENT, pte_pfn } from './flags.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import {
  PG_DIRTY,
  PG_LAZYFREE,
  page_flags,
  page_flags_mod,
  page_mapcount,
  page_mapping,
  page_ref_count,
  page_remove_rmap,
  put_page,
} from './page.ts';
import { flush_tlb_range, ptep_get, ptep_get_and_clear } from './pgtable.ts';
import { pages_of_mm, rmap_walk } from './rmap.ts';
import { folio_add_lru } from './swap.ts';
import { NO_VMA } from './vma.ts';
import { MAPPING_ANON } from './zap.ts';

/** mm/rmap.c try_to_unmap: dirty goes from the entry to the page. */
const try_to_unmap = routine(
  'try_to_unmap',
  function* (pfn: number): Run<void> {
    const n = yield* pages_of_mm();
    for (let at = yield* rmap_walk(pfn, -1); at >= 0; at = yield* rmap_walk(pfn, at)) {
      const mm = Math.floor(at / n);
      const addr = at % n;
      yield* mmu_notifier_invalidate_range_start(mm, addr, addr + 1);
      yield* pte_lock(mm);
      const pte = yield* ptep_get(mm, addr);
      let dropped = 0;
      if (pte & PTE_PRESENT && pte_pfn(pte) === pfn) {
        yield* ptep_get_and_clear(mm, addr);
        yield* flush_tlb_range(mm, addr, addr + 1);
        if (pte & PTE_DIRTY) yield* page_flags_mod(pfn, PG_DIRTY, 0);
        yield* page_remove_rmap(pfn);
        dropped = 1;
      }
      yield* pte_unlock(mm);
      yield* mmu_notifier_invalidate_range_end(mm, addr, addr + 1);
      if (dropped) yield* put_page(pfn, 1);
    }
  },
  'mm/rmap.c',
);

/** mm/vmscan.c __remove_mapping: takes the page out of its file if nobody else has a reference. */
const remove_mapping = step(
  '__remove_mapping',
  (k: Kernel, pfn: number, refs: number) => {
    const mapping = k.page_mapping.get(pfn);
    if (k.page_refcount.get(pfn) !== refs) return 0;
    if (mapping > 0) {
      const first = (mapping - 1) * k.config.bufferPages;
      for (let i = 0; i < k.config.bufferPages; i++) {
        if (k.file_page.get(first + i) === pfn) k.file_page.set(first + i, 0);
      }
    }
    k.page_mapping.set(pfn, 0);
    return 1;
  },
  { atomic: 'under the xarray lock of the mapping, the page locked and its count frozen' },
);

/** A page that was given up by MADV_FREE and is clean still: its entry may go. */
const discards = routine('folio_test_swapbacked', function* (pfn: number): Run<number> {
  const flags = yield* page_flags(pfn);
  if (!(flags & PG_LAZYFREE) || flags & PG_DIRTY) return 0;
  if (yield* any_dirty(pfn)) return 0;
  return (yield* page_ref_count(pfn)) === 1 + (yield* page_mapcount(pfn)) ? 1 : 0;
});
const any_dirty = routine('pte_dirty', function* (pfn: number): Run<number> {
  const n = yield* pages_of_mm();
  for (let at = yield* rmap_walk(pfn, -1); at >= 0; at = yield* rmap_walk(pfn, at)) {
    if ((yield* ptep_get(Math.floor(at / n), at % n)) & PTE_DIRTY) return 1;
  }
  return 0;
});

const shrink_folio = routine(
  'shrink_folio_list',
  function* (pfn: number): Run<void> {
    const anon = (yield* page_mapping(pfn)) === MAPPING_ANON;
    let gone = 0;
    if (!anon || (yield* discards(pfn))) {
      yield* try_to_unmap(pfn);
      if (!(yield* page_mapcount(pfn)) && !((yield* page_flags(pfn)) & PG_DIRTY)) {
        gone = yield* remove_mapping(pfn, anon ? 1 : 2);
      }
    }
    if (gone) yield* put_page(pfn, anon ? 1 : 2);
    else {
      yield* folio_add_lru(pfn, NO_VMA);
      yield* put_page(pfn, 1);
    }
  },
  'mm/vmscan.c',
);

/** mm/vmscan.c reclaim_pages; each page comes with the reference of its isolation. */
export function* reclaim_pages(pages: readonly number[]): Run<void> {
  for (const pfn of pages) yield* shrink_folio(pfn);
}
