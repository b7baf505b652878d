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
import { lookup_entry } from './pgtable.ts';
import { NO_VMA, vm_flags, vma_lookup } from './vma.ts';

const mmu_interval_check_retry = step(
  'mmu_interval_check_retry',
  (k: Kernel, h: number, seq: number) => (k.mn_seq.get(h) !== seq ? 1 : 0),
  { guard: 'the sequence test' },
);

/**
 * One page, mmap_lock held for reading.
 * @param h the holder whose interval notifier covers the page
 * @param seq what mmu_interval_read_begin said
 * @returns the entry, -EBUSY to start over, -EPERM or -EFAULT
 */
export const hmm_range_fault = routine(
  'hmm_range_fault',
  function* (mm: number, addr: number, write: number, h: number, seq: number): Run<number> {
    for (;;) {
      yield* again('walk', h, seq);
      if (yield* mmu_interval_check_retry(h, seq)) return -EBUSY;
      const vma = yield* vma_lookup(mm, addr);
      if (vma === NO_VMA) return -EFAULT;
      const flags = yield* vm_flags(vma);
      if (yield* guard('the VM_IO|VM_PFNMAP test', flags & (VM_IO | VM_PFNMAP))) return -EFAULT;
      if (yield* guard('the VM_READ test', !(flags & VM_READ))) return -EFAULT;
      const entry = yield* lookup_entry(mm, addr);
      const usable = entry & PTE_PRESENT && !(entry & PTE_NONE) && (!write || entry & PTE_WRITE);
      if (usable) {
        const special = entry & PTE_SPECIAL && entry >>> 12 !== 0;
        if (yield* guard('the pte_special test', special)) return -EFAULT;
        return entry;
      }
      if (yield* guard('the VM_WRITE test', write && !(flags & VM_WRITE))) return -EPERM;
      const ret = yield* handle_mm_fault(
        mm,
        vma,
        addr,
        (write ? FAULT_FLAG_WRITE : 0) | FAULT_FLAG_REMOTE,
      );
      if (ret & VM_FAULT_ERROR) return -EFAULT;
    }
  },
  'mm/hmm.c',
);
