// SPDX-License-Identifier: GPL-2.0-or-later
/** The kernel model as a library: what a scenario of one's own is written with. */

export { CONSUMERS } from './consumers/index.ts';
export { type Exporter, exporter, type MoveOptions } from './dma-buf/exporter.ts';
export { EXPORTERS } from './exporters/index.ts';
export { sys_close } from './fs/file.ts';
export { Kernel, type KernelConfig, PAGE_FREED, PAGE_FRESH, PAGE_USED } from './kernel.ts';
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
export { follow_pfn, follow_pte } from './mm/follow.ts';
export {
  FOLL_GET,
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_WRITE,
  fixup_user_fault,
  get_user_pages_fast,
  get_user_pages_unlocked,
  unpin_user_page,
} from './mm/gup.ts';
export { hmm_range_fault } from './mm/hmm.ts';
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
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_invalidate_retry,
  mmu_invalidate_seq,
  mmu_lock,
  mmu_notifier_register,
  mmu_unlock,
  NOTIFIER_INTERVAL,
  NOTIFIER_LIST,
} from './mm/mmu_notifier.ts';
export { put_page, try_get_page } from './mm/page.ts';
export { mmap_read_lock, mmap_read_unlock } from './mm/vma.ts';
export { unmap_mapping_range } from './mm/zap.ts';
export { consumer, notifierKind } from './programs/consumer.ts';
export { hva_to_pfn_remapped } from './programs/find.ts';
export { type LinuxVersion, PROFILES, type Profile } from './versions.ts';
