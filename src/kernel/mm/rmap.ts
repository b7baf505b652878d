// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The reverse map: where a page is mapped, found through the VMAs of its own mapping. A page that a
 * driver hands out from another file is not found: its VMA is in the tree of the driver's mapping.
 * mm/rmap.c
 */
import { type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { PTE_DIRTY, PTE_MIGRATION, PTE_PRESENT, PTE_SPECIAL, PTE_WRITE, pte_pfn } from './flags.ts';
import { mk_pte, pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import {
  folio_mark_dirty,
  get_page,
  page_add_rmap,
  page_mapping,
  page_remove_rmap,
  put_page,
} from './page.ts';
import { flush_tlb_range, ptep_get, ptep_get_and_clear, set_pte_at } from './pgtable.ts';
import { PROT_R, PROT_W } from './vma.ts';
import { MAPPING_ANON } from './zap.ts';

/** The entry maps the page; or, with `migration`, keeps its place while it is migrated. */
const leadsTo = (pte: number, pfn: number, migration: number): boolean =>
  pte_pfn(pte) === pfn &&
  (migration
    ? (pte & (PTE_PRESENT | PTE_MIGRATION)) === PTE_MIGRATION
    : (pte & (PTE_PRESENT | PTE_SPECIAL)) === PTE_PRESENT);

/**
 * The next place after `after` (counted over all mms) where a VMA of the page's own mapping has an
 * entry for it; -1 at the end. mm/rmap.c rmap_walk_file, rmap_walk_anon
 * @param migration 1 for its migration entries
 * @param via the page whose mapping is walked, if it is another one
 */
export const rmap_walk = step(
  'rmap_walk',
  (k: Kernel, pfn: number, after: number, migration?: number, via?: number) => {
    const mapping = k.page_mapping.get(via ?? pfn);
    const { vpages, vmas, mms } = k.config;
    for (let mm = Math.floor((after + 1) / vpages); mm < mms; mm++) {
      for (let v = mm * vmas; v < (mm + 1) * vmas; v++) {
        const end = k.vm_end.get(v);
        if (end === 0) continue;
        const file = k.vm_file.get(v);
        if (mapping !== MAPPING_ANON && (!file || k.file_mapping.get(file - 1) !== mapping - 1))
          continue;
        for (let a = k.vm_start.get(v); a < end; a++) {
          const at = mm * vpages + a;
          if (at > after && leadsTo(k.pte.get(at), pfn, migration ?? 0)) return at;
        }
      }
    }
    return -1;
  },
  {
    atomic:
      'where to look, no more: the entry is read again under its lock, and one that appears behind the walk shows in the mapcount (mm/rmap.c)',
  },
);

/** How many pages an address space has, to tell mm and address of what {@link rmap_walk} gives. */
export const pages_of_mm = step('TASK_SIZE', (k: Kernel) => k.config.vpages);

/**
 * mm/rmap.c try_to_migrate: every entry of the page becomes a migration entry, at which whoever
 * touches the page waits. 6.12 mm/rmap.c:2363, 6.1 line 2149.
 */
export const try_to_migrate = routine(
  'try_to_migrate',
  function* (pfn: number): Run<void> {
    const n = yield* pages_of_mm();
    const mapping = yield* page_mapping(pfn);
    for (let at = yield* rmap_walk(pfn, -1); at >= 0; at = yield* rmap_walk(pfn, at)) {
      const mm = Math.floor(at / n);
      const addr = at % n;
      yield* mmu_notifier_invalidate_range_start(mm, addr, addr + 1);
      yield* pte_lock(mm);
      let dropped = 0;
      if (leadsTo(yield* ptep_get(mm, addr), pfn, 0)) {
        const pte = yield* ptep_get_and_clear(mm, addr);
        yield* flush_tlb_range(mm, addr, addr + 1);
        yield* set_pte_at(mm, addr, (pte & ~PTE_PRESENT) | PTE_MIGRATION);
        if (pte & PTE_DIRTY && mapping !== MAPPING_ANON) yield* folio_mark_dirty(pfn);
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

/**
 * mm/migrate.c remove_migration_ptes: migration entries of `src` become entries of `dst`, which is
 * the new page, or `src` again when migration has failed. 6.12 mm/migrate.c:401, 6.1 mm/migrate.c:277.
 */
export const remove_migration_ptes = routine(
  'remove_migration_ptes',
  function* (src: number, dst: number): Run<void> {
    const n = yield* pages_of_mm();
    let at = yield* rmap_walk(src, -1, 1, dst);
    for (; at >= 0; at = yield* rmap_walk(src, at, 1, dst)) {
      const mm = Math.floor(at / n);
      const addr = at % n;
      yield* pte_lock(mm);
      const entry = yield* ptep_get(mm, addr);
      if (leadsTo(entry, src, 1)) {
        yield* get_page(dst, 1);
        yield* page_add_rmap(dst);
        yield* set_pte_at(mm, addr, mk_pte(dst, PROT_R | (entry & PTE_WRITE ? PROT_W : 0)));
      }
      yield* pte_unlock(mm);
    }
  },
  'mm/migrate.c',
);
