// SPDX-License-Identifier: GPL-2.0-or-later
// The story in the kernel model against Spin: whole processes, safety only.
// Twice the two count the same states: with every transaction a transition
// (which is how we search, and for Spin one d_step), and with every single
// step one. Then each with the reductions it has of its own.

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
    /**
     * @param {{ states: number, transitions: number }} mine
     * @param {import('./spin.mjs').SpinResult} peer
     */
    const mustAgree = (mine, peer) => {
      if (mine.states === peer.states && mine.transitions + 1 === peer.transitions) return;
      throw new Error(
        `Spin has ${peer.states} states and ${peer.transitions} transitions, ` +
          `we have ${mine.states} and ${mine.transitions}`,
      );
    };
    const steps = ours('model');
    const transactions = ours('model', 'reduce');
    /** @type {Record<'joined' | 'single', number[]>} */
    const mine = { joined: [], single: [] };
    /** @type {Record<'joined' | 'single' | 'reduced', import('./spin.mjs').SpinResult[]>} */
    const peer = { joined: [], single: [], reduced: [] };
    for (let i = 0; i < RUNS; i++) {
      const joined = ours('reduce');
      const joinedPeer = spin(transactions.text, dir, { table: 20 });
      mustAgree(joined, joinedPeer);
      // As many states as there are of single steps want a large table from the start.
      const single = ours();
      const singlePeer = spin(steps.text, dir, { table: 26 });
      mustAgree(single, singlePeer);
      mine.joined.push(joined.seconds);
      mine.single.push(single.seconds);
      peer.joined.push(joinedPeer);
      peer.single.push(singlePeer);
      peer.reduced.push(spin(steps.text, dir, { table: 26, reduce: true }));
    }
    /**
     * @param {import('./spin.mjs').SpinResult[]} results
     * @param {'seconds' | 'compiling' | 'searching'} what
     */
    const middle = (results, what) => median(results.map((r) => r[what]));
    /** @param {import('./spin.mjs').SpinResult[]} results */
    const words = (results) => {
      /** @param {'seconds' | 'compiling' | 'searching'} what */
      const of = (what) => middle(results, what).toFixed(1);
      return `Spin ${of('seconds')} s (gcc ${of('compiling')}, search ${of('searching')})`;
    };
    /**
     * @param {string} what
     * @param {number[]} seconds
     * @param {import('./spin.mjs').SpinResult[]} results
     * @returns {import('./measure.mjs').Figure}
     */
    const part = (what, seconds, results) => ({
      name: `story N=${USERS}, ${what}, part of Spin`,
      value: median(seconds) / middle(results, 'seconds'),
      unit: 'x',
      peer: words(results),
    });
    /** @param {{ states: number }} model */
    const states = (model) => `${model.states.toLocaleString('en')} states`;
    /** @type {import('./measure.mjs').Figure[]} */
    const figures = [
      {
        ...part(`transactions, ${states(transactions)}`, mine.joined, peer.joined),
        atMost: 1 / 4,
      },
      { name: `story N=${USERS}, transactions`, value: median(mine.joined), unit: 's' },
      part(`single steps, ${states(steps)}`, mine.single, peer.single),
      { name: `story N=${USERS}, single steps`, value: median(mine.single), unit: 's' },
      part('each reducing in its way', mine.joined, peer.reduced),
    ];
    return figures;
  });
