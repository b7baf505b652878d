// SPDX-License-Identifier: GPL-2.0-or-later
// The yardstick against Spin: the same steps, the same states, whole
// processes. For Spin that is what one does to get an answer: spin -a, gcc -O2,
// and the program they make.

import { join } from 'node:path';
import { need } from '../scripts/tools.mjs';
import { bundle, inTemporaryDirectory, median, timed } from './measure.mjs';

const RUNS = 5;
const promela = join(import.meta.dirname, 'yardstick.pml');

/** @param {string} dir @param {number} users */
function spin(dir, users) {
  const generate = timed(need('spin'), ['-a', `-DN=${users}`, '-DKVM', '-DNOTIFIED', promela], dir);
  const compile = timed(
    need('gcc'),
    ['-O2', '-DNOREDUCE', '-DSAFETY', '-w', '-o', 'pan', 'pan.c'],
    dir,
  );
  // -c0: go on after a violation; -m: depth; violations are not written to trails.
  const search = timed(join(dir, 'pan'), ['-m1000000', '-c0'], dir);
  const states = Number(/(\d+) states, stored/.exec(search.stdout)?.[1]);
  return { states, seconds: generate.seconds + compile.seconds + search.seconds };
}

export default () =>
  inTemporaryDirectory(async (dir) => {
    const script = await bundle('yardstick.main.ts', dir);
    /** @param {string[]} args */
    const ours = (...args) => {
      const { seconds, stdout } = timed(process.execPath, [script, ...args, 'kvm', 'notified']);
      return { seconds, states: JSON.parse(stdout).states };
    };
    /** @type {import('./measure.mjs').Figure[]} */
    const figures = [];
    for (const users of [3, 5]) {
      /** @type {number[]} */
      const spins = [];
      /** @type {number[]} */
      const plain = [];
      /** @type {number[]} */
      const symmetric = [];
      for (let i = 0; i < RUNS; i++) {
        const peer = spin(dir, users);
        const mine = ours(String(users));
        if (peer.states !== mine.states) {
          throw new Error(`N=${users}: Spin has ${peer.states} states, we have ${mine.states}`);
        }
        spins.push(peer.seconds);
        plain.push(mine.seconds);
        symmetric.push(ours(String(users), 'symmetry').seconds);
      }
      const peer = median(spins);
      const words = `Spin ${peer.toFixed(2)} s`;
      const name = `yardstick N=${users}`;
      if (users === 3) {
        figures.push(
          { name, value: median(plain), unit: 's', atMost: 0.15, peer: words },
          { name: `${name}, part of Spin`, value: median(plain) / peer, unit: 'x', atMost: 1 / 8 },
          { name: `${name}, symmetry`, value: median(symmetric), unit: 's', atMost: 0.15 },
          {
            name: `${name}, symmetry, part of Spin`,
            value: median(symmetric) / peer,
            unit: 'x',
            atMost: 1 / 8,
          },
        );
      } else {
        figures.push(
          { name: `${name}, part of Spin`, value: median(plain) / peer, unit: 'x', atMost: 1 },
          { name, value: median(plain), unit: 's', peer: words },
          { name: `${name}, symmetry`, value: median(symmetric), unit: 's', atMost: 0.25 },
        );
      }
    }
    return figures;
  });
