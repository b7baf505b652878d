// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "If you're sufficiently unlucky you might race against an immediate pte invalidate between the fixup
 * and the 2nd follow_pte(). But you can also not loop, because that would fail to catch permanent
 * faults." (Vetter 23/14:28). What each way to loop costs, over the routines that KVM calls.
 */
import { again, BLOCKED, type Run, routine, step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { access_page, type UserPage } from '../../../kernel/mm/access.ts';
import { pte_pfn } from '../../../kernel/mm/flags.ts';
import { follow_pfn } from '../../../kernel/mm/follow.ts';
import { fixup_user_fault } from '../../../kernel/mm/gup.ts';
import {
  mmu_invalidate_retry,
  mmu_invalidate_seq,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_LIST,
} from '../../../kernel/mm/mmu_notifier.ts';
import { mmu_notifier_register } from '../../../kernel/mm/mmu_subscribe.ts';
import { mmap_read_lock, mmap_read_unlock } from '../../../kernel/mm/vma.ts';
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, MM, story } from '../../stage.ts';

const WRITE = 1;
const HOLDER = 0;

/** How a lookup ends when it has no entry to show. */
const NOT_THERE = 0;
const PERMANENT = -1;

/** Gives up for good: fine for a buffer that is gone, wrong for one that is there. */
const gives_up = step('KVM_PFN_ERR_FAULT', (k: Kernel) => {
  if (k.buf_revoked.get(0)) return;
  k.mem.report({
    severity: 'breaks',
    rule: 'R8',
    text: 'the lookup gives up although the buffer is there: only a move was in the way',
  });
});

/** follow; fixup; follow, once. */
const attempt = routine('hva_to_pfn_remapped', function* (): Run<number> {
  yield* mmap_read_lock(MM);
  let entry = yield* follow_pfn(MM, 0);
  let err = 0;
  if (entry < 0) {
    err = yield* fixup_user_fault(MM, 0, WRITE);
    entry = yield* follow_pfn(MM, 0);
  }
  yield* mmap_read_unlock(MM);
  return entry > 0 ? entry : err < 0 ? PERMANENT : NOT_THERE;
});

/** Round and round until there is an entry; errors of the fixup are not looked at. */
const untilMapped: Act = function* () {
  for (;;) {
    yield* again('until_mapped');
    if ((yield* attempt()) > 0) return;
  }
};

/** So often, and then it is an error. */
const atMost = (attempts: number): Act =>
  function* () {
    for (let tries = 0; tries < attempts; tries++) {
      const entry = yield* attempt();
      if (entry > 0) return;
      if (entry === PERMANENT) break;
    }
    yield* gives_up();
  };

/**
 * One attempt under the notifier: uses the entry under the lock that the invalidation takes, and an
 * error counts only if the sequence has not moved.
 * @returns 1 when it is done, 0 to start over
 */
const notified_attempt = routine('faultin_pfn', function* (guest: UserPage): Run<number> {
  const seq = yield* mmu_invalidate_seq(HOLDER);
  const entry = yield* attempt();
  yield* mmu_lock(HOLDER);
  const stale = yield* mmu_invalidate_retry(HOLDER, seq);
  if (!stale && entry > 0) yield* access_page(pte_pfn(entry), 1, 0, 2, guest, 'R8');
  yield* mmu_unlock(HOLDER);
  if (stale) return 0;
  if (entry <= 0) yield* gives_up();
  return 1;
});

/** As long as the sequence moves: an error of a quiet mapping is permanent. */
const whileInvalidated: Act = function* ({ page }) {
  const guest = page(0, 'the guest');
  for (;;) {
    yield* again('while_invalidated');
    if (yield* notified_attempt(guest)) return;
  }
};

/** The same, so often at most. */
const whileInvalidatedAtMost = (attempts: number): Act =>
  function* ({ page }) {
    const guest = page(0, 'the guest');
    for (let tries = 0; tries < attempts; tries++) if (yield* notified_attempt(guest)) return;
    yield* gives_up();
  };

/** Sleeps while an invalidation is in progress, as mmu_interval_read_begin does. */
const wait_for_invalidation = step('wait_event(!in_progress)', (k: Kernel) =>
  k.mn_in_progress.get(HOLDER) ? BLOCKED : 0,
);

/** The same, but no attempt is made while an invalidation is in progress. */
const waitsAtMost = (attempts: number): Act =>
  function* ({ page }) {
    const guest = page(0, 'the guest');
    for (let tries = 0; tries < attempts; tries++) {
      yield* wait_for_invalidation();
      if (yield* notified_attempt(guest)) return;
    }
    yield* gives_up();
  };

const moves = (times: number): Act =>
  function* ({ move }) {
    for (let i = 0; i < times; i++) yield* move();
  };
const revokes: Act = function* ({ revoke }) {
  yield* revoke();
};

const ttm = exporterOf('ttm');
const revocable = like('ttm', 'ttm-revocable', { takesBack: ['revoke'] });
const registers: Act = () => mmu_notifier_register(HOLDER, NOTIFIER_LIST, MM, 0);
const follower = consumerOf('follow-and-keep');
const common = { source: 'Vetter 23/14:28', rules: ['R8', 'livelock'] } as const;
/** In how many schedules does it give up for nothing? */
const counts = { R8: 'the lookup gives up for nothing' };
const KVM_RETURNS_ERRORS =
  'hypothetical scheme; KVM’s guest faults retry so, but return errors at once (6.12 arch/x86/kvm/mmu/mmu.c:4548)';
const SCHEME = 'hypothetical scheme over the routines that KVM calls, against TTM';

export default [
  story({
    ...common,
    id: 'kvm/loops-until-mapped',
    title: 'looping until the follow succeeds',
    story:
      'The buffer is revoked, and every fault on it is a SIGBUS. The loop asks again, and again: it never ' +
      'notices that this fault is permanent.',
    status: SCHEME,
    expected: 'violated',
    exporter: revocable,
    looksUpAs: follower,
    threads: { loops: untilMapped, revokes },
  }),
  story({
    ...common,
    id: 'kvm/gives-up-after-one',
    counts,
    title: 'one attempt, and then an error',
    story:
      'One move in the gap between fixup and second look is enough, and the guest gets an error for a ' +
      'buffer that is there.',
    status:
      'real KVM as long as the fixup keeps mmap_lock (6.12 virt/kvm/kvm_main.c:2920; if not it starts ' +
      'over, :2916), against real TTM',
    expected: 'violated',
    exporter: ttm,
    looksUpAs: follower,
    threads: { follower: atMost(1), ttm: moves(1) },
  }),
  story({
    ...common,
    id: 'kvm/gives-up-after-two',
    counts,
    title: 'two attempts: two moves are enough',
    story: 'Whatever the bound is, so many moves that come at the wrong moment exhaust it.',
    status: SCHEME,
    expected: 'violated',
    exporter: ttm,
    looksUpAs: follower,
    threads: { follower: atMost(2), ttm: moves(2) },
  }),
  story({
    ...common,
    id: 'kvm/bounded-under-notifier',
    counts,
    title: 'a bounded retry under a notifier',
    story:
      'The sequence says whether it is worth another try, and what is written is written under the lock: ' +
      'nothing stale is ever used. But a single invalidation that takes its time exhausts any bound, for ' +
      'every attempt made while it is in progress is in vain.',
    status: SCHEME,
    expected: 'violated',
    exporter: ttm,
    before: registers,
    threads: { follower: whileInvalidatedAtMost(3), ttm: moves(1) },
  }),
  story({
    ...common,
    id: 'kvm/bounded-and-waits',
    title: 'a bounded retry that waits for the invalidation to end',
    story:
      'Now each failed attempt costs the exporter an invalidation of its own. With one attempt more than ' +
      'there are moves the bound does no harm. Who knows how many will come?',
    status: SCHEME,
    expected: 'safe',
    exporter: ttm,
    before: registers,
    threads: { follower: waitsAtMost(3), ttm: moves(2) },
  }),
  story({
    ...common,
    id: 'kvm/bounded-and-waits-too-few',
    counts,
    title: 'the same with as many attempts as there are moves',
    story: 'Two moves at the wrong moments, two attempts, and an error for a buffer that is there.',
    status: SCHEME,
    expected: 'violated',
    exporter: ttm,
    before: registers,
    threads: { follower: waitsAtMost(2), ttm: moves(2) },
  }),
  story({
    ...common,
    id: 'kvm/retries-while-invalidated',
    title: 'retrying exactly as long as the sequence moves',
    story:
      'An error while the sequence stands is permanent, and final. An error while it moved is not looked ' +
      'at. No bound is needed: the loop ends when the exporter leaves it in peace.',
    status: KVM_RETURNS_ERRORS,
    expected: 'safe',
    exporter: ttm,
    before: registers,
    threads: { follower: whileInvalidated, ttm: moves(2) },
  }),
  story({
    ...common,
    id: 'kvm/permanent-fault-under-notifier',
    title: 'the same on a buffer that is revoked for good',
    story: 'The revocation moves the sequence once. After it the SIGBUS stands, and the loop ends.',
    status: KVM_RETURNS_ERRORS,
    expected: 'safe',
    exporter: revocable,
    before: registers,
    threads: { follower: whileInvalidated, revokes },
  }),
];
