// SPDX-License-Identifier: GPL-2.0-or-later
// All there is to explore, as a user does it: the matrix with its
// counterexamples, then the catalogue with the mutants of its safe scenarios.
// Wall clock of the two commands, and the most memory that one of them had.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from './measure.mjs';

const RUNS = 3;
const cli = join(import.meta.dirname, '..', 'dist', 'cli.js');

// Says at the end how much memory the process had at most.
const says = "process.on('exit', () => console.error('maxrss ' + process.resourceUsage().maxRSS))";
const hook = `data:text/javascript,${encodeURIComponent(says)}`;

/** @param {string[]} args */
function run(...args) {
  const began = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', hook, cli, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`pfnmap ${args.join(' ')}: exit code ${status}\n${stderr}`);
  const peaks = [...stderr.matchAll(/maxrss (\d+)/g)].map((m) => Number(m[1]));
  return { seconds, megabytes: Math.max(...peaks) / 1024, result: JSON.parse(stdout) };
}

export default async () => {
  const runs = Array.from({ length: RUNS }, () => ({
    matrix: run('matrix', '--json'),
    catalogue: run('explore', '--json'),
  }));
  const [{ matrix, catalogue }] = runs;
  const { scenarios } = catalogue.result;
  /** @type {number} */
  const mutants = scenarios.reduce(
    (/** @type {number} */ n, /** @type {{ mutants?: unknown[] }} */ s) =>
      n + (s.mutants?.length ?? 0),
    0,
  );
  /** @param {'matrix' | 'catalogue'} what */
  const seconds = (what) => median(runs.map((r) => r[what].seconds)).toFixed(1);
  const what =
    `${matrix.result.cells.length} cells ${seconds('matrix')} s; ` +
    `${scenarios.length} scenarios, ${mutants} mutants ${seconds('catalogue')} s`;
  return [
    {
      name: 'matrix, catalogue and mutants',
      value: median(runs.map((r) => r.matrix.seconds + r.catalogue.seconds)),
      unit: 's',
      atMost: 5,
      peer: what,
    },
    {
      name: 'matrix, catalogue and mutants, memory',
      value: median(runs.map((r) => Math.max(r.matrix.megabytes, r.catalogue.megabytes))),
      unit: 'MB',
      atMost: 400,
    },
  ];
};
