// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * mlock(2), mlock2(2), munlock(2): mm/mlock.c. A VM_SPECIAL mapping never becomes VM_LOCKED and the
 * call does not say so; what follows populates it all the same, unless VM_IO or VM_PFNMAP.
 */
import { type Run, routine } from '../../explore/program.ts';
import { EAGAIN, EFAULT, EINVAL, ENOMEM } from '../errno.ts';
import { VM_LOCKED, VM_LOCKONFAULT, VM_SPECIAL } from './flags.ts';
import { mm_populate } from './gup.ts';
import { lru_add_drain } from './swap.ts';
import {
  find_vma_intersection,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  vm_end,
  vm_flags,
  vm_start,
  vma_lookup,
} from './vma.ts';
import { vm_flags_reset, vma_modify_flags } from './vma-modify.ts';

const mlock_fixup = routine(
  'mlock_fixup',
  function* (vma: number, start: number, end: number, flags: number): Run<number> {
    const old = yield* vm_flags(vma);
    if (flags === old || old & VM_SPECIAL) return 0;
    const target = yield* vma_modify_flags(vma, start, end, flags);
    if (target < 0) return target;
    yield* vm_flags_reset(target, flags);
    if (!(flags & VM_LOCKED && old & VM_LOCKED)) yield* lru_add_drain();
    return 0;
  },
  'mm/mlock.c',
);

const apply_vma_lock_flags = routine(
  'apply_vma_lock_flags',
  function* (mm: number, start: number, end: number, lock: number): Run<number> {
    if ((yield* vma_lookup(mm, start)) === NO_VMA) return -ENOMEM;
    for (let at = start; at < end; ) {
      const vma = yield* find_vma_intersection(mm, at, end);
      if (vma === NO_VMA || (yield* vm_start(vma)) > at) return -ENOMEM;
      const flags = ((yield* vm_flags(vma)) & ~(VM_LOCKED | VM_LOCKONFAULT)) | lock;
      const to = Math.min(end, yield* vm_end(vma));
      const err = yield* mlock_fixup(vma, at, to, flags);
      if (err) return err;
      at = to;
    }
    return 0;
  },
  'mm/mlock.c',
);

/** What POSIX wants to hear. mm/mlock.c __mlock_posix_error_return */
const posix_error = (err: number): number =>
  err === -EFAULT ? -ENOMEM : err === -ENOMEM ? -EAGAIN : err;

const do_mlock = routine(
  'do_mlock',
  function* (mm: number, addr: number, n: number, flags: number): Run<number> {
    if (n < 0) return -EINVAL;
    if (n === 0) return 0;
    yield* mmap_write_lock(mm);
    const err = yield* apply_vma_lock_flags(mm, addr, addr + n, flags);
    yield* mmap_write_unlock(mm);
    if (err) return err;
    return posix_error(yield* mm_populate(mm, addr, addr + n, 0));
  },
  'mm/mlock.c',
);

/** mlock2(2); `onfault` is MLOCK_ONFAULT. */
export const sys_mlock = routine(
  'mlock2',
  function* (mm: number, addr: number, n: number, onfault: number): Run<number> {
    return yield* do_mlock(mm, addr, n, VM_LOCKED | (onfault ? VM_LOCKONFAULT : 0));
  },
  'mm/mlock.c',
);

/** munlock(2) */
export const sys_munlock = routine(
  'munlock',
  function* (mm: number, addr: number, n: number): Run<number> {
    if (n <= 0) return n < 0 ? -EINVAL : 0;
    yield* mmap_write_lock(mm);
    const err = yield* apply_vma_lock_flags(mm, addr, addr + n, 0);
    yield* mmap_write_unlock(mm);
    return err;
  },
  'mm/mlock.c',
);
