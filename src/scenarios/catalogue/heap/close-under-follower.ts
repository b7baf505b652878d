// SPDX-License-Identifier: GPL-2.0-or-later
/** An exporter that never moves still takes its memory back once: at the last close. */
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const unmapsAndCloses: Act = function* ({ munmap, close }) {
  yield* munmap();
  yield* close();
};

export default [
  story({
    id: 'heap/close-under-follower',
    title: 'munmap and last close under a follower',
    story:
      'The system heap never moves. But the last reference frees the buffer, and a PFN that was followed ' +
      'before is then a PFN of somebody else’s page.',
    source: 'Vetter 22/18:08',
    status: 'real system heap (6.12 drivers/dma-buf/heaps/system_heap.c:195)',
    rules: ['R8', 'R11'],
    expected: 'violated',
    exporter: exporterOf('system-heap'),
    threads: { follower: consumerOf('follow-and-keep'), program: unmapsAndCloses },
  }),
  story({
    id: 'heap/close-under-notifier',
    title: 'munmap and last close under a follower with a notifier',
    story:
      'munmap() tells the notifier before it takes the entries away, so the follower has let go of the PFN ' +
      'before anybody can drop the last reference.',
    source: 'Vetter 22/18:08',
    status: 'generic consumer against the real system heap',
    rules: ['R8', 'R11'],
    expected: 'safe',
    exporter: exporterOf('system-heap'),
    threads: { follower: consumerOf('notifier-retry'), program: unmapsAndCloses },
  }),
];
