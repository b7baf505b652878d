// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Direct I/O to a RAM disk: the device moves words between its own memory and the user's pages, which
 * it got from GUP (6.12: pinned). Where GUP stops in the middle, the rest goes through the page
 * cache, which is to say through copy_to_user and copy_from_user. block/fops.c
 */
import { again, type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { access_page, type UserPage } from '../mm/access.ts';
import { FOLL_GET, FOLL_PIN, FOLL_WRITE, unpin_user_page } from '../mm/gup.ts';
import { get_user_pages_fast } from '../mm/gup-fast.ts';
import { folio_mark_dirty } from '../mm/page.ts';
import { pfn_of } from '../mm/remote.ts';
import { lru_add_drain } from '../mm/swap.ts';
import { copy_user_word, get_user_word } from '../mm/uaccess.ts';

/** What the disk holds afterwards is kept only where a run looks at it. */
const disk_write = step('copy_to_brd', (k: Kernel, page: number, word: number, value: number) => {
  if (k.config.diskPages) k.disk_word.set(page * k.config.words + word, value);
});
const disk_read = step('copy_from_brd', (k: Kernel, page: number, word: number) =>
  k.diskWord(page, word),
);
/** A word of what has been written. */
export const disk_word = step('copy_from_brd', (k: Kernel, page: number, word: number) =>
  k.disk_word.get(page * k.config.words + word),
);
const words_of_page = step('PAGE_SIZE', (k: Kernel) => k.config.words);
/** block/bio.c bio_iov_iter_get_pages: pins since 6.5, took references before. */
const bio_flags = step('bio_iov_iter_get_pages', (k: Kernel) =>
  k.linux.direct_io_pins ? FOLL_PIN : FOLL_GET,
);

/** drivers/block/brd.c brd_do_bvec */
const brd_do_bvec = routine(
  'brd_do_bvec',
  function* (
    pfn: number,
    page: number,
    toMemory: number,
    user: UserPage | null,
    rule: string,
  ): Run<void> {
    const words = yield* words_of_page();
    for (let w = 0; w < words; w++) {
      if (toMemory) yield* access_page(pfn, 1, w, yield* disk_read(page, w), user, rule);
      else yield* disk_write(page, w, yield* access_page(pfn, 0, w, 0, user, rule));
    }
  },
  'drivers/block/brd.c',
);

/** The page cache's way: an ordinary access of every word. Returns an errno or 0. */
const buffered = routine(
  'filemap_read',
  function* (mm: number, addr: number, page: number, toMemory: number): Run<number> {
    const words = yield* words_of_page();
    for (let w = 0; w < words; w++) {
      if (toMemory) {
        const { err } = yield* copy_user_word(mm, addr, 1, w, yield* disk_read(page, w));
        if (err) return err;
      } else {
        // fault_in_iov_iter_readable touches the page first, and then the copy does not fault.
        const got = yield* get_user_word(mm, addr, w);
        if (got.err) return got.err;
        yield* disk_write(page, w, got.value);
      }
    }
    return 0;
  },
  'mm/filemap.c',
);

/** Pages that one bio holds: 6.12 block/fops.c:377 asks, 6.1 :381. */
const BIO_MAX_VECS = 256;

/**
 * read(2) (`toMemory`) or write(2) of `n` pages at the disk's start, with O_DIRECT.
 * @param user what the first page has to be, or null
 * @param rule the rule that falls when it is not
 * @returns pages moved, or a negative errno
 */
export const blkdev_direct_IO = routine(
  'blkdev_direct_IO',
  function* (
    mm: number,
    addr: number,
    n: number,
    toMemory: number,
    user: UserPage | null,
    rule: string,
  ): Run<number> {
    const flags = (yield* bio_flags()) | (toMemory ? FOLL_WRITE : 0);
    const pages: number[] = [];
    // bio_iov_iter_get_pages asks on until it gets nothing: where some pages came, once more.
    let some = 0;
    let failed = 0;
    while (pages.length < n) {
      const page = yield* get_user_pages_fast(mm, addr + pages.length, flags);
      if (page >= 0) {
        pages.push(page);
        continue;
      }
      failed = page;
      if (pages.length === 0) return page;
      if (pages.length === some) break;
      some = pages.length;
    }
    for (let i = 0; i < pages.length; i++) {
      yield* brd_do_bvec(pfn_of(pages[i]), i, toMemory, user, rule);
    }
    for (const page of pages) {
      if (toMemory) yield* folio_mark_dirty(pfn_of(page));
      yield* unpin_user_page(page, flags);
    }
    // More than one bio: the last one's error is that of the whole, whatever the others moved.
    if (n > BIO_MAX_VECS && pages.length < n) return failed;
    let done = pages.length;
    for (; done < n; done++) {
      yield* again('fallback', done);
      if (yield* buffered(mm, addr + done, done, toMemory)) break;
    }
    // A write drops what it left in the page cache, a read's goes with the disk's last descriptor:
    // either way folio_batch_release drains this CPU's LRU batches (6.12 mm/swap.c:1050, 6.1 :1049).
    if (toMemory ? pages.length < n : pages.length < done) yield* lru_add_drain();
    return done;
  },
  'block/fops.c',
);
