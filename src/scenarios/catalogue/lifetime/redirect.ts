// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * mmap() of an importing driver's own file that leads to somebody else's dma-buf: dma_buf_mmap() makes
 * the VMA hold the dma-buf's file instead (6.12 drivers/dma-buf/dma-buf.c:1492 vma_set_file).
 */
import { dma_buf_mmap } from '../../../kernel/dma-buf/dma-buf.ts';
import { exporter } from '../../../kernel/dma-buf/exporter.ts';
import { alloc_file, fd_install } from '../../../kernel/fs/file.ts';
import type { FileOperations } from '../../../kernel/kernel.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, BUFFER, MM, story } from '../../stage.ts';

const ttm = exporterOf('ttm');
const DEVICE_FD = 1;

const redirects: FileOperations = {
  name: 'importer_fops',
  mmap: (mm, vma) => dma_buf_mmap(mm, vma, BUFFER, 0),
};
const { mmap } = exporter(ttm).ops;
const callsExporter: FileOperations = {
  name: 'careless_importer_fops',
  ...(mmap ? { mmap: (mm, vma) => mmap(mm, vma, BUFFER) } : {}),
};

/** The program has the importer's device open, and the buffer mapped through it. */
const mapsThrough = (fops: FileOperations): Act =>
  function* ({ mmap: maps, close }) {
    const file = yield* alloc_file(fops, 0, 1);
    yield* fd_install(MM, DEVICE_FD, file);
    yield* maps(DEVICE_FD);
    yield* close(DEVICE_FD);
  };
const uses: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};
const closesBuffer: Act = function* ({ close }) {
  yield* close();
};
const moves: Act = function* ({ move }) {
  yield* move();
};

export default [
  story({
    id: 'lifetime/redirected-mmap',
    title: 'an importer redirects mmap() with dma_buf_mmap()',
    story:
      'The VMA now holds the dma-buf and hangs on its address_space. The program may close both ' +
      'descriptors and go on using the mapping, and a move finds it.',
    source: 'Vetter 22/18:08',
    status: 'real core (6.12 drivers/dma-buf/dma-buf.c:1472 dma_buf_mmap)',
    rules: ['R11', 'R4'],
    expected: 'safe',
    exporter: ttm,
    mapped: 'no',
    kernel: { fds: 2, files: 2 },
    before: mapsThrough(redirects),
    threads: { user: uses, closes: closesBuffer, ttm: moves },
  }),
  story({
    id: 'lifetime/redirect-keeps-own-file',
    title: 'an importer that calls the exporter’s mmap with its own file in the VMA',
    story:
      'The VMA holds the importer’s device, not the dma-buf. The last close of the dma-buf releases the ' +
      'buffer while it is mapped.',
    source: 'Vetter 22/18:08',
    status: 'hypothetical importer',
    rules: ['R11'],
    expected: 'violated',
    exporter: ttm,
    mapped: 'no',
    kernel: { fds: 2, files: 2 },
    before: mapsThrough(callsExporter),
    threads: { user: uses, closes: closesBuffer },
  }),
  story({
    id: 'lifetime/redirect-missed-by-zap',
    title: 'the same importer, and a move',
    story:
      'Nor does the VMA hang on the address_space that the exporter zaps: the move misses it, and the ' +
      'program goes on with the old page.',
    source: 'Vetter 22/19:29',
    status: 'hypothetical importer',
    rules: ['R4'],
    expected: 'violated',
    exporter: ttm,
    mapped: 'no',
    kernel: { fds: 2, files: 2 },
    before: mapsThrough(callsExporter),
    threads: { user: uses, ttm: moves },
  }),
];
