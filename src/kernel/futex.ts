// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * futex(2), as far as the key: a private futex is keyed by address, a shared one by the page behind it,
 * which must belong to a file or to the process. kernel/futex/core.c get_futex_key
 */
import { type Run, routine } from '../explore/program.ts';
import { EAGAIN, EFAULT, EINVAL } from './errno.ts';
import { FOLL_GET, FOLL_WRITE, unpin_user_page, ZERO_PAGE } from './mm/gup.ts';
import { get_user_pages_fast } from './mm/gup-fast.ts';
import { page_mapping } from './mm/page.ts';
import { get_user_word } from './mm/uaccess.ts';
import { MAPPING_ANON } from './mm/zap.ts';

/** @param off in the page: a futex is a word of four bytes */
const get_futex_key = routine(
  'get_futex_key',
  function* (mm: number, addr: number, off: number, shared: number): Run<number> {
    if (off % 4 !== 0) return -EINVAL;
    if (!shared) return 0;
    let readonly = 0;
    let page = yield* get_user_pages_fast(mm, addr, FOLL_GET | FOLL_WRITE);
    if (page === -EFAULT) {
      // FUTEX_READ: a mapping that may only be read will do, unless the page is anonymous.
      page = yield* get_user_pages_fast(mm, addr, FOLL_GET);
      readonly = 1;
    }
    if (page < 0) return page;
    const mapping = page === ZERO_PAGE ? 0 : yield* page_mapping(page);
    const bad = mapping === 0 || (mapping === MAPPING_ANON && readonly);
    yield* unpin_user_page(page, FOLL_GET);
    return bad ? -EFAULT : 0;
  },
  'kernel/futex/core.c',
);

/** FUTEX_WAKE where nobody waits. */
export const futex_wake = routine(
  'futex_wake',
  function* (mm: number, addr: number, off: number, shared: number): Run<number> {
    return yield* get_futex_key(mm, addr, off, shared);
  },
  'kernel/futex/waitwake.c',
);

/** FUTEX_WAIT for a value that is not there, at word number `word`, which begins at `off`. */
export const futex_wait = routine(
  'futex_wait',
  function* (mm: number, addr: number, off: number, shared: number, word: number): Run<number> {
    const err = yield* get_futex_key(mm, addr, off, shared);
    if (err < 0) return err;
    const { err: unreadable } = yield* get_user_word(mm, addr, word);
    return unreadable || -EAGAIN;
  },
  'kernel/futex/waitwake.c',
);
