// SPDX-License-Identifier: GPL-2.0-or-later
/** Which of the many locks of a trace matter to the interleaving that it shows. */
import type { Counterexample } from '../explore/explore.ts';
import type { Step } from '../explore/player.ts';
import type { Calls, Frame } from './frames.ts';

/** Taking or releasing a lock; a trylock is a step like others that changes a lock's word. */
export const isLock = ({ def, changes }: Step) =>
  def.kind === 'acquire' ||
  def.kind === 'release' ||
  (changes.length === 1 && /^(free|held|\d+ readers?)$/.test(changes[0].afterText));
const isTaken = ({ def, changes }: Step) =>
  def.kind === 'acquire' || (def.kind !== 'release' && changes[0]?.afterText !== 'free');
export const failedTry = ({ def, value }: Step) => /trylock/.test(def.name) && value === 0;

/**
 * Names of the locks whose taking explains something: held while another thread runs, or taken in a
 * call in the middle of which another thread had it; in a deadlock, those still held.
 */
export function locksThatMatter(
  { trace, violation }: Pick<Counterexample, 'trace' | 'violation'>,
  { stretch, frameOf }: Calls,
): Set<string> {
  const found = new Set<string>();
  const held = new Map<string, { thread: number; stretch: number }[]>();
  const takenAt = new Map<string, { thread: number; at: number }[]>();
  const starts = new Map<Frame, number>();
  for (const [i, f] of frameOf.entries()) if (!starts.has(f)) starts.set(f, i);
  for (const [i, step] of trace.entries()) {
    // A downgrade neither takes nor gives up: who reads goes on holding.
    if (!isLock(step) || step.def.kind === 'downgrade' || !step.changes.length) continue;
    const { name } = step.changes[0];
    const holders = held.get(name) ?? [];
    if (isTaken(step)) {
      const since = starts.get(frameOf[i]) ?? i;
      const before = takenAt.get(name) ?? [];
      if (before.some((t) => t.thread !== step.thread && t.at > since)) found.add(name);
      takenAt.set(name, [...before, { thread: step.thread, at: i }]);
      held.set(name, [...holders, { thread: step.thread, stretch: stretch[i] }]);
    } else {
      const mine = holders.find((h) => h.thread === step.thread);
      if (mine && mine.stretch !== stretch[i]) found.add(name);
      held.set(
        name,
        holders.filter((h) => h !== mine),
      );
    }
  }
  for (const name of found) {
    if (new Set(takenAt.get(name)?.map((t) => t.thread)).size < 2) found.delete(name);
  }
  // Still held at the end of a deadlock: somebody waits for it.
  if (violation.rule === 'deadlock' || violation.rule === 'lock-order') {
    for (const [name, holders] of held) if (holders.length) found.add(name);
  }
  return found;
}
