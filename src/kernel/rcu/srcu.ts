// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Sleepable RCU, as much of it as mm/mmu_notifier.c asks for: who walks its lists is a reader, and whoever
 * takes an entry off one waits for the readers that were there before it is freed. kernel/rcu/srcutree.c
 */
import { BLOCKED, type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';

/** @returns the index that {@link srcu_read_unlock} is to be given. 6.12 kernel/rcu/srcutree.c:718, 6.1 :634 */
export const srcu_read_lock = step(
  'srcu_read_lock',
  (k: Kernel) => {
    const idx = k.srcu_idx.get(0);
    k.srcu_lock_count.add(idx, 1);
    return idx;
  },
  {
    atomic: 'a grace period looks twice for a reader between the two (kernel/rcu/srcutree.c:1083)',
  },
);
export const srcu_read_unlock = step('srcu_read_unlock', (k: Kernel, idx: number) => {
  k.srcu_lock_count.add(idx, -1);
});

/** From here on readers count elsewhere. 6.12 kernel/rcu/srcutree.c:1096, 6.1 :984 */
const srcu_flip = step('srcu_flip', (k: Kernel) => {
  const idx = k.srcu_idx.get(0);
  k.srcu_idx.set(0, 1 - idx);
  return idx;
});
const readers_gone = step(
  'srcu_readers_active_idx_check',
  (k: Kernel, idx: number) => (k.srcu_lock_count.get(idx) ? BLOCKED : 0),
  { guard: 'the wait for readers of the list', without: () => 0 },
);

/** Waits until all that are readers now are none any more. 6.12 kernel/rcu/srcutree.c:1477, 6.1 :1319 */
export const synchronize_srcu = routine(
  'synchronize_srcu',
  function* (): Run<void> {
    const idx = yield* srcu_flip();
    yield* readers_gone(idx);
  },
  'kernel/rcu/srcutree.c',
);
