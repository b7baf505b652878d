// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Clearing a buffer's entries by hand and forgetting the TLBs: no function of mm/ does this, a driver
 * that walks page tables itself can. Notifiers are told; what a CPU has cached stays.
 */
import { type Run, routine } from '../../explore/program.ts';
import { PTE_SPECIAL, pte_pfn } from '../mm/flags.ts';
import { pte_lock, pte_unlock } from '../mm/insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from '../mm/mmu_notifier.ts';
import { page_remove_rmap, put_page } from '../mm/page.ts';
import { next_present, pmdp_get, pmdp_get_and_clear, ptep_get_and_clear } from '../mm/pgtable.ts';
import { NO_VMA } from '../mm/vma.ts';
import {
  i_mmap_lock_read,
  i_mmap_unlock_read,
  mapped_part,
  mm_of,
  vma_interval_tree,
} from '../mm/zap.ts';

const clear_range = routine(
  'clear_range_by_hand',
  function* (mm: number, start: number, end: number): Run<void> {
    yield* mmu_notifier_invalidate_range_start(mm, start, end);
    yield* pte_lock(mm);
    for (let addr = yield* next_present(mm, start, end); addr < end; ) {
      if (yield* pmdp_get(mm, addr)) yield* pmdp_get_and_clear(mm, addr);
      const pte = yield* ptep_get_and_clear(mm, addr);
      if (pte && !(pte & PTE_SPECIAL)) {
        yield* page_remove_rmap(pte_pfn(pte));
        yield* put_page(pte_pfn(pte), 1);
      }
      addr = yield* next_present(mm, addr + 1, end);
    }
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, start, end);
  },
);

/** Clears pages [first, first + n) of a mapping in every VMA, and flushes no TLB. */
export const zap_without_flush = routine(
  'zap_without_flush',
  function* (mapping: number, first: number, n: number): Run<void> {
    const last = first + n - 1;
    yield* i_mmap_lock_read(mapping);
    for (let after = 0; ; ) {
      const vma = yield* vma_interval_tree(mapping, first, last, after);
      if (vma === NO_VMA) break;
      const { start, end } = yield* mapped_part(vma, first, last);
      yield* clear_range(yield* mm_of(vma), start, end);
      after = vma + 1;
    }
    yield* i_mmap_unlock_read(mapping);
  },
);
