// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Shared virtual addressing: a device walks the process's own page table through the IOMMU, caches
 * what it found in a TLB that is flushed together with the CPUs', and asks for a page that is missing
 * by a page request, which is served as a fault of the process. Nobody takes a page reference, and
 * there is no copy of the table that could become stale (Gunthorpe 23/15:04).
 */
import { again, choice, type Run, routine, step } from '../../explore/program.ts';
import { EFAULT } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { touch, type UserPage } from '../mm/access.ts';
import { handle_mm_fault } from '../mm/fault.ts';
import {
  FAULT_FLAG_REMOTE,
  FAULT_FLAG_WRITE,
  PTE_BORN_STALE,
  pte_pfn,
  VM_FAULT_ERROR,
  VM_READ,
  VM_WRITE,
} from '../mm/flags.ts';
import { serves, table_walk, tlbWays } from '../mm/pgtable.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vm_flags, vma_lookup } from '../mm/vma.ts';

/**
 * Serves a page request: 6.12 drivers/iommu/iommu-sva.c:212; 6.1 drivers/iommu/io-pgfault.c:73
 * iopf_handle_single.
 * @returns 0 when the device may try again (IOMMU_PAGE_RESP_SUCCESS), or -EFAULT
 */
export const iommu_sva_handle_mm = routine(
  'iommu_sva_handle_mm',
  function* (mm: number, addr: number, write: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let status = -EFAULT;
    if (vma !== NO_VMA) {
      const wants = write ? VM_READ | VM_WRITE : VM_READ;
      if (!(wants & ~(yield* vm_flags(vma)))) {
        const flags = FAULT_FLAG_REMOTE | (write ? FAULT_FLAG_WRITE : 0);
        const ret = yield* handle_mm_fault(mm, vma, addr, flags);
        status = ret & VM_FAULT_ERROR ? -EFAULT : 0;
      }
    }
    yield* mmap_read_unlock(mm);
    return status;
  },
  'drivers/iommu/iommu-sva.c',
);

/** A first-level walk by the IOMMU, which sets accessed and dirty bits as the MMU does. */
const walk_and_fill = step(
  'iommu_walk',
  (k: Kernel, h: number, mm: number, addr: number, write: number) => {
    const entry = table_walk(k, mm, addr, write);
    if (entry) k.hold_iotlb.set(h, entry);
    return entry;
  },
  {
    text: (_, v) => (v ? `IOMMU finds page${pte_pfn(v)}` : 'IOMMU finds no entry: page request'),
    atomic: 'an invalidation waits for translations that are under way (VT-d specification 6.5)',
  },
);

const MISS = -4;
/** The IOMMU may drop an entry of its own accord, as a CPU may. */
const dma = choice(
  'dma',
  (k: Kernel, h: number, mm: number, addr: number) => tlbWays(k, k.hold_iotlb.get(h), mm, addr),
  {
    text: ([, , , write, value], v) =>
      v === MISS ? 'device TLB miss' : write ? `device writes ${value}` : `device reads ${v}`,
    atomic: 'a TLB invalidation waits for requests in flight; the rest is the ghost check',
  },
  (
    k: Kernel,
    evicted: number,
    h: number,
    _mm: number,
    _addr: number,
    write: number,
    value: number,
    user: UserPage,
  ) => {
    const entry = k.hold_iotlb.get(h);
    if (evicted || !serves(entry, write)) return MISS;
    const rule = entry & PTE_BORN_STALE ? 'R5' : 'R4';
    // Whoever is not told of flushes keeps a translation of its own.
    const keeper = k.mn_registered.get(h) ? null : 'R8';
    return touch(k, pte_pfn(entry), write, 0, value, user, keeper, rule);
  },
);

/**
 * One access of the device by virtual address.
 * @returns the value, or -EFAULT when the page request is answered with failure
 */
export const sva_access = routine(
  'sva_access',
  function* (
    h: number,
    mm: number,
    addr: number,
    write: number,
    value: number,
    user: UserPage,
  ): Run<number> {
    for (;;) {
      yield* again('request');
      const got = yield* dma(h, mm, addr, write, value, user);
      if (got !== MISS) return got;
      if (yield* walk_and_fill(h, mm, addr, write)) continue;
      if ((yield* iommu_sva_handle_mm(mm, addr, write)) < 0) return -EFAULT;
    }
  },
);
