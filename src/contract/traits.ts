// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Traits: what has to be known of an exporter or a consumer to say whether they may meet. The model
 * runs them, the source checker extracts them, the live probe observes them.
 */

/** How an exporter answers a CPU access to its mapping. */
export type Insertion =
  /** vmf_insert_pfn in the fault handler: special PTE, no reference. */
  | 'fault-pfn'
  /** The same, read-only until the first write (vmf_insert_pfn_prot). */
  | 'fault-pfn-readonly-first'
  /** vmf_insert_pfn_pmd in huge_fault: one entry for a whole block. */
  | 'fault-huge-pfn'
  /** vmf_insert_mixed in the fault handler: special PTE in a VM_MIXEDMAP VMA. */
  | 'fault-mixed'
  /** vm_insert_page in the fault handler: struct page, reference. */
  | 'fault-insert-page'
  /** The handler names a page in vmf->page: struct page, reference. */
  | 'fault-vmf-page'
  /** remap_pfn_range of everything in the mmap callback; no fault handler. */
  | 'mmap-remap-pfn'
  /** vm_insert_page of everything in the mmap callback; no fault handler. */
  | 'mmap-insert-page';

/** What a move does with the mappings of the buffer, and when. */
export type Zap =
  /** Before the contents are copied and the placement changes: nobody can write behind the copy. */
  | 'before-copy'
  /** After the placement has changed: until then stores go to the old page. */
  | 'after-switch'
  | 'never';

export interface ExporterTraits {
  readonly id: string;
  /** One line for a list. */
  readonly title: string;
  /** `real` names driver, version and place in `source`; `hypothetical` was only discussed. */
  readonly status: 'real' | 'hypothetical' | 'historical' | 'test module';
  /** File and line in a named version, or the mail that describes it. */
  readonly source: string;
  readonly inserts: Insertion;
  /** vm_flags that the mmap callback sets, by name. */
  readonly setsFlags: readonly (
    | 'VM_PFNMAP'
    | 'VM_MIXEDMAP'
    | 'VM_IO'
    | 'VM_DONTEXPAND'
    | 'VM_DONTDUMP'
  )[];
  /** A huge entry is special at its own level. */
  readonly hugeSpecial: boolean;
  /** The lock of the buffer that fault and move take. */
  readonly lock: 'dma_resv' | 'mutex';
  /** Does the fault handler decide placement under that lock? (R5) */
  readonly faultLocks: 'under-lock' | 'looks-before-locking';
  /** A busy lock makes the handler drop mmap_lock, wait, and ask for the fault to be retried. */
  readonly faultMayRetry: boolean;
  /** One fault fills all of the VMA (fault-around of its own). */
  readonly prefaults: boolean;
  /** The ways in which the exporter takes memory back while it is mapped. */
  readonly takesBack: readonly ('move' | 'evict' | 'revoke')[];
  readonly zap: Zap;
  /** The dma-buf's file shares the address_space that a move zaps. (R4) */
  readonly sharesMapping: boolean;
  /** The VMA carries the offset by which a move zaps. (R4) */
  readonly zapOffsetMatches: boolean;
  /** TLBs are flushed before the old page is reused. (R4) */
  readonly flushes: boolean;
  /** The old page goes back to the allocator after a move. */
  readonly freesOldPage: boolean;
  readonly refusesPrivate: boolean;
  readonly refusesWritable: boolean;
  /** The exporter is told of the first write (pfn_mkwrite, page_mkwrite). */
  readonly tracksWrites: boolean;
  /** Pages belong to a file of shared memory (page->mapping is set). */
  readonly shmemPages: boolean;
  /** vm_ops->access: ptrace and /proc/PID/mem work. */
  readonly hasAccess: boolean;
  /** vm_ops->open and close count the mappings. */
  readonly countsVmas: boolean;
  /** Pages by which vm_pgoff is moved (DRM's fake offset). */
  readonly pgoffBase: number;
  /** attach pins the buffer where it is until detach: importers with a static table need that. */
  readonly pinsForImporters: boolean;
  /** Fresh pages hold a pattern that tells generation, page and offset; absent: zeroes. */
  readonly patterned?: boolean;
  /** Memory is one physically contiguous block when made. */
  readonly contiguous?: boolean;
  /** The fault handler counts pages from the start of the VMA and never looks at vm_pgoff. */
  readonly ignoresPgoff?: boolean;
  /** False: the operations have no mmap. */
  readonly mappable?: boolean;
  /** The linux versions that have it; absent: all. */
  readonly linux?: readonly ('6.1' | '6.12')[];
}

/** How a consumer gets at the page behind a mapping. */
export type Lookup =
  /** By touching the mapping: the CPU and its TLB. */
  | 'cpu'
  /** get_user_pages, pin_user_pages */
  | 'gup'
  | 'gup-fast'
  /** follow_pte or follow_pfnmap_start; fixup_user_fault; follow again */
  | 'follow'
  /** hmm_range_fault under an interval notifier */
  | 'hmm'
  /** Takes vm_pgoff for the PFN of the VMA's first page. (R15) */
  | 'vm-pgoff'
  /** A device walks the process's own page table and faults through it (IOMMU SVA). */
  | 'page-table'
  /** An importer's sg_table, and the struct pages behind it. (R12) */
  | 'sg-table'
  /** mm's own movers find struct pages: on the LRU lists, in mergeable VMAs, by hint faults. */
  | 'compaction'
  | 'ksm'
  | 'numa-balancing';

/** How long a consumer uses what it found; one with a notifier at most until it is told. */
export type Keeps =
  /** While it holds the page-table lock, and no longer. */
  | 'under-lock'
  /** For one transfer: one access, then it lets go. */
  | 'one-transfer'
  /** As long as it likes. */
  | 'until-released';

export interface ConsumerTraits {
  readonly id: string;
  readonly title: string;
  readonly status: 'real' | 'hypothetical' | 'historical' | 'generic';
  /** File and line in a named version and the configuration, or the mail that describes it. */
  readonly source: string;
  readonly lookup: Lookup;
  /** get_user_pages first, `lookup` only where that refuses the mapping (KVM, VFIO). */
  readonly gupFirst: boolean;
  /** FOLL_PIN | FOLL_LONGTERM */
  readonly longTerm: boolean;
  /** Takes a page reference of what it followed. (R6) */
  readonly takesPageRef: boolean;
  /** Obeys a read-only entry. (R7) */
  readonly honoursWrite: boolean;
  /** Refuses an entry with pte_special. */
  readonly refusesSpecial: boolean;
  /** Follows only to PFNs that no struct page counts: reserved, or without one. */
  readonly onlyReserved: boolean;
  readonly keeps: Keeps;
  /** Registers an MMU notifier that drops the translation. (R8) */
  readonly notifier: boolean;
  /** Tests the notifier's sequence before it uses what it looked up. (R8) */
  readonly retries: boolean;
  /** Its kernel has CONFIG_DMABUF_DEBUG: the page links of sg_tables are scrambled. (R12) */
  readonly dmabufDebug: boolean;
}

/**
 * An exporter that keeps the contract in every point; named ones say where they differ. It never
 * takes memory back by itself.
 */
export const KEEPS_CONTRACT: Omit<ExporterTraits, 'id' | 'title' | 'status' | 'source'> = {
  inserts: 'fault-pfn',
  setsFlags: ['VM_PFNMAP'],
  hugeSpecial: true,
  lock: 'dma_resv',
  faultLocks: 'under-lock',
  faultMayRetry: false,
  prefaults: false,
  takesBack: [],
  zap: 'before-copy',
  sharesMapping: true,
  zapOffsetMatches: true,
  flushes: true,
  freesOldPage: true,
  refusesPrivate: true,
  refusesWritable: false,
  tracksWrites: false,
  shmemPages: false,
  hasAccess: false,
  countsVmas: false,
  pgoffBase: 0,
  pinsForImporters: true,
};

/** A consumer that follows PFNs correctly; named ones say where they differ. */
export const FOLLOWS_CORRECTLY: Omit<ConsumerTraits, 'id' | 'title' | 'status' | 'source'> = {
  lookup: 'follow',
  gupFirst: false,
  longTerm: false,
  takesPageRef: false,
  honoursWrite: true,
  refusesSpecial: false,
  onlyReserved: false,
  keeps: 'until-released',
  notifier: true,
  retries: true,
  dmabufDebug: false,
};
