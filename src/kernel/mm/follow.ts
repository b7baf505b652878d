// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Followers: follow_pte (6.1) and follow_pfnmap_start (6.12), mm/memory.c. They give a PFN out of a
 * page table; once the page-table lock is dropped, nothing keeps it valid (R8).
 *
 * Result: the entry (its bits and pfn), or a negative errno. mmap_lock is the caller's.
 */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EINVAL, ENOENT } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { PTE_PRESENT, VM_IO, VM_PFNMAP } from './flags.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import { lookup_entry } from './pgtable.ts';
import { NO_VMA, vm_flags, vma_lookup } from './vma.ts';

const has_follow_pfnmap = step('follow_pfnmap_start', (k: Kernel) =>
  k.linux.follow_pfnmap ? 1 : 0,
);

/**
 * The entry with the page-table lock held, for {@link follow_end} to drop; or -EINVAL without it.
 * What was found is true until then.
 */
function* entry_under_lock(mm: number, addr: number): Run<number> {
  yield* pte_lock(mm);
  const entry = yield* lookup_entry(mm, addr);
  if (entry & PTE_PRESENT) return entry;
  yield* pte_unlock(mm);
  return -EINVAL;
}

/** 6.1 mm/memory.c:5526: tests the entry and nothing else. */
const follow_pte_6_1 = routine('follow_pte', entry_under_lock, 'mm/memory.c');

/** 6.12 mm/memory.c:6435: the entry, in a VM_IO or VM_PFNMAP VMA only. */
const follow_pfnmap_start = routine(
  'follow_pfnmap_start',
  function* (mm: number, addr: number, vma: number): Run<number> {
    const mapsPfns = (yield* vm_flags(vma)) & (VM_IO | VM_PFNMAP);
    if (yield* guard('the VM_IO|VM_PFNMAP test', !mapsPfns)) return -EINVAL;
    return yield* entry_under_lock(mm, addr);
  },
  'mm/memory.c',
);

/**
 * follow_pte of 6.1 or follow_pfnmap_start of 6.12, whichever the kernel has.
 * @returns the entry, with the page-table lock held until {@link follow_end}; or a negative errno
 */
export function* follow_start(mm: number, addr: number, vma: number): Run<number> {
  if (yield* has_follow_pfnmap()) return yield* follow_pfnmap_start(mm, addr, vma);
  return yield* follow_pte_6_1(mm, addr);
}

/** pte_unmap_unlock of 6.1, follow_pfnmap_end of 6.12 (mm/memory.c:6534). */
export const follow_end = pte_unlock;

function* follow_and_end(mm: number, addr: number, vma: number): Run<number> {
  const entry = yield* follow_start(mm, addr, vma);
  if (entry > 0) yield* follow_end(mm);
  return entry;
}

/** What calls follow_pte on 6.1 and follow_pfnmap_start since; 6.1 tests no VMA here. */
export const follow_pte = routine(
  'follow_pte_caller',
  function* (mm: number, addr: number): Run<number> {
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) return -ENOENT;
    return yield* follow_and_end(mm, addr, vma);
  },
  'mm/memory.c',
);

/** The same with the test of 6.1's follow_pfn in front: only VM_IO and VM_PFNMAP VMAs. */
export const follow_pfn = routine(
  'follow_pfn',
  function* (mm: number, addr: number): Run<number> {
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) return -ENOENT;
    if (!(yield* has_follow_pfnmap())) {
      const mapsPfns = (yield* vm_flags(vma)) & (VM_IO | VM_PFNMAP);
      if (yield* guard('the VM_IO|VM_PFNMAP test', !mapsPfns)) return -EINVAL;
    }
    return yield* follow_and_end(mm, addr, vma);
  },
  'mm/memory.c',
);

/** An open-coded walk: no lock, no test. What out-of-tree code does. */
export const raw_walk = routine('raw_walk', function* (mm: number, addr: number): Run<number> {
  const entry = yield* lookup_entry(mm, addr);
  return entry & PTE_PRESENT ? entry : -ENOENT;
});
