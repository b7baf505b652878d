// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs races on a real kernel, many times each, on a machine of two CPUs, and holds what came out
 * against what the explorer says is possible. One outcome that it does not have is a disagreement;
 * one that it has and that was never seen says nothing.
 */
import type { LinuxVersion } from '../../kernel/versions.ts';
import { comparable, type Possible, possibleOutcomes, type Race } from '../race.ts';
import { shrinkRace } from '../shrink.ts';
import type { Doing } from './cache.ts';
import { textOf, versionOf } from './campaign.ts';
import { type Answer, Machine } from './machine.ts';
import type { Kernel } from './packages.ts';

/** What came of a race. */
export interface Held {
  readonly race: Race;
  readonly runs: number;
  readonly possible: Possible;
  /** How often each outcome was seen. */
  readonly seen: ReadonlyMap<string, number>;
  /** Those of them that are not possible. */
  readonly unexpected: readonly string[];
  /** What the kernel logged. */
  readonly log: readonly string[];
  /** Why it was not run, or null. */
  readonly leftOut: string | null;
  /** The shortest race found that still comes out in a way that is not possible, if this one does. */
  readonly shortest: Held | null;
}

export interface RaceOptions extends Doing {
  /** Runs of each race. */
  readonly runs: number;
  /** Of the waits before ops. */
  readonly seed: number;
  /** Called now and then with the runs of the present race. */
  readonly onProgress?: (runs: number) => void;
  readonly onHeld?: (held: Held) => void;
}

/** What the agent calls outcomes that it has no more room for. */
const OTHERS = '(others)';

function requestOf({ setup, lists, end }: Race, runs: number, seed: number): string[] {
  const parts = [setup, ...lists, end].map((ops) => ops.map(textOf));
  return [`!race ${runs} ${seed}`, ...parts.flatMap((ops, i) => (i ? ['-', ...ops] : ops))];
}

/** Why a race says nothing, or null. */
function whyLeftOut({ complete, states, wrong }: Possible): string | null {
  if (wrong.length) return `in the model it ends the kernel: ${wrong[0]}`;
  return complete ? null : `not explored beyond ${states.toLocaleString('en')} states`;
}

/** Runs races one after another; ends after the present one when `signal` says so. */
export async function runRaces(
  kernel: Kernel,
  races: readonly Race[],
  options: RaceOptions,
): Promise<Held[]> {
  const { signal } = options;
  const linux = versionOf(kernel.release);
  const machine = new Machine(kernel, options, 2);
  const all: Held[] = [];
  try {
    for (const race of races) {
      if (signal?.aborted) break;
      const first = await holdRace(machine, linux, race, options);
      if (signal?.aborted && first.runs === 0) break;
      const wrong = first.unexpected.length > 0 && !signal?.aborted;
      const shortest = wrong ? await shorten(machine, linux, first, options) : null;
      const held = { ...first, shortest };
      all.push(held);
      options.onHeld?.(held);
    }
  } finally {
    await machine.close();
  }
  return all;
}

/** Runs a race and compares. */
async function holdRace(
  machine: Machine,
  linux: LinuxVersion,
  race: Race,
  options: RaceOptions,
  enough?: Enough,
): Promise<Held> {
  const possible = possibleOutcomes(linux, race);
  const leftOut = whyLeftOut(possible);
  const isUnexpected = (outcome: string) => outcome !== OTHERS && !possible.outcomes.has(outcome);
  const ran = leftOut
    ? NOT_RUN
    : await runRace(machine, race, options, (seen) => enough?.(seen, isUnexpected) ?? false);
  const unexpected = [...ran.seen.keys()].filter(isUnexpected);
  return { race, possible, unexpected, leftOut, ...ran, shortest: null };
}

/** Are these outcomes enough, so that no more runs are needed? */
type Enough = (
  seen: ReadonlyMap<string, number>,
  isUnexpected: (outcome: string) => boolean,
) => boolean;

/** Leaves ops out while what is left still disagrees, at a chance as good as that of the whole race. */
async function shorten(
  machine: Machine,
  linux: LinuxVersion,
  held: Held,
  options: RaceOptions,
): Promise<Held | null> {
  options.say?.(`${held.race.id} disagrees: making it short`);
  let shortest: Held | null = null;
  const enough: Enough = (seen, isUnexpected) => [...seen.keys()].some(isUnexpected);
  await shrinkRace(held.race, async (race) => {
    if (options.signal?.aborted) return false;
    const shorter = await holdRace(machine, linux, race, options, enough);
    if (!shorter.unexpected.length) return false;
    shortest = shorter;
    return true;
  });
  return shortest;
}

const NOT_RUN = { runs: 0, seen: new Map<string, number>(), log: [] } as const;

/** Runs a race until it is enough; the agent answers with counts every now and then. */
async function runRace(
  machine: Machine,
  race: Race,
  { runs, seed, signal, onProgress }: RaceOptions,
  enough: (seen: ReadonlyMap<string, number>) => boolean,
): Promise<Pick<Held, 'runs' | 'seen' | 'log'>> {
  const seen = new Map<string, number>();
  const log: string[] = [];
  let done = 0;
  const add = ({ results, log: lines }: Answer) => {
    log.push(...lines);
    for (const line of results) {
      // What is no count says how the agent, or the kernel, ended.
      const [, n, text] = /^(\d+) (.*)$/.exec(line) ?? [line, '1', line];
      const outcome = comparable(text);
      seen.set(outcome, (seen.get(outcome) ?? 0) + Number(n));
      done += Number(n);
    }
    onProgress?.(done);
  };
  while (done < runs && !signal?.aborted && !enough(seen)) {
    const before = done;
    const request = requestOf(race, runs - done, seed + done);
    await machine.run([request], (_, answer) => add(answer));
    if (done === before) break;
  }
  return { runs: done, seen, log };
}
