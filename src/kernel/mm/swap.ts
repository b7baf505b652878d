// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The LRU lists, as far as they are seen from outside: which pages are on them at all, and the
 * per-CPU batches through which a page gets there, each holding a reference meanwhile. mm/swap.c
 */
import { type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { VM_LOCKED, VM_RAND_READ, VM_SEQ_READ, VM_SPECIAL } from './flags.ts';
import {
  get_page,
  PG_ACTIVE,
  PG_AGING_BATCH,
  PG_LAZYFREE,
  PG_LRU_BATCH,
  PG_MLOCK_BATCH,
  PG_MLOCKED,
  PG_NEW_BATCH,
  PG_REFERENCED,
  page_flags,
  page_flags_mod,
  put_page,
} from './page.ts';
import { NO_VMA } from './vma.ts';

const IN_BATCH = PG_LRU_BATCH | PG_MLOCK_BATCH | PG_AGING_BATCH | PG_NEW_BATCH;

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

/** The batches in the order in which they are drained; a locked page, which comes last, is on no list. */
const DRAINED = [PG_NEW_BATCH, PG_LRU_BATCH, PG_AGING_BATCH, PG_MLOCK_BATCH] as const;

/** Takes a page out of the first batch that it is in. Returns how many references the batch had. */
const unbatch_page = step(
  'folio_batch',
  (k: Kernel, pfn: number) => {
    const flags = k.page_flags.get(pfn);
    const batch = DRAINED.find((b) => flags & b) ?? 0;
    let cleared = batch;
    if (batch === PG_MLOCK_BATCH) cleared |= PG_ACTIVE;
    else if (batch === PG_AGING_BATCH) cleared |= PG_ACTIVE | PG_REFERENCED;
    // A page of a fault is new to the youngest generation, whatever came in between: lru_gen_add_folio.
    else if (k.linux.lru_gen && flags & PG_ACTIVE) cleared |= PG_ACTIVE | PG_REFERENCED;
    k.page_flags.set(pfn, flags & ~cleared);
    k.lru_batch.add(OURS, -1);
    return batch === PG_NEW_BATCH ? 0 : 1;
  },
  BATCHES,
);

/** mm/swap.c lru_add_drain: the batches of this CPU go to the lists, their references with them. */
export const lru_add_drain = routine(
  'lru_add_drain',
  function* (): Run<void> {
    for (let p = yield* next_in_batch(1); p > 0; p = yield* next_in_batch(p)) {
      if (yield* unbatch_page(p)) yield* put_page(p, 1);
    }
    yield* others_drained();
  },
  'mm/swap.c',
);

/** The multi-generation LRU takes it that what a fault makes is in use. 6.12 mm/swap.c:510 */
const in_fault = (k: Kernel, vma: number): number =>
  k.linux.lru_gen && !(k.vm_flags.get(vma) & (VM_SEQ_READ | VM_RAND_READ)) ? PG_ACTIVE : 0;

const may_batch = step('folio_batch_add', (k: Kernel, pfn: number, batch: number, vma: number) => {
  if (!k.config.pageFlags) return 0;
  const flags = k.page_flags.get(pfn);
  if (vma !== NO_VMA) k.page_flags.set(pfn, flags | in_fault(k, vma));
  return flags & (batch === PG_LRU_BATCH ? PG_LRU_BATCH | PG_NEW_BATCH : batch) ? 0 : 1;
});
/** No space is left in the batch: the page that took the last goes on to the lists with the rest. */
const full = (k: Kernel): number =>
  k.lru_batch.get(OTHERS) + k.lru_batch.get(OURS) >= k.linux.pagevec_size ? 1 : 0;
const batch_is_full = step('folio_batch_space', full);

/** mm/swap.c folio_batch_add_and_move: into a batch, with a reference. */
const folio_batch_add_and_move = routine(
  'folio_batch_add_and_move',
  function* (pfn: number, batch: number, vma: number): Run<void> {
    if (!(yield* may_batch(pfn, batch, vma))) return;
    yield* get_page(pfn, 1);
    yield* batch_page(pfn, batch);
    if (yield* batch_is_full()) yield* lru_add_drain();
  },
  'mm/swap.c',
);

/** mm/swap.c folio_add_lru; `vma` is where a fault has made the page, or NO_VMA. */
export const folio_add_lru = (pfn: number, vma: number): Run<void> =>
  folio_batch_add_and_move(pfn, PG_LRU_BATCH, vma);

/**
 * mm/swap.c folio_add_lru_vma of a new anonymous page, as part of a step on it. A page of a locked VMA
 * goes by mm/mlock.c mlock_new_folio.
 * @returns 1 if the batch is full now, and has to be drained
 */
export function batchAnon(k: Kernel, pfn: number, vma: number): number {
  if (!k.config.pageFlags) return 0;
  const locked = (k.vm_flags.get(vma) & (VM_LOCKED | VM_SPECIAL)) === VM_LOCKED;
  const how = locked ? PG_MLOCKED : in_fault(k, vma);
  k.page_flags.set(pfn, k.page_flags.get(pfn) | PG_NEW_BATCH | how);
  k.lru_batch.add(OURS, 1);
  return full(k);
}

/** mm/swap.c folio_deactivate, of a page on a list. */
export const folio_deactivate = routine(
  'folio_deactivate',
  function* (pfn: number): Run<void> {
    if (yield* may_deactivate(pfn)) yield* folio_batch_add_and_move(pfn, PG_AGING_BATCH, NO_VMA);
  },
  'mm/swap.c',
);
/** The multi-generation LRU has inactive ones deactivated, too. 6.12 mm/swap.c:703 */
const may_deactivate = step('folio_test_active', (k: Kernel, pfn: number) => {
  if (!k.config.pageFlags) return 0;
  const flags = k.page_flags.get(pfn);
  return !unevictable(flags) && (k.linux.lru_gen || flags & PG_ACTIVE) ? 1 : 0;
});

/** mm/swap.c folio_mark_lazyfree, of an anonymous page. */
export const folio_mark_lazyfree = routine(
  'folio_mark_lazyfree',
  function* (pfn: number): Run<void> {
    const flags = yield* page_flags(pfn);
    if (flags & (PG_LAZYFREE | PG_NEW_BATCH) || unevictable(flags)) return;
    yield* page_flags_mod(pfn, PG_LAZYFREE, 0);
    yield* folio_batch_add_and_move(pfn, PG_AGING_BATCH, NO_VMA);
  },
  'mm/swap.c',
);

/**
 * mm/mlock.c mlock_folio, of a page that a fault puts into a VM_LOCKED mapping: it waits in a batch,
 * which is drained with the others, and is unevictable from then on.
 */
export const mlock_folio = routine(
  'mlock_folio',
  function* (pfn: number): Run<void> {
    yield* page_flags_mod(pfn, PG_MLOCKED, 0);
    yield* folio_batch_add_and_move(pfn, PG_MLOCK_BATCH, NO_VMA);
  },
  'mm/mlock.c',
);

/** PG_unevictable: what has been put on the list of locked pages. 6.1 mm/mlock.c:58 __mlock_page */
const unevictable = (flags: number) =>
  (flags & (PG_MLOCKED | PG_MLOCK_BATCH | PG_NEW_BATCH)) === PG_MLOCKED;

/** Part one of folio_mark_accessed: 1 if the page is to be activated, which 6.12's lists do otherwise. */
const set_referenced = step('folio_mark_accessed', (k: Kernel, pfn: number, longterm: number) => {
  if (!k.config.pageFlags || pfn <= 0 || (longterm && !k.linux.longterm_touches)) return 0;
  const flags = k.page_flags.get(pfn);
  if (k.linux.lru_gen && unevictable(flags)) return 0;
  if (!(flags & PG_REFERENCED) || k.linux.lru_gen) {
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
    if (yield* set_referenced(pfn, longterm)) yield* folio_add_lru(pfn, NO_VMA);
  },
  'mm/swap.c',
);

/** Pages on the LRU lists are those of processes and of files; a driver's own pages are not. */
export const folio_test_lru = step('folio_test_lru', (k: Kernel, pfn: number) =>
  k.page_mapping.get(pfn) ? 1 : 0,
);
