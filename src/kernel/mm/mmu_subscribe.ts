// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Subscribers of MMU notifiers come and go: mm/mmu_notifier.c. The first of a process waits until nobody
 * can be invalidating; interval notifiers come and go while others do. As the tree of intervals may not
 * change while its sequence is odd, they are queued then, for mn_itree_inv_end() to add and remove. List
 * notifiers leave their list at once, and may be freed when nobody who walks it can have come to them.
 */
import { BLOCKED, type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { srcu_read_lock, srcu_read_unlock, synchronize_srcu } from '../rcu/srcu.ts';
import {
  HAS_ITREE,
  HAS_SUBSCRIPTIONS,
  hlist_del,
  MN_ADDS,
  MN_FREED,
  MN_NO_RELEASE,
  MN_PUT,
  MN_REMOVES,
  NOTIFIER_INTERVAL,
  NOTIFIER_KIND,
  NOTIFIER_NONE,
  release,
} from './mmu_notifier.ts';
import { mmap_write_lock, mmap_write_unlock } from './vma.ts';
import { i_mmap_lock_write, i_mmap_unlock_write } from './zap.ts';

/** The next address space after `after` of which the process maps something, or -1. */
const next_mapping = step(
  'vm_lock_mapping',
  (k: Kernel, mm: number, after: number) => {
    let next = -1;
    for (let v = mm * k.config.vmas; v < (mm + 1) * k.config.vmas; v++) {
      const file = k.vm_end.get(v) > k.vm_start.get(v) ? k.vm_file.get(v) : 0;
      const mapping = file ? k.file_mapping.get(file - 1) : -1;
      if (mapping > after && (next < 0 || mapping < next)) next = mapping;
    }
    return next;
  },
  { atomic: 'under mmap_lock, held for writing (6.12 mm/vma.c:2022, 6.1 mm/mmap.c:3757)' },
);

const set_subscriptions = step('notifier_subscriptions', (k: Kernel, mm: number, bits: number) =>
  k.mn_subscriptions.set(mm, k.mn_subscriptions.get(mm) | bits),
);
const subscriptions_of = step('notifier_subscriptions', (k: Kernel, mm: number) =>
  k.mn_subscriptions.get(mm),
);

const subscribe = step(
  'hlist_add_head_rcu',
  (k: Kernel, h: number, kind: number, mm: number, addr: number, pages: number) =>
    setSubscription(k, h, kind, mm, addr, pages),
);

function setSubscription(
  k: Kernel,
  h: number,
  kind: number,
  mm: number,
  addr: number,
  pages: number,
): void {
  k.mn_registered.set(h, kind);
  k.hold_mm.set(h, mm);
  k.hold_addr.set(h, addr);
  if (k.hold_pages.length) k.hold_pages.set(h, pages);
}

/**
 * 6.12 mm/mmu_notifier.c:596 __mmu_notifier_register, 6.1 :629: with mmap_lock held for writing, and all
 * locks under which mappings of the process are invalidated without it (mm_take_all_locks).
 */
const with_all_locks = routine(
  '__mmu_notifier_register',
  function* (mm: number, bits: number): Run<void> {
    yield* mmap_write_lock(mm);
    const taken: number[] = [];
    for (let m = yield* next_mapping(mm, -1); m >= 0; m = yield* next_mapping(mm, m)) {
      yield* i_mmap_lock_write(m);
      taken.push(m);
    }
    yield* set_subscriptions(mm, bits);
    for (const m of taken.reverse()) yield* i_mmap_unlock_write(m);
    yield* mmap_write_unlock(mm);
  },
  'mm/mmu_notifier.c',
);

function insert(
  k: Kernel,
  h: number,
  how: number,
  mm: number,
  addr: number,
  pages: number,
  invalidating: boolean,
): void {
  setSubscription(k, h, NOTIFIER_INTERVAL | how, mm, addr, pages);
  const seq = k.itree_seq.get(mm);
  if (!invalidating) {
    k.mn_seq.set(h, seq - 1);
    return;
  }
  // Which ranges are under way is not known: this one is taken to be among them.
  if (seq & 1) k.mn_deferred.set(h, MN_ADDS);
  else k.itree_seq.set(mm, seq | 1);
  k.mn_seq.set(h, seq | 1);
}

/** 6.12 mm/mmu_notifier.c:890 __mmu_interval_notifier_insert, 6.1 :913 */
const interval_tree_insert = step(
  '__mmu_interval_notifier_insert',
  (k: Kernel, h: number, how: number, mm: number, addr: number, pages: number) =>
    insert(k, h, how, mm, addr, pages, k.itree_active.get(mm) > 0),
  {
    guard: 'the test for invalidations under way',
    without: (k: Kernel, h: number, how: number, mm: number, addr: number, pages: number) =>
      insert(k, h, how, mm, addr, pages, false),
    atomic: 'under subscriptions->lock (mm/mmu_notifier.c __mmu_interval_notifier_insert)',
  },
);

/**
 * Subscribes a holder to `pages` pages of `mm` from `addr` on; it may be told at once, and while it is
 * being subscribed. 6.12 mm/mmu_notifier.c:972, 6.1 :995
 *
 * @param how MN_ bits
 */
export const mmu_interval_notifier_insert = routine(
  'mmu_interval_notifier_insert',
  function* (h: number, how: number, mm: number, addr: number, pages: number): Run<void> {
    if (!((yield* subscriptions_of(mm)) & HAS_ITREE)) {
      yield* with_all_locks(mm, HAS_SUBSCRIPTIONS | HAS_ITREE);
    }
    yield* interval_tree_insert(h, how, mm, addr, pages);
  },
  'mm/mmu_notifier.c',
);

/** Subscribes a holder, of whatever kind. @param kind NOTIFIER_ and MN_ bits */
export const mmu_notifier_register = routine(
  'mmu_notifier_register',
  function* (h: number, kind: number, mm: number, addr: number, pages?: number): Run<void> {
    const how = kind & ~NOTIFIER_KIND;
    if ((kind & NOTIFIER_KIND) === NOTIFIER_INTERVAL) {
      yield* mmu_interval_notifier_insert(h, how, mm, addr, pages ?? 1);
      return;
    }
    yield* with_all_locks(mm, HAS_SUBSCRIPTIONS);
    yield* subscribe(h, kind, mm, addr, pages ?? 1);
  },
  'mm/mmu_notifier.c',
);

/** The sequence to wait for, or 0 when the subscription is gone already. */
const interval_tree_remove = step(
  'interval_tree_remove',
  (k: Kernel, h: number) => {
    const seq = k.itree_seq.get(k.hold_mm.get(h));
    const added = k.mn_deferred.get(h) !== MN_ADDS;
    if (seq & 1 && added) {
      k.mn_deferred.set(h, MN_REMOVES);
      return seq;
    }
    k.mn_registered.set(h, NOTIFIER_NONE);
    k.mn_deferred.set(h, 0);
    return 0;
  },
  { atomic: 'under subscriptions->lock (mm/mmu_notifier.c mmu_interval_notifier_remove)' },
);
const seq_released = step(
  'mmu_interval_seq_released',
  (k: Kernel, h: number, seq: number) => (k.itree_seq.get(k.hold_mm.get(h)) === seq ? BLOCKED : 0),
  {
    guard: 'the wait for the invalidation to end',
    without: () => 0,
    atomic: 'one word: of which mm a subscription is does not change while it is one',
  },
);

/**
 * The holder is told no more once this is over, and nobody is telling it. 6.12 mm/mmu_notifier.c:1038,
 * 6.1 :1061. Not to be called with a lock held that callbacks take.
 */
export const mmu_interval_notifier_remove = routine(
  'mmu_interval_notifier_remove',
  function* (h: number): Run<void> {
    const seq = yield* interval_tree_remove(h);
    if (seq) yield* seq_released(h, seq);
  },
  'mm/mmu_notifier.c',
);

/** Its kind and MN_ bits, NOTIFIER_NONE when it is on the list no more. */
const hlist_unhashed = step('hlist_unhashed', (k: Kernel, h: number) => k.mn_registered.get(h));

/**
 * A list notifier leaves: its release is called unless the process's end has done so, and once this is over
 * nobody calls it any more. What it has mapped is to be gone by then. 6.12 mm/mmu_notifier.c:797, 6.1 :820
 */
export const mmu_notifier_unregister = routine(
  'mmu_notifier_unregister',
  function* (h: number): Run<void> {
    const kind = yield* hlist_unhashed(h);
    if (kind !== NOTIFIER_NONE) {
      const idx = yield* srcu_read_lock();
      if (!(kind & MN_NO_RELEASE)) yield* release(h);
      yield* srcu_read_unlock(idx);
      yield* hlist_del(h);
    }
    yield* synchronize_srcu();
  },
  'mm/mmu_notifier.c',
);

const call_srcu = step('call_srcu', (k: Kernel, h: number) => k.mn_deferred.set(h, MN_PUT), {
  text: () => 'to be freed after a grace period',
});
/**
 * A list notifier leaves without waiting, and without its release: it is freed by {@link free_notifier},
 * and by nobody else. 6.12 mm/mmu_notifier.c:872, 6.1 :895
 */
export const mmu_notifier_put = routine(
  'mmu_notifier_put',
  function* (h: number): Run<void> {
    yield* hlist_del(h);
    yield* call_srcu(h);
  },
  'mm/mmu_notifier.c',
);

const put = step('srcu_invoke_callbacks', (k: Kernel, h: number) =>
  k.mn_deferred.get(h) === MN_PUT ? 0 : BLOCKED,
);
/** The worker that frees what mmu_notifier_put() has left behind. 6.12 mm/mmu_notifier.c:839, 6.1 :862 */
export const mmu_notifier_free_rcu = routine(
  'mmu_notifier_free_rcu',
  function* (h: number): Run<void> {
    yield* put(h);
    yield* synchronize_srcu();
    yield* free_subscription(h);
  },
  'mm/mmu_notifier.c',
);

/** The memory that a subscription is in is freed. */
export const free_subscription = step(
  'kfree',
  (k: Kernel, h: number) => {
    // What left the tree is told no more; the list may still be walked.
    if (k.mn_registered.get(h) !== NOTIFIER_NONE || k.config.listNotifiersLeave)
      k.mn_deferred.set(h, MN_FREED);
  },
  { atomic: 'memory of its own; the mark is for the report' },
);
