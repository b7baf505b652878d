// SPDX-License-Identifier: GPL-2.0-or-later
/** mprotect(2): new rights for a range, VMA by VMA, and for the entries that are there. mm/mprotect.c */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EACCES, ENOMEM, EPERM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import {
  PTE_DIRTY,
  PTE_NONE,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  pte_pfn,
  VM_ACCESS_FLAGS,
  VM_ACCOUNT,
  VM_LOCKED,
  VM_NORESERVE,
  VM_SEALED,
  VM_SHARED,
  VM_WRITE,
} from './flags.ts';
import { populate_vma_page_range } from './gup.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import { page_is_exclusive, page_mapping } from './page.ts';
import {
  flush_tlb_range,
  next_present,
  pmdp_get,
  ptep_get,
  ptep_modify_prot,
  ptrs_per_pmd,
  set_pmd_at,
} from './pgtable.ts';
import {
  find_vma_intersection,
  has_anon_vma,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  PROT_R,
  PROT_W,
  vm_end,
  vm_flags,
  vm_ops,
  vm_page_prot,
  vm_start,
  vma_set_page_prot,
  vma_wants_writenotify,
} from './vma.ts';
import { vm_flags_reset, vma_modify_flags } from './vma-modify.ts';
import { MAPPING_ANON } from './zap.ts';

const clean_anon_is_upgraded = step('can_change_pte_writable', (k: Kernel) =>
  k.linux.mprotect_upgrades_clean_anon ? 1 : 0,
);
const account_is_dropped = step('mprotect_fixup', (k: Kernel) =>
  k.linux.mprotect_drops_account ? 1 : 0,
);

/** mm/mprotect.c can_change_pte_writable */
const can_change_pte_writable = routine(
  'can_change_pte_writable',
  function* (vma: number, pte: number): Run<number> {
    if (pte & PTE_NONE) return 0;
    const dirty = pte & PTE_DIRTY ? 1 : 0;
    if ((yield* vm_flags(vma)) & VM_SHARED) return dirty;
    if (!dirty && !(yield* clean_anon_is_upgraded())) return 0;
    const pfn = pte_pfn(pte);
    if (yield* guard('the pte_special test', pte & PTE_SPECIAL)) return 0;
    if ((yield* page_mapping(pfn)) !== MAPPING_ANON) return 0;
    return yield* page_is_exclusive(pfn);
  },
  'mm/mprotect.c',
);

/** What pte_modify makes of an entry under new rights: the pfn, special, dirty and accessed stay. */
export function pte_modify(pte: number, prot: number): number {
  let entry = pte & ~(PTE_WRITE | PTE_NONE);
  if (prot & PROT_W) entry |= PTE_WRITE;
  if (!(prot & (PROT_R | PROT_W))) entry |= PTE_NONE;
  return entry;
}

/** mm/mprotect.c change_protection: notifiers, entries, one flush at the end. */
export const change_protection = routine(
  'change_protection',
  function* (
    mm: number,
    vma: number,
    start: number,
    end: number,
    prot: number,
    tryWritable: number,
  ): Run<void> {
    let changed = 0;
    yield* mmu_notifier_invalidate_range_start(mm, start, end);
    yield* pte_lock(mm);
    const n = yield* ptrs_per_pmd();
    for (let addr = yield* next_present(mm, start, end); addr < end; ) {
      const pmd = yield* pmdp_get(mm, addr);
      if (pmd & PTE_PRESENT) {
        // change_huge_pmd; a part of a huge entry splits it, which for such an entry drops it.
        const block = addr - (addr % n);
        const whole = block >= start && block + n <= end;
        yield* set_pmd_at(mm, addr, whole ? pte_modify(pmd, prot) : 0);
        changed = 1;
        addr = yield* next_present(mm, Math.min(end, block + n), end);
        continue;
      }
      const old = yield* ptep_get(mm, addr);
      const entry = pte_modify(old, prot);
      const upgrade =
        tryWritable && !(entry & PTE_WRITE) ? yield* can_change_pte_writable(vma, entry) : 0;
      yield* ptep_modify_prot(mm, addr, upgrade ? prot | PROT_W : prot);
      if ((old ^ entry) & (PTE_WRITE | PTE_NONE)) changed = 1;
      addr = yield* next_present(mm, addr + 1, end);
    }
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, start, end);
    if (changed) yield* flush_tlb_range(mm, start, end);
  },
  'mm/mprotect.c',
);

/** mm/mprotect.c mprotect_fixup: one VMA, or a part of it. */
const mprotect_fixup = routine(
  'mprotect_fixup',
  function* (mm: number, vma: number, start: number, end: number, wanted: number): Run<number> {
    const old = yield* vm_flags(vma);
    if (old & VM_SEALED) return -EPERM;
    if (wanted === old) return 0;
    let flags = wanted;
    if (flags & VM_WRITE) {
      if (!(old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))) flags |= VM_ACCOUNT;
    } else if (old & VM_ACCOUNT && (yield* account_is_dropped())) {
      if (!(yield* vm_ops(vma)) && !(yield* has_anon_vma(vma))) flags &= ~VM_ACCOUNT;
    }
    const target = yield* vma_modify_flags(vma, start, end, flags);
    if (target < 0) return target;
    yield* vm_flags_reset(target, flags);
    // vma_wants_manual_pte_write_upgrade
    const tryWritable =
      flags & VM_SHARED ? yield* vma_wants_writenotify(target) : flags & VM_WRITE ? 1 : 0;
    yield* vma_set_page_prot(target);
    yield* change_protection(mm, target, start, end, yield* vm_page_prot(target), tryWritable);
    if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) === VM_LOCKED && flags & VM_WRITE) {
      yield* populate_vma_page_range(mm, target, start, end, 0);
    }
    return 0;
  },
  'mm/mprotect.c',
);

/** mprotect(2). What was changed before an error stays changed. */
export const sys_mprotect = routine(
  'mprotect',
  function* (mm: number, addr: number, n: number, prot: number): Run<number> {
    if (n === 0) return 0;
    yield* mmap_write_lock(mm);
    const ret = yield* do_mprotect(mm, addr, addr + n, prot);
    yield* mmap_write_unlock(mm);
    return ret;
  },
  'mm/mprotect.c',
);

const do_mprotect = routine(
  'do_mprotect_pkey',
  function* (mm: number, start: number, end: number, prot: number): Run<number> {
    for (let at = start; at < end; ) {
      const vma = yield* find_vma_intersection(mm, at, end);
      if (vma === NO_VMA || (yield* vm_start(vma)) > at) return -ENOMEM;
      const old = yield* vm_flags(vma);
      const flags = prot | (old & ~VM_ACCESS_FLAGS);
      const more = flags & ~(flags >> 4) & VM_ACCESS_FLAGS;
      if (yield* guard('the VM_MAYWRITE test', more)) return -EACCES;
      const stop = Math.min(end, yield* vm_end(vma));
      const err = yield* mprotect_fixup(mm, vma, at, stop, flags);
      if (err) return err;
      at = stop;
    }
    return 0;
  },
  'mm/mprotect.c',
);
