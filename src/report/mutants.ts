// SPDX-License-Identifier: GPL-2.0-or-later
/** What came of a safe scenario's mutants, in words and as data. */
import type { Mutant, MutantOutcome, Together } from '../explore/mutants.ts';
import { paragraph, wrap } from './text.ts';

export interface MutantJson {
  /** The guard that was left out, as in `TLB flush in unmap_mapping_range`. */
  readonly removed: string;
  readonly outcome: MutantOutcome;
  readonly rules: readonly string[];
  /** What fell, or why nothing is known. */
  readonly text: string | null;
  readonly states: number;
  /** Where none is needed alone: with which other this one is; null if with none. */
  readonly together?: Together | null;
}

export const mutantsJson = (mutants: readonly Mutant[]): MutantJson[] =>
  mutants.map(({ removed, outcome, rules, text, states, together }) => ({
    removed,
    outcome,
    rules,
    text,
    states,
    ...(together === undefined ? {} : { together }),
  }));

/** Whether the mutants show that the exploration would have noticed something. */
export const proven = (mutants: readonly MutantJson[]): boolean =>
  mutants.some((m) => m.outcome === 'caught');

/** Lines that say which guards were needed, by the rule that fell, and which were not. */
export function mutantLines(
  mutants: readonly MutantJson[],
  width: number,
  indent: number,
): string[] {
  const of = (outcome: MutantOutcome) => mutants.filter((m) => m.outcome === outcome);
  const caught = of('caught');
  const reached = mutants.length - of('not-reached').length;
  if (!reached) return paragraph('mutants: no guard to leave out', width, indent);
  const lines = paragraph(`mutants: ${caught.length} of ${reached} caught`, width, indent);
  const say = (head: string, names: readonly string[]) => {
    if (!names.length) return;
    const text = `${head}: ${names.join(', ')}`;
    for (const line of wrap(text, width - indent - 2, 2)) lines.push(' '.repeat(indent + 2) + line);
  };
  const named = (some: readonly MutantJson[]) => some.map((m) => m.removed);
  for (const rule of new Set(caught.flatMap((m) => m.rules))) {
    say(rule, named(caught.filter((m) => m.rules.includes(rule))));
  }
  // Two that do the same hide each other.
  const asked = mutants.filter((m) => m.together !== undefined);
  for (const { removed, together } of asked) {
    if (together) say(`${together.rules} without both`, [removed, together.with]);
  }
  // What never does anything in any interleaving was not explored again.
  const explored = of('not-needed').filter((m) => m.states > 0);
  const pairs = asked.length && asked.every((m) => !m.together);
  say(pairs ? 'not needed here, alone or in pairs' : 'not needed here', named(explored));
  const idle = of('not-needed').filter((m) => m.states === 0);
  for (const text of new Set(idle.map((m) => m.text))) {
    say(`not needed, ${text}`, named(idle.filter((m) => m.text === text)));
  }
  say('unknown', named(of('unknown')));
  return lines;
}
