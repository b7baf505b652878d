// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Programs on the model, one op after another. Nobody ever comes between two steps here, so in what
 * is built of this file and of all that it imports, routines are plain functions
 * (scripts/straight.mjs, docs/engine.md).
 */
import type { LinuxVersion } from '../kernel/versions.ts';
import { Guest, type ZeroPage } from './guest.ts';
import { OPS } from './ops.ts';
import { DEAD, KILLED, type Op } from './program.ts';

/**
 * Runs ops on a freshly booted model: one result per op, fewer if the kernel died; and leaves the
 * machine as they left it.
 * @param zero the zero page as programs before this one left it, if they ran on the same boot
 */
export function runOn(
  linux: LinuxVersion,
  ops: readonly Op[],
  zero?: ZeroPage,
): { results: string[]; guest: Guest } {
  const guest = new Guest(linux, ops, zero);
  const results: string[] = [];
  for (const op of ops) {
    const result = guest.exec(op, OPS);
    results.push(result);
    if (result.startsWith(DEAD) || result === KILLED) break;
  }
  if (zero) guest.keepZeroPage(zero);
  return { results, guest };
}

/** The results of {@link runOn}. */
export const runOps = (linux: LinuxVersion, ops: readonly Op[], zero?: ZeroPage): string[] =>
  runOn(linux, ops, zero).results;
