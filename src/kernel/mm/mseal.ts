// SPDX-License-Identifier: GPL-2.0-or-later
/** mseal(2): memory whose mapping may not change any more. mm/mseal.c, since 6.10. */
import { type Run, routine, step } from '../../explore/program.ts';
import { EINVAL, ENOMEM, ENOSYS } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { VM_SEALED, VM_SHARED, VM_WRITE } from './flags.ts';
import {
  find_vma_intersection,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  range_is_mapped,
  vm_end,
  vm_file,
  vm_flags,
  vm_start,
} from './vma.ts';
import { vm_flags_reset, vma_modify_flags } from './vma-modify.ts';

const has_mseal = step('mseal', (k: Kernel) => (k.linux.has_mseal ? 1 : 0));

/** mm/vma.h can_modify_vma */
export const can_modify = (flags: number): boolean => !(flags & VM_SEALED);

/** mm/mseal.c can_modify_vma_madv: only what would throw away read-only anonymous memory. */
export const can_modify_vma_madv = routine(
  'can_modify_vma_madv',
  function* (vma: number, discards: number): Run<number> {
    if (!discards) return 1;
    const flags = yield* vm_flags(vma);
    if (can_modify(flags)) return 1;
    const is_ro_anon = !(yield* vm_file(vma)) && !(flags & VM_SHARED) && !(flags & VM_WRITE);
    return is_ro_anon ? 0 : 1;
  },
  'mm/mseal.c',
);

const apply_mm_seal = routine(
  'apply_mm_seal',
  function* (mm: number, start: number, end: number): Run<number> {
    for (let at = start; at < end; ) {
      const vma = yield* find_vma_intersection(mm, at, end);
      if (vma === NO_VMA) break;
      const flags = (yield* vm_flags(vma)) | VM_SEALED;
      const from = Math.max(at, yield* vm_start(vma));
      at = Math.min(end, yield* vm_end(vma));
      if (flags === (yield* vm_flags(vma))) continue;
      const target = yield* vma_modify_flags(vma, from, at, flags);
      if (target < 0) return target;
      yield* vm_flags_reset(target, flags);
    }
    return 0;
  },
  'mm/mseal.c',
);

/** mseal(2) */
export const sys_mseal = routine(
  'mseal',
  function* (mm: number, addr: number, n: number): Run<number> {
    if (!(yield* has_mseal())) return -ENOSYS;
    if (n < 0) return -EINVAL;
    if (n === 0) return 0;
    yield* mmap_write_lock(mm);
    const ret = (yield* range_is_mapped(mm, addr, addr + n))
      ? yield* apply_mm_seal(mm, addr, addr + n)
      : -ENOMEM;
    yield* mmap_write_unlock(mm);
    return ret;
  },
  'mm/mseal.c',
);
