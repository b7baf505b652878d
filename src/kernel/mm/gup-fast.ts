// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * get_user_pages, the fast path: mm/gup.c. No lock, interrupts off, and a look at the PTE alone, before
 * and after the reference is taken; whatever it leaves goes the slow way (gup.ts).
 */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { ENODATA } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { PTE_NONE, PTE_PRESENT, PTE_SPECIAL, PTE_WRITE, pte_pfn } from './flags.ts';
import {
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_WRITE,
  get_user_pages_unlocked,
  must_unshare,
  refsOf,
} from './gup.ts';
import {
  folio_is_longterm_pinnable,
  PG_REFERENCED,
  page_flags_mod,
  put_page,
  try_get_page,
} from './page.ts';
import { local_irq_disable, local_irq_enable, lookup_entry } from './pgtable.ts';
import { NO_VMA } from './vma.ts';
import { MAPPING_ANON } from './zap.ts';

/** mm/gup.c gup_fast_folio_allowed: 6.12 leaves order-0 pages without a mapping to the slow path. */
const gup_fast_folio_allowed = step(
  'gup_fast_folio_allowed',
  (k: Kernel, pfn: number, flags: number) => {
    const mapping = k.page_mapping.get(pfn);
    if (mapping === MAPPING_ANON) return 1;
    if (k.linux.gup_fast_checks_mapping && mapping === 0) return 0;
    // 6.12: a long-term pin for writing needs a mapping without writeback; shared memory has none.
    const lasting = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;
    const rejects = k.linux.longterm_checks_writeback && (flags & lasting) === lasting;
    return rejects && mapping === 0 ? 0 : 1;
  },
);

/** 6.12 mm/gup.c:567 try_grab_folio_fast, 6.1 :144: left to the slow path, which can move the page. */
function* unpinnable(pfn: number): Run<number> {
  return (yield* folio_is_longterm_pinnable(pfn)) ? 0 : 1;
}

/**
 * The only test of GUP-fast that VM_PFNMAP memory can count on. Where entries cannot say that they
 * are special, GUP-fast takes none at all (6.12 mm/gup.c:2973, :3024; 6.1 mm/gup.c:2478, :2529).
 */
const no_page_behind = step('pte_special', (k: Kernel, pte: number) =>
  !k.linux.pte_special || pte & PTE_SPECIAL ? 1 : 0,
);

/**
 * mm/gup.c gup_fast_pte_range (6.1: gup_pte_range): no lock; reads the entry, takes the reference,
 * reads the entry again, every bit of it. Never looks at the VMA: only pte_special stops it.
 * @returns the pfn, or 0 to leave it to the slow path
 */
const gup_fast_pte_range = routine(
  'gup_fast_pte_range',
  function* (mm: number, addr: number, flags: number): Run<number> {
    const pte = yield* lookup_entry(mm, addr);
    if (!(pte & PTE_PRESENT) || pte & PTE_NONE) return 0;
    if (yield* guard('the pte_write test', flags & FOLL_WRITE && !(pte & PTE_WRITE))) return 0;
    if (yield* guard('the pte_special test', yield* no_page_behind(pte))) return 0;
    const pfn = pte_pfn(pte);
    const refs = refsOf(flags);
    if (!(yield* try_get_page(pfn, refs))) return 0;
    const now = yield* lookup_entry(mm, addr);
    if (
      (flags & FOLL_LONGTERM && (yield* guard('the pinnable test', yield* unpinnable(pfn)))) ||
      (yield* guard('the second look at the entry', now !== pte)) ||
      (yield* guard('the folio test', !(yield* gup_fast_folio_allowed(pfn, flags)))) ||
      (yield* guard('the gup_must_unshare test', yield* must_unshare(NO_VMA, pfn, pte, flags)))
    ) {
      yield* put_page(pfn, refs);
      return 0;
    }
    yield* page_flags_mod(pfn, PG_REFERENCED, 0);
    return pfn;
  },
  'mm/gup.c',
);

const write_protect_seq = step('write_protect_seq', (k: Kernel, mm: number) =>
  k.write_protect_seq.get(mm),
);

/**
 * mm/gup.c gup_fast (6.1: lockless_pages_from_mm). A pin that comes while fork write-protects is let go
 * of again: the child might share the page. 6.12 mm/gup.c:3401, 6.1 :3002
 */
const gup_fast = routine(
  'gup_fast',
  function* (mm: number, addr: number, flags: number): Run<number> {
    const pins = (flags & FOLL_PIN) !== 0;
    const seq = pins ? yield* write_protect_seq(mm) : 0;
    if (seq & 1) return 0;
    yield* local_irq_disable();
    const page = yield* gup_fast_pte_range(mm, addr, flags);
    yield* local_irq_enable();
    if (!page || !pins) return page;
    const forked = (yield* write_protect_seq(mm)) !== seq;
    if (!(yield* guard('the write_protect_seq test', forked))) return page;
    yield* put_page(page, refsOf(flags));
    return 0;
  },
  'mm/gup.c',
);

/** get_user_pages_fast_only: the fast path or nothing. */
export const get_user_pages_fast_only = routine(
  'get_user_pages_fast_only',
  function* (mm: number, addr: number, flags: number): Run<number> {
    return (yield* gup_fast(mm, addr, flags)) || -ENODATA;
  },
  'mm/gup.c',
);

/** get_user_pages_fast / pin_user_pages_fast (gup_fast_fallback): fast, then slow. */
export const get_user_pages_fast = routine(
  'get_user_pages_fast',
  function* (mm: number, addr: number, flags: number): Run<number> {
    const page = yield* gup_fast(mm, addr, flags);
    if (page) return page;
    return yield* get_user_pages_unlocked(mm, addr, flags);
  },
  'mm/gup.c',
);
