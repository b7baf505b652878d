// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * MMU notifiers: mm/mmu_notifier.c. A holder of translations is told before entries go and after.
 * Two kinds, as Linux has them: the list kind as KVM uses it (its own count of invalidations in
 * progress and sequence number under its mmu_lock, virt/kvm/kvm_main.c), and interval notifiers
 * (one sequence for the mm, odd while an invalidation runs). Who asks not to be made to wait (the OOM
 * reaper) may be refused: then the invalidation is called off, and those that were told are told its end.
 */
import { lockSteps } from '../../explore/locks.ts';
import { BLOCKED, guard, type Run, routine, step } from '../../explore/program.ts';
import { EAGAIN } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { srcu_read_lock, srcu_read_unlock, synchronize_srcu } from '../rcu/srcu.ts';

export const NOTIFIER_NONE = 0;
export const NOTIFIER_LIST = 1;
export const NOTIFIER_INTERVAL = 2;
/** Only told to flush a TLB: an IOMMU that walks the mm's own page table. */
export const NOTIFIER_SECONDARY_TLB = 3;
/** The kind in a subscription; the rest are MN_ bits. */
export const NOTIFIER_KIND = 0xf;

/**
 * What a callback does about a range that may not block, added to the kind. Without any it waits for its
 * lock all the same: right for KVM, whose mmu_lock is no sleeping lock, and for nobody else.
 */
/** Gives up where it may not block: 6.12 drivers/infiniband/hw/mlx5/odp.c:274, gpu/drm/amd/amdgpu/amdgpu_hmm.c:72. */
export const MN_REFUSES = 0x10;
/** Tries its lock where it may not block: 6.12 drivers/gpu/drm/nouveau/nouveau_svm.c:537. */
export const MN_TRIES = 0x20;
/** Tries its lock even where it may block. */
export const MN_ALWAYS_TRIES = 0x40;
/** A list notifier without invalidate_range_end. */
export const MN_NO_END = 0x80;
/** A list notifier without release: its owner has to see to it that nothing goes on after the process. */
export const MN_NO_RELEASE = 0x100;

const mmu = lockSteps(['mmu_lock', 'mmu_unlock'], (k: Kernel) => k.mmu_lock);
export const mmu_lock = mmu.lock;
export const mmu_unlock = mmu.unlock;
const mmu_trylock = lockSteps(['mmu_trylock', 'mmu_unlock'], (k: Kernel) => k.mmu_lock, {
  trylock: true,
}).lock;

/** Bits of mm->notifier_subscriptions: there is one, and intervals have been in it. Both stay. */
export const HAS_SUBSCRIPTIONS = 0x1;
export const HAS_ITREE = 0x2;

/** What is queued for a subscription, as deferred_list has it for intervals until no invalidation is under way. */
export const MN_ADDS = 1;
export const MN_REMOVES = 2;
/** Nothing is: its owner has freed it while it is in the tree, or may be come to on the list. */
export const MN_FREED = 3;
/** A list notifier is to be freed after a grace period. */
export const MN_PUT = 4;

/** In what {@link mm_has_notifiers} says: list notifiers may leave while they are asked. */
const LEAVE = 0x100;
/** How many holders to ask, perhaps with LEAVE; 0 if none ever subscribed. include/linux/mmu_notifier.h */
const mm_has_notifiers = step('mm_has_notifiers', (k: Kernel, mm: number) =>
  k.mn_subscriptions.get(mm) ? k.config.holders | (k.config.listNotifiersLeave ? LEAVE : 0) : 0,
);

/** Reads the list of notifiers; nobody could tell where none ever leaves it. */
function* reading<T>(has: number, read: () => Run<T>): Run<T> {
  if (!(has & LEAVE)) return yield* read();
  const idx = yield* srcu_read_lock();
  const result = yield* read();
  yield* srcu_read_unlock(idx);
  return result;
}

/** Does [start, end) concern pages that the holder subscribed to? */
function covers(k: Kernel, h: number, start: number, end: number): boolean {
  const addr = k.hold_addr.get(h);
  const pages = k.hold_pages.length ? k.hold_pages.get(h) : 1;
  return addr < end && addr + pages > start;
}

/** A holder's subscription, its kind and MN_ bits, if [start, end) of `mm` concerns it. */
const subscription = step(
  'subscription',
  (k: Kernel, h: number, mm: number, start: number, end: number) => {
    const kind = k.mn_registered.get(h);
    if (kind === NOTIFIER_NONE || k.hold_mm.get(h) !== mm) return NOTIFIER_NONE;
    if (k.mn_deferred.get(h) === MN_ADDS) return NOTIFIER_NONE;
    return covers(k, h, start, end) ? kind : NOTIFIER_NONE;
  },
  {
    atomic:
      'the tree of intervals stands still while they are told (mm/mmu_notifier.c mn_itree_invalidate)',
  },
);

/** Is the holder in the tree of intervals? */
const inTree = (k: Kernel, h: number, mm: number): boolean =>
  (k.mn_registered.get(h) & NOTIFIER_KIND) === NOTIFIER_INTERVAL &&
  k.hold_mm.get(h) === mm &&
  k.mn_deferred.get(h) !== MN_ADDS;

const has_itree = step('has_itree', (k: Kernel, mm: number) =>
  k.mn_subscriptions.get(mm) & HAS_ITREE ? 1 : 0,
);

/** 6.12 mm/mmu_notifier.c:96, 6.1 :94: the sequence turns odd only if the range concerns somebody. */
const itree_inv_start = step(
  'mn_itree_inv_start_range',
  (k: Kernel, mm: number, start: number, end: number) => {
    k.itree_active.add(mm, 1);
    let seq = k.itree_seq.get(mm);
    for (let h = 0; h < k.config.holders; h++) {
      if (inTree(k, h, mm) && covers(k, h, start, end)) seq |= 1;
    }
    k.itree_seq.set(mm, seq);
    return seq;
  },
  { atomic: 'under subscriptions->lock (mm/mmu_notifier.c mn_itree_inv_start_range)' },
);

/** 6.12 mm/mmu_notifier.c:131, 6.1 :129: the last invalidation to end makes an odd sequence even, and does what is queued. */
const itree_inv_end = step(
  'mn_itree_inv_end',
  (k: Kernel, mm: number) => {
    if (k.itree_active.add(mm, -1) !== 0 || !(k.itree_seq.get(mm) & 1)) return;
    k.itree_seq.add(mm, 1);
    for (let h = 0; h < k.config.holders; h++) {
      const queued = k.mn_deferred.get(h);
      if (!queued || k.hold_mm.get(h) !== mm || queued >= MN_FREED) continue;
      k.mn_deferred.set(h, 0);
      if (queued === MN_REMOVES) k.mn_registered.set(h, NOTIFIER_NONE);
    }
  },
  { atomic: 'under subscriptions->lock (mm/mmu_notifier.c mn_itree_inv_end)' },
);

function reportFreed(k: Kernel, h: number): void {
  if (k.mn_deferred.get(h) !== MN_FREED) return;
  const text = 'a callback of a subscription that its owner has freed';
  k.mem.report({ severity: 'corrupts', rule: 'use-after-free', text });
}
const ASKED = 'one word; whether the subscription is still there is asked for the report alone';

/** virt/kvm/kvm_main.c kvm_mmu_notifier_invalidate_range_start and _end, one word at a time. */
const in_progress = step(
  'mmu_invalidate_in_progress',
  (k: Kernel, h: number, by: number) => {
    reportFreed(k, h);
    if (k.mn_in_progress.add(h, by) < 0) {
      // KVM_BUG_ON, 6.12 virt/kvm/kvm_main.c:823; 6.1 :860 BUG_ON.
      const text = 'kvm->mmu_invalidate_in_progress < 0: an end without its start';
      k.mem.report({ severity: 'breaks', rule: 'bug', text });
    }
  },
  { text: ([, by]) => `in_progress${by === 1 ? '++' : '--'}`, atomic: ASKED },
);
const zap_spte = step(
  'kvm_unmap_gfn_range',
  (k: Kernel, h: number) => {
    reportFreed(k, h);
    k.hold_pfn.set(h, 0);
  },
  { text: () => 'zap secondary PTE', guard: 'the zap of the secondary PTE', atomic: ASKED },
);
const sequence = step(
  'mmu_invalidate_seq++',
  (k: Kernel, h: number) => {
    k.mn_seq.add(h, 1);
  },
  { text: () => 'seq++' },
);

/** The callback of an interval notifier records the sequence, then drops what it mirrors. */
const mmu_interval_set_seq = step(
  'mmu_interval_set_seq',
  (k: Kernel, h: number, seq: number) => {
    reportFreed(k, h);
    k.mn_seq.set(h, seq);
  },
  { cite: 'include/linux/mmu_notifier.h mmu_interval_set_seq', atomic: ASKED },
);
const drop_mirror = step(
  'unmap_mirror',
  (k: Kernel, h: number, start: number, end: number) => {
    const pages = k.config.mirrorPages ?? 1;
    const first = k.hold_addr.get(h);
    for (let i = 0; i < pages; i++) {
      if (first + i >= start && first + i < end) k.hold_mirror.set(h * pages + i, 0);
    }
  },
  { text: () => 'the device drops its mapping', guard: 'the unmapping of the mirror' },
);

/** A callback's lock: 1 with the lock held, 0 if the callback gives up, as its MN_ bits say. */
function* take_lock(h: number, how: number, blockable: number): Run<number> {
  if (!blockable && how & MN_REFUSES && (yield* guard('the refusal to wait', 1))) return 0;
  const mayNotWait = !blockable && how & MN_TRIES && (yield* guard('the trylock', 1));
  if (mayNotWait || how & MN_ALWAYS_TRIES) return yield* mmu_trylock(h);
  yield* mmu_lock(h);
  return 1;
}

/** The invalidate callback of an interval notifier. @returns 1, or 0 if it would have to wait */
function* invalidate(
  h: number,
  how: number,
  seq: number,
  blockable: number,
  start: number,
  end: number,
): Run<number> {
  if (!(yield* take_lock(h, how, blockable))) return 0;
  yield* mmu_interval_set_seq(h, seq);
  yield* drop_mirror(h, start, end);
  yield* mmu_unlock(h);
  return 1;
}

/** invalidate_range_start of a list notifier. @returns 1, or 0 if it would have to wait */
function* invalidate_range_start(h: number, how: number, blockable: number): Run<number> {
  if (!(yield* take_lock(h, how, blockable))) return 0;
  yield* in_progress(h, 1);
  yield* zap_spte(h);
  yield* mmu_unlock(h);
  return 1;
}

/** invalidate_range_end of a list notifier. */
function* invalidate_range_end(h: number): Run<void> {
  yield* mmu_lock(h);
  yield* sequence(h);
  yield* in_progress(h, -1);
  yield* mmu_unlock(h);
}

const warn = step('WARN_ON', (k: Kernel, blockable: number) =>
  k.mem.report({
    severity: 'breaks',
    rule: 'bug',
    text: blockable
      ? 'WARN_ON(mmu_notifier_range_blockable(range)): the callback refuses a range that may block'
      : 'WARN_ON(ops->invalidate_range_end): a start that may fail cannot have an end',
  }),
);

/** After a list notifier has refused: those that were told, and have an end, get it. */
const call_off = routine(
  'mn_hlist_invalidate_range_start',
  function* (h: number): Run<void> {
    yield* invalidate_range_end(h);
  },
  'mm/mmu_notifier.c',
  'the end of what was called off',
);

type Listed = readonly [h: number, how: number];

/** Who is on the list, for whom [start, end) counts. A walk that has come to an entry goes on from it when it leaves. */
function* listed(n: number, mm: number, start: number, end: number): Run<Listed[]> {
  const list: Listed[] = [];
  for (let h = 0; h < n; h++) {
    const sub = yield* subscription(h, mm, start, end);
    if ((sub & NOTIFIER_KIND) === NOTIFIER_LIST) list.push([h, sub & ~NOTIFIER_KIND]);
  }
  return list;
}

/** 6.12 mm/mmu_notifier.c:460 mn_hlist_invalidate_range_start, 6.1 :475 @returns 0 or -EAGAIN */
function* start_listed(list: readonly Listed[], blockable: number): Run<number> {
  let refused = false;
  for (const [h, how] of list) {
    if (yield* invalidate_range_start(h, how, blockable)) continue;
    refused = true;
    if (blockable) yield* warn(1);
    if (!(how & MN_NO_END)) yield* warn(0);
  }
  if (!refused) return 0;
  // The interval tree is not told: its sequence stays odd (6.12 mm/mmu_notifier.c:501, 6.1 :516).
  for (const [h, how] of list) if (!(how & MN_NO_END)) yield* call_off(h);
  return -EAGAIN;
}

/**
 * 6.12 mm/mmu_notifier.c:521 __mmu_notifier_invalidate_range_start, 6.1 :536: intervals first, then the list.
 * @param blockable whether callbacks may sleep (MMU_NOTIFIER_RANGE_BLOCKABLE)
 * @returns 0, or -EAGAIN if somebody refused; then there will be no end
 */
function* range_start(mm: number, start: number, end: number, blockable: number): Run<number> {
  const has = yield* mm_has_notifiers(mm);
  if (has === 0) return 0;
  const itree = yield* has_itree(mm);
  const seq = itree ? yield* itree_inv_start(mm, start, end) : 0;
  const list: Listed[] = [];
  const holders = has & ~LEAVE;
  // One walk over both kinds will do where nobody leaves the list meanwhile.
  for (let h = 0; h < (itree || has === holders ? holders : 0); h++) {
    const sub = yield* subscription(h, mm, start, end);
    const how = sub & ~NOTIFIER_KIND;
    if ((sub & NOTIFIER_KIND) === NOTIFIER_LIST) list.push([h, how]);
    if ((sub & NOTIFIER_KIND) !== NOTIFIER_INTERVAL) continue;
    if (yield* invalidate(h, how, seq, blockable, start, end)) continue;
    if (blockable) {
      yield* warn(1);
      continue;
    }
    yield* itree_inv_end(mm);
    return -EAGAIN;
  }
  return yield* reading(has, function* () {
    const on = has === holders ? list : yield* listed(holders, mm, start, end);
    return yield* start_listed(on, blockable);
  });
}

/** The call before and the one after are one guard: neither makes sense alone. */
const NOTIFIER = 'MMU notifier';

/** Before entries of [start, end) change. Sleeps in callbacks, so not under the page-table lock. */
export const mmu_notifier_invalidate_range_start = routine(
  'mmu_notifier_invalidate_range_start',
  function* (mm: number, start: number, end: number): Run<void> {
    yield* range_start(mm, start, end, 1);
  },
  'mm/mmu_notifier.c',
  NOTIFIER,
);

/**
 * The same for who must not be made to wait.
 * @returns 0, or -EAGAIN: the entries may not be changed, and the end is not to be called
 */
export const mmu_notifier_invalidate_range_start_nonblock = routine(
  'mmu_notifier_invalidate_range_start_nonblock',
  function* (mm: number, start: number, end: number): Run<number> {
    return yield* range_start(mm, start, end, 0);
  },
  'include/linux/mmu_notifier.h',
  NOTIFIER,
);

/** After the entries have changed. */
export const mmu_notifier_invalidate_range_end = routine(
  'mmu_notifier_invalidate_range_end',
  function* (mm: number, start: number, end: number): Run<void> {
    const has = yield* mm_has_notifiers(mm);
    if (has === 0) return;
    if (yield* has_itree(mm)) yield* itree_inv_end(mm);
    yield* reading(has, function* () {
      for (let h = 0; h < (has & ~LEAVE); h++) {
        const sub = yield* subscription(h, mm, start, end);
        if ((sub & (NOTIFIER_KIND | MN_NO_END)) === NOTIFIER_LIST) yield* invalidate_range_end(h);
      }
    });
  },
  'mm/mmu_notifier.c',
  NOTIFIER,
);

/** virt/kvm/kvm_main.c kvm_mmu_notifier_release: the whole secondary page table goes. */
export const release = routine(
  'kvm_mmu_notifier_release',
  function* (h: number): Run<void> {
    yield* mmu_lock(h);
    yield* zap_spte(h);
    yield* mmu_unlock(h);
  },
  'virt/kvm/kvm_main.c',
  'the release callback',
);
export const hlist_del = step(
  'hlist_del_init_rcu',
  (k: Kernel, h: number) => k.mn_registered.set(h, NOTIFIER_NONE),
  { text: () => 'no more subscribed' },
);

/**
 * The process has ended, and its memory is about to go: 6.12 mm/mmu_notifier.c:350, 6.1 :348. Interval notifiers are
 * told as of any invalidation, and stay; list notifiers get their release, and no call after it.
 *
 * @param end of the address space, in pages
 */
export const mmu_notifier_release = routine(
  'mmu_notifier_release',
  function* (mm: number, end: number): Run<void> {
    const has = yield* mm_has_notifiers(mm);
    if (has === 0) return;
    const n = has & ~LEAVE;
    if (yield* has_itree(mm)) {
      const seq = yield* itree_inv_start(mm, 0, end);
      for (let h = 0; h < n; h++) {
        const sub = yield* subscription(h, mm, 0, end);
        if ((sub & NOTIFIER_KIND) !== NOTIFIER_INTERVAL) continue;
        yield* invalidate(h, sub & ~NOTIFIER_KIND, seq, 1, 0, end);
      }
      yield* itree_inv_end(mm);
    }
    yield* reading(has, function* () {
      const list: number[] = [];
      for (let h = 0; h < n; h++) {
        const sub = yield* subscription(h, mm, 0, end);
        if ((sub & NOTIFIER_KIND) !== NOTIFIER_LIST) continue;
        list.push(h);
        if (!(sub & MN_NO_RELEASE)) yield* release(h);
      }
      for (const h of list) yield* hlist_del(h);
    });
    // Who leaves by itself may be in its release still.
    if (has & LEAVE) yield* synchronize_srcu();
  },
  'mm/mmu_notifier.c',
);

const secondary_tlb = step(
  'mm_has_notifiers',
  (k: Kernel, from: number, mm: number, start: number, end: number) => {
    for (let h = from; h < k.config.holders; h++) {
      if (k.mn_registered.get(h) !== NOTIFIER_SECONDARY_TLB || k.hold_mm.get(h) !== mm) continue;
      const addr = k.hold_addr.get(h);
      if (addr >= start && addr < end) return h;
    }
    return -1;
  },
);
const flush_iotlb = step('qi_flush_dev_iotlb', (k: Kernel, h: number) => k.hold_iotlb.set(h, 0), {
  text: () => "flush the device's TLB",
});

/**
 * arch_invalidate_secondary_tlbs (6.12 arch/x86/mm/tlb.c:1083), invalidate_range (6.1
 * include/asm-generic/tlb.h:447): part of every flush of the CPUs' TLBs, and waited for like it.
 */
export const arch_invalidate_secondary_tlbs = routine(
  'arch_invalidate_secondary_tlbs',
  function* (mm: number, start: number, end: number): Run<void> {
    let h = yield* secondary_tlb(0, mm, start, end);
    while (h >= 0) {
      yield* flush_iotlb(h);
      h = yield* secondary_tlb(h + 1, mm, start, end);
    }
  },
  'mm/mmu_notifier.c',
);

/** mmu_interval_read_begin: waits out an invalidation that concerns this subscription. */
export const mmu_interval_read_begin = step(
  'mmu_interval_read_begin',
  (k: Kernel, h: number, mm: number) => {
    const seq = k.mn_seq.get(h);
    return seq === k.itree_seq.get(mm) ? BLOCKED : seq;
  },
  {
    atomic: 'under subscriptions->lock (mm/mmu_notifier.c mmu_interval_read_begin)',
    guard: 'the wait for an invalidation to end',
    without: (k: Kernel, h: number) => k.mn_seq.get(h),
  },
);

/** What mmu_interval_read_begin() says, without its wait: no driver should ask so. */
export const interval_seq = step('interval_sub->invalidate_seq', (k: Kernel, h: number) =>
  k.mn_seq.get(h),
);

/** mmu_interval_read_retry, under the driver's lock: has the sequence moved? */
export const mmu_interval_read_retry = step(
  'mmu_interval_read_retry',
  (k: Kernel, h: number, seq: number) => (k.mn_seq.get(h) !== seq ? 1 : 0),
  {
    text: (_, v) => `mmu_interval_read_retry() = ${v ? 'retry' : 'valid'}`,
    guard: 'the sequence test',
  },
);

/** virt/kvm/kvm_main.c: kvm->mmu_invalidate_seq, read before the lookup. */
export const mmu_invalidate_seq = step('mmu_invalidate_seq', (k: Kernel, h: number) =>
  k.mn_seq.get(h),
);

/** include/linux/kvm_host.h mmu_invalidate_retry, under mmu_lock. */
export const mmu_invalidate_retry = step(
  'mmu_invalidate_retry',
  (k: Kernel, h: number, seq: number) =>
    k.mn_in_progress.get(h) > 0 || k.mn_seq.get(h) !== seq ? 1 : 0,
  {
    text: (_, v) => `mmu_invalidate_retry() = ${v ? 'retry' : 'ok'}`,
    guard: 'the sequence test',
    atomic: 'under mmu_lock, which every writer holds (include/linux/kvm_host.h)',
  },
);
