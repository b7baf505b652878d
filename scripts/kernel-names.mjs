// SPDX-License-Identifier: GPL-2.0-or-later
// Steps and routines of the model whose name is not that of a function in both
// kernels: the line that each models, or why there is none. Read by
// scripts/kernel-lines.mjs, which looks the lines up and fails where one is gone.

/**
 * What a name stands for, and where: `fn()` is the definition of that function; `file > text > text` is
 * the first line with the last text after one with each text before it. The third is for 6.1 where it
 * differs, the fourth what it is called there. Words in place of a line say why there is none.
 *
 * @typedef {string | readonly [what: string, where: string, where61?: string, what61?: string]} Answer
 */

const MM_TYPES = 'include/linux/mm_types.h > struct vm_area_struct {';
const FILE = 'include/linux/fs.h > struct file {';
const DMA_BUF = 'include/linux/dma-buf.h > struct dma_buf {';
const SEALS = '6.1 has no mseal';

/** @param {string} member @returns {Answer} */
const vma = (member) => [`vma->${member}`, `${MM_TYPES} > ${member};`];
/** @param {string} file @param {string} name @param {string} [define] @returns {Answer} */
const call = (file, name, define = `${name},`) => [
  `${name}(2)`,
  `${file} > SYSCALL_DEFINE > (${define}`,
];

/** @type {Record<string, Answer>} */
const VMAS = {
  vm_start: vma('vm_start'),
  vm_end: vma('vm_end'),
  vm_flags: vma('vm_flags'),
  vm_pgoff: vma('vm_pgoff'),
  set_vm_pgoff: vma('vm_pgoff'),
  vm_file: vma('vm_file'),
  vm_ops: vma('vm_ops'),
  set_vm_ops: vma('vm_ops'),
  'vma->vm_ops': vma('vm_ops'),
  vma_mark_detached: ['vma_mark_detached()', 'vma_mark_detached()', 'do_mas_align_munmap()'],
  vm_page_prot: vma('vm_page_prot'),
  vm_private_data: vma('vm_private_data'),
  'vma->vm_mm': vma('vm_mm'),
  'vma->anon_vma': ['vma->anon_vma', `${MM_TYPES} > *anon_vma;`],
  'vm_ops->close': [
    'vm_ops->close',
    'include/linux/mm.h > struct vm_operations_struct { > (*close)',
  ],
  'vmf->pgoff': ['vmf->pgoff', 'include/linux/mm.h > struct vm_fault { > pgoff;'],
  gup_fast: ['gup_fast()', 'gup_fast()', 'lockless_pages_from_mm()'],
  write_protect_seq: [
    'mm->write_protect_seq',
    'mm/gup.c > read_seqcount_retry(&current->mm->write_protect_seq',
  ],
  gup_flags: [
    'gup_flags of a long-term pin',
    'mm/gup.c > gup_fast_fallback( > FOLL_TOUCH | FOLL_UNLOCKABLE',
    'mm/gup.c > static int __gup_longterm_unlocked( > gup_flags);',
  ],
  vm_flags_mod: ['vma->vm_flags', 'vm_flags_mod()', `${MM_TYPES} > vm_flags;`],
  vm_flags_reset: ['vma->vm_flags', 'vm_flags_reset()', `${MM_TYPES} > vm_flags;`],
  vma_range_mapped: ['range_is_mapped', 'mm/mseal.c > check_mm_seal(', SEALS],
  vma_link_file: ['vma_link_file()', 'vma_link_file()', '__vma_link_file()'],
  vma_merge_existing_range: ['vma_merge', 'vma_merge_existing_range()', 'vma_merge()'],
  vma_merge_new_range: ['vma_merge', 'vma_merge_new_range()', 'vma_merge()'],
  vma_merge_extend: ['vma_merge_extend()', 'vma_merge_extend()', 'vma_merge()'],
  vma_modify_flags: ['vma_modify_flags()', 'vma_modify_flags()', 'vma_merge()'],
  vma_adjust: ['vma_adjust()', '6.12 grows a VMA by vma_merge_extend', 'vma_adjust()'],
  do_vmi_munmap: ['do_vmi_munmap()', 'do_vmi_munmap()', 'do_mas_munmap()'],
  apply_mm_seal: ['apply_mm_seal()', 'apply_mm_seal()', SEALS],
  can_modify_vma_madv: ['can_modify_vma_madv()', 'can_modify_vma_madv()', SEALS],
  mseal: ['mseal(2)', 'mm/mseal.c > SYSCALL_DEFINE > (mseal', SEALS],
  'current->mm': ['current->mm', 'include/linux/sched.h > struct task_struct { > *mm;'],
  TASK_SIZE: ['TASK_SIZE', 'arch/x86/include/asm/page_64_types.h > define TASK_SIZE\t'],
  PAGE_SIZE: ['PAGE_SIZE', 'arch/x86/include/asm/page_types.h > define PAGE_SIZE'],
  PTRS_PER_PMD: [
    'PTRS_PER_PTE: pages in a block',
    'arch/x86/include/asm/pgtable_64_types.h > define PTRS_PER_PTE',
  ],
  PTRS_PER_PTE: ['PTRS_PER_PTE', 'arch/x86/include/asm/pgtable_64_types.h > define PTRS_PER_PTE'],
};

/** @type {Record<string, Answer>} */
const CALLS = {
  close: call('fs/open.c', 'close'),
  dup: call('fs/file.c', 'dup', 'dup2,'),
  fork: call('kernel/fork.c', 'fork', 'fork)'),
  execve: call('fs/exec.c', 'execve'),
  fstat: call('fs/stat.c', 'fstat', 'newfstat,'),
  ftruncate: call('fs/open.c', 'ftruncate'),
  fallocate: call('fs/open.c', 'fallocate'),
  ioctl: call('fs/ioctl.c', 'ioctl'),
  lseek: call('fs/read_write.c', 'lseek'),
  madvise: call('mm/madvise.c', 'madvise'),
  memfd_create: call('mm/memfd.c', 'memfd_create'),
  mincore: call('mm/mincore.c', 'mincore'),
  mlock2: call('mm/mlock.c', 'mlock2'),
  mmap: call('arch/x86/kernel/sys_x86_64.c', 'mmap'),
  mprotect: call('mm/mprotect.c', 'mprotect'),
  mremap: call('mm/mremap.c', 'mremap'),
  msync: call('mm/msync.c', 'msync'),
  munlock: call('mm/mlock.c', 'munlock'),
  munmap: call('mm/mmap.c', 'munmap'),
  pipe: call('fs/pipe.c', 'pipe'),
  pwrite: call('fs/read_write.c', 'pwrite', 'pwrite64,'),
  remap_file_pages: call('mm/mmap.c', 'remap_file_pages'),
  splice: call('fs/splice.c', 'splice'),
  vmsplice: call('fs/splice.c', 'vmsplice'),
  exc_page_fault: ['exc_page_fault', 'arch/x86/mm/fault.c > (exc_page_fault)'],
};

/** @type {Record<string, Answer>} */
const FILES = {
  f_mapping: ['file->f_mapping', `${FILE} > f_mapping;`],
  f_op: ['file->f_op', `${FILE} > f_op;`],
  f_pos: ['file->f_pos', `${FILE} > f_pos;`],
  private_data: ['file->private_data', `${FILE} > private_data;`],
  FMODE_WRITE: ['FMODE_WRITE', 'include/linux/fs.h > define FMODE_WRITE'],
  FD_CLOEXEC: ['FD_CLOEXEC', 'include/uapi/asm-generic/fcntl.h > define FD_CLOEXEC'],
  max_fds: ['fdt->max_fds', 'include/linux/fdtable.h > max_fds;'],
  i_size: ['inode->i_size', 'include/linux/fs.h > struct inode { > i_size;'],
  'info->seals': ['info->seals', 'include/linux/shmem_fs.h > seals;'],
  pipe_open: ['struct pipe_inode_info', 'include/linux/pipe_fs_i.h > struct pipe_inode_info {'],
  'pipe->bufs[head++]': [
    'pipe->bufs[head]',
    'fs/splice.c > add_to_pipe( > pipe->bufs[head & mask]',
  ],
  'pipe->bufs[tail++]': ['pipe->bufs[tail]', 'fs/pipe.c > pipe_read( > pipe->bufs[tail & mask]'],
  next_uptodate_folio: ['next_uptodate_folio()', 'next_uptodate_folio()', 'next_uptodate_page()'],
};

/** @type {Record<string, Answer>} */
const PAGES = {
  BUG: ['BUG()', 'include/asm-generic/bug.h > define BUG()'],
  WARN: ['WARN()', 'include/asm-generic/bug.h > define WARN('],
  WARN_ON_ONCE: ['WARN_ON_ONCE()', 'include/asm-generic/bug.h > define WARN_ON_ONCE('],
  CONFIG_ARCH_HAS_PTE_SPECIAL: [
    'CONFIG_ARCH_HAS_PTE_SPECIAL',
    'mm/Kconfig > config ARCH_HAS_PTE_SPECIAL',
  ],
  SetPageReserved: ['SetPageReserved()', 'include/linux/page-flags.h > PAGEFLAG(Reserved,'],
  SetPageNoReferences: 'a flag that no kernel has (König 23/09:06)',
  PageAnonExclusive: ['PageAnonExclusive()', 'include/linux/page-flags.h > int PageAnonExclusive('],
  SetPageAnonExclusive: [
    'SetPageAnonExclusive()',
    'include/linux/page-flags.h > void SetPageAnonExclusive(',
  ],
  'page->flags': ['page->flags', 'include/linux/mm_types.h > struct page { > flags;'],
  'folio->mapping': ['folio->mapping', 'include/linux/mm_types.h > struct folio { > mapping;'],
  folio_test_lru: ['the PG_lru flag', 'include/linux/page-flags.h > (LRU, lru,'],
  folio_test_swapbacked: ['the PG_swapbacked flag', 'include/linux/page-flags.h > wapbacked,'],
  folio_batch: ['struct folio_batch', 'include/linux/pagevec.h > struct folio_batch {'],
  folio_batch_reinit: ['folio_batch_reinit()', 'folio_batch_reinit()', 'pagevec_reinit()'],
  folio_batch_space: ['folio_batch_space()', 'folio_batch_space()', 'pagevec_space()'],
  folio_mark_lazyfree: ['folio_mark_lazyfree()', 'folio_mark_lazyfree()', 'mark_page_lazyfree()'],
  folio_test_active: [
    'the PG_active flag',
    'include/linux/page-flags.h > enum pageflags { > PG_active,',
  ],
  folio_deactivate: ['folio_deactivate()', 'folio_deactivate()', 'deactivate_page()'],
  page_mapping: ['page->mapping', 'folio_mapping()', 'page_mapping()'],
  page_mapcount: ['the page’s _mapcount', 'include/linux/mm_types.h > struct page { > _mapcount;'],
  page_add_rmap: [
    'the page’s _mapcount, added to',
    'folio_add_file_rmap_ptes()',
    'page_add_file_rmap()',
  ],
  page_remove_rmap: [
    'the page’s _mapcount, taken from',
    'folio_remove_rmap_ptes()',
    'page_remove_rmap()',
  ],
  page_owner: 'bookkeeping: a copy is made for whoever the page is allocated for',
  pfn_to_refcounted_page: ['kvm_pfn_to_refcounted_page()', 'kvm_pfn_to_refcounted_page()'],
  pfn_valid: ['pfn_valid()', 'include/linux/mmzone.h > static inline int pfn_valid('],
  rmqueue_movable: ['rmqueue()', 'rmqueue()'],
  alloc_pages_exact: [
    'alloc_pages_exact()',
    'mm/page_alloc.c > *alloc_pages_exact_noprof(',
    'mm/page_alloc.c > *alloc_pages_exact(',
  ],
  copy_page: ['copy_page()', 'arch/x86/include/asm/page_64.h > void copy_page('],
  memset: ['memset()', 'arch/x86/include/asm/string_64.h > memset('],
  memcmp: ['memcmp_pages()', 'memcmp_pages()'],
  fill_page: ['clear_highpage()', 'include/linux/highmem.h > clear_highpage('],
  folio_mc_copy: ['folio_mc_copy()', 'folio_mc_copy()', 'folio_migrate_copy()'],
  PGMIGRATE_SUCCESS: ['count_vm_events(PGMIGRATE_SUCCESS)', 'mm/migrate.c > PGMIGRATE_SUCCESS,'],
  ksm_pages_sharing: ['ksm_pages_sharing', 'mm/ksm.c > ksm_pages_sharing++'],
  pageblock: ['isolate_migratepages_block()', 'isolate_migratepages_block()'],
  folio_walk_start: ['folio_walk_start()', 'folio_walk_start()', 'follow_page()'],
  follow_page: ['follow_page()', 'folio_walk_start()', 'follow_page()'],
  should_zap_folio: ['should_zap_folio()', 'should_zap_folio()', 'should_zap_page()'],
  zba: ['zba', 'mm/memory.c > unmap_mapping_range_tree( > zba = '],
  zea: ['zea', 'mm/memory.c > unmap_mapping_range_tree( > zea = '],
  copy_present_pte: ['copy_present_ptes()', 'copy_present_ptes()', 'copy_present_pte()'],
  thp_vma_allowable_order: [
    'thp_vma_allowable_order()',
    'thp_vma_allowable_order()',
    'mm/huge_memory.c > bool hugepage_vma_check(',
    'hugepage_vma_check()',
  ],
  writable_file_mapping_allowed: [
    'writable_file_mapping_allowed()',
    'writable_file_mapping_allowed()',
    '6.1 has no such test',
  ],
  gup_fast_folio_allowed: [
    'gup_fast_folio_allowed()',
    'gup_fast_folio_allowed()',
    '6.1 has no such test',
  ],
  gup_fast_pte_range: ['gup_fast_pte_range()', 'gup_fast_pte_range()', 'gup_pte_range()'],
  follow_pfn: ['follow_pfn()', 'follow_pfnmap_start()', 'follow_pfn()'],
  follow_pte: ['follow_pte()', 'follow_pfnmap_start()', 'follow_pte()'],
  follow_pte_caller: ['follow_pte()', 'follow_pfnmap_start()', 'follow_pte()'],
  follow_pfnmap_start: ['follow_pfnmap_start()', 'follow_pfnmap_start()', 'follow_pte()'],
  pmdp_get: ['pmdp_get()', 'pmdp_get()', 'include/linux/pgtable.h > pmd_offset(', '*pmd_offset()'],
  ptep_clear_flags: [
    'set_pte_at() with bits cleared',
    'arch/x86/include/asm/pgtable.h > pte_clear_flags(',
  ],
  walk: ['pmd_offset(), pte_offset_map()', 'include/linux/pgtable.h > pmd_offset('],
  raw_walk: [
    'pmd_offset(), pte_offset_map(): a walk without any test',
    'include/linux/pgtable.h > pmd_offset(',
  ],
  clear_range_by_hand:
    'a driver that walks page tables itself: no function of mm/ clears entries without a flush',
  zap_without_flush:
    'a driver that walks page tables itself: no function of mm/ clears entries without a flush',
};

/** @type {Record<string, Answer>} */
const NOTIFIERS = {
  mmu_lock: ['kvm->mmu_lock, or a driver’s own lock', 'virt/kvm/kvm_mm.h > define KVM_MMU_LOCK('],
  mmu_unlock: [
    'kvm->mmu_lock, or a driver’s own lock',
    'virt/kvm/kvm_mm.h > define KVM_MMU_UNLOCK(',
  ],
  mmu_invalidate_in_progress: [
    'kvm->mmu_invalidate_in_progress',
    'virt/kvm/kvm_main.c > mmu_invalidate_in_progress++',
  ],
  mmu_invalidate_seq: ['kvm->mmu_invalidate_seq', 'include/linux/kvm_host.h > mmu_invalidate_seq;'],
  'mmu_invalidate_seq++': [
    'kvm->mmu_invalidate_seq++',
    'virt/kvm/kvm_main.c > mmu_invalidate_seq++',
  ],
  mmu_trylock: [
    'a driver’s own lock, tried where a range may not block',
    'drivers/gpu/drm/nouveau/nouveau_svm.c > mutex_trylock(&sn->svmm->mutex)',
  ],
  WARN_ON: [
    'WARN_ON()',
    'mm/mmu_notifier.c > int mn_hlist_invalidate_range_start( > WARN_ON(mmu_notifier_range_blockable(range)',
  ],
  set_bit: ['set_bit()', 'mm/oom_kill.c > set_bit(MMF_UNSTABLE, &mm->flags);'],
  ib_umem_get: ['ib_umem_get()', 'drivers/infiniband/core/umem.c > struct ib_umem *ib_umem_get('],
  alloc_page_table: 'a driver’s own: memory for its page table, while there is none',
  subscription: [
    'subscriptions->list',
    'mm/mmu_notifier.c > int mn_hlist_invalidate_range_start( > hlist_for_each_entry_rcu(',
  ],
  faultin_page_range: [
    'faultin_page_range()',
    'faultin_page_range()',
    'faultin_vma_page_range()',
    'faultin_vma_page_range()',
  ],
  arch_invalidate_secondary_tlbs: [
    'arch_invalidate_secondary_tlbs',
    '__mmu_notifier_arch_invalidate_secondary_tlbs()',
    '__mmu_notifier_invalidate_range()',
  ],
  iommu_sva_handle_mm: [
    'iommu_sva_handle_mm()',
    'iommu_sva_handle_mm()',
    'drivers/iommu/io-pgfault.c > iopf_handle_single(',
    'iopf_handle_single()',
  ],
  set_spte: ['mmu_set_spte()', 'mmu_set_spte()'],
  release_pfn: ['kvm_release_pfn_clean(), in VFIO put_pfn()', 'kvm_release_pfn_clean()'],
  KVM_PFN_ERR_FAULT: ['KVM_PFN_ERR_FAULT', 'include/linux/kvm_host.h > define KVM_PFN_ERR_FAULT'],
  faultin_pfn: ['kvm_faultin_pfn()', 'kvm_faultin_pfn()'],
  'wait_event(!in_progress)':
    'no kernel waits here: the thread speaks of retrying (Vetter 23/14:34)',
  kvm_arch_prepare_memory_region: [
    'kvm_arch_prepare_memory_region()',
    'arch/riscv/kvm/mmu.c > int kvm_arch_prepare_memory_region(',
  ],
  pfn_by_pgoff: [
    'pa = vma->vm_pgoff << PAGE_SHIFT',
    'arch/riscv/kvm/mmu.c > vm_pgoff << PAGE_SHIFT',
  ],
  ioremap: ['kvm_riscv_gstage_ioremap()', 'arch/riscv/kvm/mmu.c > int kvm_riscv_gstage_ioremap('],
  mirror_fault: [
    'the loop that hmm.rst prescribes',
    'Documentation/mm/hmm.rst > mmu_interval_read_begin(',
  ],
  dma_map: [
    'the driver’s update, under its lock',
    'Documentation/mm/hmm.rst > update device page table',
  ],
  has_itree: [
    'subscriptions->has_itree',
    'mm/mmu_notifier.c > struct mmu_notifier_subscriptions { > bool has_itree;',
  ],
  notifier_subscriptions: [
    'mm->notifier_subscriptions',
    'include/linux/mm_types.h > struct mmu_notifier_subscriptions *notifier_subscriptions;',
  ],
  interval_tree_remove: [
    'interval_tree_remove()',
    'mm/mmu_notifier.c > void mmu_interval_notifier_remove( > interval_tree_remove(',
  ],
  'interval_sub->invalidate_seq': [
    'interval_sub->invalidate_seq',
    'include/linux/mmu_notifier.h > struct mmu_interval_notifier { > unsigned long invalidate_seq;',
  ],
  range_fault: [
    'nouveau_range_fault()',
    'drivers/gpu/drm/nouveau/nouveau_svm.c > static int nouveau_range_fault(',
  ],
  unmap_mirror: [
    'the invalidate callback of an interval notifier',
    'include/linux/mmu_notifier.h > struct mmu_interval_notifier_ops { > (*invalidate)',
  ],
  follow_fault_pfn: [
    'follow_fault_pfn()',
    'drivers/vfio/vfio_iommu_type1.c > int follow_fault_pfn(',
  ],
  vaddr_get_pfns: ['vaddr_get_pfns()', 'drivers/vfio/vfio_iommu_type1.c > int vaddr_get_pfns('],
};

/** @type {Record<string, Answer>} */
const BUFFERS = {
  'dmabuf->ops': ['dmabuf->ops', `${DMA_BUF} > ops;`],
  'dmabuf->size': ['dmabuf->size', `${DMA_BUF} > size;`],
  'dmabuf->file': ['dmabuf->file', `${DMA_BUF} > file;`],
  'dmabuf->attachments': ['dmabuf->attachments', `${DMA_BUF} > attachments;`],
  'dmabuf->ops->mmap': [
    'dmabuf->ops->mmap',
    'include/linux/dma-buf.h > struct dma_buf_ops { > (*mmap)',
  ],
  'attach->dmabuf': [
    'attach->dmabuf',
    'include/linux/dma-buf.h > struct dma_buf_attachment { > dmabuf;',
  ],
  CONFIG_DMABUF_DEBUG: ['CONFIG_DMABUF_DEBUG', 'drivers/dma-buf/Kconfig > config DMABUF_DEBUG'],
  dma_buf_mmap_fits: [
    'the test of the size',
    'drivers/dma-buf/dma-buf.c > dmabuf->size >> PAGE_SHIFT',
  ],
  dma_buf_alloc: [
    'kzalloc() of the dma-buf',
    'drivers/dma-buf/dma-buf.c > *dma_buf_export( > kzalloc(',
  ],
  dma_buf_init: [
    'the members that dma_buf_export() sets',
    'drivers/dma-buf/dma-buf.c > *dma_buf_export( > dmabuf->ops =',
  ],
  dma_buf_mmap_require_pfnmap:
    'the patch’s own: after the callback in dma_buf_mmap_internal() and dma_buf_mmap() (Vetter 22/17:08)',
  patch: 'the patch’s own: whether this kernel has it (Vetter 22/17:08)',
  dma_buf_mmap_return: 'bookkeeping: what a probe on the return of dma_buf_mmap would count',
  sg_free_table: ['sg_free_table()', 'sg_free_table()'],
  sg_table: ['struct sg_table', 'include/linux/scatterlist.h > struct sg_table {'],
  'ubuf->sg': ['ubuf->sg', 'drivers/dma-buf/udmabuf.c > struct udmabuf { > *sg;'],
  drm_vma_node_start: [
    'drm_vma_node_start()',
    'include/drm/drm_vma_manager.h > long drm_vma_node_start(',
  ],
  'bo->deleted': [
    'bo->deleted',
    'include/drm/ttm/ttm_bo.h > bool deleted;',
    'include/drm/ttm/ttm_bo_api.h > bool deleted;',
  ],
  pin_count: [
    'bo->pin_count',
    'include/drm/ttm/ttm_bo.h > pin_count;',
    'include/drm/ttm/ttm_bo_api.h > pin_count;',
  ],
  pin: ['bo->pin_count', 'ttm_bo_pin()', 'include/drm/ttm/ttm_bo_api.h > void ttm_bo_pin('],
  TTM_TT_FLAG_SWAPPED: [
    'TTM_TT_FLAG_SWAPPED',
    'include/drm/ttm/ttm_tt.h > define TTM_TT_FLAG_SWAPPED',
  ],
  delayed_delete: [
    'ttm_bo_delayed_delete()',
    'drivers/gpu/drm/ttm/ttm_bo.c > ttm_bo_delayed_delete(',
  ],
  queue_delayed_work: [
    'the work that is queued',
    'drivers/gpu/drm/ttm/ttm_bo.c > queue_work_node(',
    'drivers/gpu/drm/ttm/ttm_bo.c > schedule_delayed_work(',
  ],
  worker_thread: ['worker_thread()', 'kernel/workqueue.c > int worker_thread('],
};

const RECORD = 'the exporter’s own record';
const SEARCH = 'bookkeeping of the search: no CPU does this';
const CPU = 'hardware: the MMU of this CPU (Intel SDM volume 3, 4.10)';
const IOMMU = 'hardware: the IOMMU (VT-d specification 6.5)';
const CHECK_AT = 'a check that was proposed and no kernel has (Gunthorpe 23/12:46)';

/** @type {Record<string, Answer>} */
const NOWHERE = {
  placement: `${RECORD} of where each page is`,
  set_placement: `${RECORD} of where each page is`,
  obj_init: `${RECORD} of its file and size`,
  source: `${RECORD} of the file that its pages come from`,
  set_source: `${RECORD} of the file that its pages come from`,
  revoked: `${RECORD} of whether access has ended`,
  revoke: `${RECORD} of whether access has ended`,
  contiguous: `${RECORD} of where each page is: whether one entry can map these`,
  pfn: `${RECORD} of where each page is, as remap_pfn_range is told of it`,
  'generation++': 'the test module’s own count of moves (guest/module/exporter.c)',
  tag: 'the test module’s own: the move that a page was made by (guest/module/exporter.c)',
  old_pages: 'the test module’s own list of pages that moves left behind (guest/module/exporter.c)',
  pattern: 'the test module’s own pattern in fresh pages (guest/module/exporter.c)',
  POISON: 'the test module’s own pattern in old pages (guest/module/exporter.c)',
  count_fault: 'the test module’s own count of faults (guest/module/fault.c)',
  count_mkwrite: 'the test module’s own count of write notifications (guest/module/fault.c)',
  count_vma: 'the test module’s own count of VMAs (guest/module/exporter.c)',
  fill_fresh: 'the test module’s own: fills fresh pages with its pattern (guest/module/exporter.c)',
  check_page_count: CHECK_AT,
  exporter_unmapped: CHECK_AT,
  exporter_alloc: 'the exporter’s own way to allocate a page',
  exporter_free: 'the exporter’s own way to free a page',
  anonymous: 'the program’s own memory: it begins with mmap',
  access: 'the instruction itself: a load or a store of this CPU',
  access_page: 'the load or store itself, through a page number that was kept',
  user: 'the program’s own instruction, tried again after a fault',
  user_program: 'the program’s own instructions',
  other_cpu: 'the program’s own instructions, in another thread',
  program: 'the program’s own system calls',
  hw_walk: CPU,
  iommu_walk: IOMMU,
  dma: 'hardware: an access of the device',
  device_access: 'hardware: an access of the device, or of the guest',
  sva_access: 'hardware: an access of the device by virtual address (Gunthorpe 23/15:04)',
  importer_dma: 'hardware: an access of the importer’s device',
  contract: `${SEARCH}; it notes that a rule has fallen`,
  SIGBUS: `${SEARCH}; it notes a SIGBUS that will never end`,
  borrowed: `${SEARCH}; it notes that reaped memory was taken for data`,
  owner: `${SEARCH}; it notes whose page this is`,
  note_lookup: `${SEARCH}; it notes how the lookup ended`,
  why_gup_worked: `${SEARCH}; it notes what the lookup could have been stopped by`,
  gap: 'the story’s own: the place between two steps of the lookup that it is about (Vetter 23/14:28)',
  wait_for_gap: 'the story’s own: the exporter waits for that place',
  wait_for_move: 'the story’s own: the lookup goes on after the move',
  n_mappings: 'the story’s own exporter, which counts its mappings',
  counting_mmap: 'the story’s own exporter, which counts its mappings',
  counting_vm_close: 'the story’s own exporter, which counts its mappings',
  maps_other: 'the story’s own second driver, which maps the first one’s buffer (Vetter 22/18:08)',
  maps_other_on_same_mapping: 'the story’s own second driver, on the first one’s address_space',
};

/**
 * Code of an exporter that was made from traits, by what follows its name; a step that only such code
 * calls has `*` before its name.
 *
 * @type {Record<string, Answer>}
 */
const EXPORTERS = {
  '*_attach': 'its attach callback',
  '*_create': 'how it makes a buffer',
  '*_detach': 'its detach callback',
  '*_enable': 'how it gives memory back to its users',
  '*_fault': 'its fault handler, under its lock',
  '*_fops_mmap': 'its file’s mmap',
  '*_fops_release': 'its file’s release',
  '*_huge_fault': 'its handler of huge faults',
  '*_insert': 'its fault handler: what it inserts',
  '*_insert_block': 'its handler of huge faults: what it inserts',
  '*_map_all': 'its mmap callback: what it inserts',
  '*_map_dma_buf': 'its map_dma_buf callback',
  '*_mkwrite': 'its handler of first writes',
  '*_mmap': 'its mmap callback',
  '*_move': 'how it moves a buffer',
  '*_mv': 'how it moves a buffer, step by step',
  '*_open': 'how it makes a file for a buffer',
  '*_prefault': 'its fault handler: what it inserts besides',
  '*_release': 'how it frees a buffer',
  '*_revoke': 'how it takes memory away',
  '*_swapout': 'how it evicts a buffer',
  '*_vm_access': 'its access callback',
  '*_vm_fault': 'its fault handler',
  '*_zap': 'how it takes the entries away',
  '*replace_page': 'how it moves one page',
};

export const NAMES = {
  ...VMAS,
  ...CALLS,
  ...FILES,
  ...PAGES,
  ...NOTIFIERS,
  ...BUFFERS,
  ...NOWHERE,
  ...EXPORTERS,
};
