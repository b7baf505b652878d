// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The LRU lists, as far as they are seen from outside: which pages are on them at all, and the
 * per-CPU batches through which a page gets there, each holding a reference meanwhile. mm/swap.c
 */
import { type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { get_page, PG_LRU_BATCH, page_flags_mod, put_page } from './page.ts';

/** The next page at or after `pfn` that waits in a batch, or 0. */
const next_in_batch = step('folio_batch', (k: Kernel, pfn: number) => {
  if (!k.config.pageFlags) return 0;
  const top = k.pages_fresh.get(0);
  for (let p = pfn; p < top; p++) if (k.page_flags.get(p) & PG_LRU_BATCH) return p;
  return 0;
});

/** mm/swap.c lru_add_drain: the batches of this CPU go to the lists, their references with them. */
export const lru_add_drain = routine(
  'lru_add_drain',
  function* (): Run<void> {
    for (let p = yield* next_in_batch(1); p > 0; p = yield* next_in_batch(p + 1)) {
      yield* page_flags_mod(p, 0, PG_LRU_BATCH);
      yield* put_page(p, 1);
    }
  },
  'mm/swap.c',
);

const may_batch = step('folio_batch_add', (k: Kernel, pfn: number) =>
  k.config.pageFlags && !(k.page_flags.get(pfn) & PG_LRU_BATCH) ? 1 : 0,
);
/** A batch takes 31 pages, not 15 as in 6.1, so that it is not full at once. */
export const new_pages_stay_in_batch = step('folio_batch_count', (k: Kernel) =>
  k.config.pageFlags ? k.linux.shmem_extra_ref : 0,
);

/** mm/swap.c folio_add_lru: into the batch, with a reference. */
export const folio_add_lru = routine(
  'folio_add_lru',
  function* (pfn: number): Run<void> {
    if (!(yield* may_batch(pfn))) return;
    yield* get_page(pfn, 1);
    yield* page_flags_mod(pfn, PG_LRU_BATCH, 0);
  },
  'mm/swap.c',
);

/** Pages on the LRU lists are those of processes and of files; a driver's own pages are not. */
export const folio_test_lru = step('folio_test_lru', (k: Kernel, pfn: number) =>
  k.page_mapping.get(pfn) ? 1 : 0,
);
