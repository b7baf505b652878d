// SPDX-License-Identifier: GPL-2.0-or-later
// Real kernels: to the first answer after a cold boot and from a saved machine, and random programs
// a second on two machines. Nobody else holds a model against the kernel; the peer of the restored
// machine is its own cold boot.

import { readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { median, timed } from './measure.mjs';

const RUNS = 3;
const PROGRAMS = 4000;
const cli = join(import.meta.dirname, '..', 'dist', 'cli.js');
const machines = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'pfnmap',
  'machines',
);

const boot = ['conform', '--boot', '6.12', '--seed', '1', '--fuzz'];

/** @param {number} programs */
const seconds = (programs) => timed(process.execPath, [cli, ...boot, String(programs)]).seconds;

/** Forgets the saved machines, so that the next run boots. */
function forget() {
  for (const file of readdirSync(machines)) rmSync(join(machines, file), { force: true });
}

export default async () => {
  // Brings the kernel and builds the image, which is no part of any figure.
  seconds(1);
  const cold = [];
  const restored = [];
  for (let i = 0; i < RUNS; i++) {
    forget();
    cold.push(seconds(1));
    restored.push(seconds(1));
  }
  const rates = [];
  for (let i = 0; i < RUNS; i++) {
    const { stdout } = timed(process.execPath, [cli, ...boot, String(PROGRAMS), '--json']);
    const { programs, ms } = JSON.parse(stdout);
    rates.push((1000 * programs) / ms);
  }
  return [
    {
      name: 'pfnmap conform --fuzz 1, cold boot of 6.12',
      value: median(cold),
      unit: 's',
      atMost: 5,
    },
    {
      name: 'the same from a saved machine',
      value: median(restored),
      unit: 's',
      atMost: 0.5,
      peer: `cold: ${median(cold).toFixed(1)} s`,
    },
    {
      name: `random programs on real 6.12 and the model (${PROGRAMS})`,
      value: median(rates),
      unit: 'programs/s',
      atLeast: 400,
    },
  ];
};
