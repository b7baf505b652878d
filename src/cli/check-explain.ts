// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap check --explain`: a finding's chain, its traits, and the model run with them. */
import type { Finding } from '../contract/finding.ts';
import { ruleById } from '../contract/rules.ts';
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { chainText, findingText } from '../report/check.ts';
import { paragraph } from '../report/text.ts';
import { makeCell } from '../scenarios/matrix.ts';
import { driver } from '../scenarios/scenario.ts';
import { EXIT, type ExitCode, Failure, out, outJson } from './io.ts';
import { runCell } from './run.ts';

/** Rules that stand on their own: the model has nothing to add to them. */
const ALONE = ['R1', 'R2', 'R12', 'R14', 'R16'];

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
  const version: LinuxVersion = linux.startsWith('6.1.') || linux === '6.1' ? '6.1' : '6.12';
  const told: object[] = [];
  for (const f of hits) {
    const rule = ruleById(f.rule);
    const cells = await modelOf(f, version, signal);
    const worst =
      cells.find((c) => c.verdict === 'corrupts') ??
      cells.find((c) => c.verdict === 'breaks') ??
      cells[0];
    if (json) {
      told.push({
        ...f,
        model: worst
          ? { verdict: worst.verdict, scenario: worst.id, schedule: worst.schedule }
          : null,
        cells,
      });
      continue;
    }
    const text = [...findingText(f, false)];
    if (rule)
      text.push(
        ...paragraph(`${rule.id}: ${rule.statement}`, 75),
        '',
        ...paragraph(`To do: ${rule.fix}`, 75),
        '',
      );
    text.push('The way there:', chainText(f), '', `Traits: ${JSON.stringify(f.traits)}`, '');
    if (cells.length)
      text.push(
        `In the model of ${version}, with these traits:`,
        ...cells.map(
          (c) =>
            `  ${c.verdict.padEnd(9)} ${c.id}${c.rules.length ? `  ${c.rules.join(' ')}` : ''}`,
        ),
      );
    if (worst?.ladder) text.push('', worst.ladder);
    if (
      worst &&
      !ALONE.includes(f.rule) &&
      !cells.some((c) => c.verdict === 'corrupts' || c.verdict === 'breaks')
    )
      text.push('', 'CHECK: the model finds nothing that goes wrong with these traits.');
    out(text.join('\n'));
  }
  if (json) outJson({ findings: told });
  return EXIT.ok;
}

/** Meets everybody: a driver's consumers, or a follower's exporters. */
async function modelOf(f: Finding, linux: LinuxVersion, signal: AbortSignal) {
  const out: {
    id: string;
    verdict: string;
    rules: readonly string[];
    schedule: string;
    ladder: string | null;
  }[] = [];
  if (f.rule === 'R12' || f.rule === 'R15') return out;
  const own = f.traits as { id: string };
  const pairs =
    f.subject.kind === 'exporter'
      ? CONSUMERS.map(
          (c) =>
            [
              driver({ exporter: own as Partial<ExporterTraits> & { id: string } }).exporter!,
              c,
            ] as const,
        )
      : EXPORTERS.map(
          (e) =>
            [
              e,
              driver({ consumer: own as Partial<ConsumerTraits> & { id: string } }).consumer!,
            ] as const,
        );
  for (const [exporter, consumer] of pairs) {
    if (signal.aborted) break;
    const outcome = await runCell(makeCell(exporter, consumer), {
      linux,
      maxStates: 400_000,
      signal,
    });
    if (!outcome?.cell) continue;
    const { verdict, rules, counterexample } = outcome.cell;
    const bad = verdict === 'corrupts' || verdict === 'breaks';
    out.push({
      id: `${exporter.id}/${consumer.id}`,
      verdict,
      rules,
      schedule: counterexample?.schedule ?? '',
      ladder: bad ? (outcome.ladder ?? null) : null,
    });
  }
  return out;
}
