// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Pipes: a ring of pages, each with a reference. write(2) copies into pages of the pipe's own,
 * vmsplice(2) puts the user's pages there, and what happens to those afterwards is seen by the
 * reader. fs/pipe.c, fs/splice.c
 */
import { again, type Run, routine, step } from '../../explore/program.ts';
import { EAGAIN, EBADF, EFAULT, ENOMEM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { access_page } from '../mm/access.ts';
import { FOLL_GET, ZERO_PAGE } from '../mm/gup.ts';
import { get_user_pages_fast } from '../mm/gup-fast.ts';
import { alloc_page, fill_page, OWNER_PIPE, put_page } from '../mm/page.ts';
import { copy_user_word, type Word } from '../mm/uaccess.ts';

const pipe_is_open = step('pipe_open', (k: Kernel, p: number) => k.pipe_open.get(p));

/** pipe(2): the pipe of a process, made once. */
export const sys_pipe = step('pipe', (k: Kernel, p: number) => k.pipe_open.set(p, 1));

const pipe_full = step('pipe_full', (k: Kernel, p: number) => {
  const bufs = k.config.pipeBuffers ?? 0;
  return k.pipe_head.get(p) - k.pipe_tail.get(p) >= bufs ? 1 : 0;
});

const pipe_push = step(
  'pipe->bufs[head++]',
  (k: Kernel, p: number, pfn: number) => {
    const bufs = k.config.pipeBuffers ?? 1;
    const head = k.pipe_head.get(p);
    k.pipe_bufs.set(p * bufs + (head % bufs), pfn + 1);
    k.pipe_head.set(p, head + 1);
  },
  { atomic: 'under pipe->mutex (fs/splice.c add_to_pipe, fs/pipe.c pipe_write)' },
);

/** Takes the oldest buffer out; its pfn plus one, or 0 when the pipe is empty. */
const pipe_pop = step(
  'pipe->bufs[tail++]',
  (k: Kernel, p: number) => {
    const bufs = k.config.pipeBuffers ?? 1;
    const tail = k.pipe_tail.get(p);
    if (tail === k.pipe_head.get(p)) return 0;
    const i = p * bufs + (tail % bufs);
    const pfn = k.pipe_bufs.get(i);
    k.pipe_bufs.set(i, 0);
    k.pipe_tail.set(p, tail + 1);
    return pfn;
  },
  { atomic: 'under pipe->mutex (fs/pipe.c pipe_read)' },
);

/** write(2) of `n` whole pages: page i full of word values[i]. Bytes in pages, or an errno. */
export const pipe_write = routine(
  'pipe_write',
  function* (p: number, value: number): Run<number> {
    if (!(yield* pipe_is_open(p))) return -EBADF;
    if (yield* pipe_full(p)) return -EAGAIN;
    const pfn = yield* alloc_page(OWNER_PIPE);
    if (pfn < 0) return -ENOMEM;
    yield* fill_page(pfn, value);
    yield* pipe_push(p, pfn);
    return 1;
  },
  'fs/pipe.c',
);

/** read(2) of one page: the word, or -EAGAIN on an empty pipe. The buffer's reference goes. */
export function* pipe_read(p: number, word: number): Run<Word> {
  if (!(yield* pipe_is_open(p))) return { err: -EBADF, value: 0 };
  const buf = yield* pipe_pop(p);
  if (!buf) return { err: -EAGAIN, value: 0 };
  const value = yield* access_page(buf - 1, 0, word, 0, null, '');
  yield* put_page(buf - 1, 1);
  return { err: 0, value };
}

/** fs/splice.c vmsplice_to_pipe: pages of the range, as many as there are and fit; or an errno. */
export const sys_vmsplice = routine(
  'vmsplice',
  function* (p: number, mm: number, addr: number, n: number): Run<number> {
    if (!(yield* pipe_is_open(p))) return -EBADF;
    let done = 0;
    // iter_to_pipe asks on until it gets nothing: where some pages came, once more.
    let some = 0;
    while (done < n) {
      yield* again('iter_to_pipe', done, some);
      if (yield* pipe_full(p)) return done || -EAGAIN;
      const page = yield* get_user_pages_fast(mm, addr + done, FOLL_GET);
      if (page >= 0) {
        yield* pipe_push(p, page === ZERO_PAGE ? 0 : page);
        done++;
      } else if (done === some) return done || page;
      else some = done;
    }
    return done;
  },
  'fs/splice.c',
);

/** Both ends are closed: every buffer lets go of its page. fs/pipe.c free_pipe_info */
export const free_pipe_info = routine(
  'free_pipe_info',
  function* (p: number): Run<void> {
    for (let buf = yield* pipe_pop(p); buf; buf = yield* pipe_pop(p)) yield* put_page(buf - 1, 1);
    yield* close_pipe(p);
  },
  'fs/pipe.c',
);
const close_pipe = step('pipe_release', (k: Kernel, p: number) => k.pipe_open.set(p, 0));

/**
 * write(2) of one word of user memory into a fresh pipe, and back out of it: copy_from_user.
 * A part of its caller, for the sake of the pair.
 */
export function* through_fresh_pipe(mm: number, addr: number, word: number): Run<Word> {
  const pfn = yield* alloc_page(OWNER_PIPE);
  if (pfn < 0) return { err: -EFAULT, value: 0 };
  const got = yield* copy_user_word(mm, addr, 0, word, 0);
  if (!got.err) yield* access_page(pfn, 1, word, got.value, null, '');
  yield* put_page(pfn, 1);
  return got;
}

/** read(2) of one word out of a fresh pipe into user memory: copy_to_user. */
export const read_fresh_pipe = routine(
  'pipe_read',
  function* (mm: number, addr: number, word: number, value: number): Run<number> {
    const pfn = yield* alloc_page(OWNER_PIPE);
    if (pfn < 0) return -ENOMEM;
    yield* access_page(pfn, 1, word, value, null, '');
    const { err } = yield* copy_user_word(mm, addr, 1, word, value);
    yield* put_page(pfn, 1);
    return err;
  },
  'fs/pipe.c',
);
