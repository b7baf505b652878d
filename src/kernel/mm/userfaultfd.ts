// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * userfaultfd: which mappings may be registered, and that closing the descriptor undoes it.
 * fs/userfaultfd.c, mm/userfaultfd.c; include/linux/userfaultfd_k.h vma_can_userfault
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EINVAL, EPERM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { vma_ops } from './fault.ts';
import {
  VM_MAYWRITE,
  VM_SHARED,
  VM_UFFD_MINOR,
  VM_UFFD_MISSING,
  VM_UFFD_WP,
  VM_WRITE,
} from './flags.ts';
import { change_protection } from './mprotect.ts';
import { shmem_vm_ops } from './shmem.ts';
import {
  find_vma_intersection,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  vm_end,
  vm_flags,
  vm_page_prot,
  vm_start,
  vma_set_page_prot,
  vmGetPageProt,
} from './vma.ts';
import { vm_flags_reset, vma_modify_flags } from './vma-modify.ts';

const UFFD = VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR;

const vma_can_userfault = routine(
  'vma_can_userfault',
  function* (vma: number, flags: number): Run<number> {
    const ops = yield* vma_ops(vma);
    const shmem = ops === shmem_vm_ops;
    if (flags & VM_UFFD_MINOR && !shmem) return 0;
    return !ops || shmem ? 1 : 0;
  },
  'include/linux/userfaultfd_k.h',
);

const check_range = routine(
  'userfaultfd_register',
  function* (mm: number, start: number, end: number, mode: number): Run<number> {
    let vma = yield* find_vma_intersection(mm, start, end);
    // The process always has memory above, so it is never "no VMA at all".
    if (vma === NO_VMA) return -EINVAL;
    while (vma !== NO_VMA) {
      if (!(yield* vma_can_userfault(vma, mode))) return -EINVAL;
      if (!((yield* vm_flags(vma)) & VM_MAYWRITE)) return -EPERM;
      vma = yield* find_vma_intersection(mm, yield* vm_end(vma), end);
    }
    return 0;
  },
  'fs/userfaultfd.c',
);

const upgrades = step('uffd_wp_range', (k: Kernel) => (k.linux.uffd_wp_upgrades ? 1 : 0));

/** mm/userfaultfd.c uffd_wp_range: the end of write protection, for one VMA. */
const uffd_wp_range = routine(
  'uffd_wp_range',
  function* (mm: number, vma: number): Run<void> {
    const start = yield* vm_start(vma);
    const end = yield* vm_end(vma);
    const flags = yield* vm_flags(vma);
    if (yield* upgrades()) {
      // Shared entries lose the right to write: vm_page_prot still wants to know of writes.
      const tryWritable = (flags & (VM_WRITE | VM_SHARED)) === VM_WRITE ? 1 : 0;
      yield* change_protection(mm, vma, start, end, yield* vm_page_prot(vma), tryWritable);
    } else {
      yield* change_protection(mm, vma, start, end, vmGetPageProt(flags), 0);
    }
  },
  'mm/userfaultfd.c',
);

/** Gives every VMA of the range these modes, splitting and merging. */
const set_modes = routine(
  'userfaultfd_set_vm_flags',
  function* (mm: number, start: number, end: number, mode: number): Run<number> {
    for (let at = start; at < end; ) {
      const vma = yield* find_vma_intersection(mm, at, end);
      if (vma === NO_VMA) break;
      const from = Math.max(at, yield* vm_start(vma));
      at = Math.min(end, yield* vm_end(vma));
      const old = yield* vm_flags(vma);
      const flags = (old & ~UFFD) | mode;
      if (flags === old) continue;
      if (old & VM_UFFD_WP) yield* uffd_wp_range(mm, vma);
      const target = yield* vma_modify_flags(vma, from, at, flags);
      if (target < 0) return target;
      yield* vm_flags_reset(target, flags);
      if ((flags ^ old) & VM_UFFD_WP) yield* vma_set_page_prot(target);
    }
    return 0;
  },
  'fs/userfaultfd.c',
);

/** UFFDIO_REGISTER of a new descriptor. `mode`: VM_UFFD_MISSING, VM_UFFD_WP or VM_UFFD_MINOR. */
export const userfaultfd_register = routine(
  'userfaultfd_register',
  function* (mm: number, addr: number, n: number, mode: number): Run<number> {
    if (n <= 0) return -EINVAL;
    yield* mmap_write_lock(mm);
    const bad = yield* check_range(mm, addr, addr + n, mode);
    const ret = bad || (yield* set_modes(mm, addr, addr + n, mode));
    yield* mmap_write_unlock(mm);
    return ret;
  },
  'fs/userfaultfd.c',
);

/** The last close of the descriptor. */
export const userfaultfd_release = routine(
  'userfaultfd_release',
  function* (mm: number, addr: number, n: number): Run<void> {
    yield* mmap_write_lock(mm);
    yield* set_modes(mm, addr, addr + n, 0);
    yield* mmap_write_unlock(mm);
  },
  'fs/userfaultfd.c',
);
