// SPDX-License-Identifier: GPL-2.0-or-later
/** Bits: vm_flags (include/linux/mm.h, same values in 6.1 and 6.12), page-table entries, faults. */

export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
export const VM_MAYSHARE = 0x80;
export const VM_UFFD_MISSING = 0x200;
export const VM_PFNMAP = 0x400;
export const VM_UFFD_WP = 0x1000;
export const VM_LOCKED = 0x2000;
export const VM_IO = 0x4000;
export const VM_SEQ_READ = 0x8000;
export const VM_RAND_READ = 0x10000;
export const VM_DONTCOPY = 0x20000;
export const VM_DONTEXPAND = 0x40000;
export const VM_LOCKONFAULT = 0x80000;
export const VM_ACCOUNT = 0x100000;
export const VM_NORESERVE = 0x200000;
/**
 * Linux has these two above bit 31 (VM_UFFD_MINOR 37 or 38, VM_SEALED 63); here they take the places
 * of VM_HUGETLB and VM_SYNC, which no mapping of the model has.
 */
export const VM_UFFD_MINOR = 0x400000;
export const VM_SEALED = 0x800000;
export const VM_WIPEONFORK = 0x2000000;
export const VM_DONTDUMP = 0x4000000;
export const VM_SOFTDIRTY = 0x8000000;
export const VM_MIXEDMAP = 0x10000000;
export const VM_HUGEPAGE = 0x20000000;
export const VM_NOHUGEPAGE = 0x40000000;
export const VM_MERGEABLE = -0x80000000;
/** include/linux/mm.h: VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP */
export const VM_SPECIAL = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;
export const VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;

export const VM_FLAG_NAMES: readonly (readonly [number, string])[] = [
  [VM_READ, 'VM_READ'],
  [VM_WRITE, 'VM_WRITE'],
  [VM_EXEC, 'VM_EXEC'],
  [VM_SHARED, 'VM_SHARED'],
  [VM_PFNMAP, 'VM_PFNMAP'],
  [VM_LOCKED, 'VM_LOCKED'],
  [VM_IO, 'VM_IO'],
  [VM_DONTCOPY, 'VM_DONTCOPY'],
  [VM_DONTEXPAND, 'VM_DONTEXPAND'],
  [VM_DONTDUMP, 'VM_DONTDUMP'],
  [VM_MIXEDMAP, 'VM_MIXEDMAP'],
];

/** A COW mapping: private, and may become writable. include/linux/mm.h is_cow_mapping */
export function is_cow_mapping(flags: number): boolean {
  return (flags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
}

// Page-table entries: the pfn above bit 12, these bits below.
export const PTE_PRESENT = 0x1;
export const PTE_WRITE = 0x2;
export const PTE_SPECIAL = 0x4;
export const PTE_DIRTY = 0x8;
export const PTE_YOUNG = 0x10;
/** Present to software, not to the MMU (_PAGE_PROTNONE). */
export const PTE_NONE = 0x20;
/** Ghost: what was inserted was not the buffer's page at that moment. Hardware knows no such bit. */
export const PTE_BORN_STALE = 0x40;
/**
 * Without PTE_PRESENT: a migration entry. It keeps pfn and rights; whoever touches the page waits.
 * include/linux/swapops.h
 */
export const PTE_MIGRATION = 0x80;
export const PFN_SHIFT = 12;

export const PTE_BITS: readonly (readonly [number, string])[] = [
  [PTE_WRITE, 'W'],
  [PTE_SPECIAL, 'special'],
  [PTE_DIRTY, 'dirty'],
  [PTE_NONE, 'protnone'],
  [PTE_BORN_STALE, '(stale)'],
  [PTE_MIGRATION, 'migrating'],
];

export function pte_pfn(pte: number): number {
  return pte >>> PFN_SHIFT;
}

// Faults: flags in, result bits out (include/linux/mm_types.h enum vm_fault_reason).
export const FAULT_FLAG_WRITE = 0x1;
export const FAULT_FLAG_UNSHARE = 0x2;
export const FAULT_FLAG_REMOTE = 0x4;
/** The handler may drop mmap_lock, wait, and say VM_FAULT_RETRY; once. */
export const FAULT_FLAG_ALLOW_RETRY = 0x8;
export const FAULT_FLAG_TRIED = 0x10;
export const VM_FAULT_OOM = 0x1;
export const VM_FAULT_SIGBUS = 0x2;
export const VM_FAULT_SIGSEGV = 0x40;
export const VM_FAULT_NOPAGE = 0x100;
export const VM_FAULT_RETRY = 0x400;
export const VM_FAULT_FALLBACK = 0x800;
/** The fault is served, and mmap_lock was dropped on the way. */
export const VM_FAULT_COMPLETED = 0x4000;
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV;
/** A fault handler that names a page returns 0 with the pfn in these bits. */
export const VM_FAULT_PAGE_SHIFT = 15;
