// SPDX-License-Identifier: GPL-2.0-or-later
/** MMU notifiers: who is told of which range, when a sequence counts as changed, and how one comes and goes. */
import { describe, expect, it } from 'vitest';
import type { Run } from '../../src/explore/program.ts';
import { simulate } from '../../src/explore/simulate.ts';
import { Kernel, type KernelConfig } from '../../src/kernel/kernel.ts';
import {
  MN_FREED,
  MN_NO_END,
  MN_PUT,
  MN_REFUSES,
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
  mmu_notifier_invalidate_range_start_nonblock,
  mmu_notifier_release,
  NOTIFIER_INTERVAL,
  NOTIFIER_LIST,
  NOTIFIER_SECONDARY_TLB,
} from '../../src/kernel/mm/mmu_notifier.ts';
import {
  mmu_interval_notifier_insert,
  mmu_interval_notifier_remove,
  mmu_notifier_free_rcu,
  mmu_notifier_put,
  mmu_notifier_register,
  mmu_notifier_unregister,
} from '../../src/kernel/mm/mmu_subscribe.ts';
import { flush_tlb_range } from '../../src/kernel/mm/pgtable.ts';
import { install } from '../../src/kernel/programs/notified.ts';
import { srcu_read_lock, srcu_read_unlock } from '../../src/kernel/rcu/srcu.ts';
import { CELL_SIZES } from '../../src/scenarios/cell.ts';

const MM = 0;

function kernel(more: Partial<KernelConfig> = {}) {
  const k = new Kernel({ ...CELL_SIZES, linux: '6.12', holders: 2, ...more });
  const run = <T>(what: () => Run<T>): T => simulate({ mem: k.mem, world: k }, what);
  return { k, run };
}

describe('interval notifiers', () => {
  it('are told of their own range, and only their sequence changes', () => {
    const { k, run } = kernel();
    for (const h of [0, 1]) run(() => mmu_notifier_register(h, NOTIFIER_INTERVAL, MM, h));
    const before = [0, 1].map((h) => run(() => mmu_interval_read_begin(h, MM)));
    run(() => mmu_notifier_invalidate_range_start(MM, 1, 2));
    expect(k.itree_seq.get(MM) & 1).toBe(1);
    run(() => mmu_notifier_invalidate_range_end(MM, 1, 2));
    expect(k.itree_seq.get(MM) & 1).toBe(0);
    expect([0, 1].map((h) => run(() => mmu_interval_read_retry(h, before[h])))).toEqual([0, 1]);
  });

  it('a range that concerns nobody leaves the sequence as it is', () => {
    const { k, run } = kernel();
    run(() => mmu_notifier_register(0, NOTIFIER_INTERVAL, MM, 0));
    const seq = k.itree_seq.get(MM);
    run(() => mmu_notifier_invalidate_range_start(MM, 1, 2));
    run(() => mmu_notifier_invalidate_range_end(MM, 1, 2));
    expect([k.itree_seq.get(MM), k.itree_active.get(MM)]).toEqual([seq, 0]);
  });

  it('of two invalidations at once the last to end makes the sequence even', () => {
    const { k, run } = kernel();
    run(() => mmu_notifier_register(0, NOTIFIER_INTERVAL, MM, 0));
    run(() => mmu_notifier_invalidate_range_start(MM, 0, 1));
    run(() => mmu_notifier_invalidate_range_start(MM, 1, 2));
    run(() => mmu_notifier_invalidate_range_end(MM, 0, 1));
    expect(k.itree_seq.get(MM) & 1).toBe(1);
    run(() => mmu_notifier_invalidate_range_end(MM, 1, 2));
    expect(k.itree_seq.get(MM) & 1).toBe(0);
  });
});

describe('intervals that come and go while an invalidation runs', () => {
  const subscribes = () => mmu_interval_notifier_insert(1, 0, MM, 0, 1);
  const leaves = (h: number) => () => mmu_interval_notifier_remove(h);
  const begins = (first: number) => () => mmu_notifier_invalidate_range_start(MM, first, first + 1);
  const ends = () => mmu_notifier_invalidate_range_end(MM, 0, 1);
  const subscribed = (): ReturnType<typeof kernel> => {
    const all = kernel();
    all.run(() => mmu_notifier_register(0, NOTIFIER_INTERVAL, MM, 0));
    return all;
  };

  it('who comes to an odd sequence has to wait, is not told, and is in the tree afterwards', () => {
    const { k, run } = subscribed();
    run(begins(0));
    run(subscribes);
    expect(() => run(() => mmu_interval_read_begin(1, MM))).toThrow();
    const seq = k.mn_seq.get(1);
    run(begins(0));
    expect(k.mn_seq.get(1)).toBe(seq);
    run(ends);
    expect(() => run(() => mmu_interval_read_begin(1, MM))).toThrow();
    run(ends);
    expect(run(() => mmu_interval_read_begin(1, MM))).toBe(seq);
    run(begins(0));
    expect(k.mn_seq.get(1)).not.toBe(seq);
  });

  it('who comes to an even sequence makes it odd: its range may be among those under way', () => {
    const { k, run } = subscribed();
    run(begins(1));
    expect(k.itree_seq.get(MM) & 1).toBe(0);
    run(subscribes);
    expect(k.itree_seq.get(MM) & 1).toBe(1);
    expect(() => run(() => mmu_interval_read_begin(1, MM))).toThrow();
    run(ends);
    run(() => mmu_interval_read_begin(1, MM));
  });

  it('who leaves waits for the end, unless it was never in the tree', () => {
    const { k, run } = subscribed();
    run(begins(0));
    expect(() => run(leaves(0))).toThrow();
    expect(k.mn_registered.get(0)).toBe(NOTIFIER_INTERVAL);
    run(subscribes);
    run(leaves(1));
    expect(k.mn_registered.get(1)).toBe(0);
    run(ends);
    expect(k.mn_registered.get(0)).toBe(0);
  });

  it('an invalidation that saw no subscriber ends as it began', () => {
    const { k, run } = subscribed();
    run(leaves(0));
    run(begins(0));
    run(ends);
    expect([k.itree_seq.get(MM) & 1, k.itree_active.get(MM)]).toEqual([0, 0]);
  });
});

describe('list notifiers that leave', () => {
  const subscribed = (): ReturnType<typeof kernel> => {
    const all = kernel({ listNotifiersLeave: true });
    all.run(() => mmu_notifier_register(0, NOTIFIER_LIST, MM, 0));
    all.run(() => install(0, 5));
    return all;
  };
  const leaves = () => mmu_notifier_unregister(0);

  it('get their release, and no call after it', () => {
    const { k, run } = subscribed();
    run(leaves);
    expect([k.mn_registered.get(0), k.hold_pfn.get(0)]).toEqual([0, 0]);
    run(() => mmu_notifier_invalidate_range_start(MM, 0, 1));
    expect(k.mn_in_progress.get(0)).toBe(0);
  });

  it('wait for who reads the list, and for nobody who came to it later', () => {
    const { k, run } = subscribed();
    const reader = run(() => srcu_read_lock());
    expect(() => run(leaves)).toThrow();
    const later = run(() => srcu_read_lock());
    expect(later).not.toBe(reader);
    run(() => srcu_read_unlock(reader));
    expect([k.srcu_lock_count.get(reader), k.srcu_lock_count.get(later)]).toEqual([0, 1]);
  });

  it('that the end of the process has released leave without a second one', () => {
    const { k, run } = subscribed();
    run(() => mmu_notifier_release(MM, 1));
    run(() => install(0, 5));
    run(leaves);
    expect(k.hold_pfn.get(0)).toBe(5);
  });

  it('that are put keep what they map, and are freed by nobody but the worker', () => {
    const { k, run } = subscribed();
    expect(() => run(() => mmu_notifier_free_rcu(0))).toThrow();
    run(() => mmu_notifier_put(0));
    expect([k.mn_registered.get(0), k.hold_pfn.get(0), k.mn_deferred.get(0)]).toEqual([
      0,
      5,
      MN_PUT,
    ]);
    run(() => mmu_notifier_free_rcu(0));
    expect(k.mn_deferred.get(0)).toBe(MN_FREED);
  });
});

describe('a range that may not block', () => {
  const REFUSED = -11;
  const nonblock = () => mmu_notifier_invalidate_range_start_nonblock(MM, 0, 1);

  it('is called off when an interval notifier refuses: the sequence is even again', () => {
    const { k, run } = kernel();
    run(() => mmu_notifier_register(0, NOTIFIER_INTERVAL | MN_REFUSES, MM, 0));
    expect(run(nonblock)).toBe(REFUSED);
    expect([k.itree_seq.get(MM) & 1, k.itree_active.get(MM)]).toEqual([0, 0]);
    run(() => mmu_notifier_invalidate_range_start(MM, 0, 1));
    expect(k.itree_active.get(MM)).toBe(1);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('list notifier %i is told the end when %i refuses, whoever came first', (told, refuses) => {
    const { k, run } = kernel();
    run(() => mmu_notifier_register(told, NOTIFIER_LIST, MM, 0));
    run(() => mmu_notifier_register(refuses, NOTIFIER_LIST | MN_REFUSES | MN_NO_END, MM, 0));
    const seq = k.mn_seq.get(told);
    expect(run(nonblock)).toBe(REFUSED);
    expect([k.mn_in_progress.get(told), k.mn_seq.get(told)]).toEqual([0, seq + 1]);
    expect([k.mn_in_progress.get(refuses), k.mn_seq.get(refuses)]).toEqual([0, 0]);
  });

  it('leaves the sequence odd when the list refuses what the intervals had agreed to', () => {
    const { k, run } = kernel();
    run(() => mmu_notifier_register(0, NOTIFIER_INTERVAL, MM, 0));
    run(() => mmu_notifier_register(1, NOTIFIER_LIST | MN_REFUSES | MN_NO_END, MM, 0));
    expect(run(nonblock)).toBe(REFUSED);
    expect([k.itree_seq.get(MM) & 1, k.itree_active.get(MM)]).toEqual([1, 1]);
  });
});

describe("a device's TLB", () => {
  it('is flushed with those of the CPUs, for the range asked for', () => {
    const { k, run } = kernel();
    for (const h of [0, 1]) {
      run(() => mmu_notifier_register(h, NOTIFIER_SECONDARY_TLB, MM, h));
      k.hold_iotlb.set(h, 0x1001);
    }
    run(() => flush_tlb_range(MM, 1, 2));
    expect([k.hold_iotlb.get(0), k.hold_iotlb.get(1)]).toEqual([0x1001, 0]);
  });
});
