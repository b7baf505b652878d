// SPDX-License-Identifier: GPL-2.0-or-later
/** The kernel model as a library: what a scenario of one's own is written with. */

export { CONSUMERS } from './consumers/index.ts';
export {
  dma_buf_attach,
  dma_buf_detach,
  dma_buf_map_attachment_unlocked,
  dma_buf_unmap_attachment_unlocked,
  sg_dma_address,
} from './dma-buf/attach.ts';
export { dma_buf_mmap } from './dma-buf/dma-buf.ts';
export { resv } from './dma-buf/dma-resv.ts';
export { type Exporter, exporter, type MoveOptions } from './dma-buf/exporter.ts';
export { EBUSY } from './errno.ts';
export { EXPORTERS } from './exporters/index.ts';
export {
  alloc_file,
  fd_install,
  fd_lookup,
  fget,
  fput,
  set_close_on_exec,
  set_file_mapping,
  sys_close,
  sys_dup,
} from './fs/file.ts';
export {
  type DmaBufOps,
  dma_buf_operations,
  type FileOperations,
  Kernel,
  type KernelConfig,
  PAGE_FREED,
  PAGE_FRESH,
  PAGE_USED,
  type VmOperations,
} from './kernel.ts';
export { access_page, type UserPage, user_access } from './mm/access.ts';
export {
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  pte_pfn,
  VM_IO,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SHARED,
} from './mm/flags.ts';
export { follow_pfn, follow_pte, raw_walk } from './mm/follow.ts';
export {
  FOLL_GET,
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_WRITE,
  fixup_user_fault,
  get_user_pages_unlocked,
  unpin_user_page,
} from './mm/gup.ts';
export { get_user_pages_fast } from './mm/gup-fast.ts';
export {
  HMM_PFN_REQ_FAULT,
  HMM_PFN_REQ_WRITE,
  type HmmPfns,
  type HmmRange,
  hmm_range_fault,
  hmm_range_fault_pages,
} from './mm/hmm.ts';
export { sys_madvise } from './mm/madvise.ts';
export {
  MAP_PRIVATE,
  MAP_SHARED,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
  sys_munmap,
} from './mm/mmap.ts';
export {
  interval_seq,
  MN_ALWAYS_TRIES,
  MN_NO_END,
  MN_NO_RELEASE,
  MN_REFUSES,
  MN_TRIES,
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_invalidate_retry,
  mmu_invalidate_seq,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_INTERVAL,
  NOTIFIER_LIST,
} from './mm/mmu_notifier.ts';
export {
  free_subscription,
  mmu_interval_notifier_insert,
  mmu_interval_notifier_remove,
  mmu_notifier_free_rcu,
  mmu_notifier_put,
  mmu_notifier_register,
  mmu_notifier_unregister,
} from './mm/mmu_subscribe.ts';
export { MREMAP_FIXED, MREMAP_MAYMOVE, sys_mremap } from './mm/mremap.ts';
export { MMF_OOM_SKIP, oom_reap_task } from './mm/oom_kill.ts';
export { put_page, set_pageblock_migratetype, try_get_page } from './mm/page.ts';
export { get_user_word } from './mm/uaccess.ts';
export { mmap_read_lock, mmap_read_unlock, set_vm_ops } from './mm/vma.ts';
export { unmap_mapping_range } from './mm/zap.ts';
export { do_exit, sys_execve, sys_fork } from './process.ts';
export { consumer, notifierKind } from './programs/consumer.ts';
export { finder, hva_to_pfn_remapped, releaser } from './programs/find.ts';
export {
  install,
  install_mirror,
  mirrorFault,
  through_mirror,
  through_spte,
} from './programs/notified.ts';
export { type LinuxVersion, PROFILES, type Profile } from './versions.ts';
