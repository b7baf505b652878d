// SPDX-License-Identifier: GPL-2.0-or-later
/** What came of scenarios, in words: whether it is as hoped, and what is worth saying of it. */
import type { ScenarioJson } from '../report/json.ts';
import { mutantLines, proven } from '../report/mutants.ts';
import { scheduleLines } from '../report/schedules.ts';
import type { Paint } from '../report/table.ts';
import { count, duration, paragraph } from '../report/text.ts';
import type { Outcome } from './run.ts';

/** A cell of the matrix is data: nothing is expected of it. */
const isData = ({ cell, own }: Outcome) => cell !== null && !own;

/** Rules that a consumer keeps or breaks, whichever exporter it meets; the others are the exporter's. */
const CONSUMERS_RULES = ['R6', 'R7', 'R8', 'R9', 'R12', 'R15'];

/** Whose it is to keep a rule; a plain word such as `leak` can be either side's fault. */
function keeper(rule: string): 'exporter' | 'consumer' | 'either' {
  if (CONSUMERS_RULES.includes(rule)) return 'consumer';
  return /^R\d/.test(rule) || rule === 'sigbus' ? 'exporter' : 'either';
}

/** The rules that fall in a cell and are the user's side's to keep. */
export function ownRules({ side, json }: Outcome): string[] {
  if (side === null || side === 'both') return [...json.rules];
  return json.rules.filter((rule) => [side, 'either'].includes(keeper(rule)));
}

export function isWrong(outcome: Outcome): boolean {
  const { verdict, expected } = outcome.json;
  if (verdict === 'unknown' || isData(outcome)) return false;
  return expected ? verdict !== expected : verdict === 'violated' && ownRules(outcome).length > 0;
}

/** What the verdict is worth, in words. */
function judged(outcome: Outcome): string {
  const { verdict, expected } = outcome.json;
  if (verdict === 'unknown' || !expected) return '';
  return verdict === expected ? ', as expected' : `, but ${expected} was expected`;
}

export function told(outcome: Outcome, own: boolean, paint: Paint): string {
  const { json, cell, ladder } = outcome;
  const word = cell?.verdict ?? json.verdict;
  const colour =
    word === 'violated'
      ? isWrong(outcome)
        ? 'corrupts'
        : 'breaks'
      : word === 'safe'
        ? 'safe'
        : word;
  const rules = json.rules.length ? ` (${json.rules.join(', ')})` : '';
  const worth = json.mutants.length && !proven(json.mutants) ? ', unproven' : '';
  const head =
    `${json.id}: ${paint(word, colour)}${worth}${rules}${judged(outcome)}; ` +
    `${count(json.states, 'state')}, ${duration(json.ms)}`;
  const { schedules } = json;
  const counted = schedules ? scheduleLines(schedules, outcome.counts ?? {}, 98, 2) : [];
  return [head, ...more(json, own || isWrong(outcome), ladder), ...counted].join('\n');
}

function more(json: ScenarioJson, whole: boolean, ladder: string | null): string[] {
  const { verdict, bound, counterexample: ce, mutants } = json;
  if (verdict === 'safe') {
    return [
      ...(bound ? paragraph(`bound: ${bound}`, 98, 2) : []),
      ...(mutants.length ? mutantLines(mutants, 98, 2) : []),
    ];
  }
  if (verdict === 'unknown') {
    const advice = bound?.startsWith('gave up') ? '; --max-states N sets the limit' : '';
    return paragraph(`unknown: ${bound}${advice}`, 98, 2);
  }
  if (whole && ladder) return ['', ladder];
  if (!ce) return [];
  return [`  ${size(ce)}: pfnmap show ${json.id}`];
}

export function size(ce: { threads: number; switches: number; steps: number }): string {
  const switches = `${ce.switches} switch${ce.switches === 1 ? '' : 'es'}`;
  return `${count(ce.threads, 'thread')}, ${switches}, ${count(ce.steps, 'step')}`;
}

export function summary(outcomes: readonly Outcome[], ms: number): string {
  const judgedOnes = outcomes.filter((o) => o.json.expected !== null);
  const unknown = outcomes.filter((o) => o.json.verdict === 'unknown').length;
  const wrong = outcomes.filter((o) => isWrong(o)).length;
  const states = outcomes.reduce((n, o) => n + o.json.states, 0);
  const good = judgedOnes.filter((o) => o.json.verdict === o.json.expected).length;
  const parts = [
    count(outcomes.length, 'scenario'),
    ...(judgedOnes.length ? [`${good} as expected`] : []),
    `${wrong} not so`,
    ...(unknown ? [`${unknown} unknown`] : []),
  ];
  return `${parts.join(', ')}; ${count(states, 'state')} in ${duration(ms)}`;
}
