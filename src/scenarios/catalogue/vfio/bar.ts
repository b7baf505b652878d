// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * BARs: "Plus these static mappings aren't all that static either, e.g. pci access also can revoke bar
 * mappings nowadays" (Vetter 23/14:34). VFIO zaps its mappings on reset and when memory access is
 * turned off. Memory of a device has no struct page, so no reference keeps it either.
 */
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const bar = exporterOf('vfio-bar');

const revokes: Act = function* ({ revoke }) {
  yield* revoke();
};
const resets: Act = function* ({ exporter, revoke }) {
  yield* revoke();
  yield* exporter.enable(0);
};
const user: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};

export default [
  story({
    id: 'vfio/bar-revoked',
    title: 'a BAR is revoked under a follower without a notifier',
    story:
      'The consumer followed the BAR’s entry and keeps the PFN: the device will not move, will it? The ' +
      'mapping is zapped and the device turned off, and the consumer goes on talking to it.',
    source: 'Vetter 23/14:34',
    status: 'real VFIO (6.12 drivers/vfio/pci/vfio_pci_core.c:1648 zaps) and a generic consumer',
    rules: ['R9'],
    expected: 'violated',
    exporter: bar,
    threads: { follower: consumerOf('follow-and-keep'), vfio: revokes },
  }),
  story({
    id: 'vfio/bar-revoked-notifier',
    title: 'the same under a follower with notifier and retry',
    story:
      'The zap tells the notifier, and the guest faults. While the device is off the fault is refused; once ' +
      'it is back, the BAR is mapped again.',
    source: 'Vetter 23/14:34',
    status: 'real VFIO and a generic consumer',
    rules: ['R9'],
    expected: 'safe',
    exporter: bar,
    threads: { follower: consumerOf('notifier-retry'), vfio: resets },
  }),
  story({
    id: 'vfio/bar-reset-under-user',
    title: 'a reset under the program that has the BAR mapped',
    story:
      'The program’s own entries go with the zap, and while the device is off its accesses are a SIGBUS, ' +
      'which is what VFIO promises. After the reset the fault handler maps the BAR again.',
    source: 'Vetter 23/14:34',
    status: 'real VFIO',
    rules: ['R9'],
    expected: 'safe',
    exporter: bar,
    threads: { user, vfio: resets },
  }),
];
