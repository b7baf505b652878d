// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap check`: who breaks the contract, in C source. */
import { existsSync } from 'node:fs';
import { check, record } from '../check/check.ts';
import type { CheckReport, Finding } from '../contract/finding.ts';
import { auditMarkdown, auditText } from '../report/audit.ts';
import {
  githubText,
  type Level,
  levelOf,
  type Paint,
  reportText,
  typeOf,
} from '../report/check.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, out, outJson } from './io.ts';
import { reportPage } from './page.ts';

export interface CheckCommandOptions {
  readonly linux: string;
  readonly json?: boolean;
  readonly github?: boolean;
  readonly html?: boolean;
  readonly audit?: boolean;
  readonly markdown?: boolean;
  readonly terse?: boolean;
  readonly verbose?: boolean;
  readonly types?: string;
  readonly ignore?: string;
  readonly record?: boolean;
}

export async function checkCommand(
  paths: readonly string[],
  options: CheckCommandOptions,
  { self }: Context,
): Promise<ExitCode> {
  const began = Date.now();
  const wanted = paths.length ? paths : ['.'];
  for (const path of wanted)
    if (!existsSync(path)) throw new Failure(`${path}: no such file or directory`);
  if (options.record) {
    out(JSON.stringify(await record({ path: wanted[0]!, linux: options.linux, self })));
    return EXIT.ok;
  }
  const reports: CheckReport[] = [];
  for (const path of wanted) reports.push(await check({ path, linux: options.linux, self }));
  const report = together(reports);
  const findings = selected(report.findings, options);
  const ms = Date.now() - began;
  if (options.audit) {
    const { exporters, followers, primitives, tree } = report;
    if (options.json)
      outJson({ tree, exporters, followers, primitives, not_analysed: report.not_analysed, ms });
    else out(options.markdown ? auditMarkdown(report) : auditText(report));
    return EXIT.ok;
  }
  if (options.json) outJson({ tree: report.tree, findings, not_analysed: report.not_analysed, ms });
  else if (options.html)
    out(reportPage({ tree: report.tree, findings, not_analysed: report.not_analysed, ms }, self));
  else if (options.github) out(githubText(findings));
  else
    out(
      reportText(report, findings, {
        terse: options.terse,
        verbose: options.verbose,
        paint: await painter(),
      }),
    );
  return findings.some((f) => levelOf(f) !== 'CHECK') ? EXIT.notSo : EXIT.ok;
}

/** Several paths are told as one report. */
function together(reports: readonly CheckReport[]): CheckReport {
  const first = reports[0]!;
  if (reports.length === 1) return first;
  const all = <T>(pick: (r: CheckReport) => readonly T[]) => reports.flatMap((r) => [...pick(r)]);
  return {
    tree: { ...first.tree, files: reports.reduce((n, r) => n + r.tree.files, 0) },
    findings: all((r) => r.findings),
    not_analysed: all((r) => r.not_analysed),
    exporters: all((r) => r.exporters),
    followers: all((r) => r.followers),
    primitives: first.primitives,
  };
}

/** --types and --ignore, each a list of types or rules. */
function selected(findings: readonly Finding[], { types, ignore }: CheckCommandOptions): Finding[] {
  const list = (text: string | undefined) =>
    text?.split(',').map((t) => t.trim().toUpperCase().replace(/-/g, '_'));
  const [only, not] = [list(types), list(ignore)];
  const has = (names: readonly string[], f: Finding) =>
    names.includes(typeOf(f)) || names.includes(f.rule);
  return findings.filter((f) => (!only || has(only, f)) && !(not && has(not, f)));
}

async function painter(): Promise<Paint | undefined> {
  if (!process.stdout.isTTY) return undefined;
  const { default: pc } = await import('picocolors');
  const paint: Record<Level, (s: string) => string> = {
    ERROR: pc.red,
    WARNING: pc.yellow,
    CHECK: pc.cyan,
  };
  return (text, level) => paint[level](text);
}
