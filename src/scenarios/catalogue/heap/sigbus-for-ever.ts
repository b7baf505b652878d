// SPDX-License-Identifier: GPL-2.0-or-later
/** Who inserts everything at mmap time has no fault handler, so what a zap took never comes back. */
import { like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const user: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};
const moves: Act = function* ({ move }) {
  yield* move();
};

export default [
  story({
    id: 'heap/sigbus-for-ever',
    title: 'an exporter that moves, and cannot refill',
    story:
      'remap_pfn_range() at mmap time, a correct zap at the move, and no fault handler: the next access of ' +
      'the program is a SIGBUS, on a buffer that is alive and well.',
    source: 'R4',
    status: 'hypothetical variant of the system heap',
    rules: ['sigbus'],
    expected: 'violated',
    exporter: like('system-heap', 'heap-that-moves', { takesBack: ['move'] }),
    threads: { user, heap: moves },
  }),
  story({
    id: 'heap/refills',
    title: 'the same with a fault handler',
    story: 'What the zap took comes back with the next fault, from where the buffer is by then.',
    source: 'R5',
    status: 'hypothetical variant of the system heap',
    rules: ['sigbus', 'R5'],
    expected: 'safe',
    exporter: like('system-heap', 'heap-that-refills', {
      takesBack: ['move'],
      inserts: 'fault-pfn',
      lock: 'dma_resv',
      setsFlags: ['VM_PFNMAP'],
    }),
    threads: { user, heap: moves },
  }),
];
