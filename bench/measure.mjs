// SPDX-License-Identifier: GPL-2.0-or-later
// What the benchmarks share: bundling as the product is bundled, and timing
// whole processes. Peers are measured between our own runs, in the same
// minutes, because the machine may be busy with something else.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { straightPlugin } from '../scripts/straight.mjs';

/**
 * A figure: what was measured, what it should be, and what a peer needs.
 *
 * @typedef {object} Figure
 * @property {string} name
 * @property {number} value
 * @property {string} unit
 * @property {number} [atMost]
 * @property {number} [atLeast]
 * @property {string} [peer] the peer's figure in words
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/**
 * Runs `body` with a directory that is removed afterwards.
 *
 * @template T
 * @param {(dir: string) => Promise<T>} body
 */
export async function inTemporaryDirectory(body) {
  const dir = mkdtempSync(join(tmpdir(), 'pfnmap-bench-'));
  try {
    return await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Bundles one entry point, as CommonJS like the product: node loads that sooner than modules.
 *
 * @param {string} entry relative to bench/
 * @param {string} dir where the bundle goes
 */
export async function bundle(entry, dir) {
  const outfile = join(dir, `${entry}.cjs`);
  await build({
    entryPoints: [join(import.meta.dirname, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    minify: true,
    target: 'node20',
    plugins: [straightPlugin()],
    logLevel: 'warning',
  });
  return outfile;
}

/**
 * Runs a command to its end; throws when it fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
export function timed(command, args, cwd) {
  const began = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? (stderr || stdout)}`);
  }
  return { seconds, stdout };
}
