// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The mirror of the test module: a device with a page table of its own for some pages of a process, which
 * hmm_range_fault() fills and an interval notifier empties, both under the driver's lock. The sequence is
 * tested as whoever asks says; one way is right. guest/module/mirror.c
 */
import { again, type Run, routine, step } from '../explore/program.ts';
import { EBUSY, EFAULT, EINVAL, ENOENT, errnoName } from '../kernel/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { access_page } from '../kernel/mm/access.ts';
import { pte_pfn } from '../kernel/mm/flags.ts';
import {
  HMM_PFN_REQ_FAULT,
  HMM_PFN_REQ_WRITE,
  type HmmRange,
  hmm_range_fault_pages,
} from '../kernel/mm/hmm.ts';
import {
  MN_ALWAYS_TRIES,
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_lock,
  mmu_unlock,
} from '../kernel/mm/mmu_notifier.ts';
import {
  mmu_interval_notifier_insert,
  mmu_interval_notifier_remove,
} from '../kernel/mm/mmu_subscribe.ts';
import { get_page } from '../kernel/mm/page.ts';
import { mmap_read_lock, mmap_read_unlock } from '../kernel/mm/vma.ts';
import { install_mirror } from '../kernel/programs/notified.ts';
import { type Guest, HOLDERS, MIRRORED, PROCESSES } from './guest.ts';

/** Each process has one, after its other holders. */
const mirrorOf = (proc: number): number => PROCESSES * (HOLDERS + 1) + proc;

// hold_flags: there is a mirror; its pages are never freed.
const THERE = 0x1;
const KEEPS = 0x2;

interface Mirror {
  /** MIRROR_KEEPS and the like; 0: there is none. */
  readonly flags: number;
  readonly start: number;
  readonly pages: number;
}

const mirror_state = (field: (k: Kernel, h: number) => number) => step('mirror', field);
const flags_of = mirror_state((k, h) => k.hold_flags.get(h));
const start_of = mirror_state((k, h) => k.hold_addr.get(h));
const pages_of = mirror_state((k, h) => k.hold_pages.get(h));
const set_flags = step('mirror_begin', (k: Kernel, h: number, flags: number) =>
  k.hold_flags.set(h, flags),
);
const table_of = step('mirror_table', (k: Kernel, h: number, i: number) =>
  k.hold_mirror.get(h * MIRRORED + i),
);
const page_mapcount = step('page_mapcount', (k: Kernel, pfn: number) => k.page_mapcount.get(pfn));
const mirror_forget = step('mirror_end', (k: Kernel, h: number) => {
  k.hold_flags.set(h, 0);
  for (let i = 0; i < MIRRORED; i++) k.hold_mirror.set(h * MIRRORED + i, 0);
});

function* find(h: number): Run<Mirror> {
  return { flags: yield* flags_of(h), start: yield* start_of(h), pages: yield* pages_of(h) };
}

/** `mreg`: a mirror of pages [start, start + pages), with nothing in it. */
export function* mirrorBegin(
  proc: number,
  start: number,
  pages: number,
  letters: string,
): Run<string> {
  const h = mirrorOf(proc);
  if (pages < 1 || pages > MIRRORED) return errnoName(EINVAL);
  if (yield* flags_of(h)) return errnoName(EBUSY);
  const how = letters.includes('t') ? MN_ALWAYS_TRIES : 0;
  yield* mmu_interval_notifier_insert(h, how, proc, start, pages);
  yield* set_flags(h, THERE | (letters.includes('k') ? KEEPS : 0));
  return 'ok';
}

/** Puts what was found into the table. Returns 0 or -EBUSY. */
type Fill = (h: number, pfns: readonly number[], seq: number) => Run<number>;

const once: Fill = function* (h, pfns, seq) {
  yield* mmu_lock(h);
  const stale = yield* mmu_interval_read_retry(h, seq);
  for (let i = 0; !stale && i < pfns.length; i++) yield* install_mirror(h, pte_pfn(pfns[i]), i);
  yield* mmu_unlock(h);
  return stale ? -EBUSY : 0;
};

const each: Fill = function* (h, pfns, seq) {
  for (let i = 0; i < pfns.length; i++) {
    if (yield* mmu_interval_read_retry(h, seq)) return -EBUSY;
    yield* mmu_lock(h);
    yield* install_mirror(h, pte_pfn(pfns[i]), i);
    yield* mmu_unlock(h);
  }
  return 0;
};

const first: Fill = function* (h, pfns, seq) {
  for (let i = 0; i < pfns.length; i++) {
    yield* mmu_lock(h);
    const stale = i === 0 ? yield* mmu_interval_read_retry(h, seq) : 0;
    if (!stale) yield* install_mirror(h, pte_pfn(pfns[i]), i);
    yield* mmu_unlock(h);
    if (stale) return -EBUSY;
  }
  return 0;
};

const FILLS: Readonly<Record<string, Fill>> = { once, each, first };

const mirror_fill = routine('mirror_fill', function* (proc: number, way: string): Run<number> {
  const h = mirrorOf(proc);
  const { flags, start, pages } = yield* find(h);
  if (!flags) return -ENOENT;
  if (!Object.hasOwn(FILLS, way)) return -EINVAL;
  const default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;
  const range: HmmRange = { mm: proc, start, n: pages, default_flags, pfn_flags_mask: 0 };
  const seq = yield* mmu_interval_read_begin(h, proc);
  yield* mmap_read_lock(proc);
  const { ret, pfns } = yield* hmm_range_fault_pages(range, h, seq);
  const kept = flags & KEEPS && !ret ? pfns : [];
  for (const entry of kept) yield* get_page(pte_pfn(entry), 1);
  yield* mmap_read_unlock(proc);
  if (ret) return ret;
  yield* again('found', h, seq, ...pfns);
  return yield* FILLS[way](h, pfns, seq);
});

/** `mir`: looks all pages up, to be written to. EBUSY: start over. */
export function* mirrorFill(proc: number, way: string): Run<string> {
  const ret = yield* mirror_fill(proc, way);
  return ret < 0 ? errnoName(ret) : 'ok';
}

/** `mr`, `mw`: the device touches page `i`, under the lock, as its notifier waits for what is under way. */
export function* mirrorWord(
  g: Guest,
  proc: number,
  i: number,
  word: number,
  write: number,
  token: number,
): Run<string> {
  const h = mirrorOf(proc);
  const { flags, pages } = yield* find(h);
  if (!flags) return errnoName(ENOENT);
  if (i < 0 || i >= pages) return errnoName(EINVAL);
  yield* mmu_lock(h);
  const pfn = yield* table_of(h, i);
  const got = pfn ? yield* access_page(pfn, write, word, token, null, '') : 0;
  const gone = pfn && flags & KEEPS && (yield* page_mapcount(pfn)) === 0;
  yield* mmu_unlock(h);
  if (!pfn) return errnoName(EFAULT);
  return `${write ? 'ok' : g.show(got)}${gone ? ' gone' : ''}`;
}

/** `mput`: the mirror goes. */
export function* mirrorEnd(proc: number): Run<string> {
  const h = mirrorOf(proc);
  if (!(yield* flags_of(h))) return errnoName(ENOENT);
  yield* mmu_interval_notifier_remove(h);
  yield* mirror_forget(h);
  return 'ok';
}
