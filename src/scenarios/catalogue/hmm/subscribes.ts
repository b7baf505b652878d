// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A driver that subscribes for each fault of its device, and no longer: its notifier comes and goes while
 * invalidations run. The tree of intervals stands still meanwhile, so coming and going are queued, and the
 * sequence has to say what the tree does not.
 */
import { again, type Run, routine } from '../../../explore/program.ts';
import { EBUSY } from '../../../kernel/errno.ts';
import type { UserPage } from '../../../kernel/mm/access.ts';
import { pte_pfn } from '../../../kernel/mm/flags.ts';
import { hmm_range_fault } from '../../../kernel/mm/hmm.ts';
import { sys_madvise } from '../../../kernel/mm/madvise.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel/mm/mmap.ts';
import {
  interval_seq,
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_INTERVAL,
} from '../../../kernel/mm/mmu_notifier.ts';
import {
  free_subscription,
  mmu_interval_notifier_insert,
  mmu_interval_notifier_remove,
  mmu_notifier_register,
} from '../../../kernel/mm/mmu_subscribe.ts';
import { mmap_read_lock, mmap_read_unlock } from '../../../kernel/mm/vma.ts';
import { install_mirror, through_mirror } from '../../../kernel/programs/notified.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, FD, MM, story } from '../../stage.ts';

const WRITE = 1;
/** Who comes and goes, and somebody else who is subscribed to the page all the while. */
const DEVICE = 0;
const OTHER = 1;

/** How a driver learns the sequence that its lookup begins with. */
type Begin = () => Run<number>;
const waits: Begin = () => mmu_interval_read_begin(DEVICE, MM);
const looks: Begin = () => interval_seq(DEVICE);

/** One round: looks the page up, and has the device write to it under the driver's lock. 0: start over. */
const round = (begin: Begin) =>
  routine('range_fault', function* (gpu: UserPage): Run<number> {
    const seq = yield* begin();
    yield* mmap_read_lock(MM);
    const entry = yield* hmm_range_fault(MM, 0, WRITE, DEVICE, seq);
    yield* mmap_read_unlock(MM);
    if (entry < 0) return entry === -EBUSY ? 0 : entry;
    yield* mmu_lock(DEVICE);
    const stale = yield* mmu_interval_read_retry(DEVICE, seq);
    if (!stale) {
      yield* install_mirror(DEVICE, pte_pfn(entry));
      yield* through_mirror(DEVICE, WRITE, 2, gpu);
      yield* install_mirror(DEVICE, 0);
    }
    yield* mmu_unlock(DEVICE);
    return stale ? 0 : 1;
  });

/** A fault of the device, from the subscription to its end. */
const faults = (begin: Begin, end: (h: number) => Run<void>): Act => {
  const range_fault = round(begin);
  return function* ({ page }) {
    const gpu = page(0, 'the GPU');
    yield* mmu_interval_notifier_insert(DEVICE, 0, MM, 0, 1);
    do yield* again('retry');
    while (!(yield* range_fault(gpu)));
    yield* end(DEVICE);
    yield* free_subscription(DEVICE);
  };
};
const forgets = function* (): Run<void> {};

/** The program gives the page up, with mmap_lock held for reading, as the device's lookup is. */
const gives_up: Act = () => sys_madvise(MM, 0, 1, 'DONTNEED');

const before: Act = function* ({ exporter, write }) {
  yield* exporter.map(MM, FD, 1, PROT_READ | PROT_WRITE);
  yield* write(0);
  yield* mmu_notifier_register(OTHER, NOTIFIER_INTERVAL, MM, 0);
};

const common = {
  source: 'Gunthorpe 23/15:08',
  exporter: exporterOf('anon'),
  mapped: 'no',
  before,
  kernel: { holders: 2 },
} as const;
const REAL = 'real mm (6.12 mm/mmu_notifier.c:890 and :1038, 6.1 :913 and :1061)';

export default [
  story({
    ...common,
    id: 'hmm/subscribes-for-each-fault',
    title: 'a notifier that comes and goes with each fault',
    story:
      'While others are being told of an invalidation nobody may join them. So who subscribes then starts with ' +
      'the odd sequence, as if it had been told: mmu_interval_read_begin() waits until all is over. And who ' +
      'leaves waits, too, for it may just be told.',
    status: `as nouveau subscribes (6.12 drivers/gpu/drm/nouveau/nouveau_svm.c:685 to :725, 6.1 :674 to :714), ${REAL}`,
    rules: ['R8', 'use-after-free'],
    expected: 'safe',
    threads: { gpu: faults(waits, mmu_interval_notifier_remove), user: gives_up },
  }),
  story({
    ...common,
    id: 'hmm/subscribes-and-does-not-wait',
    title: 'the sequence is looked at, and not waited for',
    story:
      'The subscription came too late to be told of what is under way, and its sequence will not move again. A ' +
      'lookup that begins with it finds the page that is about to go, and no test says so.',
    status: `hypothetical driver, ${REAL}`,
    rules: ['R8'],
    expected: 'violated',
    threads: { gpu: faults(looks, mmu_interval_notifier_remove), user: gives_up },
  }),
  story({
    ...common,
    id: 'hmm/frees-its-subscription',
    title: 'the memory of a subscription is freed, and the tree still has it',
    story:
      'The device is done, and nothing is mapped any more. The next invalidation calls back all the same.',
    status: `hypothetical driver, ${REAL}`,
    rules: ['use-after-free'],
    expected: 'violated',
    threads: { gpu: faults(waits, forgets), user: gives_up },
  }),
];
