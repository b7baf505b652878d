// SPDX-License-Identifier: GPL-2.0-or-later
// Reading C takes as long as its lines are many, also where every line leaves something open: the time
// for each line of a million beside that for each of a hundred thousand.

import { bundle, inTemporaryDirectory, median, timed } from './measure.mjs';

const RUNS = 3;

export default () =>
  inTemporaryDirectory(async (dir) => {
    const script = await bundle('reading.main.ts', dir);
    /** @type {{ lines: number, whole: number, open: number }[][]} */
    const runs = Array.from({ length: RUNS }, () =>
      JSON.parse(timed(process.execPath, [script]).stdout),
    );
    return /** @type {const} */ (['whole', 'open']).flatMap((what) => {
      const [few = 0, many = 0] = [0, 1].map((i) => median(runs.map((run) => run[i]?.[what] ?? 0)));
      const name = what === 'whole' ? 'lines of functions' : 'lines that leave something open';
      return [
        { name: `100,000 ${name}`, value: few, unit: 'ns/line' },
        { name: `1,000,000 ${name}`, value: many, unit: 'ns/line' },
        { name: 'of a million, beside those of 100,000', value: many / few, unit: 'x', atMost: 3 },
      ];
    });
  });
