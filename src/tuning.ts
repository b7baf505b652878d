// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How eagerly V8 optimizes, and how often it looks for garbage. A command runs much code for a second or two,
 * often on two threads: it gains when all of it is compiled plainly at once, and little of it for good (8 to 30 %
 * of processor time); and when its heap may grow before it is marked and swept (5 %).
 */
import { setFlagsFromString } from 'node:v8';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Known to threads that are started later: flags are the process's, not a thread's. */
const KEY = 'pfnmap tuned';
/** Others know other flags, and say so on stderr; they run as they come. */
const NODE_20 = process.versions.node.startsWith('20.');
/** Flags, and how they are otherwise. */
const COMPILE_LESS = [
  ['--always-sparkplug', '--no-always-sparkplug'],
  ['--interrupt-budget=1000000', '--interrupt-budget=67584'],
] as const;
const COLLECT_LESS = [
  ['--heap-growing-percent=1500', '--heap-growing-percent=0'],
  ['--semi-space-growth-factor=16', '--semi-space-growth-factor=2'],
] as const;
type Flags = readonly (readonly [tuned: string, usual: string])[];

const tuned = () => (getEnvironmentData(KEY) ?? []) as Flags;

function tune(flags: Flags): void {
  if (!NODE_20) return;
  setEnvironmentData(KEY, [...tuned(), ...flags]);
  for (const [to] of flags) setFlagsFromString(to);
}

/** From now on this process, and threads that it starts, compile less for good. */
export const compileLess = (): void => tune(COMPILE_LESS);

/** From now on heaps grow sooner: for what ends before they are large. */
export const collectLess = (): void => tune(COLLECT_LESS);

/** Does something as if nothing had been tuned: V8 takes code back under the flags it gave it out. */
export function asUsual<T>(what: () => T): T {
  const flags = tuned();
  for (const [, usual] of flags) setFlagsFromString(usual);
  try {
    return what();
  } finally {
    for (const [to] of flags) setFlagsFromString(to);
  }
}
