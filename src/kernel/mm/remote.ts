// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Reading and writing another process's memory: /proc/PID/mem and ptrace with FOLL_FORCE and
 * vm_ops->access (mm/memory.c __access_remote_vm), process_vm_readv and process_vm_writev without
 * either (mm/process_vm_access.c). All take struct pages; none works on a PFN mapping by itself.
 */
import type { Run } from '../../explore/program.ts';
import { EFAULT, EIO } from '../errno.ts';
import { access_page } from './access.ts';
import { vma_ops } from './fault.ts';
import {
  __get_user_pages,
  FOLL_FORCE,
  FOLL_GET,
  FOLL_PIN,
  FOLL_REMOTE,
  FOLL_TOUCH,
  FOLL_WRITE,
  get_user_pages_unlocked,
  unpin_user_page,
  ZERO_PAGE,
} from './gup.ts';
import { folio_mark_dirty } from './page.ts';
import type { Word } from './uaccess.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vma_lookup } from './vma.ts';

/** The pfn behind what GUP answers. */
export const pfn_of = (page: number): number => (page === ZERO_PAGE ? 0 : page);

/**
 * mm/memory.c access_remote_vm of one word. A part of its caller, for the sake of the pair.
 * @returns err 0 and the word, or -EIO as /proc/PID/mem and ptrace say for "nothing transferred"
 */
export function* access_remote_vm(
  mm: number,
  addr: number,
  write: number,
  word: number,
  value: number,
): Run<Word> {
  const flags = FOLL_FORCE | FOLL_GET | FOLL_REMOTE | (write ? FOLL_WRITE : 0);
  yield* mmap_read_lock(mm);
  const page = yield* __get_user_pages(mm, addr, flags | FOLL_TOUCH);
  let got: Word = { err: -EIO, value: 0 };
  if (page > 0) {
    const pfn = pfn_of(page);
    got = { err: 0, value: yield* access_page(pfn, write, word, value, null, '') };
    if (write) yield* folio_mark_dirty(pfn);
    yield* unpin_user_page(page, FOLL_GET);
  } else {
    const vma = yield* vma_lookup(mm, addr);
    const ops = vma === NO_VMA ? undefined : yield* vma_ops(vma);
    const pfn = ops?.access ? yield* ops.access(mm, vma, addr, write) : -EFAULT;
    if (pfn >= 0) got = { err: 0, value: yield* access_page(pfn, write, word, value, null, '') };
  }
  yield* mmap_read_unlock(mm);
  return got;
}

/** mm/process_vm_access.c process_vm_rw_single_vec, one word. */
export function* process_vm_rw(
  mm: number,
  addr: number,
  write: number,
  word: number,
  value: number,
): Run<Word> {
  const flags = FOLL_PIN | FOLL_REMOTE | (write ? FOLL_WRITE : 0);
  const page = yield* get_user_pages_unlocked(mm, addr, flags);
  if (page < 0) return { err: -EFAULT, value: 0 };
  const pfn = pfn_of(page);
  const got = yield* access_page(pfn, write, word, value, null, '');
  if (write) yield* folio_mark_dirty(pfn);
  yield* unpin_user_page(page, flags);
  return { err: 0, value: got };
}
