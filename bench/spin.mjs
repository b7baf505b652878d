// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the states of a Promela model with Spin, as one does to get an
// answer: spin -a, gcc -O2, and the program that they make.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { need } from '../scripts/tools.mjs';
import { timed } from './measure.mjs';

/**
 * @typedef {object} SpinResult
 * @property {number} states
 * @property {number} transitions
 * @property {number} errors assertions that failed, and invalid end states
 * @property {number} generating seconds of spin -a
 * @property {number} compiling seconds of gcc
 * @property {number} searching seconds of pan
 * @property {number} seconds in all
 */

/**
 * @param {string} text the model
 * @param {string} dir where files may be left
 * @param {object} [options]
 * @param {string} [options.optimize] for gcc
 * @param {number} [options.table] number of places in pan's hash table, as a power of two
 * @param {boolean} [options.reduce] with Spin's own reductions, which leave states out
 * @returns {SpinResult}
 */
export function spin(text, dir, { optimize = '-O2', table = 24, reduce = false } = {}) {
  writeFileSync(join(dir, 'model.pml'), text);
  // -o2: variables that are only written count too. -o3: so do steps that touch none.
  const whole = reduce ? [] : ['-o2', '-o3'];
  const generate = timed(need('spin'), ['-a', ...whole, 'model.pml'], dir);
  const flags = [optimize, '-w', '-DSAFETY', '-DNOFAIR', '-DMEMLIM=16000'];
  if (!reduce) flags.push('-DNOREDUCE');
  const compile = timed(need('gcc'), [...flags, '-o', 'pan', 'pan.c'], dir);
  // -c0: go on after errors. -m: depth.
  const search = timed(join(dir, 'pan'), ['-c0', '-m1000000', `-w${table}`], dir);
  const { stdout } = search;
  if (/max search depth too small|out of memory|memory limit/.test(stdout)) {
    throw new Error(`spin: the search is not complete:\n${stdout}`);
  }
  /** @param {RegExp} pattern */
  const number = (pattern) => {
    const found = pattern.exec(stdout);
    if (!found) throw new Error(`spin: no ${pattern.source} in what pan says:\n${stdout}`);
    return Number(found[1]);
  };
  const [generating, compiling, searching] = [generate, compile, search].map((r) => r.seconds);
  return {
    states: number(/(\d+) states, stored/),
    transitions: number(/(\d+) transitions \(= stored\+matched\)/),
    errors: number(/errors: (\d+)/),
    generating,
    compiling,
    searching,
    seconds: generating + compiling + searching,
  };
}
