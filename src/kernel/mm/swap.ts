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
  PG_MLOCKED,
  PG_REFERENCED,
  page_flags_mod,
  put_page,
} from './page.ts';

/** Slots of lru_batch: pages of no interest, and those that PG_LRU_BATCH marks. */
export const OTHERS = 0;
const OURS = 1;

function nextInBatch(k: Kernel, pfn: number): number {
  if (!pagesInBatch(k)) return 0;
  const top = k.pages_fresh.get(0);
  for (let p = pfn; p < top; p++) if (k.page_flags.get(p) & PG_LRU_BATCH) return p;
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

/** Puts a page into the batch (1), or takes it out (-1). */
const batch_page = step(
  'folio_batch',
  (k: Kernel, pfn: number, by: number) => {
    k.page_flags.set(pfn, k.page_flags.get(pfn) ^ PG_LRU_BATCH);
    k.lru_batch.add(OURS, by);
  },
  { atomic: 'batches are per CPU, under a local lock (mm/swap.c cpu_fbatches)' },
);

/** mm/swap.c lru_add_drain: the batches of this CPU go to the lists, their references with them. */
export const lru_add_drain = routine(
  'lru_add_drain',
  function* (): Run<void> {
    for (let p = yield* next_in_batch(1); p > 0; p = yield* next_in_batch(p + 1)) {
      yield* batch_page(p, -1);
      yield* put_page(p, 1);
    }
    yield* others_drained();
  },
  'mm/swap.c',
);

const may_batch = step('folio_batch_add', (k: Kernel, pfn: number) =>
  k.config.pageFlags && !(k.page_flags.get(pfn) & PG_LRU_BATCH) ? 1 : 0,
);
/** No space is left in the batch: the page that took the last goes on to the lists with the rest. */
const batch_is_full = step('folio_batch_space', (k: Kernel) =>
  k.lru_batch.get(OTHERS) + k.lru_batch.get(OURS) >= k.linux.pagevec_size ? 1 : 0,
);

/** mm/swap.c folio_add_lru: into the batch, with a reference. */
export const folio_add_lru = routine(
  'folio_add_lru',
  function* (pfn: number): Run<void> {
    if (!(yield* may_batch(pfn))) return;
    yield* get_page(pfn, 1);
    yield* batch_page(pfn, 1);
    if (yield* batch_is_full()) yield* lru_add_drain();
  },
  'mm/swap.c',
);

/**
 * mm/mlock.c mlock_folio, of a page that a fault puts into a VM_LOCKED mapping: it waits in a batch,
 * which is drained with the others.
 */
export const mlock_folio = routine(
  'mlock_folio',
  function* (pfn: number): Run<void> {
    yield* page_flags_mod(pfn, PG_MLOCKED, 0);
    yield* folio_add_lru(pfn);
  },
  'mm/mlock.c',
);

/** Part one of folio_mark_accessed: 1 if the page is to be activated, which 6.12's lists do otherwise. */
const set_referenced = step('folio_mark_accessed', (k: Kernel, pfn: number, longterm: number) => {
  if (!k.config.pageFlags || pfn <= 0 || (longterm && !k.linux.longterm_touches)) return 0;
  const flags = k.page_flags.get(pfn);
  if (!(flags & PG_REFERENCED) || k.linux.deactivates_inactive) {
    k.page_flags.set(pfn, flags | PG_REFERENCED);
    return 0;
  }
  if (flags & (PG_ACTIVE | PG_MLOCKED)) return 0;
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
