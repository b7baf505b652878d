// SPDX-License-Identifier: GPL-2.0-or-later
/** Findings of the source checker as text, in the manner of checkpatch, and as GitHub annotations. */
import { type CheckReport, type Finding, STAND_ALONE } from '../contract/finding.ts';

export type Paint = (text: string, level: Level) => string;
export type Level = 'ERROR' | 'WARNING' | 'CHECK';

/** `EXPORTER_PFNMAP` */
export const typeOf = (f: { readonly name: string }) => f.name.toUpperCase().replace(/-/g, '_');

/** Whether nothing goes wrong in the model with what was found, and that decides. */
export const takenBack = ({ rule, model }: Finding): boolean =>
  (model?.verdict === 'safe' || (model?.verdict === 'refused' && rule !== 'R9')) &&
  !STAND_ALONE.includes(rule);

/** An error on every path, a warning on some, a check where something else decides. */
export function levelOf(f: Finding): Level {
  if (f.certainty === 'depends' || takenBack(f)) return 'CHECK';
  return f.certainty === 'always' ? 'ERROR' : 'WARNING';
}

const plain: Paint = (text) => text;

/** One finding: the line that editors and scripts parse, the source line, and where it comes from. */
export function findingText(f: Finding, terse: boolean, paint: Paint = plain): string[] {
  const level = levelOf(f);
  const head = `${f.path}:${f.line}: ${paint(`${level}:${typeOf(f)}`, level)}: ${f.message}`;
  if (terse) return [head];
  const out = [head];
  if (f.depends_on) out.push(`#  depends on: ${f.depends_on}`);
  if (f.model) {
    const { verdict, scenario, assumes } = f.model;
    out.push(`#  model: ${verdict} (${scenario})${assumes ? `, if ${assumes}` : ''}`);
  }
  out.push(
    `#  ${f.subject.kind} ${f.subject.name}, ${f.subject.path}:${f.subject.line}, in ${f.function}()`,
  );
  if (f.text) out.push(`+${f.text}`);
  return [...out, ''];
}

/** All findings and the closing lines. */
export function reportText(
  report: CheckReport,
  findings: readonly Finding[],
  {
    terse = false,
    verbose = false,
    paint = plain,
  }: { terse?: boolean; verbose?: boolean; paint?: Paint } = {},
): string {
  const out: string[] = findings.flatMap((f) => findingText(f, terse, paint));
  const count = (level: Level) => findings.filter((f) => levelOf(f) === level).length;
  out.push(
    `total: ${count('ERROR')} errors, ${count('WARNING')} warnings, ${count('CHECK')} checks, ` +
      `${report.exporters.length} exporters, ${report.followers.length} followers, ${report.tree.files} files, Linux ${report.tree.linux}`,
  );
  const lost = report.not_analysed;
  out.push(
    `not analysed: ${lost.length}${lost.length && !verbose ? ' (--verbose lists them)' : ''}`,
  );
  if (verbose)
    for (const n of lost) out.push(`  ${n.path}${n.line ? `:${n.line}` : ''}: ${n.kind}: ${n.why}`);
  return out.join('\n');
}

/** The chain of one finding, source line by source line. */
export function chainText(f: Finding): string {
  const out: string[] = [];
  for (const [i, c] of f.chain.entries()) {
    out.push(
      `${'  '.repeat(Math.min(i, 8))}${c.path}:${c.line} ${c.function}()`,
      `${'  '.repeat(Math.min(i, 8))}    ${c.text}`,
    );
  }
  return out.join('\n');
}

/** GitHub's workflow commands. */
export function githubText(findings: readonly Finding[]): string {
  const quoted = (s: string) => s.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  const kind = { ERROR: 'error', WARNING: 'warning', CHECK: 'notice' } as const;
  return findings
    .map(
      (f) =>
        `::${kind[levelOf(f)]} file=${quoted(f.path).replace(/,/g, '%2C').replace(/:/g, '%3A')},line=${f.line},title=${f.rule} ${typeOf(f)}::${quoted(f.message)}`,
    )
    .join('\n');
}
