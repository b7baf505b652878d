// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A device that goes on when the process is gone: what ends its translations is the notifier's release, for
 * a list notifier hears of no invalidation after it (mm/mmu_notifier.c mn_hlist_release).
 */

import { FOLL_GET, FOLL_WRITE } from '../../../kernel/mm/gup.ts';
import { get_user_pages_fast } from '../../../kernel/mm/gup-fast.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel/mm/mmap.ts';
import { MN_NO_RELEASE, NOTIFIER_LIST } from '../../../kernel/mm/mmu_notifier.ts';
import { mmu_notifier_register } from '../../../kernel/mm/mmu_subscribe.ts';
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
/** Uses what it has, and never asks for more. */
const device: Act = function* ({ page }) {
  const gpu = page(0, 'the device');
  yield* through_spte(DEVICE, WRITE, 2, gpu);
  yield* through_spte(DEVICE, 0, 0, gpu);
};
const exits: Act = () => do_exit(MM);

const common = {
  source: 'Gunthorpe 23/15:08',
  rules: ['R8'],
  exporter: exporterOf('anon'),
  mapped: 'no',
  kernel: { holders: 1 },
  threads: { device, process: exits },
} as const;

export default [
  story({
    ...common,
    id: 'lifetime/exit-with-release',
    title: 'a process ends, and its notifier has a release callback',
    story:
      'exit_mmap() calls release before any page goes, and release empties the device’s page table. That is the ' +
      'last that the device hears: it is no longer subscribed when the mappings are taken away.',
    status: 'real virt/kvm (6.12 and 6.1 virt/kvm/kvm_main.c:906)',
    expected: 'safe',
    before: mapped(NOTIFIER_LIST),
  }),
  story({
    ...common,
    id: 'lifetime/exit-without-release',
    title: 'the same without a release callback',
    story:
      'The driver trusts that munmap’s invalidation comes for the last pages as well. It does not come: exit has ' +
      'taken the notifier off the list, and the device writes into a page that is free.',
    status: 'hypothetical driver, real exit (6.12 mm/mmu_notifier.c:301, 6.1 :299)',
    expected: 'violated',
    before: mapped(NOTIFIER_LIST | MN_NO_RELEASE),
  }),
];
