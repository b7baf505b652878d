// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The LRU lists, as far as they are seen from outside: which pages are on them at all, and the
 * per-CPU batches through which a page gets there, each holding a reference meanwhile. mm/swap.c
 */
import { type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import {
  get_page,
  PG_ACTIVE,
  PG_LRU_BATCH,
  PG_MLOCK_BATCH,
  PG_MLOCKED,
  PG_REFERENCED,
  page_flags_mod,
  put_page,
} from './page.ts';

const IN_BATCH = PG_LRU_BATCH | PG_MLOCK_BATCH;

/** Slots of lru_batch: pages of no interest, and places that those have which IN_BATCH marks. */
export const OTHERS = 0;
const OURS = 1;

function nextInBatch(k: Kernel, pfn: number): number {
  if (!pagesInBatch(k)) return 0;
  const top = k.pages_fresh.get(0);
  for (let p = pfn; p < top; p++) if (k.page_flags.get(p) & IN_BATCH) return p;
  return 0;
}

/** Whether any page waits in a batch. Part of a step. */
export const pagesInBatch = (k: Kernel): boolean =>
  k.config.pageFlags === true && k.lru_batch.get(OURS) > 0;

/** The next page at or after `pfn` that waits in a batch, or 0. */
const next_in_batch = step('folio_batch', nextInBatch);

const others_drained = step('folio_batch_reinit', (k: Kernel) => {
  if (k.config.pageFlags) k.lru_batch.set(OTHERS, 0);
});

const BATCHES = { atomic: 'batches are per CPU, under a local lock (mm/swap.c cpu_fbatches)' };

/** Puts a page into the batch that a bit stands for. */
const batch_page = step(
  'folio_batch',
  (k: Kernel, pfn: number, batch: number) => {
    k.page_flags.set(pfn, k.page_flags.get(pfn) | batch);
    k.lru_batch.add(OURS, 1);
  },
  BATCHES,
);

/** Takes a page out of one batch that it is in: the lists come first, and a locked page is on none. */
const unbatch_page = step(
  'folio_batch',
  (k: Kernel, pfn: number) => {
    const flags = k.page_flags.get(pfn);
    const taken = flags & PG_LRU_BATCH ? PG_LRU_BATCH : PG_MLOCK_BATCH | PG_ACTIVE;
    k.page_flags.set(pfn, flags & ~taken);
    k.lru_batch.add(OURS, -1);
  },
  BATCHES,
);

/** mm/swap.c lru_add_drain: the batches of this CPU go to the lists, their references with them. */
export const lru_add_drain = routine(
  'lru_add_drain',
  function* (): Run<void> {
    for (let p = yield* next_in_batch(1); p > 0; p = yield* next_in_batch(p)) {
      yield* unbatch_page(p);
      yield* put_page(p, 1);
    }
    yield* others_drained();
  },
  'mm/swap.c',
);

const may_batch = step('folio_batch_add', (k: Kernel, pfn: number, batch: number) =>
  k.config.pageFlags && !(k.page_flags.get(pfn) & batch) ? 1 : 0,
);
/** No space is left in the batch: the page that took the last goes on to the lists with the rest. */
const batch_is_full = step('folio_batch_space', (k: Kernel) =>
  k.lru_batch.get(OTHERS) + k.lru_batch.get(OURS) >= k.linux.pagevec_size ? 1 : 0,
);

/** mm/swap.c folio_batch_add_and_move: into a batch, with a reference. */
const folio_batch_add_and_move = routine(
  'folio_batch_add_and_move',
  function* (pfn: number, batch: number): Run<void> {
    if (!(yield* may_batch(pfn, batch))) return;
    yield* get_page(pfn, 1);
    yield* batch_page(pfn, batch);
    if (yield* batch_is_full()) yield* lru_add_drain();
  },
  'mm/swap.c',
);

/** mm/swap.c folio_add_lru */
export const folio_add_lru = (pfn: number): Run<void> =>
  folio_batch_add_and_move(pfn, PG_LRU_BATCH);

/**
 * mm/mlock.c mlock_folio, of a page that a fault puts into a VM_LOCKED mapping: it waits in a batch,
 * which is drained with the others, and is unevictable from then on.
 */
export const mlock_folio = routine(
  'mlock_folio',
  function* (pfn: number): Run<void> {
    yield* page_flags_mod(pfn, PG_MLOCKED, 0);
    yield* folio_batch_add_and_move(pfn, PG_MLOCK_BATCH);
  },
  'mm/mlock.c',
);

/** PG_unevictable: what has been put on the list of locked pages. 6.1 mm/mlock.c:58 __mlock_page */
const unevictable = (flags: number) => (flags & (PG_MLOCKED | PG_MLOCK_BATCH)) === PG_MLOCKED;

/** Part one of folio_mark_accessed: 1 if the page is to be activated, which 6.12's lists do otherwise. */
const set_referenced = step('folio_mark_accessed', (k: Kernel, pfn: number, longterm: number) => {
  if (!k.config.pageFlags || pfn <= 0 || (longterm && !k.linux.longterm_touches)) return 0;
  const flags = k.page_flags.get(pfn);
  if (!(flags & PG_REFERENCED) || k.linux.deactivates_inactive) {
    k.page_flags.set(pfn, flags | PG_REFERENCED);
    return 0;
  }
  if (flags & PG_ACTIVE || unevictable(flags)) return 0;
  k.page_flags.set(pfn, (flags & ~PG_REFERENCED) | PG_ACTIVE);
  return k.page_mapping.get(pfn) ? 1 : 0;
});

/** mm/swap.c folio_mark_accessed: what is touched twice becomes active, by way of a batch. */
export const folio_mark_accessed = routine(
  'folio_mark_accessed',
  function* (pfn: number, longterm: number): Run<void> {
    if (yield* set_referenced(pfn, longterm)) yield* folio_add_lru(pfn);
  },
  'mm/swap.c',
);

/** Pages on the LRU lists are those of processes and of files; a driver's own pages are not. */
export const folio_test_lru = step('folio_test_lru', (k: Kernel, pfn: number) =>
  k.page_mapping.get(pfn) ? 1 : 0,
);
