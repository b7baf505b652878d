// SPDX-License-Identifier: GPL-2.0-or-later
/** What `--json` prints: plain objects whose fields other tools rely on. */
import type { Verdict } from '../contract/words.ts';
import type { Counterexample, Exploration } from '../explore/explore.ts';
import type { Step } from '../explore/player.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import type { CellResult } from '../scenarios/matrix.ts';
import { expectedOn, type Scenario } from '../scenarios/scenario.ts';
import { formatAddress } from './address.ts';
import type { MutantJson } from './mutants.ts';
import type { SchedulesJson } from './schedules.ts';

export interface CounterexampleJson {
  readonly threads: number;
  readonly switches: number;
  readonly steps: number;
  /** The whole address: see address.ts. */
  readonly schedule: string;
  readonly rule: string;
  readonly violation: string;
  /** It is known that there is no clearer one. */
  readonly minimal: boolean;
}

export interface CellJson {
  readonly exporter: string;
  readonly consumer: string;
  readonly verdict: Verdict;
  /** The rule behind the verdict: the first of those that fall in the worst way. */
  readonly rule: string | null;
  readonly rules: readonly string[];
  readonly states: number;
  readonly transitions: number;
  readonly ms: number;
  readonly bound: string | null;
  readonly counterexample: CounterexampleJson | null;
}

export interface MatrixJson {
  readonly linux: LinuxVersion;
  readonly cells: readonly CellJson[];
  readonly totals: { readonly cells: number; readonly states: number; readonly ms: number };
  /** Only when it was interrupted: cells that are missing. */
  readonly unfinished?: number;
}

export interface ScenarioJson {
  readonly id: string;
  readonly title: string;
  readonly verdict: 'safe' | 'violated' | 'unknown';
  readonly expected: 'safe' | 'violated' | null;
  readonly rules: readonly string[];
  readonly states: number;
  readonly transitions: number;
  readonly ms: number;
  readonly bound: string | null;
  readonly counterexample: CounterexampleJson | null;
  /** Guards left out one by one, and what came of it; empty where nothing was safe. */
  readonly mutants: readonly MutantJson[];
  /** Schedules counted by what happens in them, where the scenario asks for that. */
  readonly schedules: SchedulesJson | null;
}

export const tenths = (ms: number) => Math.round(ms * 10) / 10;

function counterexampleJson(ce: Counterexample, address: string): CounterexampleJson {
  const { threads, switches, steps, minimal } = ce;
  const { rule, text } = ce.violation;
  return { threads, switches, steps, schedule: address, rule, violation: text, minimal };
}

/** The address that replays a cell's counterexample. */
export function cellAddress(result: CellResult, name = result.cell.id): string {
  const ce = result.counterexample;
  if (!ce) return '';
  const { linux } = result;
  return formatAddress({ name, linux, face: result.face, schedule: ce.schedule });
}

export function cellJson(result: CellResult, name = result.cell.id): CellJson {
  const { cell, verdict, rules, states, transitions, ms, bound, counterexample } = result;
  return {
    exporter: cell.exporter.id,
    consumer: cell.consumer.id,
    verdict,
    rule: result.findings[0]?.rule ?? null,
    rules,
    states,
    transitions,
    ms: tenths(ms),
    bound,
    counterexample: counterexample && counterexampleJson(counterexample, cellAddress(result, name)),
  };
}

export function matrixJson(
  linux: LinuxVersion,
  cells: readonly CellJson[],
  ms: number,
  unfinished = 0,
): MatrixJson {
  const states = cells.reduce((n, c) => n + c.states, 0);
  const totals = { cells: cells.length, states, ms: tenths(ms) };
  return { linux, cells, totals, ...(unfinished ? { unfinished } : {}) };
}

const order = (rule: string) => (/^R\d+$/.test(rule) ? Number(rule.slice(1)) : 100);

/** Rules that findings name, R1 first. */
export function rulesOf(findings: readonly { readonly rule: string }[]): string[] {
  const rules = [...new Set(findings.map((f) => f.rule))];
  return rules.sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
}

/** @param name of the scenario in its schedule */
export function scenarioJson(
  scenario: Scenario,
  name: string,
  result: Exploration,
  ms: number,
  linux: LinuxVersion,
): ScenarioJson {
  const { id, title, bound } = scenario;
  const { outcome, findings, states, transitions, counterexample } = result;
  return {
    id,
    title,
    verdict: outcome,
    expected: expectedOn(scenario, linux),
    rules: rulesOf(counterexample ? [counterexample.violation, ...findings] : findings),
    states,
    transitions,
    ms: tenths(ms),
    bound: result.bound ?? (bound || null),
    counterexample:
      counterexample &&
      counterexampleJson(
        counterexample,
        formatAddress({ name, linux, face: null, schedule: counterexample.schedule }),
      ),
    mutants: [],
    schedules: null,
  };
}

/** A cell as an entry of `pfnmap explore --json`. */
export function cellAsScenario(cell: CellJson, title: string): ScenarioJson {
  const id = `${cell.exporter}/${cell.consumer}`;
  const { verdict, rules, states, transitions, ms, bound, counterexample } = cell;
  return {
    id,
    title,
    verdict:
      verdict === 'unknown'
        ? 'unknown'
        : verdict === 'safe' || verdict === 'refused'
          ? 'safe'
          : 'violated',
    expected: null,
    rules,
    states,
    transitions,
    ms,
    bound,
    counterexample,
    mutants: [],
    schedules: null,
  };
}

/** The steps of a replay. */
export function stepsJson(trace: readonly Step[]): object[] {
  return trace.map((s, i) => ({
    step: i + 1,
    thread: s.thread,
    name: s.threadName,
    routines: s.routines.map((r) => r.name),
    op: s.def.name,
    text: s.text,
    value: s.value,
    changes: s.changes.map((c) => ({ slot: c.name, before: c.beforeText, after: c.afterText })),
    violations: s.violations,
  }));
}
