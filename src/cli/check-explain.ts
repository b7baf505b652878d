// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap check --explain`: a finding's chain, its traits, and the model run with them. */
import type { Finding } from '../contract/finding.ts';
import { ruleById } from '../contract/rules.ts';
import { chainText, findingText, takenBack } from '../report/check.ts';
import { paragraph } from '../report/text.ts';
import { modelVersion } from './check-answers.ts';
import { answerOf, type Meeting, meetings, worstOf } from './check-model.ts';
import { EXIT, type ExitCode, Failure, out, outJson } from './io.ts';
import { cellOutcome } from './run.ts';

export async function explainFinding(
  wanted: string,
  findings: readonly Finding[],
  { linux, json }: { readonly linux: string; readonly json?: boolean },
  signal: AbortSignal,
): Promise<ExitCode> {
  const hits = findings.filter(
    (f) =>
      `${f.path}:${f.line}` === wanted ||
      f.function === wanted ||
      f.subject.name === wanted ||
      f.rule === wanted.toUpperCase() ||
      f.key === wanted,
  );
  if (hits.length === 0)
    throw new Failure(`no finding '${wanted}': name one by PATH:LINE, function, table or rule`);
  const version = modelVersion(linux);
  const told: object[] = [];
  for (const hit of hits) {
    const met: Meeting[] = [];
    for await (const m of meetings(hit, version, signal)) met.push(m);
    if (signal.aborted) throw new Failure('interrupted', EXIT.interrupted);
    const worst = worstOf(met);
    const f = { ...hit, model: worst && answerOf(worst) };
    if (json)
      told.push({
        ...f,
        cells: met.map((m) => ({ ...answerOf(m), rules: m.result.rules, guilty: m.guilty })),
      });
    else out([...storyOf(f), ...modelText(met, version)].join('\n'));
  }
  if (json) outJson({ findings: told });
  return EXIT.ok;
}

/** What is wrong, by which rule, and the way there. */
function storyOf(f: Finding): string[] {
  const rule = ruleById(f.rule);
  return [
    ...findingText(f, false),
    ...(rule
      ? [
          ...paragraph(`${rule.id}: ${rule.statement}`, 75),
          '',
          ...paragraph(`To do: ${rule.fix}`, 75),
          '',
        ]
      : []),
    'The way there:',
    chainText(f),
    '',
    `Traits: ${JSON.stringify(f.traits)}`,
    '',
    ...(takenBack(f) ? ['CHECK: nothing goes wrong in the model with these traits.', ''] : []),
  ];
}

/** Whom the subject met, and the clearest interleaving of the worst that is its own doing. */
function modelText(met: readonly Meeting[], version: string): string[] {
  const text: string[] = [];
  for (const assumes of new Set(met.map((m) => m.assumes))) {
    text.push(
      assumes
        ? `The same, if ${assumes}:`
        : `In the model of ${version}, with these traits (* goes wrong without them too):`,
    );
    for (const { result, guilty } of met.filter((m) => m.assumes === assumes)) {
      const { verdict, cell, rules } = result;
      const other = !guilty && (verdict === 'corrupts' || verdict === 'breaks') ? ' *' : '';
      text.push(
        `  ${verdict.padEnd(9)} ${cell.id}${rules.length ? `  ${rules.join(' ')}` : ''}${other}`,
      );
    }
  }
  const worst = worstOf(met);
  const ladder = worst && cellOutcome(worst.result).ladder;
  return ladder ? [...text, '', ladder] : text;
}
