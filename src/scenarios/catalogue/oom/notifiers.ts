// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The OOM reaper may not wait for anybody, for everybody waits for the memory that it brings. So it asks
 * notifiers for invalidations that may not block, and some refuse. What comes of each way to answer.
 */
import { again, BLOCKED, type Run, routine, step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { access_page, type UserPage } from '../../../kernel/mm/access.ts';
import { pte_pfn } from '../../../kernel/mm/flags.ts';
import { FOLL_GET, FOLL_WRITE } from '../../../kernel/mm/gup.ts';
import { get_user_pages_fast } from '../../../kernel/mm/gup-fast.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel/mm/mmap.ts';
import {
  MN_ALWAYS_TRIES,
  MN_NO_END,
  MN_REFUSES,
  MN_TRIES,
  mmu_invalidate_retry,
  mmu_invalidate_seq,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_INTERVAL,
  NOTIFIER_LIST,
} from '../../../kernel/mm/mmu_notifier.ts';
import { mmu_notifier_register } from '../../../kernel/mm/mmu_subscribe.ts';
import { MMF_OOM_SKIP, oom_reap_task } from '../../../kernel/mm/oom_kill.ts';
import { put_page } from '../../../kernel/mm/page.ts';
import { install_mirror, mirrorFault, through_mirror } from '../../../kernel/programs/notified.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, FD, MM, story } from '../../stage.ts';

const WRITE = 1;
/** The two holders of translations: who mirrors the page, and another subscriber. */
const DEVICE = 0;
const OTHER = 1;

/** Waits for a free page, or for the OOM killer to look for the next victim. */
const alloc_page_table = step(
  'alloc_page_table',
  (k: Kernel) => (k.pages_freed.get(0) || k.mm_flags.get(MM) & MMF_OOM_SKIP ? 0 : BLOCKED),
  {
    atomic: 'two words to wait for, either of which ends the wait',
    text: () => 'alloc_page(GFP_KERNEL)',
  },
);

/** The driver's lock is held while it makes a page table, for which there is no memory. */
const maps_without_memory = mirrorFault(function* (h, entry): Run<void> {
  yield* alloc_page_table();
  yield* install_mirror(h, pte_pfn(entry));
});
const maps = mirrorFault((h, entry) => install_mirror(h, pte_pfn(entry)));

/** A device fault: mirrors the page and writes to it. Errors end it: the process is dying. */
const mirrorsBy = (fault: typeof maps): Act =>
  function* ({ page }) {
    const gpu = page(0, 'the GPU');
    for (;;) {
      yield* again('gpu_fault');
      const got = yield* fault(MM, 0, WRITE, DEVICE);
      if (!got) continue;
      if (got > 0) yield* through_mirror(DEVICE, WRITE, 2, gpu);
      return;
    }
  };

/** virt/kvm, of ordinary memory: GUP, the sequence under mmu_lock, and no reference kept. */
const guest_fault = routine('direct_page_fault', function* (guest: UserPage): Run<number> {
  const seq = yield* mmu_invalidate_seq(DEVICE);
  const page = yield* get_user_pages_fast(MM, 0, FOLL_WRITE | FOLL_GET);
  if (page < 0) return 1;
  yield* mmu_lock(DEVICE);
  const stale = yield* mmu_invalidate_retry(DEVICE, seq);
  if (!stale) yield* access_page(page, WRITE, 0, 2, guest, 'R8');
  yield* mmu_unlock(DEVICE);
  yield* put_page(page, 1);
  return stale ? 0 : 1;
});
const guest: Act = function* ({ page }) {
  const vm = page(0, 'the guest');
  do yield* again('vcpu');
  while (!(yield* guest_fault(vm)));
};

/** So many attempts; Linux makes ten. */
const reapsIn =
  (attempts: number): Act =>
  () =>
    oom_reap_task(MM, attempts);
const unmaps: Act = ({ munmap }) => munmap();

/** A page of anonymous memory with something in it, and who subscribes to its invalidation. */
const subscribed = (device: number, other = 0): Act =>
  function* ({ exporter, write }) {
    yield* exporter.map(MM, FD, 1, PROT_READ | PROT_WRITE);
    yield* write(0);
    yield* mmu_notifier_register(DEVICE, device, MM, 0);
    if (other) yield* mmu_notifier_register(OTHER, other, MM, 0);
  };

const common = {
  source: 'Gunthorpe 23/15:08',
  rules: ['R8'],
  exporter: exporterOf('anon'),
  mapped: 'no',
  kernel: { holders: 2 },
} as const;
const REAPER = 'real OOM reaper (6.12 mm/oom_kill.c:516, 6.1 :519)';

export default [
  story({
    ...common,
    id: 'oom/notifier-sleeps',
    title: 'a notifier that waits for its lock where it may not',
    story:
      'The driver holds its lock and waits for memory. The OOM reaper, who would bring it, calls the ' +
      'driver’s notifier, and that waits for the lock. mmu_notifier_range_blockable() would have told.',
    status: `hypothetical driver, ${REAPER}`,
    rules: ['deadlock'],
    expected: 'violated',
    before: subscribed(NOTIFIER_INTERVAL),
    threads: { gpu: mirrorsBy(maps_without_memory), reaper: reapsIn(1) },
  }),
  story({
    ...common,
    id: 'oom/notifier-tries',
    title: 'a notifier that tries its lock, and has the reaper come back',
    story:
      'If somebody has the lock, the notifier says -EAGAIN and the reaper leaves the mapping alone. It comes ' +
      'back, or gives up on this process and the OOM killer takes another. No fault brings reaped memory back.',
    status: `as nouveau’s interval notifier does (6.12 drivers/gpu/drm/nouveau/nouveau_svm.c:537, 6.1 :526), ${REAPER}`,
    expected: 'safe',
    before: subscribed(NOTIFIER_INTERVAL | MN_TRIES),
    threads: { gpu: mirrorsBy(maps_without_memory), reaper: reapsIn(2) },
  }),
  story({
    ...common,
    id: 'oom/refuses-though-it-may-block',
    title: 'a notifier that refuses where nobody listens',
    story:
      'It tries its lock whatever the range says. munmap() does not ask whether it may: mm warns and goes on ' +
      '(6.12 mm/mmu_notifier.c:444, 6.1 :459), the page is freed, and the device has it.',
    status: 'hypothetical driver, real munmap',
    rules: ['R8', 'bug'],
    expected: 'violated',
    before: subscribed(NOTIFIER_INTERVAL | MN_ALWAYS_TRIES),
    threads: { gpu: mirrorsBy(maps), user: unmaps },
  }),
  story({
    ...common,
    id: 'oom/others-get-their-end',
    title: 'one list notifier refuses, and the other one is told that it is over',
    story:
      'KVM has counted an invalidation before nouveau refuses it. Nobody will call its end, for the range was ' +
      'never invalidated. So the start does (6.12 mm/mmu_notifier.c:501, 6.1 :516), or the guest would ' +
      'wait for ever.',
    status: `real KVM beside a list notifier that refuses, as nouveau’s does (6.12 drivers/gpu/drm/nouveau/nouveau_svm.c:260, 6.1 :262); ${REAPER}`,
    expected: 'safe',
    before: subscribed(NOTIFIER_LIST, NOTIFIER_LIST | MN_REFUSES | MN_NO_END),
    threads: { guest, reaper: reapsIn(1) },
  }),
  story({
    ...common,
    id: 'oom/end-of-what-never-began',
    title: 'a list notifier that refuses and has an end',
    story:
      'Which start has failed its end cannot know: it is called all the same, and takes back what was never ' +
      'counted. mm warns of such a pair (6.12 mm/mmu_notifier.c:495, 6.1 :510).',
    status: `hypothetical driver, ${REAPER}`,
    rules: ['bug'],
    expected: 'violated',
    before: subscribed(NOTIFIER_LIST | MN_REFUSES),
    threads: { reaper: reapsIn(1) },
  }),
  story({
    ...common,
    id: 'oom/refusal-strands-the-interval-tree',
    title: 'a list notifier refuses, and the interval tree is never told',
    story:
      'Interval notifiers come first and agree; then a list notifier of the same process refuses. The list’s ' +
      'ends are called, mn_itree_inv_end() is not: the sequence stays odd, and mmu_interval_read_begin() waits ' +
      'for an end that never comes.',
    status: `nouveau subscribes both ways (6.12 drivers/gpu/drm/nouveau/nouveau_svm.c:260 and :537), real mm (6.12 mm/mmu_notifier.c:532, 6.1 :547), ${REAPER}; read in the source, seen on no machine`,
    rules: ['deadlock'],
    expected: 'violated',
    before: subscribed(NOTIFIER_INTERVAL | MN_TRIES, NOTIFIER_LIST | MN_REFUSES | MN_NO_END),
    threads: { gpu: mirrorsBy(maps), reaper: reapsIn(1) },
  }),
];
