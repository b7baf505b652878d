// SPDX-License-Identifier: GPL-2.0-or-later
// Transitions per second when a state has 128 bytes, warm-up included.

import { bundle, inTemporaryDirectory, median, timed } from './measure.mjs';

const RUNS = 5;

export default () =>
  inTemporaryDirectory(async (dir) => {
    const script = await bundle('wide.main.ts', dir);
    const rates = Array.from({ length: RUNS }, () => {
      const { seconds, transitions, stride } = JSON.parse(timed(process.execPath, [script]).stdout);
      if (stride < 128) throw new Error(`a state has only ${stride} bytes`);
      return transitions / seconds / 1e6;
    });
    return [{ name: '128 bytes of state', value: median(rates), unit: 'M trans/s', atLeast: 2 }];
  });
