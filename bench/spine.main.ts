// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The spine's matrix as a whole process: the sixteen exporters and ten consumers that the kernel began
 * with, on the kernel as it is. The argument is the URL of what worker threads start with.
 */
import { runCells } from '../src/cli/cells.ts';
import { matrixCells } from '../src/scenarios/matrix.ts';

const EXPORTERS = ['system-heap', 'system-heap-insert-page', 'udmabuf', 'vgem', 'ttm'];
const CONSUMERS = [
  'cpu',
  ...['gup', 'gup-fast', 'long-term-pin'],
  ...['follow-and-keep', 'follow-with-ref', 'follow-ignore-ro'],
  ...['notifier-no-retry', 'notifier-retry', 'hmm-mirror'],
];

let states = 0;
const cells = matrixCells().filter(
  ({ exporter, consumer }) =>
    (EXPORTERS.includes(exporter.id) || exporter.status === 'test module') &&
    CONSUMERS.includes(consumer.id),
);
void runCells(cells, {
  self: process.argv[2] ?? '',
  linux: '6.12',
  maxStates: 4_000_000,
  witness: false,
  signal: new AbortController().signal,
  onCell: (cell) => {
    states += cell.states;
  },
}).then(() => console.log(JSON.stringify({ cells: cells.length, states })));
