// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "The vma has a filp which is the refcounted dma_buf. With dma_buf you never get an individual page
 * it's always the entire object." (Vetter 22/18:08). Descriptor and mapping each hold the buffer, in
 * whatever order they go.
 */
import { sys_dup } from '../../../kernel/fs/file.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, allReleased, FD, MM, story } from '../../stage.ts';

const systemHeap = exporterOf('system-heap');
const DUP = 1;

/** The program stores into the mapping and reads it again. */
const uses: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};

export default [
  story({
    id: 'lifetime/close-before-unmap',
    title: 'the descriptor is closed while the buffer is mapped',
    story:
      'The VMA holds the file. Closing the descriptor releases nothing; the mapping is good until ' +
      'munmap(), and that releases the buffer, once.',
    source: 'Vetter 22/18:08',
    status: 'real system heap (6.12 mm/mmap.c:1463 takes the reference, mm/vma.c:334 drops it)',
    rules: ['R11'],
    expected: 'safe',
    exporter: systemHeap,
    threads: {
      user: function* (at) {
        yield* at.close();
        yield* uses(at);
        yield* at.munmap();
      },
      other: uses,
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/unmap-before-close',
    title: 'the mapping goes while the descriptor is open',
    story:
      'munmap() drops the reference of the VMA and nothing else. The descriptor can be mapped again; its ' +
      'close releases the buffer, once.',
    source: 'Vetter 22/18:08',
    status: 'real system heap',
    rules: ['R11'],
    expected: 'safe',
    exporter: systemHeap,
    threads: {
      user: function* (at) {
        yield* at.munmap();
        yield* at.mmap();
        yield* uses(at);
        yield* at.munmap();
        yield* at.close();
      },
      other: uses,
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/close-against-unmap',
    title: 'close() and munmap() on two CPUs',
    story: 'Whichever of the two comes last releases the buffer, and only that one.',
    source: 'Vetter 22/18:08',
    status: 'real TTM',
    rules: ['R11'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    touched: true,
    threads: {
      closes: function* ({ close }) {
        yield* close();
      },
      unmaps: function* ({ munmap }) {
        yield* munmap();
      },
      uses,
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/dup',
    title: 'dup(2): two descriptors, one buffer',
    story:
      'The duplicate is a reference to the same file. The last of the two to be closed releases it.',
    source: 'Vetter 22/18:08',
    status: 'real system heap',
    rules: ['R11'],
    expected: 'safe',
    exporter: systemHeap,
    before: () => sys_dup(MM, FD, DUP, 0),
    kernel: { fds: 2 },
    threads: {
      user: function* (at) {
        yield* at.close();
        yield* uses(at);
        yield* at.munmap();
      },
      other: function* ({ close }) {
        yield* close(DUP);
      },
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/frees-at-close',
    title: 'a driver that frees its memory at close(2), not at the last reference',
    story:
      'Its flush method runs at every close of a descriptor, and takes that for the end. The mapping is ' +
      'still there, and leads to pages that are somebody else’s by now.',
    source: 'Vetter 22/18:08',
    status: 'hypothetical variant of the system heap',
    rules: ['R11'],
    expected: 'violated',
    exporter: systemHeap,
    threads: {
      user: uses,
      closes: function* ({ exporter, close }) {
        yield* exporter.ops.release(FD);
        yield* close();
      },
    },
  }),
];
