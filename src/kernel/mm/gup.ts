// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * get_user_pages, the slow path: mm/gup.c. It holds mmap_lock and looks at VMA flags; the fast path
 * (gup-fast.ts) holds nothing but interrupts off and looks at the PTE alone. What the two refuse, and by
 * which test, is why VM_PFNMAP and pte_special are different things (R13).
 *
 * Results: a pfn, or a negative errno. One page at a time.
 */
import { again, guard, type Run, routine, step } from '../../explore/program.ts';
import { EAGAIN, EBUSY, EEXIST, EFAULT, EINVAL, ENOMEM } from '../errno.ts';
import { type Kernel, vm_operations } from '../kernel.ts';
import { handle_mm_fault } from './fault.ts';
import {
  FAULT_FLAG_ALLOW_RETRY,
  FAULT_FLAG_REMOTE,
  FAULT_FLAG_TRIED,
  FAULT_FLAG_UNSHARE,
  FAULT_FLAG_WRITE,
  is_cow_mapping,
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_EXEC,
  VM_FAULT_COMPLETED,
  VM_FAULT_ERROR,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_IO,
  VM_LOCKONFAULT,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from './flags.ts';
import { check_and_migrate_movable_pages } from './gup-longterm.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import {
  folio_mark_dirty,
  page_is_exclusive,
  page_mapping,
  put_page,
  try_get_page,
} from './page.ts';
import { lookup_entry, ptep_set_bits } from './pgtable.ts';
import { folio_mark_accessed, lru_add_drain } from './swap.ts';
import {
  find_vma_intersection,
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_end,
  vm_flags,
  vm_start,
  vma_lookup,
} from './vma.ts';
import { MAPPING_ANON } from './zap.ts';

export const FOLL_WRITE = 0x1;
export const FOLL_GET = 0x2;
export const FOLL_FORCE = 0x8;
export const FOLL_PIN = 0x80000;
export const FOLL_LONGTERM = 0x100;
export const FOLL_REMOTE = 0x80;
/** The caller can do with mmap_lock dropped: -EAGAIN then says that it was. */
export const FOLL_UNLOCKABLE = 0x200;
export const FOLL_TRIED = 0x800;
/** References that a pin takes of an order-0 page. include/linux/mm.h GUP_PIN_COUNTING_BIAS */
export const GUP_PIN_COUNTING_BIAS = 1024;

/** What one reference of this kind counts. */
export const refsOf = (flags: number): number =>
  flags & FOLL_PIN ? GUP_PIN_COUNTING_BIAS : flags & FOLL_GET ? 1 : 0;

/** mm/gup.c writable_file_mapping_allowed: a long-term pin would escape the exporter's write tracking. */
const writable_file_mapping_allowed = step(
  'writable_file_mapping_allowed',
  (k: Kernel, v: number) => {
    if (!k.linux.longterm_checks_writeback) return 1;
    const ops = vm_operations.at(k.vm_ops.get(v));
    // vma_needs_dirty_tracking: a shared writable mapping whose owner wants to know of writes.
    const flags = k.vm_flags.get(v);
    if ((flags & (VM_WRITE | VM_SHARED)) !== (VM_WRITE | VM_SHARED)) return 1;
    return ops?.page_mkwrite || ops?.pfn_mkwrite ? 0 : 1;
  },
);

/** mm/gup.c check_vma_flags */
export const check_vma_flags = routine(
  'check_vma_flags',
  function* (vma: number, flags: number): Run<number> {
    const vmf = yield* vm_flags(vma);
    if (yield* guard('the VM_IO|VM_PFNMAP test', vmf & (VM_IO | VM_PFNMAP))) return -EFAULT;
    if (flags & FOLL_WRITE) {
      if (flags & FOLL_LONGTERM && !(yield* writable_file_mapping_allowed(vma))) {
        if (yield* guard('the write-tracking test', 1)) return -EFAULT;
      }
      if (yield* guard('the VM_WRITE test', !(vmf & VM_WRITE))) {
        if (!(flags & FOLL_FORCE)) return -EFAULT;
        if (!is_cow_mapping(vmf)) return -EFAULT;
      }
    } else if (yield* guard('the VM_READ test', !(vmf & VM_READ))) {
      if (!(flags & FOLL_FORCE)) return -EFAULT;
      if (!(vmf & VM_MAYREAD)) return -EFAULT;
    }
    return 0;
  },
  'mm/gup.c',
);

const longterm_breaks_cow = step('gup_must_unshare', (k: Kernel) =>
  k.linux.longterm_breaks_cow ? 1 : 0,
);

/** mm/gup.c gup_must_unshare: a pin for reading must not rely on a page that may be copied. */
export const must_unshare = routine(
  'gup_must_unshare',
  function* (vma: number, pfn: number, pte: number, flags: number): Run<number> {
    if (!(flags & FOLL_PIN) || flags & FOLL_WRITE || pte & PTE_WRITE) return 0;
    if ((yield* page_mapping(pfn)) !== MAPPING_ANON) {
      // A long-term pin of what a private mapping would copy on its first write.
      if (!(flags & FOLL_LONGTERM) || !(yield* longterm_breaks_cow())) return 0;
      return vma === NO_VMA || is_cow_mapping(yield* vm_flags(vma)) ? 1 : 0;
    }
    return (yield* page_is_exclusive(pfn)) ? 0 : 1;
  },
);

const RETRY_FAULT = 0;

/** mm/gup.c can_follow_write_pte */
const can_follow_write_pte = routine(
  'can_follow_write_pte',
  function* (vma: number, pte: number, flags: number): Run<number> {
    if (pte & PTE_WRITE) return 1;
    if (!(flags & FOLL_FORCE)) return 0;
    const vmf = yield* vm_flags(vma);
    if (vmf & (VM_SHARED | VM_WRITE) || !(vmf & VM_MAYWRITE)) return 0;
    const pfn = pte & PTE_SPECIAL ? 0 : pte_pfn(pte);
    if (!pfn || (yield* page_mapping(pfn)) !== MAPPING_ANON) return 0;
    return yield* page_is_exclusive(pfn);
  },
  'mm/gup.c',
);

/**
 * mm/gup.c follow_page_pte: a page with references taken, 0 when a fault is needed, or an error.
 * -EMLINK (an unshare fault is needed) is told by UNSHARE.
 */
const UNSHARE = -31;
const follow_page_pte = routine(
  'follow_page_pte',
  function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
    yield* pte_lock(mm);
    const pte = yield* lookup_entry(mm, addr);
    const done = yield* follow_locked(mm, vma, addr, pte, flags);
    yield* pte_unlock(mm);
    return done;
  },
  'mm/gup.c',
);

/**
 * 6.1 mm/gup.c:2975 __gup_longterm_unlocked goes without FOLL_TOUCH; 6.12 mm/gup.c:3475 has it, and so
 * has __get_user_pages_remote of both (6.1 :2211, 6.12 :3614).
 */
const untouched = (flags: number): number =>
  (flags & (FOLL_LONGTERM | FOLL_REMOTE)) === FOLL_LONGTERM ? 1 : 0;
const longterm_touches = step('gup_flags', (k: Kernel) => (k.linux.longterm_touches ? 1 : 0));

const follow_locked = routine(
  'follow_page_pte',
  function* (mm: number, vma: number, addr: number, pte: number, flags: number): Run<number> {
    if (!(pte & PTE_PRESENT)) return RETRY_FAULT;
    if (flags & FOLL_WRITE) {
      const writable = yield* can_follow_write_pte(vma, pte, flags);
      if (yield* guard('the pte_write test', !writable)) return RETRY_FAULT;
    }
    const pfn = pte_pfn(pte);
    if (yield* guard('the pte_special test', pte & PTE_SPECIAL && pfn !== 0)) {
      // follow_pfn_pte: there is a translation, but no page to hand out.
      const bits = PTE_YOUNG | (flags & FOLL_WRITE ? PTE_DIRTY : 0);
      const touches = !untouched(flags) || (yield* longterm_touches());
      if (flags & FOLL_TOUCH && touches) yield* ptep_set_bits(mm, addr, bits);
      return -EEXIST;
    }
    const shared = yield* must_unshare(vma, pfn, pte, flags);
    if (yield* guard('the gup_must_unshare test', shared)) return UNSHARE;
    const refs = refsOf(flags);
    if (refs && !(pfn === 0 && flags & FOLL_PIN) && !(yield* try_get_page(pfn, refs)))
      return -ENOMEM;
    if (flags & FOLL_TOUCH) {
      // The entry stays old: atomic care would be needed for it.
      const longterm = untouched(flags);
      const dirties = flags & FOLL_WRITE && !(pte & PTE_DIRTY);
      if (dirties && (!longterm || (yield* longterm_touches()))) yield* folio_mark_dirty(pfn);
      yield* folio_mark_accessed(pfn, longterm);
    }
    return pfn === 0 ? ZERO_PAGE : pfn;
  },
  'mm/gup.c',
);

export const FOLL_TOUCH = 0x10000;
/** MADV_POPULATE_* of 6.12 tells a hole, and a VMA that it may not populate, from a failed fault. */
const FOLL_MADV_POPULATE = 0x400000;
/** How GUP answers for the shared zero page, whose pfn is 0 here. */
export const ZERO_PAGE = 0x7fffffff;

/** mm/gup.c faultin_page: 0 when the walk should be tried again. */
const faultin_page = routine(
  'faultin_page',
  function* (mm: number, vma: number, addr: number, flags: number, unshare: number): Run<number> {
    let fault = 0;
    if (flags & FOLL_WRITE) fault |= FAULT_FLAG_WRITE;
    if (flags & FOLL_REMOTE) fault |= FAULT_FLAG_REMOTE;
    if (unshare) fault |= FAULT_FLAG_UNSHARE;
    if (flags & FOLL_UNLOCKABLE) fault |= FAULT_FLAG_ALLOW_RETRY;
    if (flags & FOLL_TRIED) fault |= FAULT_FLAG_TRIED;
    const ret = yield* handle_mm_fault(mm, vma, addr, fault);
    if (ret & VM_FAULT_ERROR) return ret & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
    if (ret & (VM_FAULT_RETRY | VM_FAULT_COMPLETED)) return -EAGAIN;
    return 0;
  },
  'mm/gup.c',
);

/**
 * mm/gup.c __get_user_pages for one page, mmap_lock held for reading (and still held at the end).
 * @returns the pfn, with references as the flags say, or a negative errno
 */
export const __get_user_pages = routine(
  '__get_user_pages',
  function* (mm: number, addr: number, flags: number): Run<number> {
    const populates = flags & FOLL_MADV_POPULATE;
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) return populates ? -ENOMEM : -EFAULT;
    const bad = yield* check_vma_flags(vma, flags);
    if (bad) return populates ? -EINVAL : bad;
    for (;;) {
      yield* again('retry', vma);
      const page = yield* follow_page_pte(mm, vma, addr, flags);
      if (page > 0) return page;
      if (page !== RETRY_FAULT && page !== UNSHARE) {
        return page;
      }
      const ret = yield* faultin_page(mm, vma, addr, flags, page === UNSHARE ? 1 : 0);
      if (ret) return ret;
    }
  },
  'mm/gup.c',
);

/**
 * __get_user_pages_locked for one page: a handler that dropped mmap_lock and waited is asked once more,
 * with patience.
 */
function* __get_user_pages_locked(mm: number, addr: number, flags: number): Run<number> {
  const page = yield* __get_user_pages(mm, addr, flags);
  if (page !== -EAGAIN) return page;
  yield* mmap_read_lock(mm);
  return yield* __get_user_pages(mm, addr, flags | FOLL_TRIED);
}

/**
 * 6.12 mm/gup.c:2560, 6.1 :2131, with FOLL_LONGTERM, mmap_lock held: what may not be pinned for long is
 * moved, and looked up again.
 */
export const __gup_longterm_locked = routine(
  '__gup_longterm_locked',
  function* (mm: number, addr: number, flags: number): Run<number> {
    for (;;) {
      yield* again('rc == -EAGAIN');
      const page = yield* __get_user_pages_locked(mm, addr, flags);
      if (page <= 0 || page === ZERO_PAGE) return page;
      const err = yield* check_and_migrate_movable_pages(page, refsOf(flags));
      if (err !== -EAGAIN) return err || page;
    }
  },
  'mm/gup.c',
);

function* pages_locked(mm: number, addr: number, flags: number): Run<number> {
  yield* mmap_read_lock(mm);
  const page =
    flags & FOLL_LONGTERM
      ? yield* __gup_longterm_locked(mm, addr, flags)
      : yield* __get_user_pages_locked(mm, addr, flags);
  yield* mmap_read_unlock(mm);
  return page;
}

/** get_user_pages / pin_user_pages of one page by the slow path. */
export const get_user_pages_unlocked = routine(
  'get_user_pages',
  (mm: number, addr: number, flags: number) =>
    pages_locked(mm, addr, flags | FOLL_TOUCH | FOLL_UNLOCKABLE),
  'mm/gup.c',
);

/** mm/gup.c pin_user_pages of one page: unlike its brothers it does not mark what it finds accessed. */
export const pin_user_pages = routine(
  'pin_user_pages',
  (mm: number, addr: number, flags: number) => pages_locked(mm, addr, flags | FOLL_PIN),
  'mm/gup.c',
);

/** The zero page is counted like any other, and never freed. */
const put_zero_page = step('put_page', (k: Kernel, refs: number) => k.page_refcount.add(0, -refs), {
  text: () => 'put_page(zero page)',
});

/** Lets go of what GUP or a pin took. */
export const unpin_user_page = routine(
  'unpin_user_page',
  function* (pfn: number, flags: number): Run<void> {
    if (pfn === ZERO_PAGE) {
      if (!(flags & FOLL_PIN)) yield* put_zero_page(refsOf(flags));
      return;
    }
    yield* put_page(pfn, refsOf(flags));
  },
  'mm/gup.c',
);

/** mm/gup.c vma_permits_fault */
function permits(vmf: number, write: number): boolean {
  return write ? (vmf & VM_WRITE) !== 0 : (vmf & VM_READ) !== 0;
}

/** fixup_user_fault came to its end with `*unlocked` set: the VMA may be another one. */
export const UNLOCKED = 1;

/** One attempt of fixup_user_fault: 0, an errno, or VM_FAULT_RETRY or VM_FAULT_COMPLETED with mmap_lock dropped. */
const fixup_once = routine(
  'fixup_user_fault',
  function* (mm: number, addr: number, write: number, tried: number): Run<number> {
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) return -EFAULT;
    const permitted = permits(yield* vm_flags(vma), write);
    if (yield* guard('the vma_permits_fault test', !permitted)) return -EFAULT;
    const how = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY | tried | (write ? FAULT_FLAG_WRITE : 0);
    const ret = yield* handle_mm_fault(mm, vma, addr, how);
    if (ret & VM_FAULT_ERROR) return ret & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
    return ret & (VM_FAULT_RETRY | VM_FAULT_COMPLETED);
  },
  'mm/gup.c',
);

/**
 * mm/gup.c fixup_user_fault, mmap_lock held: resolves a fault as the CPU would, and takes no page.
 * It may drop the lock and take it again. Between it and the next look at the entry anything may
 * happen (Vetter 23/14:28).
 * @returns 0, UNLOCKED if mmap_lock was dropped on the way, or a negative errno
 */
export const fixup_user_fault = routine(
  'fixup_user_fault',
  function* (mm: number, addr: number, write: number): Run<number> {
    const first = yield* fixup_once(mm, addr, write, 0);
    if (first <= 0) return first;
    yield* mmap_read_lock(mm);
    if (first === VM_FAULT_COMPLETED) return UNLOCKED;
    const second = yield* fixup_once(mm, addr, write, FAULT_FLAG_TRIED);
    if (second === VM_FAULT_RETRY) return -EBUSY;
    return second || UNLOCKED;
  },
  'mm/gup.c',
);

const populate_tests_access = step('vma_is_accessible', (k: Kernel) =>
  k.linux.populate_tests_access ? 1 : 0,
);

/** Added to a number of pages: mmap_lock was dropped on the way. */
export const DROPPED = 1 << 16;

/**
 * __get_user_pages for who wants no pages, mmap_lock held: they are faulted in from `start` on.
 * @returns how many are there now, perhaps with DROPPED; a negative errno if the first is not
 */
export function* fault_in(mm: number, start: number, end: number, flags: number): Run<number> {
  for (let addr = start; addr < end; addr++) {
    const page = yield* __get_user_pages(mm, addr, flags);
    if (page === -EAGAIN) return (addr - start) | DROPPED;
    // -EEXIST, for an entry without a page, is no error to somebody who wants no page.
    if (page < 0 && page !== -EEXIST) return addr > start ? addr - start : page;
  }
  return end - start;
}

/**
 * mm/gup.c populate_vma_page_range: 6.12 mm/gup.c:1888, 6.1 :1566
 * @param how FOLL_UNLOCKABLE if handlers may drop mmap_lock, else 0
 * @returns as {@link fault_in}
 */
export const populate_vma_page_range = routine(
  'populate_vma_page_range',
  function* (mm: number, vma: number, start: number, end: number, how: number): Run<number> {
    const vmf = yield* vm_flags(vma);
    if (vmf & VM_LOCKONFAULT) return end - start;
    const accessible = vmf & (VM_READ | VM_WRITE | VM_EXEC);
    if (!accessible && (yield* populate_tests_access())) return -EFAULT;
    let flags = FOLL_TOUCH | how;
    if ((vmf & (VM_WRITE | VM_SHARED)) === VM_WRITE) flags |= FOLL_WRITE;
    if (accessible) flags |= FOLL_FORCE;
    const got = yield* fault_in(mm, start, end, flags);
    yield* lru_add_drain();
    return got;
  },
  'mm/gup.c',
);

/**
 * 6.12 mm/gup.c:1962, with __get_user_pages_locked() (:1720): a fault that dropped mmap_lock is tried again with
 * patience. The lock is held again at the end, as madvise_populate() sees to.
 * @returns how many pages are there now; a negative errno if the first is not
 */
export const faultin_page_range = routine(
  'faultin_page_range',
  function* (mm: number, start: number, end: number, write: number): Run<number> {
    const flags = FOLL_TOUCH | FOLL_UNLOCKABLE | FOLL_MADV_POPULATE | (write ? FOLL_WRITE : 0);
    let dropped = false;
    let at = start;
    let err = 0;
    while (at < end) {
      const got = yield* fault_in(mm, at, end, flags);
      if (got < 0) err = got;
      else at += got & ~DROPPED;
      if (got < 0 || !(got & DROPPED)) break;
      dropped = true;
      let page: number;
      do {
        yield* again('retry', at);
        yield* mmap_read_lock(mm);
        page = yield* __get_user_pages(mm, at, flags | FOLL_TRIED);
      } while (page === -EAGAIN);
      if (page < 0 && page !== -EEXIST) {
        err = page;
        break;
      }
      at++;
    }
    if (dropped) yield* mmap_read_unlock(mm);
    yield* lru_add_drain();
    if (dropped) yield* mmap_read_lock(mm);
    return at > start ? at - start : err;
  },
  'mm/gup.c',
);

/**
 * What MAP_POPULATE and mlock do; VM_IO and VM_PFNMAP are left out. 6.12 mm/gup.c:2000, 6.1 :1683
 * @param ignores 1: what cannot be had is left out, to the end of its VMA
 */
export const mm_populate = routine(
  '__mm_populate',
  function* (mm: number, start: number, end: number, ignores: number): Run<number> {
    let locked = false;
    let err = 0;
    for (let nstart = start, nend = end; nstart < end; nstart = nend) {
      if (!locked) {
        yield* again('nstart', nstart);
        yield* mmap_read_lock(mm);
        locked = true;
      }
      const vma = yield* find_vma_intersection(mm, nstart, end);
      if (vma === NO_VMA) break;
      nend = Math.min(end, yield* vm_end(vma));
      const skipped = (yield* vm_flags(vma)) & (VM_IO | VM_PFNMAP);
      if (yield* guard('the VM_IO|VM_PFNMAP test', skipped)) continue;
      nstart = Math.max(nstart, yield* vm_start(vma));
      const got = yield* populate_vma_page_range(mm, vma, nstart, nend, FOLL_UNLOCKABLE);
      if (got < 0) {
        if (ignores) continue;
        err = got;
        break;
      }
      if (got & DROPPED) locked = false;
      nend = nstart + (got & ~DROPPED);
    }
    if (locked) yield* mmap_read_unlock(mm);
    return err;
  },
  'mm/gup.c',
);
