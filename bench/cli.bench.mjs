// SPDX-License-Identifier: GPL-2.0-or-later
// What a user waits for at the command line: help, the matrix, one counterexample. Whole processes
// of the built program. Only Node's own start is a peer here: nothing can be faster.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, inTemporaryDirectory, median, timed } from './measure.mjs';

const RUNS = 7;
const dist = join(import.meta.dirname, '..', 'dist');
const cli = join(dist, 'cli.js');

/** @param {string[]} args */
function seconds(...args) {
  const runs = [];
  for (let i = 0; i <= RUNS; i++) runs.push(timed(process.execPath, args).seconds);
  return median(runs.slice(1));
}

/** The cells that there were when the kernel was a spine: of these the target speaks. */
const spine = () =>
  inTemporaryDirectory(async (dir) => {
    const args = [await bundle('spine.main.ts', dir), pathToFileURL(join(dist, 'worker.js')).href];
    const { cells, states } = JSON.parse(timed(process.execPath, args).stdout);
    return { cells, states, value: seconds(...args) };
  });

export default async () => {
  const small = await spine();
  const node = `node -e 0: ${seconds('-e', '0').toFixed(3)} s`;
  const ladder = ['show', 'ttm/follow-and-keep'];
  const { stdout } = timed(process.execPath, [cli, 'matrix', '--json']);
  const { cells, totals } = JSON.parse(stdout);
  const cell = JSON.parse(
    timed(process.execPath, [
      cli,
      ...['matrix', '--json', '--exporter', 'ttm', '--consumer'],
      'follow-and-keep',
    ]).stdout,
  ).cells[0].counterexample;
  return [
    { name: 'pfnmap --help', value: seconds(cli, '--help'), unit: 's', atMost: 0.08, peer: node },
    {
      name: `the spine's matrix (${small.cells} cells, ${small.states} states)`,
      value: small.value,
      unit: 's',
      atMost: 2,
      peer: node,
    },
    {
      name: `pfnmap matrix (${cells.length} cells, ${totals.states} states)`,
      value: seconds(cli, 'matrix'),
      unit: 's',
      peer: node,
    },
    {
      name: `pfnmap ${ladder.join(' ')}`,
      value: seconds(cli, ...ladder),
      unit: 's',
      atMost: 0.2,
      peer: `${cell.threads} threads, ${cell.switches} switches, ${cell.steps} steps`,
    },
  ];
};
