// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * hmm_range_fault: mm/hmm.c. Reads entries for a device that mirrors an address space under an
 * interval notifier; answers -EBUSY when an invalidation came in between, and the caller starts
 * over. Refuses VM_IO and VM_PFNMAP VMAs and special entries: it speaks of struct pages.
 */
import { again, guard, type Run, routine, step } from '../../explore/program.ts';
import { EBUSY, EFAULT, EPERM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { handle_mm_fault } from './fault.ts';
import {
  FAULT_FLAG_REMOTE,
  FAULT_FLAG_WRITE,
  PTE_NONE,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  VM_FAULT_ERROR,
  VM_IO,
  VM_PFNMAP,
  VM_READ,
  VM_WRITE,
} from './flags.ts';
import { lookup_entry, pmd_none, pud_none } from './pgtable.ts';
import { NO_VMA, vm_end, vm_flags, vma_lookup } from './vma.ts';

const mmu_interval_check_retry = step(
  'mmu_interval_check_retry',
  (k: Kernel, h: number, seq: number) => (k.mn_seq.get(h) !== seq ? 1 : 0),
  { guard: 'the sequence test' },
);

/** What is asked of a page. include/linux/hmm.h */
export const HMM_PFN_REQ_FAULT = 0x1;
export const HMM_PFN_REQ_WRITE = 0x2;
/** In place of an entry: memory that HMM has no page for. */
export const HMM_PFN_ERROR = -1;

/** struct hmm_range without its results: what a driver asks of pages [start, start + n). */
export interface HmmRange {
  readonly mm: number;
  readonly start: number;
  readonly n: number;
  /** Asked of every page. */
  readonly default_flags: number;
  /** What counts of `requests`; 0 if that is not there. */
  readonly pfn_flags_mask: number;
  /** Asked of each page. */
  readonly requests?: readonly number[];
}

/** What has come of it. */
export interface HmmPfns {
  /** 0, -EBUSY to start over, -EPERM or -EFAULT */
  readonly ret: number;
  /** If 0: for each page the entry, 0 if there is none, or HMM_PFN_ERROR. */
  readonly pfns: readonly number[];
}

/** mm/hmm.c:86 hmm_pte_need_fault, before the entry is looked at: the page's own wish and everybody's. */
const asked = (range: HmmRange, i: number): number =>
  ((range.requests?.[i] ?? 0) & range.pfn_flags_mask) | range.default_flags;

/** mm/hmm.c:63 hmm_vma_fault: every page of [addr, end), and then the walk begins again at the first. */
function* hmm_vma_fault(
  mm: number,
  vma: number,
  addr: number,
  end: number,
  write: number,
): Run<number> {
  const readOnly = write && !((yield* vm_flags(vma)) & VM_WRITE);
  if (yield* guard('the VM_WRITE test', readOnly)) return -EPERM;
  const how = (write ? FAULT_FLAG_WRITE : 0) | FAULT_FLAG_REMOTE;
  for (let a = addr; a < end; a++) {
    const ret = yield* handle_mm_fault(mm, vma, a, how);
    if (ret & VM_FAULT_ERROR) return -EFAULT;
  }
  return -EBUSY;
}

/** mm/hmm.c:511 hmm_vma_walk_test, 6.1 :520: memory of which HMM will not speak. */
function* hmm_vma_walk_test(flags: number): Run<number> {
  if (yield* guard('the VM_IO|VM_PFNMAP test', flags & (VM_IO | VM_PFNMAP))) return 1;
  return yield* guard('the VM_READ test', !(flags & VM_READ));
}

const next_table = step('pmd_addr_end', (k: Kernel, addr: number) => {
  const n = k.config.ptrsPerPmd;
  return addr - (addr % n) + n;
});

/** mm/hmm.c:147 hmm_vma_walk_hole where there is no table of entries: one wish counts for all its pages. */
function* hmm_vma_walk_hole(range: HmmRange, vma: number, addr: number, end: number): Run<number> {
  let req = 0;
  for (let a = addr; a < end; a++) {
    const one = asked(range, a - range.start);
    if (one & HMM_PFN_REQ_FAULT) req |= one;
  }
  if (!(req & HMM_PFN_REQ_FAULT)) return 0;
  return yield* hmm_vma_fault(range.mm, vma, addr, end, req & HMM_PFN_REQ_WRITE);
}

/** Where the part of a range ends that lies in one VMA and under one table of entries. */
function* walk_end({ start, n }: HmmRange, vma: number, addr: number): Run<number> {
  return Math.min(start + n, yield* vm_end(vma), yield* next_table(addr));
}

/**
 * One walk from `pfns.length` on, which adds to `pfns`.
 * @returns 0 at the end of the range, -EBUSY after a fault, -EPERM or -EFAULT
 */
function* walk_page_range(range: HmmRange, pfns: number[]): Run<number> {
  const { mm, start, n } = range;
  while (pfns.length < n) {
    const addr = start + pfns.length;
    const req = asked(range, pfns.length);
    const write = req & HMM_PFN_REQ_WRITE;
    const vma = yield* vma_lookup(mm, addr);
    const flags = vma === NO_VMA ? 0 : yield* vm_flags(vma);
    if (vma === NO_VMA || (yield* hmm_vma_walk_test(flags))) {
      if (req & HMM_PFN_REQ_FAULT) return -EFAULT;
      pfns.push(HMM_PFN_ERROR);
      continue;
    }
    const entry = yield* lookup_entry(mm, addr);
    const last = pfns.length + 1 === n;
    if (!entry && !last && (yield* pmd_none(mm, addr))) {
      // A hole is as large as the table that is not there: mm/pagewalk.c walk_pud_range, hmm_vma_walk_pud.
      const end = (yield* pud_none(mm))
        ? Math.min(start + n, yield* vm_end(vma))
        : yield* walk_end(range, vma, addr);
      const hole = yield* hmm_vma_walk_hole(range, vma, addr, end);
      if (hole) return hole;
      while (start + pfns.length < end) pfns.push(0);
      continue;
    }
    const present = entry & PTE_PRESENT && !(entry & PTE_NONE);
    if (req & HMM_PFN_REQ_FAULT && (!present || (write && !(entry & PTE_WRITE)))) {
      // All that are left under this table, as the one page is (mm/hmm.c:317).
      const end = last ? addr + 1 : yield* walk_end(range, vma, addr);
      return yield* hmm_vma_fault(mm, vma, addr, end, write);
    }
    const special = present && entry & PTE_SPECIAL && entry >>> 12 !== 0;
    if (yield* guard('the pte_special test', special)) {
      if (req & HMM_PFN_REQ_FAULT) return -EFAULT;
      pfns.push(HMM_PFN_ERROR);
    } else pfns.push(present ? entry : 0);
  }
  return 0;
}

/**
 * mm/hmm.c:572 hmm_range_fault, 6.1 :582, mmap_lock held for reading. What was found before a fault is not
 * looked at again: only the sequence tells whether it still holds. A part of its caller, for the sake of the list.
 * @param h the holder whose interval notifier covers the range
 * @param seq what mmu_interval_read_begin said
 */
export function* hmm_range_fault_pages(range: HmmRange, h: number, seq: number): Run<HmmPfns> {
  const pfns: number[] = [];
  for (;;) {
    yield* again('walk', h, seq, ...pfns);
    if (yield* mmu_interval_check_retry(h, seq)) return { ret: -EBUSY, pfns };
    const ret = yield* walk_page_range(range, pfns);
    if (ret !== -EBUSY) return { ret, pfns };
  }
}

/**
 * The same for one page, which is wanted.
 * @returns the entry, -EBUSY to start over, -EPERM or -EFAULT
 */
export const hmm_range_fault = routine(
  'hmm_range_fault',
  function* (mm: number, addr: number, write: number, h: number, seq: number): Run<number> {
    const default_flags = HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0);
    const range = { mm, start: addr, n: 1, default_flags, pfn_flags_mask: 0 };
    const { ret, pfns } = yield* hmm_range_fault_pages(range, h, seq);
    return ret || pfns[0];
  },
  'mm/hmm.c',
);
