// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs a corpus on the model over and over in one process. Prints programs per second of the second
 * half of the time, when the compiler has done its work: parsing left out, and with it.
 */
import { readFileSync } from 'node:fs';
import { runCorpus } from '../src/conform/run.ts';

const [file, seconds] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const end = performance.now() + Number(seconds) * 1000;
const half = performance.now() + Number(seconds) * 500;
let programs = 0;
let running = 0;
let began = 0;
let now = performance.now();
for (let round = 0; now < end; round++) {
  const result = runCorpus(text, { linux: round % 2 ? '6.1' : '6.12' });
  if (result.ops_mismatched) throw new Error(`${result.ops_mismatched} ops do not agree`);
  now = performance.now();
  if (now < half) began = now;
  else {
    programs += result.programs;
    running += result.ms;
  }
}
console.log(
  JSON.stringify({
    running: (programs / running) * 1000,
    whole: (programs / (now - began)) * 1000,
  }),
);
