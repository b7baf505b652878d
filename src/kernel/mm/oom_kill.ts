// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The OOM reaper: mm/oom_kill.c. Takes anonymous and private memory from a process that was killed and
 * cannot exit. It is the one that may not wait: whoever waits for memory waits for it. So notifiers that
 * would have to wait refuse, and it comes back later.
 */
import { again, guard, type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { VM_PFNMAP, VM_SHARED } from './flags.ts';
import { mmu_notifier_invalidate_range_start_nonblock } from './mmu_notifier.ts';
import {
  find_vma,
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_end,
  vm_flags,
  vm_ops,
  vm_start,
} from './vma.ts';
import { unmap_page_range } from './zap.ts';

/** include/linux/sched/coredump.h */
export const MMF_OOM_SKIP = 1;
export const MMF_UNSTABLE = 2;

const set_bit = step(
  'set_bit',
  (k: Kernel, mm: number, bit: number) => k.mm_flags.set(mm, k.mm_flags.get(mm) | bit),
  {
    text: ([, bit]) => `set_bit(${bit === MMF_UNSTABLE ? 'MMF_UNSTABLE' : 'MMF_OOM_SKIP'})`,
  },
);

/**
 * 6.12 mm/oom_kill.c:516, 6.1 :519. What VM_PFNMAP marks is nothing to reap, shared memory neither.
 * @returns 1 when all was reaped, 0 to come back later
 */
const __oom_reap_task_mm = routine(
  '__oom_reap_task_mm',
  function* (mm: number): Run<number> {
    let done = 1;
    yield* set_bit(mm, MMF_UNSTABLE);
    for (let vma = yield* find_vma(mm, 0); vma !== NO_VMA; ) {
      const flags = yield* vm_flags(vma);
      const end = yield* vm_end(vma);
      const pfns = yield* guard('the VM_PFNMAP test', flags & VM_PFNMAP);
      const anonymous = (yield* vm_ops(vma)) === 0;
      if (!pfns && (anonymous || !(flags & VM_SHARED))) {
        const start = yield* vm_start(vma);
        const refused = yield* mmu_notifier_invalidate_range_start_nonblock(mm, start, end);
        if (yield* guard('the refusal of a notifier', refused)) done = 0;
        else yield* unmap_page_range(mm, flags, start, end);
      }
      yield* again('for_each_vma', done, end);
      vma = yield* find_vma(mm, end);
    }
    return done;
  },
  'mm/oom_kill.c',
);

/**
 * oom_reap_task. It tries mmap_lock, and comes back after 100 ms; here it waits for it.
 * @param attempts MAX_OOM_REAP_RETRIES, which is 10; then the OOM killer is let loose on the next
 */
export const oom_reap_task = routine(
  'oom_reap_task',
  function* (mm: number, attempts: number): Run<void> {
    for (let i = 0; i < attempts; i++) {
      yield* again('schedule_timeout_idle', i);
      yield* mmap_read_lock(mm);
      const done = yield* __oom_reap_task_mm(mm);
      yield* mmap_read_unlock(mm);
      if (done) break;
    }
    yield* set_bit(mm, MMF_OOM_SKIP);
  },
  'mm/oom_kill.c',
);
