// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap show`: everything about one scenario or one cell. */
import { RULES } from '../contract/rules.ts';
import {
  type ConsumerTraits,
  type ExporterTraits,
  FOLLOWS_CORRECTLY,
  KEEPS_CONTRACT,
} from '../contract/traits.ts';
import { MEANING } from '../contract/words.ts';
import { mutantLines, proven } from '../report/mutants.ts';
import { scheduleLines } from '../report/schedules.ts';
import { count, duration, paragraph } from '../report/text.ts';
import { expectedOn } from '../scenarios/scenario.ts';
import { sourceOf } from '../scenarios/source.ts';
import { compileLess } from '../tuning.ts';
import type { CommonOptions, Context } from './commands.ts';
import { EXIT, type ExitCode, note, out, outJson, ProgressLine } from './io.ts';
import { resolveOne } from './names.ts';
import { type Outcome, runCell, runCellMutants, runScenario } from './run.ts';
import { size } from './told.ts';

const WIDTH = 75;

export async function show(
  name: string,
  options: CommonOptions,
  { signal }: Context,
): Promise<ExitCode> {
  compileLess();
  const { linux, json, maxStates } = options;
  const named = resolveOne(name);
  const line = new ProgressLine();
  const run = {
    linux,
    maxStates,
    signal,
    onProgress: (states: number, of = '') => line.show(`${name}: ${count(states, 'state')}${of}`),
  };
  const text: string[] = [];
  let rules: readonly string[];
  let extra: object;
  let outcome: Outcome | null;
  if (named.kind === 'scenario') {
    const s = named.scenario;
    text.push(`${s.id}: ${s.title}`, '', ...paragraph(s.story, WIDTH, 2), '');
    text.push(
      `  Source: ${s.source}`,
      `  Status: ${s.status}`,
      `  Expected: ${expectedOn(s, linux)}`,
    );
    rules = s.rules;
    outcome = await runScenario(s, run);
    const source = await sourceOf(s.id);
    if (source) text.push('', `Code (${source.path})`, '', source.code);
    // A story about a driver and a consumer shows who they are.
    if (s.exporter) text.push('', ...traits('Exporter', s.exporter, KEEPS_CONTRACT));
    if (s.consumer) text.push('', ...traits('Consumer', s.consumer, FOLLOWS_CORRECTLY));
    const { id: _, prepare: __, ...about } = s;
    extra = { ...about, ...(source ?? {}) };
  } else {
    const { cell } = named;
    const { exporter, consumer } = cell;
    text.push(`${cell.id}: ${exporter.title} met by ${consumer.title}`, '');
    text.push(...traits('Exporter', exporter, KEEPS_CONTRACT), '');
    text.push(...traits('Consumer', consumer, FOLLOWS_CORRECTLY));
    outcome = await runCell(cell, run);
    if (outcome) outcome = await runCellMutants(outcome, cell, run);
    rules = outcome?.json.rules ?? [];
    extra = { exporter, consumer };
  }
  line.clear();
  if (!outcome || (outcome.interrupted && outcome.json.verdict === 'unknown')) {
    if (!json) out(text.join('\n'));
    note('pfnmap: interrupted before there was a verdict');
    return EXIT.interrupted;
  }
  if (json) {
    outJson({ ...extra, ...outcome.json, ladder: outcome.ladder });
    return outcome.json.verdict === 'unknown' ? EXIT.unknown : EXIT.ok;
  }
  const shown = RULES.filter((r) => rules.includes(r.id));
  if (shown.length) text.push('', 'Rules');
  for (const r of shown) text.push(...paragraph(`${r.id} ${r.name}: ${r.statement}`, WIDTH, 2));
  text.push('', ...verdict(outcome));
  out(text.join('\n'));
  if (outcome.ladder) out(`\n${outcome.ladder}`);
  return outcome.json.verdict === 'unknown' ? EXIT.unknown : EXIT.ok;
}

function verdict({ json, cell, counts }: Outcome): string[] {
  const word = cell?.verdict ?? json.verdict;
  const unproven = json.mutants.length && !proven(json.mutants) ? ', unproven' : '';
  const text = [
    `Verdict: ${word}${unproven}; ${count(json.states, 'state')}, ${duration(json.ms)}`,
  ];
  if (cell) text.push(...paragraph(MEANING[cell.verdict], WIDTH, 2));
  if (json.bound) text.push(...paragraph(`Bound: ${json.bound}.`, WIDTH, 2));
  const ce = json.counterexample;
  if (ce) {
    const least = ce.minimal ? 'there is no clearer one' : 'there may be a clearer one';
    text.push(`  Counterexample: ${size(ce)}; ${least}.`);
  }
  if (json.mutants.length) text.push(...mutantLines(json.mutants, WIDTH, 2));
  if (json.schedules) text.push('', ...scheduleLines(json.schedules, counts ?? {}, WIDTH, 0));
  return text;
}

/** A driver's traits, those first in which it differs from one that keeps the contract. */
function traits(
  head: string,
  own: ExporterTraits | ConsumerTraits,
  good: Readonly<Record<string, unknown>>,
): string[] {
  const { id, status, source } = own;
  const text = [`${head} ${id} (${status}; ${source})`];
  const show = (value: unknown): string =>
    typeof value === 'number' && value > 999
      ? `0x${value.toString(16)}`
      : Array.isArray(value)
        ? value.join(' ') || 'none'
        : value === true
          ? 'yes'
          : value === false
            ? 'no'
            : String(value);
  // Differences stand out against one that keeps the contract.
  const all = Object.entries(own).filter(([key]) => key in good);
  const wide = Math.max(...all.map(([key]) => key.length));
  const differs = ([key, value]: [string, unknown]) => show(value) !== show(good[key]);
  for (const [key, value] of all.filter(differs)) {
    const instead = typeof value === 'boolean' ? '' : ` (instead of ${show(good[key])})`;
    text.push(`  ${key.padEnd(wide)}  ${show(value)}${instead}`);
  }
  const same = all.filter((e) => !differs(e)).map(([key, value]) => `${key} ${show(value)}`);
  text.push(...paragraph(`Else as one that keeps the contract: ${same.join(', ')}.`, WIDTH, 2));
  return text;
}
