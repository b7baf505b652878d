// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Compaction: walks physical memory, takes what is on the LRU lists and moves it. It never looks at
 * entries or VMAs to find a page; a page that a driver allocated is on no list, and so not for it.
 * 6.12 mm/compaction.c:870 isolate_migratepages_block, 6.1 line 786.
 */
import { type Run, routine } from '../../explore/program.ts';
import { folio_isolate_lru, migrate_folio } from './migrate.ts';
import { page_mapcount, page_mapping, page_ref_count, put_page } from './page.ts';
import { MAPPING_ANON } from './zap.ts';

/** Takes a page for migration, 1 if it may be tried. An anonymous page that is held is left alone. */
const isolate_migratepages_block = routine(
  'isolate_migratepages_block',
  function* (pfn: number): Run<number> {
    if (!(yield* folio_isolate_lru(pfn))) return 0;
    // 6.12 line 1120, 6.1 line 1001: migration would fail on an anonymous page that is pinned.
    if ((yield* page_mapping(pfn)) === MAPPING_ANON) {
      if ((yield* page_ref_count(pfn)) - 1 > (yield* page_mapcount(pfn))) {
        yield* put_page(pfn, 1);
        return 0;
      }
    }
    return 1;
  },
  'mm/compaction.c',
);

/** The scanner comes to a page that is in use. Returns 1 if it moved it. */
export const compact_page = routine(
  'compact_zone',
  function* (pfn: number): Run<number> {
    if (!(yield* isolate_migratepages_block(pfn))) return 0;
    return yield* migrate_folio(pfn);
  },
  'mm/compaction.c',
);
