// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A driver that is closed while its process lives on: its list notifier leaves, and the memory that the
 * notifier is in goes. Whoever is walking the list may have come to it already.
 */
import { FOLL_GET, FOLL_WRITE } from '../../../kernel/mm/gup.ts';
import { get_user_pages_fast } from '../../../kernel/mm/gup-fast.ts';
import { sys_madvise } from '../../../kernel/mm/madvise.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel/mm/mmap.ts';
import {
  MN_NO_RELEASE,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_LIST,
} from '../../../kernel/mm/mmu_notifier.ts';
import {
  free_subscription,
  mmu_notifier_free_rcu,
  mmu_notifier_put,
  mmu_notifier_register,
  mmu_notifier_unregister,
} from '../../../kernel/mm/mmu_subscribe.ts';
import { put_page } from '../../../kernel/mm/page.ts';
import { do_exit } from '../../../kernel/process.ts';
import { install, through_spte } from '../../../kernel/programs/notified.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, FD, MM, story } from '../../stage.ts';

const WRITE = 1;
const DEVICE = 0;

/** A page of anonymous memory, which the device has mapped before the threads begin. */
const mapped = (how: number): Act =>
  function* ({ exporter, write }) {
    yield* exporter.map(MM, FD, 1, PROT_READ | PROT_WRITE);
    yield* write(0);
    yield* mmu_notifier_register(DEVICE, how, MM, 0);
    const page = yield* get_user_pages_fast(MM, 0, FOLL_WRITE | FOLL_GET);
    yield* install(DEVICE, page);
    yield* put_page(page, 1);
  };
const device: Act = function* ({ page }) {
  yield* through_spte(DEVICE, WRITE, 2, page(0, 'the device'));
};
const gives_up: Act = () => sys_madvise(MM, 0, 1, 'DONTNEED');

/** As kvm_destroy_vm(): 6.12 virt/kvm/kvm_main.c:1332, 6.1 :1322. */
const unregisters: Act = function* () {
  yield* mmu_notifier_unregister(DEVICE);
  yield* free_subscription(DEVICE);
};
const leaves: Act = () => mmu_notifier_unregister(DEVICE);
/** As nouveau_svmm_fini(): what is mapped goes under the driver's lock, then the notifier. */
const puts: Act = function* () {
  yield* mmu_lock(DEVICE);
  yield* install(DEVICE, 0);
  yield* mmu_unlock(DEVICE);
  yield* mmu_notifier_put(DEVICE);
};
const puts_and_frees: Act = function* (all) {
  yield* puts(all);
  yield* free_subscription(DEVICE);
};
/** What call_srcu() has a worker do. */
const worker: Act = () => mmu_notifier_free_rcu(DEVICE);

const common = {
  source: 'Gunthorpe 23/15:08',
  exporter: exporterOf('anon'),
  mapped: 'no',
  kernel: { holders: 1, listNotifiersLeave: true },
} as const;
const REAL = 'real mm (6.12 mm/mmu_notifier.c:797 and :872, 6.1 :820 and :895)';

export default [
  story({
    ...common,
    id: 'lifetime/unregisters',
    title: 'a VM is closed while its process gives memory up',
    story:
      'mmu_notifier_unregister() calls release, takes the notifier off the list, and waits until nobody can be ' +
      'calling it: an invalidation may have found it a moment before. Then the VM may be freed. Its count of ' +
      'invalidations in progress may be left at one, as the end has found no notifier any more.',
    status: `real virt/kvm (6.12 virt/kvm/kvm_main.c:1332, 6.1 :1322), ${REAL}`,
    rules: ['R8', 'use-after-free'],
    expected: 'safe',
    before: mapped(NOTIFIER_LIST),
    threads: { device, vm: unregisters, user: gives_up },
  }),
  story({
    ...common,
    id: 'lifetime/unregisters-at-exit',
    title: 'a VM is closed while its process ends',
    story:
      'Whoever comes first calls release, or both do, and neither goes on before it is over: exit frees no page ' +
      'that the guest still reaches, and the VM is not freed while exit is calling it.',
    status:
      'real virt/kvm (6.12 virt/kvm/kvm_main.c:1332, 6.1 :1322), real exit (6.12 mm/mmu_notifier.c:301, 6.1 :299)',
    rules: ['R8', 'use-after-free'],
    expected: 'safe',
    before: mapped(NOTIFIER_LIST),
    threads: { device, vm: unregisters, process: () => do_exit(MM) },
  }),
  story({
    ...common,
    id: 'lifetime/unregisters-without-release',
    title: 'a notifier without a release callback leaves, and what the device has mapped stays',
    story:
      'All that the device has mapped is to be gone before mmu_notifier_unregister() is called, or to go in ' +
      'release. This driver does neither: nobody tells it of the next invalidation, and the device writes into ' +
      'a page that is free.',
    status: `hypothetical driver, ${REAL}`,
    rules: ['R8'],
    expected: 'violated',
    before: mapped(NOTIFIER_LIST | MN_NO_RELEASE),
    threads: { device, driver: leaves, user: gives_up },
  }),
  story({
    ...common,
    id: 'lifetime/puts',
    title: 'a notifier is put, and freed by its free_notifier',
    story:
      'mmu_notifier_put() does not wait: who holds a lock that callbacks take may call it. The notifier is off ' +
      'the list, and a worker frees it once nobody can be calling it. There is no release: what is mapped goes ' +
      'before.',
    status: `as nouveau (6.12 drivers/gpu/drm/nouveau/nouveau_svm.c:320 to :323, 6.1 :309 to :312), ${REAL}`,
    rules: ['R8', 'use-after-free'],
    expected: 'safe',
    before: mapped(NOTIFIER_LIST | MN_NO_RELEASE),
    threads: { device, driver: puts, srcu: worker, user: gives_up },
  }),
  story({
    ...common,
    id: 'lifetime/puts-and-frees',
    title: 'a notifier is put, and freed at once',
    story: 'It is off the list. An invalidation that had found it before calls it all the same.',
    status: `hypothetical driver, ${REAL}`,
    rules: ['use-after-free'],
    expected: 'violated',
    before: mapped(NOTIFIER_LIST | MN_NO_RELEASE),
    threads: { driver: puts_and_frees, user: gives_up },
  }),
];
