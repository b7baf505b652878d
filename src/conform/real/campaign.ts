// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Holds the model against a kernel that runs: programs go to one or more machines, each answer is
 * compared with the model's and with what was recorded, and what differs is made short.
 */
import type { LinuxVersion } from '../../kernel/versions.ts';
import type { ZeroPage } from '../guest.ts';
import { runOps } from '../model.ts';
import type { Op } from '../program.ts';
import { answersOf, type Case, type Comparison, emptyComparison, tally } from '../run.ts';
import { shrink } from '../shrink.ts';
import { type Doing, Interrupted } from './cache.ts';
import { type Answer, Machine } from './machine.ts';
import type { Kernel } from './packages.ts';

/** The version of the model that behaves as a kernel of this release. */
export const versionOf = (release: string): LinuxVersion =>
  /^6\.1(\.|$)/.test(release) ? '6.1' : '6.12';

export const textOf = (op: Op): string => [op.proc, op.name, ...op.args].join(' ');

export interface CampaignOptions extends Doing {
  /** Machines at a time. */
  readonly jobs: number;
  readonly onProgress?: (done: number) => void;
  /** Called with each case and what the real kernel answered. */
  readonly onAnswer?: (one: Case, answer: Answer) => void;
}

/** A disagreement in its shortest form. */
export interface Shrunk {
  readonly id: string;
  readonly ops: readonly string[];
  readonly booted: readonly string[];
  readonly model: readonly string[];
}

export interface Outcome extends Comparison {
  readonly release: string;
  /** Machines that died, planned or not. */
  deaths: number;
}

/** Runs cases on a kernel and on the model and compares, in order, on `jobs` machines. */
export async function campaign(
  kernel: Kernel,
  cases: readonly Case[],
  options: CampaignOptions,
): Promise<Outcome> {
  const linux = versionOf(kernel.release);
  const out: Outcome = { ...emptyComparison(linux), release: kernel.release, deaths: 0 };
  const jobs = Math.max(1, Math.min(options.jobs, Math.ceil(cases.length / 50)));
  const share = Math.ceil(cases.length / jobs);
  const started = performance.now();
  // The first machine boots and saves; the others are restored from what it saved.
  const first = new Machine(kernel, options);
  try {
    await first.start();
  } catch (error) {
    if (error instanceof Interrupted) return out;
    throw error;
  }
  const shares = Array.from({ length: jobs }, (_, i) => cases.slice(i * share, (i + 1) * share));
  await Promise.all(
    shares.map((mine, i) =>
      runShare(i === 0 ? first : new Machine(kernel, options), mine, linux, out, options),
    ),
  );
  out.ms = performance.now() - started;
  return out;
}

async function runShare(
  machine: Machine,
  cases: readonly Case[],
  linux: LinuxVersion,
  out: Outcome,
  options: CampaignOptions,
): Promise<void> {
  // What programs leave in the zero page lasts as long as their machine.
  let zero: ZeroPage = new Map();
  let deaths = 0;
  try {
    await machine.run(
      cases.map(({ setup, ops }) => [...setup, ...ops].map(textOf)),
      (i, answer) => {
        const one = cases[i];
        if (machine.deaths !== deaths) {
          deaths = machine.deaths;
          zero = new Map();
        }
        const model = runOps(linux, [...one.setup, ...one.ops], zero);
        tally(out, one, answersOf(one, model), answersOf(one, answer.results));
        options.onAnswer?.(one, answer);
        options.onProgress?.(out.programs);
      },
    );
  } finally {
    out.deaths += machine.deaths;
    await machine.close();
  }
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i]);

/**
 * The shortest program that still disagrees, or the shortest that was found until somebody stopped the
 * machine; null if none does when it is run alone.
 */
export async function shorten(
  kernel: Kernel,
  id: string,
  ops: readonly Op[],
  machine: Machine,
): Promise<Shrunk | null> {
  const linux = versionOf(kernel.release);
  let shortest: Shrunk | null = null;
  const differs = async (some: readonly Op[]) => {
    const texts = some.map(textOf);
    let booted: readonly string[];
    try {
      booted = (await machine.runOne(texts)).results;
    } catch (error) {
      if (error instanceof Interrupted) return false;
      throw error;
    }
    const model = runOps(linux, some);
    if (same(booted, model)) return false;
    shortest = { id, ops: texts, booted, model };
    return true;
  };
  if (await differs(ops)) await shrink(ops, differs);
  return shortest;
}
