// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap conform --race`: what racing programs do on real kernels, and what the explorer says they can. */
import { CorpusError } from '../conform/program.ts';
import { parseRace, type Race, raceSystem, raceText } from '../conform/race.ts';
import { generateRace } from '../conform/races.ts';
import { versionOf } from '../conform/real/campaign.ts';
import type { Kernel } from '../conform/real/packages.ts';
import { type Held, runRaces } from '../conform/real/races.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { tenths } from '../report/json.ts';
import { count, duration, number } from '../report/text.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson, ProgressLine } from './io.ts';
import { doing, kernelsToBoot, withMeans } from './kernel.ts';

export interface RaceOptions {
  /** How many random races; or one, written out. */
  readonly race: string;
  readonly boot?: string;
  readonly seed?: number;
  readonly json?: boolean;
}

/** Runs of each race. */
const RUNS = 1000;
const MOST = 100_000;

/** The races that are asked for, on a kernel of this version. */
function racesFor(asked: string, seed: number, linux: LinuxVersion): Race[] {
  if (/^\d+$/.test(asked)) {
    const n = Number(asked);
    if (n < 1 || n > MOST) throw new Failure(`--race: a number from 1 to ${number(MOST)}`);
    return Array.from({ length: n }, (_, i) => generateRace(seed, i, linux));
  }
  try {
    const race = parseRace('--race', asked);
    // Its setup has to come through.
    raceSystem(linux, race, () => {});
    return [race];
  } catch (error) {
    if (error instanceof CorpusError) throw new Failure(error.message);
    throw error;
  }
}

/** What came of the races on one kernel. */
interface Sum {
  readonly release: string;
  readonly linux: LinuxVersion;
  readonly seed: number;
  readonly held: readonly Held[];
  readonly ms: number;
}

const seenOf = ({ seen, possible }: Held): number =>
  [...seen.keys()].filter((outcome) => possible.outcomes.has(outcome)).length;

const total = (held: readonly Held[], of: (one: Held) => number): number =>
  held.reduce((sum, one) => sum + of(one), 0);

/** Outcomes, the kernel's own first, then by how often they were seen. */
function outcomesOf({ seen, possible, unexpected }: Held) {
  const all = new Set([...seen.keys(), ...possible.outcomes]);
  return [...all]
    .map((outcome) => ({
      outcome,
      seen: seen.get(outcome) ?? 0,
      possible: !unexpected.includes(outcome),
    }))
    .sort((a, b) => Number(a.possible) - Number(b.possible) || b.seen - a.seen);
}

function toldRace(held: Held): string[] {
  const { race, unexpected, log } = held;
  const text = [`${race.id}: ${raceText(race)}`];
  for (const { outcome, seen, possible } of outcomesOf(held)) {
    const what = possible ? '' : '  <- not possible in the model';
    text.push(`  ${(seen ? number(seen) : '-').padStart(6)}  ${outcome}${what}`);
  }
  if (unexpected.length) text.push(...log.slice(-5).map((line) => `          ${line}`));
  return [...text, ''];
}

function told({ release, held, seed, ms }: Sum, one: boolean): string {
  const judged = held.filter((h) => h.leftOut === null);
  const wrong = judged.filter((h) => h.unexpected.length);
  const text: string[] = [];
  for (const h of one ? judged : wrong) {
    text.push(...toldRace(h));
    if (h.shortest) text.push(`${h.race.id} in short:`, ...toldRace(h.shortest));
  }
  const possible = total(judged, (h) => h.possible.outcomes.size);
  const seen = total(judged, seenOf);
  const runs = total(judged, (h) => h.runs);
  text.push(
    `Linux ${release}: ${count(judged.length, 'race')}, ${count(runs, 'run')}; ` +
      (wrong.length
        ? `${count(wrong.length, 'race')} came out as the model says it cannot`
        : 'every outcome seen is one that the explorer finds'),
  );
  const share = possible ? Math.round((100 * seen) / possible) : 100;
  text.push(
    `  ${number(seen)} of ${count(possible, 'possible outcome')} seen (${share} %); ` +
      `seed ${seed}; ${duration(ms)}`,
  );
  for (const h of held) if (h.leftOut) text.push(`  left out: ${h.race.id}: ${h.leftOut}`);
  return text.join('\n');
}

const asJson = ({ release, linux, seed, held, ms }: Sum) => {
  const judged = held.filter((h) => h.leftOut === null);
  return {
    linux,
    release,
    seed,
    races: judged.length,
    runs: total(judged, (h) => h.runs),
    outcomes_possible: total(judged, (h) => h.possible.outcomes.size),
    outcomes_seen: total(judged, seenOf),
    races_disagreeing: judged.filter((h) => h.unexpected.length).length,
    left_out: held.flatMap((h) => (h.leftOut ? [{ id: h.race.id, why: h.leftOut }] : [])),
    ms: tenths(ms),
    held: judged.map((h) => ({
      id: h.race.id,
      program: raceText(h.race),
      runs: h.runs,
      states: h.possible.states,
      possible: h.possible.outcomes.size,
      seen: seenOf(h),
      outcomes: outcomesOf(h),
      log: h.log,
      shortest: h.shortest && {
        program: raceText(h.shortest.race),
        runs: h.shortest.runs,
        outcomes: outcomesOf(h.shortest),
      },
    })),
  };
};

async function onKernel(
  kernel: Kernel,
  options: RaceOptions,
  seed: number,
  signal: AbortSignal,
): Promise<Sum> {
  const linux = versionOf(kernel.release);
  const races = racesFor(options.race, seed, linux);
  const line = new ProgressLine();
  const began = performance.now();
  let done = 0;
  const held = await runRaces(kernel, races, {
    runs: RUNS,
    seed,
    ...doing(signal),
    onProgress: (runs) => {
      const where = `${kernel.release}: race ${number(done + 1)} of ${number(races.length)}`;
      line.show(`${where}, ${count(runs, 'run')}`);
    },
    onHeld: () => {
      done++;
    },
  });
  line.clear();
  return { release: kernel.release, linux, seed, held, ms: performance.now() - began };
}

/** Races on real kernels. */
export async function conformRace(options: RaceOptions, { signal }: Context): Promise<ExitCode> {
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  racesFor(options.race, seed, '6.12');
  const all: Sum[] = [];
  await withMeans(async () => {
    for (const kernel of await kernelsToBoot(options.boot ?? 'both', signal)) {
      if (signal.aborted) break;
      const sum = await onKernel(kernel, options, seed, signal);
      all.push(sum);
      if (!options.json) out(told(sum, sum.held.length === 1));
    }
  });
  if (options.json) outJson(all.length === 1 ? asJson(all[0]) : { kernels: all.map(asJson) });
  if (signal.aborted) {
    note('pfnmap: interrupted; the races that were run until then are above');
    return EXIT.interrupted;
  }
  const held = all.flatMap((sum) => sum.held);
  if (held.some((h) => h.unexpected.length)) return EXIT.notSo;
  return held.some((h) => h.leftOut) ? EXIT.unknown : EXIT.ok;
}
