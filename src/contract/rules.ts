// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The contract of a dma-buf mmap as data: sixteen rules, each with what goes wrong without it, why,
 * what to do, the mails it comes from and the kernel lines that carry it.
 */

export type RuleId =
  | 'R1'
  | 'R2'
  | 'R3'
  | 'R4'
  | 'R5'
  | 'R6'
  | 'R7'
  | 'R8'
  | 'R9'
  | 'R10'
  | 'R11'
  | 'R12'
  | 'R13'
  | 'R14'
  | 'R15'
  | 'R16';

/** A sentence of "[PATCH] dma-buf: Require VM_PFNMAP vma for mmap", November 2022. */
export interface Mail {
  /** Author, day and UTC time: `Vetter 22/17:08`. */
  ref: string;
  from: string;
  date: string;
  /** Verbatim but for line breaks. */
  quote: string;
}

/** A line of one of the kernels in SOURCES. */
export interface Cite {
  version: '6.1' | '6.12';
  file: string;
  line: number;
  what: string;
}

export interface Rule {
  id: RuleId;
  name: string;
  statement: string;
  /** What goes wrong when the rule is broken. */
  wrong: string;
  why: string;
  /** What to do. */
  fix: string;
  /** Empty where the rule was established after the thread. */
  mails: readonly Mail[];
  kernel: readonly Cite[];
}

/** The exact sources that every Cite's line number belongs to. */
export const SOURCES = {
  '6.1': { version: '6.1.192', source: 'Debian linux-source-6.1 6.1.192-2' },
  '6.12': { version: '6.12.117', source: 'Debian linux-source-6.12 6.12.117-1~deb12u1' },
} as const;

const THREAD = {
  'Vetter 22/17:08': { from: 'Daniel Vetter', date: '2022-11-22T17:08Z' },
  'Gunthorpe 22/18:03': { from: 'Jason Gunthorpe', date: '2022-11-22T18:03Z' },
  'Vetter 22/18:08': { from: 'Daniel Vetter', date: '2022-11-22T18:08Z' },
  'Vetter 22/19:29': { from: 'Daniel Vetter', date: '2022-11-22T19:29Z' },
  'Gunthorpe 22/19:34': { from: 'Jason Gunthorpe', date: '2022-11-22T19:34Z' },
  'Vetter 22/19:50': { from: 'Daniel Vetter', date: '2022-11-22T19:50Z' },
  'König 23/09:06': { from: 'Christian König', date: '2022-11-23T09:06Z' },
  'Vetter 23/09:33': { from: 'Daniel Vetter', date: '2022-11-23T09:33Z' },
  'Patchwork 23/09:58': { from: 'Patchwork', date: '2022-11-23T09:58Z' },
  'Vetter 23/10:06': { from: 'Daniel Vetter', date: '2022-11-23T10:06Z' },
  'König 23/12:49': { from: 'Christian König', date: '2022-11-23T12:49Z' },
  'Gunthorpe 23/12:53': { from: 'Jason Gunthorpe', date: '2022-11-23T12:53Z' },
  'König 23/13:12': { from: 'Christian König', date: '2022-11-23T13:12Z' },
  'Gunthorpe 23/13:28': { from: 'Jason Gunthorpe', date: '2022-11-23T13:28Z' },
  'Vetter 23/14:28': { from: 'Daniel Vetter', date: '2022-11-23T14:28Z' },
  'Vetter 23/14:34': { from: 'Daniel Vetter', date: '2022-11-23T14:34Z' },
  'Gunthorpe 23/15:04': { from: 'Jason Gunthorpe', date: '2022-11-23T15:04Z' },
  'Gunthorpe 23/15:08': { from: 'Jason Gunthorpe', date: '2022-11-23T15:08Z' },
  'König 23/15:15': { from: 'Christian König', date: '2022-11-23T15:15Z' },
  'Vetter 23/16:26': { from: 'Daniel Vetter', date: '2022-11-23T16:26Z' },
} as const;

const says = (ref: keyof typeof THREAD, quote: string): Mail => ({ ref, ...THREAD[ref], quote });

const at = (version: Cite['version'], file: string, line: number, what: string): Cite => ({
  version,
  file,
  line,
  what,
});

/** The same thing in the same file of both versions. */
const both = (file: string, line61: number, line612: number, what: string): Cite[] => [
  at('6.1', file, line61, what),
  at('6.12', file, line612, what),
];

export const RULES: readonly Rule[] = [
  {
    id: 'R1',
    name: 'exporter-pfnmap',
    statement: 'After a dma-buf mmap callback returns 0, the VMA carries VM_PFNMAP.',
    wrong:
      'get_user_pages(), vmsplice, O_DIRECT and everything else that works on struct pages can ' +
      'accept the mapping. It then holds pages of the exporter, which may move or free them.',
    why:
      'VM_PFNMAP is the flag that the slow GUP path, HMM and the VMA walkers of mm test before ' +
      'they look at a page. The kernel does not demand it from exporters: both versions return ' +
      'whatever the callback returns.',
    fix:
      'Set VM_PFNMAP with VM_DONTEXPAND and VM_DONTDUMP in the mmap callback and insert PFNs, or ' +
      'use remap_pfn_range(), which sets the flags itself. Check dma_mmap_*() on every DMA ' +
      'backend: behind iommu-dma it can end in vm_map_pages(), which leaves VM_MIXEDMAP.',
    mails: [
      says(
        'Vetter 22/17:08',
        'To stop this gap require that DMA buffer mmaps are VM_PFNMAP, which blocks ' +
          'get_user_pages and all the other struct page based infrastructure for everyone.',
      ),
      says(
        'Vetter 23/09:33',
        'remap_pfn_range that the various dma_mmap functions boil down to sets the VM_PFNMAP and ' +
          'a pile of other flags.',
      ),
      says(
        'Vetter 23/10:06',
        'we need to make sure in as many places as possible that VM_PFNMAP is set for bo mmaps.',
      ),
    ],
    kernel: [
      ...both(
        'drivers/dma-buf/dma-buf.c',
        149,
        165,
        'dma_buf_mmap_internal() checks no flag afterwards',
      ),
      ...both('drivers/dma-buf/dma-buf.c', 1443, 1495, 'dma_buf_mmap() checks no flag afterwards'),
      ...both('mm/memory.c', 2518, 2673, 'remap_pfn_range() sets VM_PFNMAP'),
      ...both(
        'drivers/iommu/dma-iommu.c',
        1503,
        1710,
        'iommu_dma_mmap() ends in vm_map_pages() instead',
      ),
      ...both('mm/memory.c', 2055, 2225, 'vm_insert_page(), below it, BUGs on VM_PFNMAP'),
      ...both('drivers/gpu/drm/drm_gem_dma_helper.c', 533, 533, 'so the GEM DMA helper clears it'),
    ],
  },
  {
    id: 'R2',
    name: 'exporter-struct-page',
    statement:
      'A dma-buf VMA never receives a struct page: not by vm_insert_page(), not by vmf->page, ' +
      'not by VM_MIXEDMAP with pages, not by the mmap of a backing shmem file.',
    wrong:
      'GUP takes a reference and succeeds. When the exporter moves the buffer, the pinned page ' +
      'and the buffer part ways and nobody is told: a write by device or direct I/O is lost. ' +
      'Compaction, KSM and NUMA balancing may also act on the page under device DMA.',
    why:
      'These ways in give a PTE without the special bit, a page reference and a mapcount, so mm ' +
      'takes the page for ordinary memory that a reference keeps in place.',
    fix:
      'Fault in with vmf_insert_pfn() or map with remap_pfn_range(), in a VMA that has ' +
      'VM_PFNMAP. Do not hand the VMA to the mmap of the file that backs the object.',
    mails: [
      says(
        'Vetter 22/17:08',
        'Motivated by a recent patch which wanted to swich the system dma-buf heap to ' +
          'vm_insert_page instead of vm_insert_pfn.',
      ),
      says(
        'Vetter 22/17:08',
        'Allowing VM_MIXEDMAP (like VM_SPECIAL does) would still allow vm_insert_page, but ' +
          'limiting to VM_PFNMAP will catch that.',
      ),
      says('Patchwork 23/09:58', '[PASS][11] -> [DMESG-WARN][12] +3 similar issues'),
    ],
    kernel: [
      ...both('mm/memory.c', 2056, 2226, 'vm_insert_page() turns the VMA into VM_MIXEDMAP'),
      ...both(
        'mm/memory.c',
        1869,
        2060,
        'insert_page_into_pte_locked() sets a PTE that is not special',
      ),
      at('6.1', 'drivers/dma-buf/udmabuf.c', 40, 'udmabuf faults in vmf->page'),
      at('6.1', 'drivers/dma-buf/heaps/cma_heap.c', 171, 'the CMA heap faults in vmf->page'),
      ...both(
        'drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c',
        108,
        109,
        'i915 calls the mmap of its shmem file',
      ),
      at('6.12', 'drivers/dma-buf/udmabuf.c', 55, 'udmabuf inserts a PFN: it keeps the rule now'),
      at(
        '6.12',
        'drivers/dma-buf/heaps/cma_heap.c',
        171,
        'the CMA heap inserts a PFN: it keeps the rule now',
      ),
    ],
  },
  {
    id: 'R3',
    name: 'huge-special',
    statement:
      'A huge entry for such memory is special at its own level, or GUP-fast walks through it.',
    wrong:
      'GUP-fast sees no VMA and so no VM_PFNMAP. It takes references on the pages behind a huge ' +
      'entry that does not say it is special, as if they were a transparent huge page.',
    why:
      'The special bit of a PTE does not exist at the PMD or PUD level unless the architecture ' +
      'and mm provide one there. 6.1 has none and makes no huge entries for VM_PFNMAP; 6.12 has ' +
      'one and tests it.',
    fix:
      'Insert small entries only, or make huge ones with vmf_insert_pfn_pmd() or ' +
      'vmf_insert_pfn_pud() where the kernel marks and tests them as special.',
    mails: [
      says(
        'Vetter 22/19:50',
        "One of the things we've reverted was the ttm huge pte support, since that doesn't have " +
          'the pmd_special flag (yet) and so would let gup_fast through.',
      ),
    ],
    kernel: [
      at(
        '6.1',
        'mm/gup.c',
        2732,
        'gup_huge_pmd() tests permission and devmap, nothing that means special',
      ),
      at('6.1', 'mm/huge_memory.c', 106, 'no huge entries for VM_PFNMAP outside DAX'),
      at('6.12', 'mm/huge_memory.c', 1417, 'insert_pfn_pmd() marks the PMD special'),
      at('6.12', 'mm/gup.c', 3145, 'gup_fast_pmd_leaf() refuses a special PMD'),
    ],
  },
  {
    id: 'R4',
    name: 'move-zaps',
    statement:
      'Before old backing is reused, every PTE of every VMA of the buffer is zapped and TLBs are ' +
      "flushed; the VMA's file shares the address_space that is zapped, and the VMA has the " +
      'offset that is zapped.',
    wrong:
      'A user of the mapping goes on reading and writing the old page through a stale PTE or TLB ' +
      'entry. Once that page is given away, it reads and corrupts the memory of its new owner.',
    why:
      'No page reference stands behind a special PTE, so nothing but the zap ends its use. A zap ' +
      'finds VMAs through f_mapping and by vm_pgoff; with either half wrong it finds none and ' +
      'reports no error.',
    fix:
      "Call unmap_mapping_range() on the address_space that the dma-buf's file was given as " +
      'f_mapping, over the range that mmap put into vm_pgoff, before the old pages are freed or ' +
      'reused. Use drm_vma_node_unmap() for GEM objects.',
    mails: [
      says(
        'Vetter 22/19:29',
        'You nuke all the ptes. Drivers that move have slightly more than a bare struct file, ' +
          'they also have a struct address_space so that invalidate_mapping_range() works.',
      ),
      says(
        'Gunthorpe 22/19:34',
        'Okay, this is one of the ways that this can be made to work correctly, as long as you ' +
          'never allow GUP/GUP_fast to succeed on the PTEs.',
      ),
    ],
    kernel: [
      ...both(
        'mm/memory.c',
        3541,
        3765,
        'unmap_mapping_range() finds the part of a VMA by vm_pgoff',
      ),
      ...both('mm/memory.c', 1795, 1935, 'zap_page_range_single() flushes TLBs before it returns'),
      ...both('include/asm-generic/tlb.h', 531, 577, 'a VM_PFNMAP VMA is flushed at its end'),
      ...both(
        'drivers/gpu/drm/drm_prime.c',
        259,
        254,
        'PRIME export shares the f_mapping of the device',
      ),
      ...both(
        'drivers/gpu/drm/drm_prime.c',
        724,
        753,
        'PRIME mmap puts the fake offset into the VMA',
      ),
      ...both('drivers/gpu/drm/ttm/ttm_bo.c', 128, 127, 'TTM zaps before it moves'),
    ],
  },
  {
    id: 'R5',
    name: 'fault-vs-move',
    statement: 'The fault handler decides placement under the lock that the move holds.',
    wrong:
      'A fault that looked up the old page before the move inserts it after the zap. The stale ' +
      'PTE stays, and no later zap is due.',
    why:
      'unmap_mapping_range() does not stop new faults. Only the lock of the exporter orders ' +
      '"look up the page, insert it" against "zap, then change the backing".',
    fix:
      'Take the reservation lock, or whatever lock the move holds, before looking up the page, ' +
      'and hold it until the PTE is inserted. Zap inside the same critical section that changes ' +
      'the backing.',
    mails: [
      says(
        'Vetter 22/19:29',
        'Refaulting and any coherency issues when a refault races against a dma-buf migration is ' +
          'up to the driver/exporter to handle correctly.',
      ),
    ],
    kernel: [
      ...both(
        'drivers/gpu/drm/ttm/ttm_bo_vm.c',
        130,
        125,
        'the TTM fault takes the reservation lock first',
      ),
      ...both('drivers/gpu/drm/ttm/ttm_bo_vm.c', 264, 266, 'it inserts the PFN under that lock'),
      at(
        '6.1',
        'drivers/gpu/drm/drm_gem_shmem_helper.c',
        553,
        'the GEM shmem fault takes pages_lock',
      ),
      at(
        '6.12',
        'drivers/gpu/drm/drm_gem_shmem_helper.c',
        525,
        'the GEM shmem fault takes the reservation lock',
      ),
    ],
  },
  {
    id: 'R6',
    name: 'no-page-ref',
    statement:
      'Nobody takes a page reference through a special PTE; a page reference does not stop a PTE ' +
      'from changing.',
    wrong:
      'The holder believes that its page is still the one that the user maps; the exporter moves ' +
      'the buffer all the same and leaves it with an orphan. Pages that are not counted one by ' +
      'one, such as the tails of a higher-order allocation, are freed under their owner when the ' +
      'reference is dropped.',
    why:
      'The exporter owns the lifetime of the whole buffer and may not use page refcounts at all. ' +
      'A reference keeps memory from being freed; it never keeps a page-table entry in place.',
    fix:
      'Use the PFN without a reference and only for as long as a notifier vouches for it (R8). ' +
      'To keep the buffer alive, hold the dma-buf (R11).',
    mails: [
      says(
        'König 23/09:06',
        'a lot of people seem to assume that when you are able to grab a reference to a page ' +
          "that the ptes pointing to that page can't change any more. And that's obviously " +
          'incorrect.',
      ),
      says(
        'Vetter 22/18:08',
        "So if gup goes in and elevates the refcount, you can break stuff, which is why I'm " +
          'doing this.',
      ),
      says(
        'Gunthorpe 23/12:53',
        'kvm was taking refs on special PTEs? That seems really unlikely?',
      ),
      says(
        'König 23/15:15',
        'this is just another case where people assumed that grabbing a page reference somehow ' +
          'magically prevents the pte from changing.',
      ),
    ],
    kernel: [
      ...both('mm/gup.c', 1069, 1277, 'check_vma_flags() refuses VM_IO and VM_PFNMAP'),
      at('6.1', 'mm/gup.c', 2478, 'gup_pte_range() refuses a special PTE'),
      at('6.12', 'mm/gup.c', 2973, 'gup_fast_pte_range() refuses a special PTE'),
      ...both(
        'virt/kvm/kvm_main.c',
        2643,
        2951,
        'hva_to_pfn_remapped() takes a reference all the same',
      ),
    ],
  },
  {
    id: 'R7',
    name: 'honour-pte-flags',
    statement: 'Whoever goes through PTEs obeys all of their flags, the read-only one first.',
    wrong:
      "A write through a read-only PTE bypasses the exporter's write tracking, a PROT_READ " +
      'mapping and copy-on-write. It can change the page cache of a file behind a private ' +
      'mapping, and even the global zero page.',
    why:
      'A clear write bit is how the owner of a mapping asks to be told before a write. A ' +
      'follower that looks at the PFN alone never asks.',
    fix:
      'Test pte_write(), or the writable field that follow_pfnmap_start() fills in, before any ' +
      'write. If it is clear, fault for writing with fixup_user_fault() and look again.',
    mails: [
      says(
        'Gunthorpe 23/13:28',
        'It also has a major security hole that it ignores the PTE flags making the page RO. ' +
          'Ignoring the special bit is somehow not surprising :(',
      ),
      says(
        'Vetter 23/16:26',
        'if you go through ptes you really have to obey all the flags or things will break. ' +
          'Especially the RO pte flag.',
      ),
    ],
    kernel: [
      at('6.1', 'mm/memory.c', 5573, 'follow_pfn() hides the permissions and says: do not use it'),
      ...both('virt/kvm/kvm_main.c', 2617, 2925, 'hva_to_pfn_remapped() refuses a read-only PTE'),
      at('6.1', 'mm/gup.c', 2466, 'gup_pte_range() tests permission'),
      at('6.12', 'mm/gup.c', 2961, 'gup_fast_pte_range() tests permission'),
    ],
  },
  {
    id: 'R8',
    name: 'no-stale-translation',
    statement:
      'A translation outlives the page-table lock only under an MMU notifier with a sequence ' +
      'retry, as hmm_range_fault() has it, or by sharing the page table.',
    wrong:
      'The exporter moves between the lookup and the use. The consumer then reads poison, loses ' +
      'writes, or reads and corrupts a page that belongs to somebody else by now.',
    why:
      'What follow_pte() or follow_pfnmap_start() returns is true only while the page-table lock ' +
      'is held. Follow, fault, follow again may lose every race, and looping for ever on it ' +
      'hides a permanent fault.',
    fix:
      'Read the sequence, look up, then test the sequence again under the lock that the ' +
      'invalidate callback takes, and start over if it moved. hmm_range_fault() does so for ' +
      'ordinary VMAs and answers EFAULT on VM_PFNMAP, so follow PFNs inside the same scheme; or ' +
      'share the page table, as SVA does.',
    mails: [
      says(
        'Vetter 23/14:28',
        "If you're sufficiently unlucky you might race against an immediate pte invalidate " +
          'between the fixup and the 2nd follow_pte().',
      ),
      says(
        'Vetter 23/14:28',
        'But you can also not loop, because that would fail to catch permanent faults.',
      ),
      says(
        'Gunthorpe 23/15:04',
        'follow_pte() is just fundamentally broken, things must not use it.',
      ),
      says(
        'Gunthorpe 23/15:04',
        'Since the page table is physically shared there is no issue with a stale copy.',
      ),
      says(
        'Gunthorpe 23/15:08',
        'Eg hmm_range_fault() does not obtain page references and implements a very similar ' +
          'algorithm to kvm.',
      ),
      says(
        'König 23/15:15',
        'only correct approach would be to use an MMU notifier or more high level ' +
          'hmm_range_fault()+seq number.',
      ),
    ],
    kernel: [
      at('6.1', 'mm/memory.c', 5514, 'what follow_pte() finds is stable only under its lock'),
      at(
        '6.12',
        'mm/memory.c',
        6417,
        'after follow_pfnmap_end() nothing that it returned is valid',
      ),
      ...both('include/linux/mmu_notifier.h', 358, 348, 'mmu_interval_read_retry()'),
      ...both('mm/hmm.c', 585, 595, 'hmm_range_fault() tests the sequence'),
      ...both('mm/hmm.c', 518, 527, 'HMM refuses VM_IO and VM_PFNMAP'),
      ...both('arch/x86/kvm/mmu/mmu.c', 4244, 4599, 'a guest fault tests the sequence'),
      ...both('virt/kvm/kvm_main.c', 2843, 3140, 'kvm_vcpu_map() keeps the PFN and tests none'),
      ...both('drivers/virt/acrn/mm.c', 189, 193, 'ACRN follows and keeps the PFN'),
      at('6.1', 'drivers/iommu/io-pgfault.c', 117, 'SVA faults into the shared page table'),
      at('6.12', 'drivers/iommu/iommu-sva.c', 254, 'SVA faults into the shared page table'),
    ],
  },
  {
    id: 'R9',
    name: 'static-is-not-static',
    statement:
      'BAR mappings can be revoked, so R8 holds for them too. And refusing every special PTE is ' +
      'no fix: it breaks the static mappings that the path exists for.',
    wrong:
      'A consumer that keeps the PFN of a BAR goes on using it after the driver has taken the ' +
      'BAR back. A consumer that refuses special PTEs loses device passthrough altogether.',
    why:
      'VFIO zaps BARs on reset and in low power; with CONFIG_IO_STRICT_DEVMEM, a driver that ' +
      'claims a region revokes what /dev/mem and sysfs mapped. And remap_pfn_range() marks ' +
      'static mappings special just as it does movable ones, so the bit does not tell them ' +
      'apart.',
    fix:
      'Treat every special PTE as revocable: notifier and sequence retry, no exceptions for ' +
      'MMIO.',
    mails: [
      says(
        'Vetter 23/14:34',
        "Plus these static mappings aren't all that static either, e.g. pci access also can " +
          'revoke bar mappings nowadays.',
      ),
      says(
        'Vetter 23/14:34',
        'sets VM_PFNMAP too, so this check would even catch the static mappings.',
      ),
      says('Vetter 23/14:34', 'I think nothing except full mmu_notifier will actually fix this.'),
    ],
    kernel: [
      ...both(
        'kernel/resource.c',
        1190,
        1231,
        'revoke_iomem() zaps what /dev/mem and sysfs mapped',
      ),
      ...both('drivers/vfio/pci/vfio_pci_core.c', 1595, 1648, 'VFIO zaps its BAR mappings'),
      ...both('virt/kvm/kvm_main.c', 2699, 3010, 'the KVM fallback exists for VM_IO and VM_PFNMAP'),
    ],
  },
  {
    id: 'R10',
    name: 'refcount-check-timing',
    statement:
      'A refcount check only helps right after the zap; at free time it comes late or never.',
    wrong:
      'The check stays silent while data is corrupted. By the time the page is freed, the stray ' +
      'reference may be gone again, or the page went into a pool and is not freed at all.',
    why:
      'Drivers keep pages after the unmap: a worker cleans up later, and pools hand pages to the ' +
      'next buffer without freeing them. Right after the zap no legitimate user is left, so any ' +
      'extra reference is a wrong one.',
    fix:
      'Compare page_count() with what the exporter itself holds as soon as the zap returns, and ' +
      'only for pages that were mapped special. Treat it as a debugging aid: consumers that take ' +
      'no reference are not seen.',
    mails: [
      says(
        'König 23/12:49',
        'The pages are released much later than things actually go wrong. In most cases this ' +
          "WARN_ON here won't hit.",
      ),
      says(
        'Gunthorpe 23/12:53',
        'If dmabuf checks the refcount after it does the unmap mapping range it should catch any ' +
          'bogus pin that might be confused about address coherency.',
      ),
      says(
        'König 23/13:12',
        'The device drivers usually keep the page around for a while even after it is unmapped.',
      ),
    ],
    kernel: [
      at('6.1', 'drivers/gpu/drm/ttm/ttm_bo.c', 402, 'TTM leaves clean-up to a delayed worker'),
      at('6.12', 'drivers/gpu/drm/ttm/ttm_bo.c', 306, 'TTM leaves clean-up to a worker'),
      ...both('drivers/gpu/drm/ttm/ttm_pool.c', 400, 410, 'pages go back into a pool, not to mm'),
      ...both('mm/page_alloc.c', 1266, 905, 'the check of mm itself, at free time'),
    ],
  },
  {
    id: 'R11',
    name: 'lifetime',
    statement:
      'Mapping, fd and attachment each hold the whole buffer; the last one releases it, exactly ' +
      'once.',
    wrong:
      'A buffer that is released while one of them is left is used after free; one that is never ' +
      'released leaks; one that is released twice corrupts the allocator.',
    why:
      'There is no lifetime per page. The VMA holds a file, the file is the refcounted dma-buf, ' +
      'and release runs when the last reference to the file goes.',
    fix:
      'Let the VMA hold the file of the dma-buf, with vma_set_file() where mmap is redirected. ' +
      'Take a reference for each importer with dma_buf_get() and drop it after dma_buf_detach(). ' +
      'Free memory in the release callback only.',
    mails: [
      says(
        'Gunthorpe 22/18:03',
        'How is the lifetime model implemented here? How do you know when userspace has finally ' +
          'unmapped the page?',
      ),
      says(
        'Vetter 22/18:08',
        'The vma has a filp which is the refcounted dma_buf. With dma_buf you never get an ' +
          "individual page it's always the entire object.",
      ),
    ],
    kernel: [
      ...both('mm/mmap.c', 2779, 1463, 'a new VMA takes a reference to the file'),
      ...both('kernel/fork.c', 699, 748, 'so does the copy in a child'),
      at('6.1', 'mm/mmap.c', 142, 'remove_vma() drops it'),
      at('6.12', 'mm/vma.c', 334, 'remove_vma() drops it'),
      ...both('drivers/dma-buf/dma-buf.c', 79, 102, 'dma_buf_release() calls the exporter'),
      ...both('drivers/dma-buf/dma-buf.c', 84, 107, 'it warns when an attachment is left'),
      ...both('drivers/dma-buf/dma-buf.c', 1440, 1492, 'a redirected mmap holds the dma-buf'),
      ...both(
        'drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c',
        112,
        113,
        'i915 holds its shmem file instead',
      ),
    ],
  },
  {
    id: 'R12',
    name: 'sg-no-page',
    statement: 'An importer does not touch the struct pages behind an sg_table.',
    wrong:
      'The importer uses, maps or refcounts pages that may not exist, as with device memory, or ' +
      'that move without its knowledge. With CONFIG_DMABUF_DEBUG it crashes on a mangled pointer ' +
      'at once.',
    why:
      'An attachment promises DMA addresses and nothing else. CONFIG_DMABUF_DEBUG scrambles the ' +
      'page links of every table to make that visible.',
    fix:
      'Use sg_dma_address() and sg_dma_len() only. For CPU access go through dma_buf_vmap(), for ' +
      'user mappings through dma_buf_mmap(). Test with CONFIG_DMABUF_DEBUG=y.',
    mails: [
      says(
        'Vetter 22/17:08',
        'In spirit this is the uapi counterpart to the kernel-internal CONFIG_DMABUF_DEBUG.',
      ),
    ],
    kernel: [
      ...both('drivers/dma-buf/dma-buf.c', 789, 787, 'mangle_sg_table() scrambles the page links'),
      ...both('drivers/dma-buf/Kconfig', 54, 55, 'CONFIG_DMABUF_DEBUG'),
    ],
  },
  {
    id: 'R13',
    name: 'flag-is-not-enough',
    statement:
      'VM_PFNMAP does not make PTEs special: an exporter that sets it must insert PFNs as well.',
    wrong:
      'An exporter that sets VM_PFNMAP but faults in vmf->page passes a check of the flag. Slow ' +
      'GUP refuses its mapping, yet GUP-fast takes the page; VM_IO alone likewise stops only the ' +
      'slow path.',
    why:
      'The fault path makes an ordinary PTE of vmf->page whatever the VMA says, and GUP-fast ' +
      'sees PTEs alone. 6.1 lets it through always; 6.12 with CONFIG_SECRETMEM refuses order-0 ' +
      'pages without page->mapping, by accident rather than by rule.',
    fix:
      'Return VM_FAULT_NOPAGE after vmf_insert_pfn(); never set vmf->page in a VM_PFNMAP ' +
      'mapping. Check the PTE, not only the flag.',
    mails: [],
    kernel: [
      at('6.1', 'mm/memory.c', 4405, 'do_set_pte() makes a PTE that is not special'),
      at('6.12', 'mm/memory.c', 5024, 'set_pte_range() makes PTEs that are not special'),
      ...both('mm/gup.c', 2478, 2973, 'GUP-fast asks the PTE only'),
      at('6.1', 'include/linux/secretmem.h', 26, 'a page without mapping passes in 6.1'),
      at('6.12', 'mm/gup.c', 2851, 'gup_fast_folio_allowed() looks closer with CONFIG_SECRETMEM'),
      at('6.12', 'mm/gup.c', 2886, 'and refuses a folio without mapping'),
    ],
  },
  {
    id: 'R14',
    name: 'refuse-cow',
    statement:
      'An exporter that sets VM_PFNMAP and faults PFNs in refuses private writable mappings.',
    wrong:
      'Any user reaches a BUG_ON in vmf_insert_pfn_prot() by touching such a mapping. With ' +
      'remap_pfn_range() the damage is better hidden: vm_pgoff becomes the PFN, so a later zap ' +
      'by file offset misses the VMA.',
    why:
      'Without a special bit on every architecture, mm tells copied pages from the originals by ' +
      'vm_pgoff, which works only for one linear range mapped at mmap time. A private mapping ' +
      'counts as copy-on-write as soon as mprotect may make it writable.',
    fix:
      'Return -EINVAL from mmap when is_cow_mapping(vma->vm_flags), or when VM_SHARED and ' +
      'VM_MAYSHARE are both clear.',
    mails: [],
    kernel: [
      ...both('mm/memory.c', 2229, 2414, 'vmf_insert_pfn_prot() BUGs'),
      ...both('mm/memory.c', 2515, 2670, 'remap_pfn_range() overwrites vm_pgoff'),
      ...both('drivers/gpu/drm/ttm/ttm_bo_vm.c', 458, 468, 'TTM refuses'),
      ...both('drivers/gpu/drm/drm_gem_shmem_helper.c', 641, 616, 'the GEM shmem helper refuses'),
      at('6.12', 'drivers/dma-buf/udmabuf.c', 66, 'udmabuf refuses'),
      at('6.12', 'drivers/dma-buf/heaps/cma_heap.c', 182, 'the CMA heap refuses'),
    ],
  },
  {
    id: 'R15',
    name: 'pgoff-is-not-pfn',
    statement: 'A consumer does not take vm_pgoff of a VM_PFNMAP VMA for the PFN.',
    wrong:
      'The consumer maps physical memory that has nothing to do with the buffer: page 0 of a ' +
      'dma-buf becomes physical page 0. A guest or device reads and writes there.',
    why:
      'Some drivers store the PFN in vm_pgoff (/dev/mem, PCI mmap, VFIO of 6.1), others store an ' +
      'offset into the buffer or a fake offset (dma-bufs, GEM, VFIO of 6.12). The flag does not ' +
      'tell which.',
    fix: 'Look the PFN up in the page table, under a notifier (R8).',
    mails: [],
    kernel: [
      ...both(
        'drivers/dma-buf/dma-buf.c',
        1441,
        1493,
        'a dma-buf stores the offset into the buffer',
      ),
      at('6.1', 'drivers/vfio/pci/vfio_pci_core.c', 1785, 'VFIO stores the PFN'),
      at('6.12', 'drivers/vfio/pci/vfio_pci_core.c', 1685, 'VFIO computes the PFN per fault'),
      ...both('drivers/pci/mmap.c', 43, 45, 'PCI mmap stores the PFN'),
      ...both('drivers/char/mem.c', 397, 378, '/dev/mem has the PFN there'),
      ...both('arch/riscv/kvm/mmu.c', 519, 513, 'KVM on RISC-V takes it for the PFN'),
      ...both('arch/powerpc/kvm/e500_mmu_host.c', 375, 375, 'KVM on e500 takes it for the PFN'),
    ],
  },
  {
    id: 'R16',
    name: 'check-ret',
    statement:
      'A check after the mmap callback looks at its return value first: !ret && !(vm_flags & ' +
      'VM_PFNMAP).',
    wrong:
      'A conforming exporter that refuses an mmap triggers the warning, because it returns ' +
      'before it sets any flag. As the warning comes once per boot, the false one hides the next ' +
      'true one.',
    why:
      'The patch as posted warns without looking at ret. After a failure the VMA is thrown away ' +
      'and its flags mean nothing.',
    fix: 'Test ret before the flags, in dma_buf_mmap_internal() and in dma_buf_mmap().',
    mails: [],
    kernel: [
      ...both('drivers/dma-buf/dma-buf.c', 149, 165, 'where the check would go: the fd'),
      ...both(
        'drivers/dma-buf/dma-buf.c',
        1443,
        1495,
        'where the check would go: a redirected mmap',
      ),
      ...both('drivers/gpu/drm/drm_gem_shmem_helper.c', 642, 617, 'refused before any flag is set'),
      at('6.12', 'drivers/dma-buf/heaps/cma_heap.c', 183, 'refused before any flag is set'),
    ],
  },
];

/** The rule of that id, such as `R4`. */
export function ruleById(id: string): Rule | undefined {
  return RULES.find((rule) => rule.id === id);
}
