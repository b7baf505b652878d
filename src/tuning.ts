// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How eagerly V8 optimizes. A command runs much code for a second or two, often on two threads: it gains when
 * all of it is compiled plainly at once, and little of it for good (8 to 30 % of processor time).
 */
import { setFlagsFromString } from 'node:v8';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Known to threads that are started later: flags are the process's, not a thread's. */
const KEY = 'pfnmap tuned';
/** Others know other flags, and say so on stderr; they run as they come. */
const NODE_20 = process.versions.node.startsWith('20.');
const TUNED = ['--always-sparkplug', '--interrupt-budget=1000000'];
const USUAL = ['--no-always-sparkplug', '--interrupt-budget=67584'];

/** From now on this process, and threads that it starts, compile less for good. */
export function compileLess(): void {
  if (!NODE_20) return;
  setEnvironmentData(KEY, true);
  TUNED.forEach(setFlagsFromString);
}

/** Does something as if compileLess() had not been called: V8 takes code back under the flags it gave it out. */
export function asUsual<T>(what: () => T): T {
  if (getEnvironmentData(KEY) !== true) return what();
  USUAL.forEach(setFlagsFromString);
  try {
    return what();
  } finally {
    TUNED.forEach(setFlagsFromString);
  }
}
