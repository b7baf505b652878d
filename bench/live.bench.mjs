// SPDX-License-Identifier: GPL-2.0-or-later
// Real kernels: to the first answer after a cold boot and from a saved machine, and random programs
// a second on two machines, with how many of them disagree; and runs of races a second on one machine of
// two CPUs, with how many races come out as the explorer says they cannot. Nobody else holds a model against the
// kernel; the peer of the restored machine is its own cold boot.

import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { median, timed } from './measure.mjs';

const RUNS = 3;
const PROGRAMS = 4000;
/** One of each kind of mapping, a thousand runs each. */
const RACES = 18;
const cli = join(import.meta.dirname, '..', 'dist', 'cli.js');
const machines = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'pfnmap',
  'machines',
);

/** @param {string} series @param {number} programs */
const boot = (series, programs) => [
  cli,
  'conform',
  '--boot',
  series,
  '--seed',
  '1',
  '--fuzz',
  String(programs),
];

/** To the first answer of one program. */
const seconds = () => timed(process.execPath, boot('6.12', 1)).seconds;

/**
 * What a run of many programs came to. One with disagreements fails, and has figures all the same.
 *
 * @param {string} series
 * @returns {{ programs: number, ms: number, programs_mismatched: number }}
 */
function held(series) {
  const args = [...boot(series, PROGRAMS), '--json'];
  const { stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`no figures of ${series}: ${error?.message ?? stderr.trim().slice(-1000)}`);
  }
}

/**
 * What random races came to.
 *
 * @param {string} series
 * @returns {{ runs: number, ms: number, races_disagreeing: number }}
 */
function raced(series) {
  const args = [cli, 'conform', '--boot', series, '--race', String(RACES), '--seed', '1', '--json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`no figures of races on ${series}: ${stderr.trim().slice(-1000)}`);
  }
}

/** Forgets the saved machines, so that the next run boots. */
function forget() {
  for (const file of readdirSync(machines)) rmSync(join(machines, file), { force: true });
}

export default async () => {
  // Brings the kernel and builds the image, which is no part of any figure.
  seconds();
  const cold = [];
  const restored = [];
  for (let i = 0; i < RUNS; i++) {
    forget();
    cold.push(seconds());
    restored.push(seconds());
  }
  /** @type {import('./measure.mjs').Figure[]} */
  const figures = [
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
  ];
  for (const series of ['6.12', '6.1']) {
    const runs = Array.from({ length: RUNS }, () => held(series));
    figures.push(
      {
        name: `random programs on real ${series} and the model (${PROGRAMS})`,
        value: median(runs.map(({ programs, ms }) => (1000 * programs) / ms)),
        unit: 'programs/s',
        atLeast: 400,
      },
      {
        name: 'of them disagree',
        value: Math.max(...runs.map((run) => run.programs_mismatched)),
        unit: 'programs',
        atMost: 0,
      },
    );
    const races = raced(series);
    figures.push(
      {
        name: `runs of random races on real ${series} (${RACES})`,
        value: (1000 * races.runs) / races.ms,
        unit: 'runs/s',
      },
      { name: 'of the races disagree', value: races.races_disagreeing, unit: 'races', atMost: 0 },
    );
  }
  return figures;
};
