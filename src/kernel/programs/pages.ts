// SPDX-License-Identifier: GPL-2.0-or-later
/** Consumers of struct pages: get_user_pages and pins. They ask for a page, use it and let go. */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { again, type Run, routine } from '../../explore/program.ts';
import { blkdev_direct_IO } from '../io/direct-io.ts';
import { access_page, type UserPage } from '../mm/access.ts';
import {
  FOLL_GET,
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_WRITE,
  get_user_pages_unlocked,
  unpin_user_page,
} from '../mm/gup.ts';
import { get_user_pages_fast } from '../mm/gup-fast.ts';
import { type ConsumerProgram, HUGE, note_lookup, why_gup_worked } from './lookup.ts';

const VALUE = 2;

/** Takes a page, writes and reads it at leisure, lets go. */
function holdsPage(traits: ConsumerTraits): ConsumerProgram {
  return routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      const flags = FOLL_WRITE | (traits.longTerm ? FOLL_PIN | FOLL_LONGTERM : FOLL_GET);
      const before = yield* why_gup_worked(mm, addr);
      const page =
        traits.lookup === 'gup-fast' || traits.longTerm
          ? yield* get_user_pages_fast(mm, addr, flags)
          : yield* get_user_pages_unlocked(mm, addr, flags);
      yield* again('got', Math.max(page, -1), page < 0 ? 0 : before);
      yield* note_lookup(mm, addr, page > 0 ? 1 : 0);
      if (page < 0) return;
      const now = yield* why_gup_worked(mm, addr);
      const why = `R${before === HUGE ? before : now}`;
      yield* again('held', page, why);
      yield* access_page(page, 1, 0, VALUE, user, why);
      yield* access_page(page, 0, 0, 0, user, why);
      yield* again('used', page);
      yield* unpin_user_page(page, flags);
    },
  );
}

/** read(2), then write(2), of one page with O_DIRECT: the device stores, then it loads. */
function transfersPage(traits: ConsumerTraits): ConsumerProgram {
  return routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      for (let toMemory = 1; toMemory >= 0; toMemory--) {
        const rule = yield* why_gup_worked(mm, addr);
        const done = yield* blkdev_direct_IO(mm, addr, 1, toMemory, user, `R${rule}`);
        yield* again('transferred', done > 0 ? toMemory : -1);
        yield* note_lookup(mm, addr, done > 0 ? 1 : 0);
        if (done <= 0) return;
      }
    },
  );
}

export const takesPages = (traits: ConsumerTraits): ConsumerProgram =>
  traits.keeps === 'one-transfer' ? transfersPage(traits) : holdsPage(traits);
