// SPDX-License-Identifier: GPL-2.0-or-later
/** Buffers of two drivers in one program, both mapped from their offset 0. */
import { routine } from '../../../explore/program.ts';
import { exporter } from '../../../kernel/dma-buf/exporter.ts';
import { fd_lookup, set_file_mapping } from '../../../kernel/fs/file.ts';
import {
  MAP_SHARED,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
} from '../../../kernel/mm/mmap.ts';
import { exporterOf, like } from '../../cast.ts';
import { type Act, FD, MM, story, touch } from '../../stage.ts';

/** The other driver's buffer, its descriptor, and where the program has it. */
const OTHER = { buffer: 1, page: 0, mm: MM, addr: 1, who: 'the user' } as const;
const OTHER_FD = 1;
const heap = exporter(exporterOf('system-heap'));
/** TTM, but mapped from offset 0, as the heap is. */
const mover = like('ttm', 'ttm-offset-0', { pgoff: 'offset', status: 'real' });

const maps_other = routine('maps_other', function* () {
  yield* heap.create(MM, OTHER_FD, 1);
  const at = mmapTarget(OTHER_FD, 0);
  yield* sys_mmap(MM, OTHER.addr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, at);
});
/** Two drivers that put their files on one address_space, as those of one device do. */
const maps_other_on_same_mapping = routine('maps_other_on_same_mapping', function* () {
  yield* maps_other();
  yield* set_file_mapping(yield* fd_lookup(MM, OTHER_FD), yield* fd_lookup(MM, FD));
});
const usesBoth: Act = function* ({ write }) {
  yield* write(0);
  yield* touch(OTHER, 1, 2);
};
const moves: Act = function* ({ move }) {
  yield* move();
};
const kernel = { buffers: 2, files: 2, fds: 2, vpages: 2, pages: 4 };

export default [
  story({
    id: 'lifetime/two-drivers',
    title: 'one of two drivers moves its buffer',
    story:
      'Each dma-buf has an address_space of its own. The zap finds the VMAs of the buffer that moves, and ' +
      'leaves the other’s alone, although both have offset 0.',
    source: 'Vetter 22/19:29',
    status: 'real TTM and system heap',
    rules: ['R4', 'R11'],
    expected: 'safe',
    exporter: mover,
    before: maps_other,
    kernel,
    threads: { user: usesBoth, ttm: moves },
  }),
  story({
    id: 'lifetime/two-drivers-one-mapping',
    title: 'the same on one address_space, with offsets that overlap',
    story:
      'Buffers that share an address_space must have offsets of their own, as DRM’s fake offsets are. ' +
      'Here they do not: the zap takes the heap’s entry too, and nothing ever refills that.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical',
    rules: ['sigbus', 'R4'],
    expected: 'violated',
    exporter: mover,
    before: maps_other_on_same_mapping,
    kernel,
    threads: { user: usesBoth, ttm: moves },
  }),
];
