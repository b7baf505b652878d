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
  /** Long-term pins for reading break COW of private mappings early. 6.12 mm/internal.h. */
  readonly longterm_breaks_cow: boolean;
  /** Lines of BUG_ONs in mm/memory.c, as the console names them: a COW mapping with VM_PFNMAP. */
  readonly bug_cow_pfnmap: number;
  /** A VMA with vm_ops->huge_fault may get a PMD entry even if VM_PFNMAP. 6.12 mm/huge_memory.c. */
  readonly huge_pfnmap: boolean;
  /**
   * Entries have a bit that says "no struct page here" (CONFIG_ARCH_HAS_PTE_SPECIAL): x86, arm64 and
   * most others. Without it vm_normal_page tells by the VMA, and GUP-fast is off (6.12
   * mm/gup.c:3024, 6.1 mm/gup.c:2529).
   */
  readonly pte_special: boolean;
  /** Followers go through follow_pfnmap_start, which tests the VMA; 6.1 has follow_pte without. */
  readonly follow_pfnmap: boolean;
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
  /** Pages that a per-CPU batch of the LRU lists takes. include/linux/pagevec.h PAGEVEC_SIZE */
  readonly pagevec_size: number;
  /** The multi-generation LRU is on: CONFIG_LRU_GEN_ENABLED of Debian's configuration. */
  readonly lru_gen: boolean;
  /** io_uring refuses to register file-backed memory that is not shmem. 6.1 io_uring/rsrc.c. */
  readonly iouring_refuses_files: boolean;
  /** A long-term pin by the slow path marks pages accessed and dirty, too. 6.12 mm/gup.c, not 6.1. */
  readonly longterm_touches: boolean;
  /** MADV_POPULATE_* goes from VMA to VMA and reports a hole at the end. 6.1 mm/madvise.c:1273. */
  readonly populate_walks_vmas: boolean;
  /** Populating inaccessible memory fails at once; 6.1 drains the LRU batches. 6.12 mm/gup.c:1911. */
  readonly populate_tests_access: boolean;
  /** Direct I/O pins (FOLL_PIN) where it took references before. 6.12 block/bio.c:1357. */
  readonly direct_io_pins: boolean;
  /** MADV_PAGEOUT leaves the accessed bit of what it cannot reclaim. 6.12 mm/madvise.c:525. */
  readonly pageout_keeps_young: boolean;
  /**
   * move_pages looks at entries by folio_walk_start (6.12 mm/migrate.c:2257), not by follow_page with
   * FOLL_DUMP (6.1 mm/migrate.c:1972).
   */
  readonly move_pages_walks_folios: boolean;
  /**
   * Migration copies a page before it takes its place in the mapping (6.12 mm/migrate.c:796), not
   * after (6.1 mm/migrate.c:646).
   */
  readonly migrate_copies_first: boolean;
  /** VmFlags has a name for VM_LOCKONFAULT. 6.12 fs/proc/task_mmu.c:957. */
  readonly smaps_names_lockonfault: boolean;
  /**
   * The end of userfaultfd write protection gives entries the VMA's rights of the moment and upgrades
   * exclusive ones. 6.12 mm/userfaultfd.c:904; 6.1 mm/userfaultfd.c:738 gives vm_get_page_prot.
   */
  readonly uffd_wp_upgrades: boolean;
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
    longterm_breaks_cow: false,
    bug_cow_pfnmap: 2229,
    huge_pfnmap: false,
    pte_special: true,
    follow_pfnmap: false,
    close_never_merges: true,
    mprotect_upgrades_clean_anon: false,
    mprotect_drops_account: false,
    smaps_counts_pfnmap: false,
    pagevec_size: 15,
    lru_gen: false,
    iouring_refuses_files: true,
    populate_walks_vmas: true,
    populate_tests_access: false,
    longterm_touches: false,
    direct_io_pins: false,
    pageout_keeps_young: false,
    move_pages_walks_folios: false,
    migrate_copies_first: false,
    smaps_names_lockonfault: false,
    uffd_wp_upgrades: false,
    has_mseal: false,
    has_heap_and_udmabuf: false,
  },
  '6.12': {
    version: '6.12',
    gup_fast_checks_mapping: true,
    longterm_checks_writeback: true,
    longterm_breaks_cow: true,
    bug_cow_pfnmap: 2414,
    huge_pfnmap: true,
    pte_special: true,
    follow_pfnmap: true,
    close_never_merges: false,
    mprotect_upgrades_clean_anon: true,
    mprotect_drops_account: true,
    smaps_counts_pfnmap: true,
    pagevec_size: 31,
    lru_gen: true,
    iouring_refuses_files: false,
    populate_walks_vmas: false,
    populate_tests_access: true,
    longterm_touches: true,
    direct_io_pins: true,
    pageout_keeps_young: true,
    move_pages_walks_folios: true,
    migrate_copies_first: true,
    smaps_names_lockonfault: true,
    uffd_wp_upgrades: true,
    has_mseal: true,
    has_heap_and_udmabuf: true,
  },
};
