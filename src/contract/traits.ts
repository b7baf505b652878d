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
  /** remap_pfn_range page by page in the mmap callback; no fault handler. */
  | 'mmap-remap-pfn'
  /** One remap_pfn_range over a contiguous block in the mmap callback; no fault handler. */
  | 'mmap-remap-range'
  /** vm_insert_page of everything in the mmap callback; no fault handler. */
  | 'mmap-insert-page'
  /** The callback hands the VMA to a backing file's own mmap, which knows nothing of the contract. */
  | 'file-mmap';

/** A flag of a VMA that the contract is about. */
export type VmFlagName = 'VM_PFNMAP' | 'VM_MIXEDMAP' | 'VM_IO' | 'VM_DONTEXPAND' | 'VM_DONTDUMP';

/** A way in which an exporter takes memory back while it is mapped. */
export type TakesBack =
  /** The contents get other pages. */
  | 'move'
  /** The contents go to swap and the pages are freed; a fault brings them back. */
  | 'evict'
  /** Access ends for good; the memory stays with the object. */
  | 'revoke'
  /** Access ends, and begins again later (reset, power state, memory enable). */
  | 'disable';

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
  /** What is mapped; only a dma-buf's callback is under rules R1 and R2. */
  readonly object: 'dma-buf' | 'device' | 'memfd' | 'anonymous';
  /** The memory behind it: pages of its own, pages of a shmem file, or a BAR without struct pages. */
  readonly memory: 'ram' | 'shmem' | 'bar';
  readonly inserts: Insertion;
  /** vm_flags that the mmap callback sets, by name. */
  readonly setsFlags: readonly VmFlagName[];
  /** vm_flags that it clears before it inserts anything. */
  readonly clearsFlags: readonly VmFlagName[];
  /** A huge entry is special at its own level. */
  readonly hugeSpecial: boolean;
  /** The lock of the buffer that fault and move take; a semaphore is shared between faults. */
  readonly lock: 'dma_resv' | 'mutex' | 'rwsem' | 'none';
  /** Does the fault handler decide placement under that lock? (R5) */
  readonly faultLocks: 'under-lock' | 'looks-before-locking';
  /** A busy lock makes the handler drop mmap_lock, wait, and ask for the fault to be retried. */
  readonly faultMayRetry: boolean;
  /** One fault fills all of the VMA (fault-around of its own). */
  readonly prefaults: boolean;
  readonly takesBack: readonly TakesBack[];
  readonly zap: Zap;
  /** The dma-buf's file shares the address_space that a move zaps. (R4) */
  readonly sharesMapping: boolean;
  /** The VMA carries the offset by which a move zaps. (R4) */
  readonly zapOffsetMatches: boolean;
  /** TLBs are flushed before the old page is reused. (R4) */
  readonly flushes: boolean;
  /** Where the old page of a move goes: to the allocator, a pool of the driver, a worker, nowhere. */
  readonly oldPage: 'freed' | 'pooled' | 'worker' | 'kept';
  /**
   * References to its pages: counted from the one that the allocator leaves, from zero while in use, or
   * refused by a flag of the page, which no kernel has.
   */
  readonly pageRefs: 'one' | 'zero' | 'refused';
  /** Its pages are marked reserved: there is a struct page, and nobody counts references to it. */
  readonly reserved?: boolean;
  /** When it warns of a page whose count is not what it left there. (R10) */
  readonly checksRefs: 'never' | 'after-unmap' | 'at-free';
  readonly refusesPrivate: boolean;
  readonly refusesWritable: boolean;
  /** The exporter is told of the first write (pfn_mkwrite, page_mkwrite). */
  readonly tracksWrites: boolean;
  /** vm_ops->access: ptrace and /proc/PID/mem work. */
  readonly hasAccess: boolean;
  /** end_cpu_access refuses what begin_cpu_access has not mapped: udmabuf. */
  readonly syncsWhatBegan?: boolean;
  /** vm_ops->open and close count the mappings. */
  readonly countsVmas: boolean;
  /** What vm_pgoff holds: the offset into the buffer, that plus DRM's fake offset, or the PFN. */
  readonly pgoff: 'offset' | 'fake-offset' | 'pfn';
  /** attach pins the buffer where it is until detach: importers with a static table need that. */
  readonly pinsForImporters: boolean;
  /** Fresh pages hold a pattern that tells generation, page and offset; absent: zeroes. */
  readonly patterned?: boolean;
  /** Memory is one physically contiguous block when made. */
  readonly contiguous?: boolean;
  /** Memory is of a CMA area: no page of it may be pinned for long. */
  readonly cma?: boolean;
  /** The fault handler counts pages from the start of the VMA and never looks at vm_pgoff. */
  readonly ignoresPgoff?: boolean;
  /** False: the operations have no mmap. */
  readonly mappable?: boolean;
  /** Code of another time: in what the kernel that ran it differed from the version asked for. */
  readonly kernelOfItsDay?: KernelOfItsDay;
}

/** Differences of a kernel that a matrix can be asked about; see the model's versions.ts. */
export interface KernelOfItsDay {
  /** VM_PFNMAP VMAs may get huge entries. */
  readonly huge_pfnmap?: boolean;
  /** GUP-fast leaves pages without a mapping to the slow path. */
  readonly gup_fast_checks_mapping?: boolean;
  /** Entries have a special bit (CONFIG_ARCH_HAS_PTE_SPECIAL). */
  readonly pte_special?: boolean;
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
  object: 'dma-buf',
  memory: 'ram',
  inserts: 'fault-pfn',
  setsFlags: ['VM_PFNMAP'],
  clearsFlags: [],
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
  oldPage: 'freed',
  pageRefs: 'one',
  checksRefs: 'never',
  refusesPrivate: true,
  refusesWritable: false,
  tracksWrites: false,
  hasAccess: false,
  countsVmas: false,
  pgoff: 'offset',
  pinsForImporters: true,
};

/** Traits that tell people who an exporter is; the model takes nothing but names from them. */
type Told = 'id' | 'title' | 'status' | 'source';

/**
 * A key of what an exporter does: exporters with equal keys behave alike, whatever they are called.
 * Every trait counts unless it is named here, so that a new one cannot be forgotten.
 * @param unread traits that do not matter to the caller either
 */
export function behaviourOf(
  traits: ExporterTraits,
  unread: readonly Exclude<keyof ExporterTraits, Told>[] = [],
): string {
  const told: readonly Told[] = ['id', 'title', 'status', 'source'];
  const out = new Set<string>([...told, ...unread]);
  const does = Object.entries(traits).filter(
    ([name, value]) => !out.has(name) && value !== undefined,
  );
  return JSON.stringify(does.sort(([a], [b]) => (a < b ? -1 : 1)));
}

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
