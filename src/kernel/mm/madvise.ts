// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * madvise(2): mm/madvise.c. Each advice is refused by the flag or the kind of memory that Linux looks
 * at; what VM_PFNMAP, VM_IO and VM_MIXEDMAP each forbid differs from advice to advice.
 */
import { again, type Run, routine, step } from '../../explore/program.ts';
import { EACCES, EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM } from '../errno.ts';
import { file_ops, fput, get_file } from '../fs/file.ts';
import { vfs_punch_hole } from '../fs/read-write.ts';
import { file_operations, type Kernel } from '../kernel.ts';
import {
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_YOUNG,
  pte_pfn,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_IO,
  VM_LOCKED,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SPECIAL,
  VM_WIPEONFORK,
} from './flags.ts';
import {
  check_vma_flags,
  DROPPED,
  FOLL_TOUCH,
  FOLL_UNLOCKABLE,
  FOLL_WRITE,
  fault_in,
  faultin_page_range,
} from './gup.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import { can_modify_vma_madv } from './mseal.ts';
import {
  get_page,
  PG_DIRTY,
  PG_REFERENCED,
  page_flags,
  page_flags_mod,
  page_mapcount,
  page_mapping,
} from './page.ts';
import { flush_tlb_range, next_present, ptep_clear_bits, ptep_get } from './pgtable.ts';
import { folio_deactivate, folio_mark_lazyfree, folio_test_lru, lru_add_drain } from './swap.ts';
import {
  find_vma,
  find_vma_intersection,
  mmap_read_lock,
  mmap_read_unlock,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  vm_end,
  vm_file,
  vm_flags,
  vm_ops,
  vm_pgoff,
  vm_start,
  vma_lookup,
} from './vma.ts';
import { vm_flags_reset, vma_modify_flags } from './vma-modify.ts';
import { reclaim_pages } from './vmscan.ts';
import { MAPPING_ANON, zap_page_range_single } from './zap.ts';

/** The advices, by the names of MADV_*. */
export type Advice =
  | 'NORMAL'
  | 'RANDOM'
  | 'SEQUENTIAL'
  | 'WILLNEED'
  | 'DONTNEED'
  | 'FREE'
  | 'REMOVE'
  | 'DONTFORK'
  | 'DOFORK'
  | 'MERGEABLE'
  | 'UNMERGEABLE'
  | 'HUGEPAGE'
  | 'NOHUGEPAGE'
  | 'DONTDUMP'
  | 'DODUMP'
  | 'WIPEONFORK'
  | 'KEEPONFORK'
  | 'COLD'
  | 'PAGEOUT'
  | 'POPULATE_READ'
  | 'POPULATE_WRITE'
  | 'DONTNEED_LOCKED'
  | 'COLLAPSE';

const ADVICES: readonly Advice[] = [
  'NORMAL',
  'RANDOM',
  'SEQUENTIAL',
  'WILLNEED',
  'DONTNEED',
  'FREE',
  'REMOVE',
  'DONTFORK',
  'DOFORK',
  'MERGEABLE',
  'UNMERGEABLE',
  'HUGEPAGE',
  'NOHUGEPAGE',
  'DONTDUMP',
  'DODUMP',
  'WIPEONFORK',
  'KEEPONFORK',
  'COLD',
  'PAGEOUT',
  'POPULATE_READ',
  'POPULATE_WRITE',
  'DONTNEED_LOCKED',
  'COLLAPSE',
];

export const isAdvice = (text: string): text is Advice => ADVICES.includes(text as Advice);

/** mm/mseal.c is_madv_discard */
const DISCARDS: readonly Advice[] = [
  'FREE',
  'DONTNEED',
  'DONTNEED_LOCKED',
  'REMOVE',
  'DONTFORK',
  'WIPEONFORK',
];

/** mm/madvise.c madvise_need_mmap_write: these only read the tree of VMAs. */
const READS: readonly Advice[] = [
  'REMOVE',
  'WILLNEED',
  'DONTNEED',
  'DONTNEED_LOCKED',
  'COLD',
  'PAGEOUT',
  'FREE',
  'POPULATE_READ',
  'POPULATE_WRITE',
  'COLLAPSE',
];

/** What an advice about flags makes of them, or a negative errno (all flags are positive here). */
const advised = step('madvise_vma_behavior', (k: Kernel, v: number, advice: Advice) => {
  const flags = k.vm_flags.get(v);
  switch (advice) {
    case 'DOFORK':
      return flags & VM_IO ? EINVAL : 0;
    case 'WIPEONFORK':
      return k.vm_file.get(v) || flags & VM_SHARED ? EINVAL : 0;
    case 'DODUMP':
      return flags & VM_SPECIAL ? EINVAL : 0;
    default:
      return 0;
  }
});

function newFlags(flags: number, advice: Advice): number {
  switch (advice) {
    case 'NORMAL':
      return flags & ~VM_RAND_READ & ~VM_SEQ_READ;
    case 'SEQUENTIAL':
      return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
    case 'RANDOM':
      return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
    case 'DONTFORK':
      return flags | VM_DONTCOPY;
    case 'DOFORK':
      return flags & ~VM_DONTCOPY;
    case 'WIPEONFORK':
      return flags | VM_WIPEONFORK;
    case 'KEEPONFORK':
      return flags & ~VM_WIPEONFORK;
    case 'DONTDUMP':
      return flags | VM_DONTDUMP;
    case 'DODUMP':
      return flags & ~VM_DONTDUMP;
    case 'MERGEABLE':
      // mm/ksm.c vma_ksm_compatible: silently not for shared or special memory.
      return flags & (VM_SHARED | VM_MAYSHARE | VM_SPECIAL) ? flags : flags | VM_MERGEABLE;
    case 'UNMERGEABLE':
      return flags & ~VM_MERGEABLE;
    case 'HUGEPAGE':
      return (flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
    case 'NOHUGEPAGE':
      return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
    default:
      return flags;
  }
}

const madvise_update_vma = routine(
  'madvise_update_vma',
  function* (vma: number, start: number, end: number, advice: Advice): Run<number> {
    const bad = yield* advised(vma, advice);
    if (bad) return -bad;
    const old = yield* vm_flags(vma);
    const flags = newFlags(old, advice);
    if (flags === old) return 0;
    const target = yield* vma_modify_flags(vma, start, end, flags);
    if (target < 0) return target === -ENOMEM ? -EAGAIN : target;
    yield* vm_flags_reset(target, flags);
    return 0;
  },
  'mm/madvise.c',
);

/** mm/madvise.c madvise_cold, madvise_pageout: pages of this VMA alone that are on an LRU list. */
const madvise_cold_or_pageout = routine(
  'madvise_cold_or_pageout_pte_range',
  function* (mm: number, vma: number, start: number, end: number, pageout: number): Run<number> {
    if ((yield* vm_flags(vma)) & (VM_LOCKED | VM_PFNMAP)) return -EINVAL;
    yield* lru_add_drain();
    const keepsYoung = pageout ? yield* pageout_keeps_young() : 0;
    const isolated: number[] = [];
    let cleared = false;
    yield* pte_lock(mm);
    for (let a = yield* next_present(mm, start, end); a < end; ) {
      const pte = yield* ptep_get(mm, a);
      const pfn = pte & PTE_PRESENT && !(pte & PTE_SPECIAL) ? pte_pfn(pte) : 0;
      if (pfn && (yield* folio_test_lru(pfn)) && (yield* page_mapcount(pfn)) === 1) {
        if (pte & PTE_YOUNG && !keepsYoung) {
          yield* ptep_clear_bits(mm, a, PTE_YOUNG);
          cleared = true;
        }
        yield* page_flags_mod(pfn, 0, PG_REFERENCED);
        if (pageout) {
          yield* get_page(pfn, 1);
          isolated.push(pfn);
        } else yield* folio_deactivate(pfn);
      }
      a = yield* next_present(mm, a + 1, end);
    }
    yield* pte_unlock(mm);
    if (isolated.length) yield* reclaim_pages(isolated);
    if (cleared) yield* flush_tlb_range(mm, start, end);
    return 0;
  },
  'mm/madvise.c',
);
const pageout_keeps_young = step('madvise_pageout', (k: Kernel) =>
  k.linux.pageout_keeps_young ? 1 : 0,
);

/** mm/madvise.c madvise_free_pte_range: anonymous pages lose accessed and dirty, and their worth. */
const madvise_free_pte_range = routine(
  'madvise_free_pte_range',
  function* (mm: number, start: number, end: number): Run<void> {
    let cleared = false;
    yield* pte_lock(mm);
    for (let a = yield* next_present(mm, start, end); a < end; ) {
      const pte = yield* ptep_get(mm, a);
      const pfn = pte & PTE_PRESENT && !(pte & PTE_SPECIAL) ? pte_pfn(pte) : 0;
      const dirty = pfn ? (yield* page_flags(pfn)) & PG_DIRTY : 0;
      if (pfn && !(dirty && (yield* page_mapcount(pfn)) !== 1)) {
        if (pte & (PTE_YOUNG | PTE_DIRTY)) {
          yield* ptep_clear_bits(mm, a, PTE_YOUNG | PTE_DIRTY);
          cleared = true;
        }
        const anon = (yield* page_mapping(pfn)) === MAPPING_ANON;
        yield* page_flags_mod(pfn, 0, PG_DIRTY);
        if (anon) yield* folio_mark_lazyfree(pfn);
      }
      a = yield* next_present(mm, a + 1, end);
    }
    yield* pte_unlock(mm);
    if (cleared) yield* flush_tlb_range(mm, start, end);
  },
  'mm/madvise.c',
);

const madvise_dontneed_free = routine(
  'madvise_dontneed_free',
  function* (mm: number, vma: number, start: number, end: number, advice: Advice): Run<number> {
    const forbidden = advice === 'DONTNEED_LOCKED' ? VM_PFNMAP : VM_PFNMAP | VM_LOCKED;
    if ((yield* vm_flags(vma)) & forbidden) return -EINVAL;
    if (advice !== 'FREE') {
      yield* zap_page_range_single(mm, vma, start, end);
      return 0;
    }
    if (yield* vm_ops(vma)) return -EINVAL;
    yield* lru_add_drain();
    yield* mmu_notifier_invalidate_range_start(mm, start, end);
    yield* madvise_free_pte_range(mm, start, end);
    yield* mmu_notifier_invalidate_range_end(mm, start, end);
    return 0;
  },
  'mm/madvise.c',
);

/** mm/madvise.c madvise_remove: punches a hole into the file, mmap_lock dropped meanwhile. */
const madvise_remove = routine(
  'madvise_remove',
  function* (mm: number, vma: number, start: number, end: number): Run<number> {
    const flags = yield* vm_flags(vma);
    if (flags & VM_LOCKED) return -EINVAL;
    const file = (yield* vm_file(vma)) - 1;
    if (file < 0) return -EINVAL;
    if ((flags & (VM_SHARED | VM_MAYWRITE)) !== (VM_SHARED | VM_MAYWRITE)) return -EACCES;
    const first = (yield* vm_pgoff(vma)) + start - (yield* vm_start(vma));
    yield* get_file(file);
    yield* mmap_read_unlock(mm);
    const err = yield* vfs_punch_hole(file, first, end - start);
    yield* fput(file);
    yield* mmap_read_lock(mm);
    return err;
  },
  'mm/madvise.c',
);

/** mm/madvise.c madvise_willneed: nothing is swapped out, and a dma-buf's file has nothing to read. */
const madvise_willneed = routine(
  'madvise_willneed',
  function* (vma: number): Run<number> {
    const file = yield* vm_file(vma);
    const shmem = file && file_operations.at(yield* file_ops(file - 1))?.regular;
    if (!file || shmem) yield* lru_add_drain();
    return 0;
  },
  'mm/madvise.c',
);

const madvise_vma_behavior = routine(
  'madvise_vma_behavior',
  function* (mm: number, vma: number, start: number, end: number, advice: Advice): Run<number> {
    if (!(yield* can_modify_vma_madv(vma, DISCARDS.includes(advice) ? 1 : 0))) return -EPERM;
    switch (advice) {
      case 'REMOVE':
        return yield* madvise_remove(mm, vma, start, end);
      case 'WILLNEED':
        return yield* madvise_willneed(vma);
      case 'COLD':
        return yield* madvise_cold_or_pageout(mm, vma, start, end, 0);
      case 'PAGEOUT':
        return yield* madvise_cold_or_pageout(mm, vma, start, end, 1);
      case 'FREE':
      case 'DONTNEED':
      case 'DONTNEED_LOCKED':
        return yield* madvise_dontneed_free(mm, vma, start, end, advice);
      case 'COLLAPSE':
        // mm/khugepaged.c madvise_collapse: right where no aligned huge page fits (docs/limits.md).
        return -EINVAL;
      default:
        return yield* madvise_update_vma(vma, start, end, advice);
    }
  },
  'mm/madvise.c',
);

/** mm/madvise.c madvise_walk_vmas: holes are passed over and reported at the end. */
const madvise_walk_vmas = routine(
  'madvise_walk_vmas',
  function* (mm: number, start: number, end: number, advice: Advice): Run<number> {
    let hole = 0;
    for (let at = start; ; ) {
      const vma = yield* find_vma(mm, at);
      if (vma === NO_VMA) return -ENOMEM;
      const from = yield* vm_start(vma);
      if (at < from) {
        hole = -ENOMEM;
        at = from;
        if (at >= end) return hole;
      }
      const to = Math.min(end, yield* vm_end(vma));
      const err = yield* madvise_vma_behavior(mm, vma, at, to, advice);
      if (err) return err;
      at = to;
      if (at >= end) return hole;
    }
  },
  'mm/madvise.c',
);

const populate_walks_vmas = step('madvise_walk_vmas', (k: Kernel) =>
  k.linux.populate_walks_vmas ? 1 : 0,
);

/** 6.1 mm/madvise.c:901, for each VMA: a hole is told at the end, and an error within one at once. */
function* populate_by_vma(mm: number, start: number, end: number, write: number): Run<number> {
  const flags = FOLL_TOUCH | FOLL_UNLOCKABLE | (write ? FOLL_WRITE : 0);
  let hole = 0;
  for (let at = start; at < end; ) {
    const first = yield* find_vma_intersection(mm, at, end);
    if (first === NO_VMA) return -ENOMEM;
    const from = yield* vm_start(first);
    if (at < from) {
      hole = -ENOMEM;
      at = from;
    }
    const upto = Math.min(end, yield* vm_end(first));
    while (at < upto) {
      const vma = yield* vma_lookup(mm, at);
      if (vma === NO_VMA) return -ENOMEM;
      if (yield* check_vma_flags(vma, flags)) return -EINVAL;
      const got = yield* fault_in(mm, at, Math.min(upto, yield* vm_end(vma)), flags);
      yield* lru_add_drain();
      if (got < 0) return got === -EFAULT ? -EFAULT : -ENOMEM;
      at += got & ~DROPPED;
      if (!(got & DROPPED)) continue;
      yield* again('start', at, upto, hole);
      yield* mmap_read_lock(mm);
    }
  }
  return hole;
}

/** 6.12 mm/madvise.c:952 */
function* populate_range(mm: number, start: number, end: number, write: number): Run<number> {
  for (let at = start; at < end; ) {
    const got = yield* faultin_page_range(mm, at, end, write);
    if (got < 0) return got === -EINVAL || got === -EFAULT ? got : -ENOMEM;
    at += got;
  }
  return 0;
}

/** mm/madvise.c madvise_populate */
const madvise_populate = routine(
  'madvise_populate',
  function* (mm: number, start: number, end: number, write: number): Run<number> {
    const populate = (yield* populate_walks_vmas()) ? populate_by_vma : populate_range;
    return yield* populate(mm, start, end, write);
  },
  'mm/madvise.c',
);

/** madvise(2) */
export const sys_madvise = routine(
  'madvise',
  function* (mm: number, addr: number, n: number, advice: Advice): Run<number> {
    if (n < 0) return -EINVAL;
    if (n === 0) return 0;
    const end = addr + n;
    const reads = READS.includes(advice);
    if (reads) yield* mmap_read_lock(mm);
    else yield* mmap_write_lock(mm);
    const ret =
      advice === 'POPULATE_READ' || advice === 'POPULATE_WRITE'
        ? yield* madvise_populate(mm, addr, end, advice === 'POPULATE_WRITE' ? 1 : 0)
        : yield* madvise_walk_vmas(mm, addr, end, advice);
    if (reads) yield* mmap_read_unlock(mm);
    else yield* mmap_write_unlock(mm);
    return ret;
  },
  'mm/madvise.c',
);
