// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Migration of pages, for whoever isolated them (compaction, NUMA balancing): mm/migrate.c. Everything
 * hangs on the reference count: a page that anybody holds besides its entries and its mapping stays
 * where it is. And move_pages(2) on a machine of one node, where nothing moves; what shows is which
 * entries count as a page.
 */
import { BLOCKED, guard, type Run, routine, step } from '../../explore/program.ts';
import { EAGAIN, EFAULT, ENOENT } from '../errno.ts';
import { type Kernel, MARK_TRANSLATED } from '../kernel.ts';
import { vma_ops } from './fault.ts';
import { PTE_NONE, PTE_PRESENT, PTE_SPECIAL, pte_pfn, VM_IO, VM_PFNMAP } from './flags.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import {
  alloc_page,
  copy_page,
  dirtyFolio,
  PG_DIRTY,
  page_is_exclusive,
  page_mapcount,
  page_mapping,
  page_ref_count,
  put_page,
  set_page_exclusive,
  try_get_page,
} from './page.ts';
import { lookup_entry } from './pgtable.ts';
import { remove_migration_ptes, try_to_migrate } from './rmap.ts';
import { folio_test_lru, lru_add_drain } from './swap.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vm_flags, vma_lookup } from './vma.ts';
import { MAPPING_ANON, set_page_mapping } from './zap.ts';

const folio_trylock = step('folio_trylock', (k: Kernel, pfn: number) => {
  if (k.page_locked.get(pfn)) return 0;
  k.page_locked.set(pfn, 1);
  return 1;
});
const folio_unlock = step('folio_unlock', (k: Kernel, pfn: number) => k.page_locked.set(pfn, 0));
const copies_first = step('folio_mc_copy', (k: Kernel) => (k.linux.migrate_copies_first ? 1 : 0));
const owner_of = step('page_owner', (k: Kernel, pfn: number) => k.page_owner.get(pfn));

/** The references that a page has if nobody but its mapping and the migration hold it. */
const expected_refs = (mapping: number): number => (inCache(mapping) ? 2 : 1);
/** Anonymous memory is in no cache, and neither is a page that was truncated since it was isolated. */
const inCache = (mapping: number): boolean => mapping !== MAPPING_ANON && mapping !== 0;

function replaceInCache(k: Kernel, dst: number, src: number): number {
  const mapping = k.page_mapping.get(src);
  const first = (mapping - 1) * k.config.bufferPages;
  for (let i = 0; i < k.config.bufferPages; i++) {
    if (k.file_page.get(first + i) === src) k.file_page.set(first + i, dst);
  }
  k.page_mapping.set(dst, mapping);
  if (k.page_flags.get(src) & PG_DIRTY) dirtyFolio(k, dst);
  k.page_mapping.set(src, 0);
  k.page_refcount.add(dst, 1);
  k.page_refcount.add(src, -1);
  return 1;
}

/** mm/migrate.c folio_migrate_mapping of a file's page: 1 if the new page has taken the old one's place. */
const replace_in_cache = step(
  'folio_migrate_mapping',
  (k: Kernel, dst: number, src: number, refs: number) =>
    k.page_refcount.get(src) === refs ? replaceInCache(k, dst, src) : 0,
  {
    guard: 'the frozen reference count',
    without: replaceInCache,
    text: ([dst, src], v) => `page${src} ${v ? `gives its place to page${dst}` : 'is held: stays'}`,
    atomic: 'under the lock of the mapping, the count frozen (6.12 mm/migrate.c:509, 6.1 :383)',
  },
);

/** mm/migrate.c move_to_new_folio: 0, or -EAGAIN if somebody holds the page. */
const move_to_new_folio = routine(
  'move_to_new_folio',
  function* (dst: number, src: number): Run<number> {
    const mapping = yield* page_mapping(src);
    const refs = expected_refs(mapping);
    const early = yield* copies_first();
    if (early) {
      if (yield* guard('the first reference count test', (yield* page_ref_count(src)) !== refs))
        return -EAGAIN;
      yield* copy_page(dst, src);
    }
    if (!inCache(mapping)) {
      if (yield* guard('the reference count test', (yield* page_ref_count(src)) !== refs))
        return -EAGAIN;
      yield* set_page_mapping(dst, mapping);
      yield* set_page_exclusive(dst, yield* page_is_exclusive(src));
    } else if (!(yield* replace_in_cache(dst, src, refs))) return -EAGAIN;
    if (!early) yield* copy_page(dst, src);
    return 0;
  },
  'mm/migrate.c',
);

/** PGMIGRATE_SUCCESS: for the verdict, somebody got hold of the page. */
const count_success = step('PGMIGRATE_SUCCESS', (k: Kernel) => {
  k.mem.marks |= MARK_TRANSLATED;
});

/**
 * Moves one isolated page to a new one, and gives up the isolation's reference. 6.12 mm/migrate.c:1183
 * migrate_folio_unmap and 1344 migrate_folio_move, 6.1 lines 1057 and 1186.
 * @returns 1 if the page was moved
 */
export const migrate_folio = routine(
  'migrate_pages',
  function* (src: number): Run<number> {
    if (!(yield* folio_trylock(src))) {
      yield* put_page(src, 1);
      return 0;
    }
    const dst = yield* alloc_page(yield* owner_of(src));
    if (dst < 0) {
      yield* folio_unlock(src);
      yield* put_page(src, 1);
      return 0;
    }
    yield* folio_trylock(dst);
    const mapped = yield* page_mapcount(src);
    if (mapped) yield* try_to_migrate(src);
    // Entries that the reverse map did not find keep the page where it is.
    const held = yield* guard('the mapcount test', yield* page_mapcount(src));
    const failed = held ? -EAGAIN : yield* move_to_new_folio(dst, src);
    if (mapped) yield* remove_migration_ptes(src, failed ? src : dst);
    if (!failed) yield* count_success();
    yield* folio_unlock(dst);
    yield* folio_unlock(src);
    yield* put_page(dst, 1);
    yield* put_page(src, 1);
    return failed ? 0 : 1;
  },
  'mm/migrate.c',
);

/** mm/migrate.c migration_entry_wait: until the entry is another one. Returns 0: fault again. */
export const migration_entry_wait = step(
  'migration_entry_wait',
  (k: Kernel, mm: number, addr: number, entry: number) =>
    k.pte.get(mm * k.config.vpages + addr) === entry ? BLOCKED : 0,
);

/**
 * Takes a page off the LRU lists with a reference, 1 if it was on one. A driver's own pages are on
 * none (mm/vmscan.c folio_isolate_lru; mm/compaction.c tests the same).
 */
export const folio_isolate_lru = routine(
  'folio_isolate_lru',
  function* (pfn: number): Run<number> {
    if (yield* guard('the PageLRU test', !(yield* folio_test_lru(pfn)))) return 0;
    return yield* try_get_page(pfn, 1);
  },
  'mm/vmscan.c',
);

/** mm/mempolicy.c vma_migratable: not what VM_IO or VM_PFNMAP says is no ordinary memory. */
export const vma_migratable = routine('vma_migratable', function* (vma: number): Run<number> {
  const special = (yield* vm_flags(vma)) & (VM_IO | VM_PFNMAP);
  return (yield* guard('the VM_IO and VM_PFNMAP test', special)) ? 0 : 1;
});

const walks_folios = step('folio_walk_start', (k: Kernel) =>
  k.linux.move_pages_walks_folios ? 1 : 0,
);

/** The node of the page that is mapped here, which is 0; or what is wrong. */
const node_of = routine(
  'folio_walk_start',
  function* (mm: number, vma: number, addr: number): Run<number> {
    yield* pte_lock(mm);
    const entry = yield* lookup_entry(mm, addr);
    yield* pte_unlock(mm);
    const special = (entry & PTE_SPECIAL) !== 0;
    if (yield* walks_folios()) {
      if (!(entry & PTE_PRESENT)) return -ENOENT;
      if (special) return pte_pfn(entry) === 0 ? -EFAULT : -ENOENT;
      return 0;
    }
    // 6.1 asks GUP's follow_page with FOLL_DUMP, which tells of holes that a core dump would skip.
    if (!(entry & PTE_PRESENT)) {
      const ops = yield* vma_ops(vma);
      return ops?.fault ? -ENOENT : -EFAULT;
    }
    // gup_can_follow_protnone
    if (entry & PTE_NONE) return -ENOENT;
    return special ? -EFAULT : 0;
  },
  'mm/migrate.c',
);

/** move_pages(2) of one page without nodes: where is it? */
export const do_pages_stat = routine(
  'do_pages_stat',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    const ret = vma === NO_VMA ? -EFAULT : yield* node_of(mm, vma, addr);
    yield* mmap_read_unlock(mm);
    return ret;
  },
  'mm/migrate.c',
);

/** move_pages(2) of one page to node 0, where it is already. */
export const do_pages_move = routine(
  'do_pages_move',
  function* (mm: number, addr: number): Run<number> {
    // lru_cache_disable, whatever comes of it.
    yield* lru_add_drain();
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let ret = -EFAULT;
    if (vma !== NO_VMA && (yield* vma_migratable(vma))) {
      ret = yield* node_of(mm, vma, addr);
    }
    yield* mmap_read_unlock(mm);
    return ret;
  },
  'mm/migrate.c',
);
