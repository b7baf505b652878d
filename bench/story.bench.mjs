// SPDX-License-Identifier: GPL-2.0-or-later
// The story in the kernel model, with all its steps, against Spin: whole
// processes, safety only. With every step a transition of its own the two
// count the same states; then each once more with the reductions it has.

import { bundle, inTemporaryDirectory, median, timed } from './measure.mjs';
import { spin } from './spin.mjs';

const RUNS = 3;
const USERS = 3;

export default () =>
  inTemporaryDirectory(async (dir) => {
    const script = await bundle('story.main.ts', dir);
    /** @param {string[]} args */
    const ours = (...args) => {
      const { seconds, stdout } = timed(process.execPath, [script, String(USERS), ...args]);
      return { ...JSON.parse(stdout), seconds };
    };
    const model = ours('model');
    /** @type {number[]} */
    const plain = [];
    /** @type {number[]} */
    const reduced = [];
    /** @type {import('./spin.mjs').SpinResult[]} */
    const spins = [];
    /** @type {import('./spin.mjs').SpinResult[]} */
    const reducedSpins = [];
    for (let i = 0; i < RUNS; i++) {
      // As many states as there are here want a large table from the start.
      const peer = spin(model.text, dir, { table: 26 });
      const mine = ours();
      if (mine.states !== peer.states || mine.transitions + 1 !== peer.transitions) {
        throw new Error(
          `Spin has ${peer.states} states and ${peer.transitions} transitions, ` +
            `we have ${mine.states} and ${mine.transitions}`,
        );
      }
      spins.push(peer);
      plain.push(mine.seconds);
      reducedSpins.push(spin(model.text, dir, { table: 26, reduce: true }));
      reduced.push(ours('reduce').seconds);
    }
    /** @param {import('./spin.mjs').SpinResult[]} results */
    const words = (results) => {
      /** @param {'seconds' | 'compiling' | 'searching'} what */
      const of = (what) => median(results.map((r) => r[what])).toFixed(1);
      return `Spin ${of('seconds')} s (gcc ${of('compiling')}, search ${of('searching')})`;
    };
    /** @param {import('./spin.mjs').SpinResult[]} results */
    const seconds = (results) => median(results.map((r) => r.seconds));
    const name = `story N=${USERS}`;
    /** @type {import('./measure.mjs').Figure[]} */
    const figures = [
      {
        name: `${name}, ${(model.states / 1e6).toFixed(1)} M states, part of Spin`,
        value: median(plain) / seconds(spins),
        unit: 'x',
        atMost: 1 / 4,
        peer: words(spins),
      },
      { name: `${name}, all states`, value: median(plain), unit: 's' },
      {
        name: `${name}, reduced, part of Spin reduced`,
        value: median(reduced) / seconds(reducedSpins),
        unit: 'x',
        peer: words(reducedSpins),
      },
      { name: `${name}, reduced`, value: median(reduced), unit: 's' },
    ];
    return figures;
  });
