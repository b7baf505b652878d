// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a long-term pin does about pages that have to stay movable (CMA areas, ZONE_MOVABLE): mm/gup.c
 * moves them elsewhere first. It can move what is on the LRU lists, and no page that a driver allocated.
 */
import { guard, type Run, routine } from '../../explore/program.ts';
import { EAGAIN, ENOMEM } from '../errno.ts';
import { folio_isolate_lru, migrate_folio } from './migrate.ts';
import { folio_is_longterm_pinnable, put_page } from './page.ts';
import { lru_add_drain } from './swap.ts';

/**
 * One page, pinned with `refs` references, which go unless the answer is 0. 6.12 mm/gup.c:2354 and :2416,
 * 6.1 :1964 and :2023. A page that cannot be isolated counts as one that was migrated (6.12 :2398 and
 * :2471, 6.1 :2006 and :2078).
 * @returns 0 if it may stay pinned, -EAGAIN to look it up again, -ENOMEM if it could not be moved
 */
export const check_and_migrate_movable_pages = routine(
  'check_and_migrate_movable_pages',
  function* (pfn: number, refs: number): Run<number> {
    const pinnable = yield* folio_is_longterm_pinnable(pfn);
    if (!(yield* guard('the pinnable test', !pinnable))) return 0;
    yield* lru_add_drain();
    const isolated = yield* folio_isolate_lru(pfn);
    yield* put_page(pfn, refs);
    if (!isolated) return -EAGAIN;
    return (yield* migrate_folio(pfn)) ? -EAGAIN : -ENOMEM;
  },
  'mm/gup.c',
);
