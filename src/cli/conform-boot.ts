// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap conform --boot`: the model, and recordings, held against kernels that run. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type Coverage, generate } from '../conform/generate.ts';
import { MAPPING_KINDS } from '../conform/mappings.ts';
import { CorpusError, parseOp } from '../conform/program.ts';
import {
  campaign,
  type Outcome,
  type Shrunk,
  shorten,
  textOf,
  versionOf,
} from '../conform/real/campaign.ts';
import { Machine } from '../conform/real/machine.ts';
import type { Kernel } from '../conform/real/packages.ts';
import { type Case, corpusCases, factsCases } from '../conform/run.ts';
import { SUITE } from '../conform/suite.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { tenths } from '../report/json.ts';
import { count, duration, number } from '../report/text.ts';
import type { CommonOptions, Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson, ProgressLine } from './io.ts';
import { doing, kernelsToBoot, withMeans } from './kernel.ts';

export interface BootOptions extends CommonOptions {
  readonly boot?: string;
  readonly corpus?: string;
  readonly facts?: string;
  readonly fuzz?: number;
  readonly race?: string;
  readonly seed?: number;
  readonly record?: string;
  readonly jobs: number;
}

/** Random programs when neither a number nor a corpus is asked for. */
const SOME = 1000;
/** Disagreements that are made short. */
const SHORTENED = 8;

/** What came of one kernel. */
interface Held {
  readonly outcome: Outcome;
  readonly shortest: readonly Shrunk[];
  /** Programs that disagreed, but not when they were run again alone. */
  readonly passed: ReadonlySet<string>;
  /** Every program was run. */
  readonly whole: boolean;
  readonly coverage: number;
  readonly seed: number;
}

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Failure(code === 'ENOENT' ? `${file}: no such file` : `${file}: ${message}`);
  }
};

/** The suite: every row for every kind of mapping. */
function suiteCases(): Case[] {
  return Object.entries(MAPPING_KINDS).flatMap(([kind, setup]) => {
    const before = setup.map((op) => parseOp(op));
    return SUITE.map(([row, ops]) => ({
      id: `${kind} ${row}`,
      setup: before,
      ops: ops.split(';').map((op) => parseOp(op)),
      recorded: undefined,
    }));
  });
}

function randomCases(n: number, seed: number, linux: LinuxVersion, coverage: Coverage): Case[] {
  return Array.from({ length: n }, (_, i) => {
    const { id, ops } = generate(seed, i, linux, coverage);
    return { id, setup: [], ops, recorded: undefined };
  });
}

/** 6.1 has neither of these devices; a program with one is none for it. */
const fits = (one: Case, linux: LinuxVersion): boolean =>
  linux !== '6.1' || !one.ops.some((op) => op.name === 'buf' && /^(heap|udma)/.test(op.args[1]));

function casesFor(
  options: BootOptions,
  linux: LinuxVersion,
  seed: number,
  coverage: Coverage,
): Case[] {
  const { corpus, facts, fuzz, record } = options;
  const cases: Case[] = [];
  try {
    if (corpus !== undefined) cases.push(...corpusCases(read(corpus), linux, corpus));
    if (facts !== undefined) cases.push(...factsCases(read(facts), linux, facts));
  } catch (error) {
    if (error instanceof CorpusError) throw new Failure(error.message);
    throw error;
  }
  const nothing = corpus === undefined && facts === undefined && fuzz === undefined;
  if (nothing) cases.push(...suiteCases());
  const random = fuzz ?? (nothing ? SOME : 0);
  // A recording is of the same programs for each version.
  const generated = randomCases(random, seed, record === undefined ? linux : '6.12', coverage);
  return [...cases, ...generated].filter((one) => fits(one, linux));
}

/** Fails now, and not when everything has run, if a recording could not be written. */
function tryToWrite(file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new Failure(`${file}: cannot be written: ${(error as Error).message}`);
  }
}

/** Programs, in their order, with the answers of each version, to be written as a corpus. */
type Recording = Map<
  string,
  { id: string; setup: number; ops: string[]; expect: Record<string, string[]> }
>;

async function hold(
  kernel: Kernel,
  options: BootOptions,
  seed: number,
  recording: Recording,
  signal: AbortSignal,
): Promise<Held> {
  const linux = versionOf(kernel.release);
  const coverage: Coverage = new Map();
  const cases = casesFor(options, linux, seed, coverage);
  for (const { id, setup, ops } of options.record === undefined ? [] : cases) {
    if (recording.has(id)) continue;
    recording.set(id, { id, setup: setup.length, ops: [...setup, ...ops].map(textOf), expect: {} });
  }
  const line = new ProgressLine();
  const began = performance.now();
  const outcome = await campaign(kernel, cases, {
    jobs: options.jobs,
    ...doing(signal),
    onProgress: (done) => {
      const rate = Math.round(done / ((performance.now() - began) / 1000));
      line.show(
        `${kernel.release}: ${number(done)} of ${count(cases.length, 'program')}, ${rate}/s`,
      );
    },
    onAnswer: ({ id }, answer) => {
      const program = recording.get(id);
      if (program) program.expect[linux] = [...answer.results];
    },
  });
  line.clear();
  const wrong = new Set(outcome.mismatches.map((m) => m.id));
  const shortest: Shrunk[] = [];
  const passed = new Set<string>();
  if (wrong.size)
    note(`pfnmap: making ${count(Math.min(wrong.size, SHORTENED), 'disagreement')} short`);
  const machine = new Machine(kernel, { signal });
  for (const one of cases) {
    if (signal.aborted || shortest.length >= SHORTENED) break;
    if (!wrong.has(one.id)) continue;
    const short = await shorten(kernel, one.id, [...one.setup, ...one.ops], machine);
    if (short) shortest.push(short);
    else if (!signal.aborted) passed.add(one.id);
  }
  await machine.close();
  const whole = outcome.programs === cases.length;
  return { outcome, shortest, passed, whole, coverage: coverage.size, seed };
}

interface Area {
  readonly area: string;
  programs: number;
  agree: number;
}

/** Agreement by area, of the suite's rows; none if the suite was not run. */
function areasOf(outcome: Outcome, options: BootOptions): Area[] {
  const { corpus, facts, fuzz } = options;
  if (corpus !== undefined || facts !== undefined || fuzz !== undefined) return [];
  const wrong = new Set(outcome.mismatches.map((m) => m.id));
  const areas = new Map<string, Area>();
  for (const { id } of suiteCases()) {
    const area = id.split(' ')[1].split('.')[0];
    const sum = areas.get(area) ?? { area, programs: 0, agree: 0 };
    areas.set(area, sum);
    sum.programs++;
    if (!wrong.has(id)) sum.agree++;
  }
  return [...areas.values()];
}

function toldAreas(areas: readonly Area[]): string[] {
  const whole = areas.filter((a) => a.agree === a.programs);
  const text = areas
    .filter((a) => a.agree < a.programs)
    .map((a) => `  ${a.area}: ${a.agree} of ${a.programs} programs agree`);
  text.push(`  ${count(whole.length, 'area')} agree wholly: ${whole.map((a) => a.area).join(' ')}`);
  return text;
}

function told(
  { outcome: o, shortest, passed, whole, coverage, seed }: Held,
  options: BootOptions,
): string {
  const text: string[] = [];
  for (const { id, ops, booted, model } of shortest) {
    text.push(`${id}, in short:`);
    const n = Math.max(ops.length, booted.length, model.length);
    for (let i = 0; i < n; i++) {
      const [real, ours] = [booted[i] ?? '(nothing)', model[i] ?? '(nothing)'];
      text.push(`    ${(ops[i] ?? '').padEnd(30)} ${real}`);
      if (real !== ours) text.push(`    ${''.padEnd(24)} model ${ours}`);
    }
    text.push('');
  }
  const short = new Set(shortest.map(({ id }) => id));
  const long = o.mismatches.filter((m) => !short.has(m.id) && m.model !== m.booted);
  for (const m of long.slice(0, 20)) {
    text.push(
      `${m.id}: op ${m.op}: ${m.text}${passed.has(m.id) ? ' (not when run alone)' : ''}`,
      `    booted   ${m.booted}`,
      `    model    ${m.model}`,
    );
  }
  const recorded = o.mismatches.filter((m) => m.recorded !== '' && m.recorded !== m.booted);
  for (const m of recorded.slice(0, 20)) {
    text.push(
      `${m.id}: op ${m.op}: ${m.text}`,
      `    recorded ${m.recorded}`,
      `    booted   ${m.booted}`,
    );
  }
  const areas = areasOf(o, options);
  if (areas.length) text.push(...toldAreas(areas));
  const good = o.programs - o.programs_mismatched;
  const rate = o.ms > 0 ? Math.round((1000 * o.programs) / o.ms) : 0;
  text.push(
    `Linux ${o.release}: ${number(good)} of ${count(o.programs, 'program')} agree, ` +
      `${number(o.ops - o.ops_mismatched)} of ${count(o.ops, 'op')}; ${duration(o.ms)}, ${rate}/s`,
  );
  // What was made and not run is not met.
  if (coverage && whole) {
    text.push(
      `  seed ${seed}; ${number(coverage)} combinations of op, kind of mapping and state met`,
    );
  } else if (coverage) text.push(`  seed ${seed}`);
  if (o.deaths) text.push(`  ${count(o.deaths, 'machine')} died and went on anew`);
  return text.join('\n');
}

const asJson = ({ outcome, shortest, coverage, seed }: Held, options: BootOptions) => ({
  ...outcome,
  areas: areasOf(outcome, options),
  ms: tenths(outcome.ms),
  seed,
  coverage,
  shortest,
});

/** Boots, runs and compares. */
export async function conformBoot(options: BootOptions, { signal }: Context): Promise<ExitCode> {
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  if (options.record !== undefined) tryToWrite(options.record);
  const recording: Recording = new Map();
  const all: Held[] = [];
  const kernels = await withMeans(() => kernelsToBoot(options.boot ?? 'both', signal));
  for (const kernel of kernels ?? []) {
    if (signal.aborted) break;
    const held = await withMeans(() => hold(kernel, options, seed, recording, signal));
    if (!held) break;
    all.push(held);
    if (!options.json) out(told(held, options));
  }
  if (options.record !== undefined) {
    const answered = [...recording.values()].filter(({ expect }) => Object.keys(expect).length);
    const lines = answered.map((program) => JSON.stringify(program));
    writeFileSync(options.record, `${lines.join('\n')}\n`);
    note(`pfnmap: ${count(lines.length, 'program')} recorded in ${options.record}`);
  }
  if (options.json)
    outJson(
      all.length === 1
        ? asJson(all[0], options)
        : { kernels: all.map((one) => asJson(one, options)) },
    );
  if (signal.aborted) {
    note('pfnmap: interrupted; what was compared until then is above');
    return EXIT.interrupted;
  }
  return all.some((h) => h.outcome.ops_mismatched) ? EXIT.notSo : EXIT.ok;
}
