// SPDX-License-Identifier: GPL-2.0-or-later
/** Parts of a mapping that go, and a mapping that moves: each VMA holds the whole buffer. */
import { MREMAP_FIXED, MREMAP_MAYMOVE, sys_mremap } from '../../../kernel/mm/mremap.ts';
import { consumerOf, exporterOf } from '../../cast.ts';
import { allReleased, BUFFER, MM, story, touch } from '../../stage.ts';

/** mremap() of the only page to the next address. */
const TARGET = 1;
/** Page 0 as the program has it afterwards. */
const MOVED = { buffer: BUFFER, page: 0, mm: MM, addr: TARGET, who: 'the user' } as const;
const moves_mapping = () => sys_mremap(MM, 0, 1, 1, TARGET, MREMAP_MAYMOVE | MREMAP_FIXED);

export default [
  story({
    id: 'lifetime/munmap-of-a-part',
    title: 'munmap() of one of two pages',
    story:
      'The VMA shrinks, and what is left holds the whole buffer as before. The other page stays usable; ' +
      'its munmap(), after the close, releases everything at once.',
    source: 'Vetter 22/18:08',
    status: 'real TTM',
    rules: ['R11'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    pages: 2,
    touched: true,
    threads: {
      user: function* ({ munmap, write, close }) {
        yield* munmap(0, 1);
        yield* write(1);
        yield* close();
        yield* munmap(1, 1);
      },
      ttm: function* ({ exporter }) {
        yield* exporter.evict(0, 0, 2);
      },
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/munmap-of-the-middle',
    title: 'munmap() of the middle of three pages',
    story:
      'The VMA is split in two, each with a reference of its own and a call of vm_ops->open. Both have to ' +
      'go before the buffer is released.',
    source: 'Vetter 22/18:08',
    status: 'real TTM',
    rules: ['R11'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    pages: 3,
    kernel: { vmas: 3 },
    threads: {
      user: function* ({ munmap, close }) {
        yield* munmap(1, 1);
        yield* close();
        yield* munmap(0, 1);
      },
      other: function* ({ munmap }) {
        yield* munmap(2, 1);
      },
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/mremap',
    title: 'mremap() moves the mapping under a follower',
    story:
      'The entries move to another address, and the notifier of the old one is told. The new VMA holds ' +
      'the buffer, the old one lets go; the zap of an eviction finds the new one by its offset.',
    source: 'Vetter 22/18:08',
    status: 'real TTM and a generic consumer',
    rules: ['R8', 'R11'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    touched: true,
    kernel: { vpages: 2 },
    threads: {
      user: function* ({ munmap, close }) {
        yield* moves_mapping();
        yield* touch(MOVED, 1, 1);
        yield* munmap(TARGET, 1);
        yield* close();
      },
      follower: consumerOf('notifier-retry'),
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/mremap-under-follower',
    title: 'the same under a follower without a notifier',
    story:
      'After mremap() the kept PFN is still the buffer’s: entries move, memory does not. Only the munmap() ' +
      'and the close that follow make it somebody else’s page.',
    source: 'Vetter 23/14:28',
    status: 'generic consumer against real TTM',
    rules: ['R8'],
    expected: 'violated',
    exporter: exporterOf('ttm'),
    touched: true,
    kernel: { vpages: 2 },
    threads: {
      user: function* ({ munmap, close }) {
        yield* moves_mapping();
        yield* munmap(TARGET, 1);
        yield* close();
      },
      follower: consumerOf('follow-and-keep'),
    },
  }),
];
