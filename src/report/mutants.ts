// SPDX-License-Identifier: GPL-2.0-or-later
/** What came of a safe scenario's mutants, in words and as data. */
import type { Mutant, MutantOutcome } from '../explore/mutants.ts';
import { paragraph, wrap } from './text.ts';

export interface MutantJson {
  /** The guard that was left out, as in `TLB flush in unmap_mapping_range`. */
  readonly removed: string;
  readonly outcome: MutantOutcome;
  readonly rules: readonly string[];
  /** What fell, or why nothing is known. */
  readonly text: string | null;
  readonly states: number;
}

export const mutantsJson = (mutants: readonly Mutant[]): MutantJson[] =>
  mutants.map(({ removed, outcome, rules, text, states }) => ({
    removed,
    outcome,
    rules,
    text,
    states,
  }));

/** Whether the mutants show that the exploration would have noticed something. */
export const proven = (mutants: readonly MutantJson[]): boolean =>
  mutants.some((m) => m.outcome === 'caught');

const HEADS: Readonly<Record<Exclude<MutantOutcome, 'caught'>, string>> = {
  'not-needed': 'not needed here',
  'not-reached': 'not reached',
  unknown: 'unknown',
};

/** Lines that say which guards were needed, by the rule that fell, and which were not. */
export function mutantLines(
  mutants: readonly MutantJson[],
  width: number,
  indent: number,
): string[] {
  const run = mutants.filter((m) => m.outcome !== 'not-reached');
  const caught = run.filter((m) => m.outcome === 'caught');
  if (!run.length)
    return paragraph('no guard to leave out, so nothing shows its worth', width, indent);
  const lines = paragraph(
    `mutants: ${caught.length} of ${run.length} guards, left out alone, make a rule fall`,
    width,
    indent,
  );
  const say = (head: string, some: readonly MutantJson[]) => {
    if (!some.length) return;
    const text = `${head}: ${some.map((m) => m.removed).join(', ')}`;
    for (const line of wrap(text, width - indent - 2, 2)) lines.push(' '.repeat(indent + 2) + line);
  };
  for (const rule of new Set(caught.flatMap((m) => m.rules))) {
    say(
      rule,
      caught.filter((m) => m.rules.includes(rule)),
    );
  }
  for (const [outcome, head] of Object.entries(HEADS)) {
    say(
      head,
      mutants.filter((m) => m.outcome === outcome),
    );
  }
  return lines;
}
