// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The memory of an exporter made from traits: where pages come from, what becomes of those that a
 * move leaves behind, and their end.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { type LockSteps, lockSteps } from '../../explore/locks.ts';
import { type Run, routine } from '../../explore/program.ts';
import { alloc_file, fput } from '../fs/file.ts';
import type { Kernel } from '../kernel.ts';
import { WARN } from '../mm/insert.ts';
import {
  alloc_page,
  alloc_pages_exact,
  bufferPage,
  fill_page,
  folio_mark_dirty,
  get_page,
  OWNER_LATER,
  OWNER_NONE,
  OWNER_POOL,
  page_ref_count,
  pci_resource_start,
  put_page,
  set_page_count,
  set_page_owner,
  set_page_refuses,
  set_page_reserved,
  set_pageblock_migratetype,
} from '../mm/page.ts';
import { shmem_file_operations, shmem_get_folio } from '../mm/shmem.ts';
import { NO_VMA } from '../mm/vma.ts';
import { resv, resv_try } from './dma-resv.ts';
import * as object from './object.ts';

const mutex = lockSteps(['mutex_lock', 'mutex_unlock'], (k: Kernel) => k.driver_lock);
const mutex_try = lockSteps(['mutex_trylock', 'mutex_unlock'], (k: Kernel) => k.driver_lock, {
  trylock: true,
  guard: 'mutex_lock',
});
const reader = lockSteps(['down_read', 'up_read'], (k: Kernel) => k.driver_lock, { shared: true });
const writer = lockSteps(['down_write', 'up_write'], (k: Kernel) => k.driver_lock);
/** An exporter whose handlers take no lock of its own. */
const none: LockSteps = {
  lock: function* () {
    return 0;
  },
  unlock: function* () {
    return 0;
  },
};

/** The lock of a buffer, as the fault handler takes it, as it tries it, and as a move takes it. */
export interface BufferLock {
  readonly fault: LockSteps;
  /** Absent: it cannot be tried, and a fault waits for it. */
  readonly tried?: LockSteps;
  readonly move: LockSteps;
}

const LOCKS: Readonly<Record<ExporterTraits['lock'], BufferLock>> = {
  dma_resv: { fault: resv, tried: resv_try, move: resv },
  mutex: { fault: mutex, tried: mutex_try, move: mutex },
  rwsem: { fault: reader, move: writer },
  none: { fault: none, move: none },
};
export const lockOf = (traits: ExporterTraits): BufferLock => LOCKS[traits.lock];

export interface ExporterMemory {
  /** Gives a new object all its pages: of `file`, or of its own (-1). Returns 0 or an errno. */
  readonly fill: (buf: number, n: number, file: number) => Run<number>;
  /** A page for place `i` of a buffer, empty. */
  readonly new_page: (buf: number, i: number, gen: number) => Run<number>;
  /** The page in place `i`, brought back from swap if it is there; 0 or an errno if there is none. */
  readonly populate: (buf: number, i: number) => Run<number>;
  /** What becomes of a page that no place refers to any more. */
  readonly discard: (pfn: number, buf: number, i: number) => Run<void>;
  /** Gives a page back to the allocator, as what it was there. */
  readonly free_page: (pfn: number) => Run<void>;
  /** WARN_ON(page_count(page) != 1) after the zap, where the exporter does that (R10). */
  readonly check_unmapped: (pfn: number) => Run<void>;
  /** The end of the object: every page, and its place in the address_space. */
  readonly release: (buf: number) => Run<number>;
  /** The driver's worker: frees what waits for it. */
  readonly worker: () => Run<void>;
  readonly fill_fresh: (pfn: number, gen: number, page: number) => Run<void>;
}

const fill_fresh = routine(
  'fill_fresh',
  function* (pfn: number, gen: number, page: number): Run<void> {
    const words = yield* object.words_of_page();
    for (let w = 0; w < words; w++) {
      yield* object.write_word(pfn, w, yield* object.pattern(gen, page, w));
    }
  },
);

/** The check that Gunthorpe 23/12:46 asks for: whoever took a reference shows in the count. */
const check_refs = routine(
  'check_page_count',
  function* (pfn: number, expected: number, when: string): Run<void> {
    if ((yield* page_ref_count(pfn)) === expected) return;
    yield* WARN('R10', `page_count(page) != ${expected} ${when}`);
  },
);

/** The memory of an exporter. */
export function memoryOf(traits: ExporterTraits): ExporterMemory {
  const { pageRefs, checksRefs, memory, oldPage } = traits;
  const uncounted = pageRefs === 'zero';
  const refuses = pageRefs === 'refused';
  const reserved = traits.reserved ?? false;

  const new_page = routine(
    'exporter_alloc',
    function* (buf: number, i: number, gen: number): Run<number> {
      let pfn = oldPage === 'pooled' ? yield* object.pool_take(buf, i) : 0;
      if (!pfn) pfn = yield* alloc_page(bufferPage(buf, i));
      if (pfn <= 0) return pfn;
      yield* object.tag_page(pfn, gen);
      if (reserved) yield* set_page_reserved(pfn, 1);
      if (uncounted) yield* set_page_count(pfn, 0);
      if (refuses) yield* set_page_refuses(pfn);
      return pfn;
    },
  );

  const populate = routine(
    'ttm_tt_populate',
    function* (buf: number, i: number): Run<number> {
      const there = yield* object.backing(buf, i);
      if (there || !traits.takesBack.includes('evict')) return there;
      if (!(yield* object.is_swapped(buf, i))) return 0;
      const pfn = yield* new_page(buf, i, 0);
      if (pfn < 0) return pfn;
      const words = yield* object.words_of_page();
      for (let w = 0; w < words; w++) yield* object.swap_in_word(buf, i, w, pfn);
      yield* object.set_backing(buf, i, pfn);
      return pfn;
    },
    'drivers/gpu/drm/ttm/ttm_tt.c',
  );

  const put = (pfn: number): Run<void> => put_page(pfn, 1);
  const free_oddly = routine('exporter_free', function* (pfn: number): Run<void> {
    if (checksRefs === 'at-free') yield* check_refs(pfn, uncounted ? 0 : 1, 'when it is freed');
    if (reserved) yield* set_page_reserved(pfn, 0);
    if (uncounted) yield* set_page_count(pfn, 1);
    yield* put(pfn);
  });
  const free_page = uncounted || reserved || checksRefs === 'at-free' ? free_oddly : put;

  /** ttm_pool.c:225 ttm_pool_type_give: cleared and kept, whoever may still refer to it. */
  const to_pool = routine('ttm_pool_type_give', function* (pfn: number): Run<void> {
    yield* fill_page(pfn, 0);
    yield* set_page_owner(pfn, OWNER_POOL);
  });
  function* discard(pfn: number, buf: number, i: number): Run<void> {
    if (pfn <= 0) return;
    if (oldPage === 'freed') yield* free_page(pfn);
    else if (oldPage === 'worker') yield* set_page_owner(pfn, OWNER_LATER + bufferPage(buf, i));
    else if (oldPage === 'pooled') yield* to_pool(pfn);
  }

  const check_unmapped = routine('exporter_unmapped', function* (pfn: number): Run<void> {
    if (checksRefs === 'after-unmap' && pfn > 0) {
      yield* check_refs(pfn, uncounted ? 0 : 1, 'right after the unmap');
    }
  });

  const worker = routine('delayed_delete', function* (): Run<void> {
    for (;;) {
      const pfn = yield* object.next_for_worker();
      if (!pfn) return;
      yield* set_page_owner(pfn, OWNER_NONE);
      yield* free_page(pfn);
    }
  });

  const lock = lockOf(traits).move;
  const takesBack = traits.takesBack.length > 0;

  const release = routine(
    `${traits.id}_release`,
    function* (buf: number): Run<number> {
      // Who moves buffers finds them by a list of its own, and must not find a dead one.
      if (takesBack) {
        yield* lock.lock(buf);
        yield* object.set_deleted(buf);
      }
      const n = yield* object.npages(buf);
      for (let i = 0; i < n; i++) {
        const pfn = yield* object.backing(buf, i);
        if (!pfn) {
          if (traits.takesBack.includes('evict')) yield* object.forget_swap(buf, i);
          continue;
        }
        yield* object.set_backing(buf, i, 0);
        if (oldPage === 'pooled') yield* to_pool(pfn);
        else if (memory === 'bar') yield* set_page_owner(pfn, OWNER_NONE);
        else yield* free_page(pfn);
      }
      if (traits.pgoff !== 'offset') yield* object.remove_offset(buf);
      if (takesBack) yield* lock.unlock(buf);
      const from = yield* object.source(buf);
      if (from) yield* fput(from - 1);
      return 0;
    },
    traits.source,
  );

  /** The first page of each place: of the source, out of a block, or one by one. */
  const first_page = routine(
    'exporter_alloc',
    function* (buf: number, i: number, file: number, block: number): Run<number> {
      if (file >= 0) {
        const pfn = yield* shmem_get_folio(file, i, NO_VMA);
        if (pfn < 0) return pfn;
        yield* get_page(pfn, 1);
        if (memory === 'shmem') {
          yield* set_page_owner(pfn, bufferPage(buf, i));
          yield* folio_mark_dirty(pfn);
        }
        return pfn;
      }
      if (block <= 0) return yield* new_page(buf, i, 0);
      yield* set_page_owner(block + i, bufferPage(buf, i));
      if (traits.cma) yield* set_pageblock_migratetype(block + i);
      if (reserved) yield* set_page_reserved(block + i, 1);
      if (uncounted) yield* set_page_count(block + i, 0);
      if (refuses) yield* set_page_refuses(block + i);
      return block + i;
    },
  );

  const fill = routine(
    `${traits.id}_create`,
    function* (buf: number, n: number, given: number): Run<number> {
      let from = given;
      if (from < 0 && memory === 'shmem') from = yield* alloc_file(shmem_file_operations, 0, n);
      if (from >= 0) yield* object.set_source(buf, from + 1);
      let block = 0;
      if (memory === 'bar') block = yield* pci_resource_start(n);
      else if (traits.contiguous && from < 0) block = yield* alloc_pages_exact(n);
      if (block < 0) return block;
      if (traits.pgoff === 'fake-offset') yield* object.add_offset(buf, n);
      for (let i = 0; i < n; i++) {
        const pfn = yield* first_page(buf, i, from, block);
        if (pfn < 0) return pfn;
        if (traits.patterned) yield* fill_fresh(pfn, 0, i);
        yield* object.set_backing(buf, i, pfn);
        if (i === 0 && traits.pgoff === 'pfn') yield* object.begin_at_pfn(buf, pfn);
      }
      return 0;
    },
  );

  return {
    fill,
    new_page,
    populate,
    discard,
    free_page,
    check_unmapped,
    release,
    worker,
    fill_fresh,
  };
}
