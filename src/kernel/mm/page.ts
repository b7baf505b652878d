// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * struct page and the page allocator: reference counts, and who a page was allocated for.
 *
 * Which free page is handed out next is a choice of the allocator: all are explored, a straight run
 * takes a freed one first. Freeing is checked: a page whose count falls below zero, or that is freed
 * while free, is reported.
 */
import { choice, guard, type Run, routine, step } from '../../explore/program.ts';
import { ENOMEM } from '../errno.ts';
import { type Kernel, PAGE_DEVICE, PAGE_FREED, PAGE_USED } from '../kernel.ts';

/** Owners of pages. A buffer's page: OWNER_BUFFER + buffer * 65536 + index. */
export const OWNER_NONE = 0;
export const OWNER_ANON = 1;
export const OWNER_FILE = 2;
export const OWNER_PIPE = 3;
/** In a pool of a driver: nobody's, and not the allocator's either. */
export const OWNER_POOL = 4;
export const OWNER_BUFFER = 0x1000000;
/** With a buffer's page: replaced by a move, and kept aside by the exporter. */
export const OWNER_KEPT = 0x40000000;
/** With a buffer's page: replaced, and a worker of the driver will free it. */
export const OWNER_LATER = 0x20000000;

/** Bits of page_flags (include/linux/page-flags.h), kept where the run asks for them. */
export const PG_DIRTY = 0x1;
/** Anonymous and not PG_swapbacked: MADV_FREE gave it up. */
export const PG_LAZYFREE = 0x2;
/** In a per-CPU batch of the LRU lists, which holds one reference. mm/swap.c */
export const PG_LRU_BATCH = 0x4;
export const PG_REFERENCED = 0x8;
export const PG_ACTIVE = 0x10;
export const PG_MLOCKED = 0x20;
/** Likewise in the batch of pages that go to the unevictable list. mm/mlock.c */
export const PG_MLOCK_BATCH = 0x40;
/** Likewise in the batches lru_deactivate and lru_lazyfree. mm/swap.c */
export const PG_AGING_BATCH = 0x80;
/** A new anonymous page in its first batch. Nobody sees the reference, which is left out. mm/swap.c */
export const PG_NEW_BATCH = 0x100;

/** Sets and clears bits of page_flags; nothing where the run keeps none. */
export const page_flags_mod = step(
  'page->flags',
  (k: Kernel, pfn: number, set: number, clear: number) => {
    if (!k.config.pageFlags || pfn <= 0) return;
    k.page_flags.set(pfn, (k.page_flags.get(pfn) | set) & ~clear);
  },
);
export const page_flags = step('page->flags', (k: Kernel, pfn: number) =>
  k.config.pageFlags ? k.page_flags.get(pfn) : 0,
);

/**
 * Sets PG_dirty as part of a step on the same page: 1 if it was clean. Runs that keep no page flags keep
 * this one of the page cache, for a write fault that sets it drops mmap_lock (fault_dirty_shared_page).
 */
export function dirtyFolio(k: Kernel, pfn: number): number {
  if (pfn <= 0 || (!k.config.pageFlags && k.page_mapping.get(pfn) <= 0)) return 0;
  const flags = k.page_flags.get(pfn);
  if (flags & PG_DIRTY) return 0;
  k.page_flags.set(pfn, flags | PG_DIRTY);
  return 1;
}

/** mm/page-writeback.c folio_mark_dirty: 1 if the page was clean. */
export const folio_mark_dirty = step('folio_mark_dirty', dirtyFolio, {
  atomic: 'one bit is set; the mapping is asked for no more than whether that bit is kept',
});

/** The owner that page `index` of a buffer has. */
export const bufferPage = (buffer: number, index: number): number =>
  OWNER_BUFFER + buffer * 0x10000 + index;

function pagesToChoose(k: Kernel): number {
  const fresh = k.pages_fresh.get(0) < k.config.pages ? 1 : 0;
  return k.pages_freed.get(0) + fresh;
}

function takePage(k: Kernel, which: number, owner: number): number {
  let pfn = 0;
  let skip = which;
  if (k.pages_freed.get(0) > 0) {
    for (let p = 1; p < k.pages_fresh.get(0); p++) {
      if (k.page_state.get(p) === PAGE_FREED && skip-- === 0) {
        pfn = p;
        k.pages_freed.add(0, -1);
        break;
      }
    }
  }
  if (pfn === 0) {
    pfn = k.pages_fresh.get(0);
    if (pfn >= k.config.pages) return -ENOMEM;
    k.pages_fresh.set(0, pfn + 1);
  }
  k.page_state.set(pfn, PAGE_USED);
  k.page_refcount.set(pfn, 1);
  k.page_mapcount.set(pfn, 0);
  k.page_mapping.set(pfn, 0);
  k.page_exclusive.set(pfn, 0);
  k.page_owner.set(pfn, owner);
  if (k.config.statistics) k.page_gen.set(pfn, 0);
  k.page_flags.set(pfn, 0);
  for (let w = 0; w < k.config.words; w++) k.page_word.set(pfn * k.config.words + w, 0);
  return pfn;
}

const FROM_FREE_LISTS = {
  text: (_: unknown, pfn: number) => `alloc_page() = page${pfn}`,
  atomic:
    'the allocator takes pages under zone->lock or from per-CPU lists (mm/page_alloc.c rmqueue)',
};
/** Free pages are kept by mobility: a straight run's policy may take movable ones from elsewhere. */
const rmqueue = choice('rmqueue', pagesToChoose, FROM_FREE_LISTS, takePage);
const rmqueue_movable = choice('rmqueue_movable', pagesToChoose, FROM_FREE_LISTS, takePage);

/** Allocates one zeroed page for `owner`. Returns its pfn, or -ENOMEM. */
export const alloc_page = routine(
  'alloc_page',
  function* (owner: number): Run<number> {
    const movable = owner === OWNER_ANON || owner === OWNER_FILE;
    return movable ? yield* rmqueue_movable(owner) : yield* rmqueue(owner);
  },
  'mm/page_alloc.c',
);

/** n pages in a row that were never handed out; aligned to a huge page's size if memory allows. */
function takeBlock(k: Kernel, n: number, state: number, refs: number): number {
  const fresh = k.pages_fresh.get(0);
  const huge = k.config.ptrsPerPmd;
  const aligned = Math.ceil(fresh / huge) * huge;
  const first = n >= huge && aligned + n <= k.config.pages ? aligned : fresh;
  if (first + n > k.config.pages) return -ENOMEM;
  for (let pfn = fresh; pfn < first; pfn++) {
    k.page_state.set(pfn, PAGE_FREED);
    k.pages_freed.add(0, 1);
  }
  for (let pfn = first; pfn < first + n; pfn++) {
    k.page_state.set(pfn, state);
    k.page_refcount.set(pfn, refs);
  }
  k.pages_fresh.set(0, first + n);
  return first;
}

/**
 * Allocates n pages in a row that were never handed out before: a block, split into single pages. A
 * block of a huge page's size is aligned to it if memory allows; what is skipped is free.
 * @returns the first pfn, or -ENOMEM
 */
export const alloc_pages_exact = step(
  'alloc_pages_exact',
  (k: Kernel, n: number) => takeBlock(k, n, PAGE_USED, 1),
  { atomic: 'the allocator takes blocks under zone->lock (mm/page_alloc.c rmqueue)' },
);

/**
 * Pages of a device's BAR: PFNs without a struct page, which no allocator knows.
 * @returns the first pfn, or -ENOMEM
 */
export const pci_resource_start = step(
  'pci_resource_start',
  (k: Kernel, n: number) => takeBlock(k, n, PAGE_DEVICE, 0),
  { atomic: 'the bus was set up long before' },
);

/** Has the pfn a struct page? include/linux/mmzone.h pfn_valid */
export const pfn_valid = step('pfn_valid', (k: Kernel, pfn: number) => (noPage(k, pfn) ? 0 : 1), {
  text: ([pfn], v) => `pfn_valid(${pfn}) = ${v ? 'yes' : 'no struct page'}`,
});

/** Read past the watch: it is so from before the first thread runs, and never changes. */
function noPage(k: Kernel, pfn: number): boolean {
  return k.page_state.peek(pfn) === PAGE_DEVICE;
}

/** Whoever reaches for a struct page that is not there dies of it, or finds somebody else's memory. */
function dieWithoutPage(k: Kernel, what: string, pfn: number): void {
  k.mem.report({
    severity: 'breaks',
    rule: 'bug',
    text: `${what}(pfn ${pfn}): there is no struct page`,
  });
}

/** Says whose page it is; for the eye and for the ghost checks only. */
export const set_page_owner = step('owner', (k: Kernel, pfn: number, owner: number) =>
  k.page_owner.set(pfn, owner),
);

/** Takes a reference of a page that is known to be alive. include/linux/mm.h get_page */
export const get_page = step(
  'get_page',
  (k: Kernel, pfn: number, refs: number) => {
    if (noPage(k, pfn)) return dieWithoutPage(k, 'get_page', pfn);
    if (k.config.refusesRefs && k.page_refuses.get(pfn)) {
      k.mem.report({
        severity: 'breaks',
        rule: 'bug',
        text: `get_page(page${pfn}): nobody may refer to it`,
      });
    }
    if (k.page_refcount.get(pfn) <= 0) {
      k.mem.report({
        severity: 'breaks',
        rule: 'refcount',
        text: `get_page(page${pfn}) on a page that nobody owns`,
      });
    }
    k.page_refcount.add(pfn, refs);
  },
  { text: ([pfn, n]) => `get_page(page${pfn})${n === 1 ? '' : ` x${n}`}` },
);

function take(k: Kernel, pfn: number, refs: number): number {
  k.page_refcount.add(pfn, refs);
  return 1;
}
const takeUnlessZero = (k: Kernel, pfn: number, refs: number): number =>
  k.page_refcount.get(pfn) > 0 ? take(k, pfn, refs) : 0;
const ZERO_TEST = 'the zero test of try_get_page';

/** Results of asking a page's flag, where the run has one; the count was not touched. */
const REFUSES = 2;
const ALLOWS = 3;
const askFlag = (k: Kernel, pfn: number) => (k.page_refuses.get(pfn) ? REFUSES : ALLOWS);

const gotIt = (pfn: unknown, v: number) =>
  `try_get_page(page${pfn}) = ${v ? 'got it' : 'refcount is 0'}`;
const try_get = step(
  'try_get_page',
  (k: Kernel, pfn: number, refs: number) => {
    if (noPage(k, pfn)) dieWithoutPage(k, 'try_get_page', pfn);
    if (k.config.refusesRefs) return askFlag(k, pfn);
    return takeUnlessZero(k, pfn, refs);
  },
  {
    text: ([pfn], v) =>
      v < REFUSES ? gotIt(pfn, v) : `page${pfn} ${v === REFUSES ? 'refuses' : 'allows'} references`,
    guard: ZERO_TEST,
    without: (k: Kernel, pfn: number, refs: number) =>
      k.config.refusesRefs ? askFlag(k, pfn) : take(k, pfn, refs),
  },
);
const page_ref_add_unless = step('page_ref_add_unless', takeUnlessZero, {
  text: ([pfn], v) => gotIt(pfn, v),
  guard: ZERO_TEST,
  without: take,
});

/**
 * Takes references unless the count is zero. Returns 1 when taken. page_ref_add_unless
 *
 * A flag that refuses references would be another word than the count (König 23/09:06), and is looked at
 * before it.
 */
export function* try_get_page(pfn: number, refs: number): Run<number> {
  const got = yield* try_get(pfn, refs);
  if (got < REFUSES) return got;
  if (yield* guard('the page flag test', got === REFUSES)) return 0;
  return yield* page_ref_add_unless(pfn, refs);
}

/**
 * Whether a PFN leads to a page whose references count: virt/kvm/kvm_main.c
 * kvm_pfn_to_refcounted_page, and the opposite of VFIO's is_invalid_reserved_pfn.
 */
export const refcounted_page = step(
  'pfn_to_refcounted_page',
  (k: Kernel, pfn: number) => (noPage(k, pfn) || k.page_reserved.get(pfn) ? 0 : 1),
  {
    text: ([pfn], v) =>
      `page${pfn} is ${v ? 'an ordinary page' : 'reserved, or has no struct page'}`,
  },
);

const drop_refs = step(
  'put_page_testzero',
  (k: Kernel, pfn: number, refs: number) => {
    const left = k.page_refcount.add(pfn, -refs);
    if (left < 0) {
      k.mem.report({
        severity: 'breaks',
        rule: 'refcount',
        text: `reference count of page${pfn} underflows to ${left}`,
      });
    }
    return left === 0 ? 1 : 0;
  },
  { text: ([pfn, n]) => `put_page(page${pfn})${n === 1 ? '' : ` x${n}`}` },
);

const free_page_now = step(
  'free_unref_page',
  (k: Kernel, pfn: number) => {
    if (k.page_state.get(pfn) !== PAGE_USED) {
      k.mem.report({ severity: 'breaks', rule: 'double-free', text: `page${pfn} is freed twice` });
      return;
    }
    k.page_state.set(pfn, PAGE_FREED);
    k.page_owner.set(pfn, OWNER_NONE);
    // free_pages_prepare() clears flags.
    if (k.config.refusesRefs) k.page_refuses.set(pfn, 0);
    if (k.config.statistics) k.page_gen.set(pfn, 0);
    k.pages_freed.add(0, 1);
    // Nobody may look at a free page, so what it holds is no part of the state.
    if (k.config.keepFreedContents) return;
    for (let w = 0; w < k.config.words; w++) k.page_word.set(pfn * k.config.words + w, 0);
  },
  {
    text: ([pfn]) => `free page${pfn}`,
    atomic: 'the page has no references left: the freeing CPU alone can reach it (mm/page_alloc.c)',
  },
);

/** Drops references; the last one frees the page. include/linux/mm.h put_page */
export const put_page = routine(
  'put_page',
  function* (pfn: number, refs: number): Run<void> {
    if (pfn <= 0) return;
    if (yield* drop_refs(pfn, refs)) yield* free_page_now(pfn);
  },
  'mm/swap.c',
);

/** One more entry maps the page. */
export const page_add_rmap = step('page_add_rmap', (k: Kernel, pfn: number) =>
  k.page_mapcount.add(pfn, 1),
);

/** One entry less maps the page. */
export const page_remove_rmap = step('page_remove_rmap', (k: Kernel, pfn: number) =>
  k.page_mapcount.add(pfn, -1),
);

/** Sets the count itself: no code of mm/ does this to a page in use. include/linux/page_ref.h */
export const set_page_count = step(
  'set_page_count',
  (k: Kernel, pfn: number, n: number) => k.page_refcount.set(pfn, n),
  { text: ([pfn, n]) => `set_page_count(page${pfn}, ${n})` },
);

/** The flag of König 23/09:06, "something to the page indicating that you can't grab a reference to it". */
export const set_page_refuses = step(
  'SetPageNoReferences',
  (k: Kernel, pfn: number) => k.page_refuses.set(pfn, 1),
  { text: ([pfn]) => `SetPageNoReferences(page${pfn})` },
);

/** include/linux/page-flags.h SetPageReserved, ClearPageReserved */
export const set_page_reserved = step(
  'SetPageReserved',
  (k: Kernel, pfn: number, on: number) => k.page_reserved.set(pfn, on),
  { text: ([pfn, on]) => `${on ? 'Set' : 'Clear'}PageReserved(page${pfn})` },
);

/** mm/page_alloc.c: the block of the page belongs to a CMA area. */
export const set_pageblock_migratetype = step(
  'set_pageblock_migratetype',
  (k: Kernel, pfn: number) => k.page_cma.set(pfn, 1),
);

/**
 * May the page be pinned for long? 6.12 include/linux/mm.h:1993, 6.1 :1648. Read past the watch: blocks
 * are given to CMA before the first thread runs, and stay there.
 */
export const folio_is_longterm_pinnable = step(
  'folio_is_longterm_pinnable',
  (k: Kernel, pfn: number) => (k.page_cma.peek(pfn) ? 0 : 1),
  { text: ([pfn], v) => `page${pfn} ${v ? 'may be pinned for long' : 'is in a CMA area'}` },
);

export const page_mapcount = step('page_mapcount', (k: Kernel, pfn: number) =>
  k.page_mapcount.get(pfn),
);
export const page_ref_count = step('page_count', (k: Kernel, pfn: number) =>
  k.page_refcount.get(pfn),
);
export const page_mapping = step('page_mapping', (k: Kernel, pfn: number) =>
  k.page_mapping.get(pfn),
);
export const page_is_exclusive = step('PageAnonExclusive', (k: Kernel, pfn: number) =>
  k.page_exclusive.get(pfn),
);
export const set_page_exclusive = step(
  'SetPageAnonExclusive',
  (k: Kernel, pfn: number, v: number) => k.page_exclusive.set(pfn, v),
);

/** Copies one word of a page (in a scenario a page is one word). lib/ copy_page */
const copy_word = step(
  'copy_page',
  (k: Kernel, to: number, from: number, word: number) =>
    k.page_word.set(to * k.config.words + word, k.page_word.get(from * k.config.words + word)),
  {
    text: ([to, from]) => `copy page${from} to page${to}`,
    atomic: 'reading the source and writing the private target: nobody else reaches the target yet',
  },
);
const words_of_page = step('PAGE_SIZE', (k: Kernel) => k.config.words);

export const copy_page = routine('copy_page', function* (to: number, from: number): Run<void> {
  const words = yield* words_of_page();
  for (let w = 0; w < words; w++) yield* copy_word(to, from, w);
});

export const fill_word = step(
  'memset',
  (k: Kernel, pfn: number, word: number, value: number) =>
    k.page_word.set(pfn * k.config.words + word, value),
  { text: ([pfn, , v]) => `fill page${pfn} with ${v}` },
);

/** Fills every looked-at word of a page with one value. */
export const fill_page = routine('fill_page', function* (pfn: number, value: number): Run<void> {
  const words = yield* words_of_page();
  for (let w = 0; w < words; w++) yield* fill_word(pfn, w, value);
});
