// SPDX-License-Identifier: GPL-2.0-or-later
/** Explores one scenario or one cell to its end, in slices that let Ctrl-C in. */
import { ScheduleCount } from '../explore/count.ts';
import { type Exploration, explore } from '../explore/explore.ts';
import type { System } from '../explore/machine.ts';
import type { Violation } from '../explore/memory.ts';
import { type Mutant, MutantRun } from '../explore/mutants.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { formatAddress } from '../report/address.ts';
import {
  type CellJson,
  cellAddress,
  cellAsScenario,
  cellJson,
  type ScenarioJson,
  scenarioJson,
} from '../report/json.ts';
import { ladder } from '../report/ladder.ts';
import { mutantsJson } from '../report/mutants.ts';
import { type EventNames, schedulesJson } from '../report/schedules.ts';
import { CellMutants } from '../scenarios/cell-mutants.ts';
import { type Cell, type CellResult, CellRun } from '../scenarios/matrix.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { breathe, SLICE } from './io.ts';
import type { Named } from './names.ts';

export interface RunOptions {
  readonly linux: LinuxVersion;
  readonly maxStates: number;
  readonly signal: { readonly aborted: boolean };
  /** @param of what, where it is not the scenario itself: of which mutant */
  readonly onProgress?: (states: number, of?: string) => void;
}

/** What came of it, ready to be printed. */
export interface Outcome {
  readonly json: ScenarioJson;
  /** The clearest counterexample, if there is one. */
  readonly ladder: string | null;
  /** For a cell: its own verdict. */
  readonly cell: CellJson | null;
  /** What fell, once for each distinct text, worst first. */
  readonly findings: readonly Violation[];
  /** Names of the events that schedules were counted by. */
  readonly counts?: EventNames;
  readonly interrupted: boolean;
  /** From a user's own file, hence hoped to be safe. */
  readonly own: boolean;
  /** For a cell of a user's own driver: which side the driver is. */
  readonly side: 'exporter' | 'consumer' | 'both' | null;
}

/** @returns null for a cell that was interrupted */
export function runNamed(named: Named, options: RunOptions): Promise<Outcome | null> {
  return named.kind === 'cell'
    ? runCell(named.cell, options)
    : runScenario(named.scenario, options);
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const { linux, maxStates, signal, onProgress } = options;
  const began = performance.now();
  const make = scenario.prepare(linux);
  const explorer = explore(make, { maxStates });
  let result = explorer.run(SLICE);
  while (!result) {
    await breathe();
    onProgress?.(explorer.progress.states);
    result = signal.aborted ? explorer.stop() : explorer.run(SLICE);
  }
  const ms = performance.now() - began;
  const bare = scenarioOutcome(scenario, scenario.id, result, ms, linux, signal.aborted);
  const outcome = await withSchedules(bare, scenario, make, options);
  if (result.outcome !== 'safe') return outcome;
  const run = new MutantRun([{ make, knowledge: explorer.knowledge }], { maxStates });
  return withMutants(outcome, await runMutants(run, options));
}

/** The outcome with the schedules that the scenario asks to be counted, unless there are too many. */
async function withSchedules(
  outcome: Outcome,
  { counts }: Scenario,
  make: () => System,
  { maxStates, signal, onProgress }: RunOptions,
): Promise<Outcome> {
  if (!counts || signal.aborted) return outcome;
  const count = new ScheduleCount(make, { events: Object.keys(counts), maxStates });
  let counted = count.run(SLICE);
  while (!counted) {
    await breathe();
    if (signal.aborted) return outcome;
    onProgress?.(count.progress.states, ' to count schedules over');
    counted = count.run(SLICE);
  }
  const schedules = schedulesJson(counted);
  return { ...outcome, counts, json: { ...outcome.json, schedules } };
}

/** @returns null when it was interrupted */
async function runMutants(
  run: Pick<MutantRun, 'run' | 'progress'>,
  { signal, onProgress }: RunOptions,
): Promise<readonly Mutant[] | null> {
  let result = run.run(SLICE);
  while (!result) {
    await breathe();
    if (signal.aborted) return null;
    const { states, done, of } = run.progress;
    onProgress?.(states, of ? ` of mutant ${done + 1} of ${of}` : '');
    result = run.run(SLICE);
  }
  return result;
}

/** A safe outcome with its mutants; without them it is not known what "safe" is worth. */
export function withMutants(outcome: Outcome, mutants: readonly Mutant[] | null): Outcome {
  const { json } = outcome;
  if (mutants) return { ...outcome, json: { ...json, mutants: mutantsJson(mutants) } };
  const bound = 'nothing fell, but it was interrupted before all mutants had run';
  return { ...outcome, interrupted: true, json: { ...json, verdict: 'unknown', bound } };
}

/** @param name of the scenario in its schedule */
export function scenarioOutcome(
  scenario: Scenario,
  name: string,
  result: Exploration,
  ms: number,
  linux: LinuxVersion,
  interrupted: boolean,
): Outcome {
  const json = scenarioJson(scenario, name, result, ms, linux);
  const ce = result.counterexample;
  const schedule = ce && formatAddress({ name, linux, face: null, schedule: ce.schedule });
  return {
    json,
    ladder: ce && ladder(ce, { schedule: schedule ?? undefined, mail: scenario.source }),
    cell: null,
    findings: result.findings,
    interrupted,
    own: false,
    side: null,
  };
}

/** @returns null when it was interrupted */
export async function runCell(
  cell: Cell,
  options: RunOptions,
  name = cell.id,
): Promise<Outcome | null> {
  const { linux, maxStates, signal, onProgress } = options;
  const run = new CellRun(cell, linux, undefined, maxStates);
  let result = run.run(SLICE);
  while (!result) {
    await breathe();
    if (signal.aborted) return null;
    onProgress?.(run.statesSoFar);
    result = run.run(SLICE);
  }
  return cellOutcome(result, name);
}

/** A cell that breaks no rule, with its mutants. */
export async function runCellMutants(
  outcome: Outcome,
  cell: Cell,
  options: RunOptions,
): Promise<Outcome> {
  if (outcome.json.verdict !== 'safe') return outcome;
  const run = new CellMutants(cell, options.linux, options.maxStates);
  return withMutants(outcome, await runMutants(run, options));
}

export function cellOutcome(result: CellResult, name = result.cell.id): Outcome {
  const { cell, counterexample: ce } = result;
  const json = cellJson(result, name);
  const title = `${cell.exporter.title} met by ${cell.consumer.title}`;
  const schedule = cellAddress(result, name);
  return {
    json: cellAsScenario(json, title),
    ladder: ce && ladder(ce, { schedule, mail: cell.consumer.source }),
    cell: json,
    findings: result.findings,
    interrupted: false,
    own: false,
    side: null,
  };
}
