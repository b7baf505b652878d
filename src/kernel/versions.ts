// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The kernel versions that the model behaves as, as data: every difference that the model knows
 * stands here and nowhere else. File and line are of Debian's linux-source packages
 * (6.1.192 and 6.12.117).
 */

export type LinuxVersion = '6.1' | '6.12';

export interface Profile {
  readonly version: LinuxVersion;
  /**
   * GUP-fast refuses order-0 pages without `page->mapping` and leaves them to the slow path
   * (CONFIG_SECRETMEM). 6.12 mm/gup.c:2833 gup_fast_folio_allowed; 6.1 has no such test.
   */
  readonly gup_fast_checks_mapping: boolean;
  /** Long-term pins of a file mapping with writeback are refused. 6.12 mm/gup.c:1252. */
  readonly longterm_checks_writeback: boolean;
  /** A VMA with vm_ops->huge_fault may get a PMD entry even if VM_PFNMAP. 6.12 mm/huge_memory.c. */
  readonly huge_pfnmap: boolean;
  /** Followers go through follow_pfnmap_start, which tests the VMA; 6.1 has follow_pte without. */
  readonly follow_pfnmap: boolean;
  /** VM_SPECIAL mappings never merge, so cannot grow in place by mremap. 6.12 mm/vma.c. */
  readonly special_never_expands: boolean;
  /**
   * A VMA with vm_ops->close never takes part in a merge; later only one that would vanish does not.
   * 6.1 mm/mmap.c is_mergeable_vma; 6.12 mm/vma.c can_merge_remove_vma.
   */
  readonly close_never_merges: boolean;
  /**
   * mprotect makes a clean entry of exclusive anonymous memory writable at once; 6.1 wants it dirty.
   * mm/mprotect.c can_change_pte_writable.
   */
  readonly mprotect_upgrades_clean_anon: boolean;
  /** mprotect takes VM_ACCOUNT off untouched anonymous memory. 6.12 mm/mprotect.c mprotect_fixup. */
  readonly mprotect_drops_account: boolean;
  /** Pages in a VM_PFNMAP VMA count in rss when their PTE is not special. 6.12 fs/proc. */
  readonly smaps_counts_pfnmap: boolean;
  /** One more reference is held on a page of the page cache while it is young. LRU batches. */
  readonly shmem_extra_ref: number;
  /** io_uring refuses to register file-backed memory that is not shmem. 6.1 io_uring/rsrc.c. */
  readonly iouring_refuses_files: boolean;
  /** mseal(2) exists. */
  readonly has_mseal: boolean;
  /** dma-heap and udmabuf devices exist in Debian's configuration. */
  readonly has_heap_and_udmabuf: boolean;
}

export const PROFILES: Readonly<Record<LinuxVersion, Profile>> = {
  '6.1': {
    version: '6.1',
    gup_fast_checks_mapping: false,
    longterm_checks_writeback: false,
    huge_pfnmap: false,
    follow_pfnmap: false,
    special_never_expands: false,
    close_never_merges: true,
    mprotect_upgrades_clean_anon: false,
    mprotect_drops_account: false,
    smaps_counts_pfnmap: false,
    shmem_extra_ref: 0,
    iouring_refuses_files: true,
    has_mseal: false,
    has_heap_and_udmabuf: false,
  },
  '6.12': {
    version: '6.12',
    gup_fast_checks_mapping: true,
    longterm_checks_writeback: true,
    huge_pfnmap: true,
    follow_pfnmap: true,
    special_never_expands: true,
    close_never_merges: false,
    mprotect_upgrades_clean_anon: true,
    mprotect_drops_account: true,
    smaps_counts_pfnmap: true,
    shmem_extra_ref: 1,
    iouring_refuses_files: false,
    has_mseal: true,
    has_heap_and_udmabuf: true,
  },
};
