// SPDX-License-Identifier: GPL-2.0-or-later
// Recorded programs a second on the model, warm, in one process: those of
// test/conform, over and over, for both versions in turn. Running them and
// comparing the results is the figure; reading the JSON lines comes on top.
// No peer runs such programs without a kernel.

import { join } from 'node:path';
import { bundle, inTemporaryDirectory, median, timed } from './measure.mjs';

const RUNS = 3;
const SECONDS = 8;
const corpus = join(import.meta.dirname, '..', 'test', 'conform', 'corpus.jsonl');

export default () =>
  inTemporaryDirectory(async (dir) => {
    const script = await bundle('conform.main.ts', dir);
    const rates = Array.from({ length: RUNS }, () =>
      JSON.parse(timed(process.execPath, [script, corpus, String(SECONDS)]).stdout),
    );
    return [
      {
        name: 'conform, recorded programs, model side',
        value: median(rates.map((r) => r.running)),
        unit: 'programs/s',
        atLeast: 20_000,
        peer: `with parsing ${median(rates.map((r) => r.whole)).toFixed(0)}`,
      },
    ];
  });
