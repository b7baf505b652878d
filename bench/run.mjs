// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the benchmarks, all of them or those named, and prints each figure
// beside its target and the peer's figure. Every *.bench.mjs here is one: its
// default export returns figures (see measure.mjs).

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const wanted = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.mjs'))
  .map((file) => file.replace('.bench.mjs', ''))
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .sort();
if (names.length === 0) {
  console.error(`bench: no benchmark is called ${wanted.join(' or ')}`);
  process.exit(2);
}

/** @param {number} value */
const short = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

let missed = 0;
for (const name of names) {
  console.error(`bench: ${name}`);
  const file = pathToFileURL(join(import.meta.dirname, `${name}.bench.mjs`)).href;
  /** @type {import('./measure.mjs').Figure[]} */
  const figures = await (await import(file)).default();
  for (const { name: what, value, unit, atMost, atLeast, peer } of figures) {
    const good = value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity);
    if (!good) missed++;
    const target =
      atMost !== undefined
        ? `<= ${short(atMost)}`
        : atLeast !== undefined
          ? `>= ${short(atLeast)}`
          : '';
    const line = [
      what.padEnd(48),
      `${short(value)} ${unit}`.padStart(14),
      target.padEnd(10),
      good ? '     ' : 'MISS ',
      peer ?? '',
    ];
    console.log(line.join(' ').trimEnd());
  }
}
process.exitCode = missed ? 1 : 0;
