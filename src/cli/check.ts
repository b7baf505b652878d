// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap check`: who breaks the contract, in C source. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { version } from '../../package.json';
import { applyBaseline, BadBaseline, makeBaseline, readBaseline } from '../check/baseline.ts';
import { checkCached, checkPatch } from '../check/cache.ts';
import type { CheckOptions } from '../check/check.ts';
import { difference } from '../check/difference.ts';
import { BadPatch, type FilePatch, isDiff, overlay, readPatch } from '../check/patch.ts';
import { placeOf } from '../check/place.ts';
import { type CheckReport, type Finding, STAND_ALONE } from '../contract/finding.ts';
import {
  githubText,
  type Level,
  levelOf,
  type Paint,
  reportText,
  typeOf,
} from '../report/check.ts';
import { compileLess } from '../tuning.ts';
import { type Answers, answers, modelVersion, type Until, withModel } from './check-answers.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson } from './io.ts';

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
  readonly sarif?: boolean;
  readonly baseline?: string;
  readonly updateBaseline?: boolean;
  readonly patch?: string;
  readonly tree?: string;
  readonly explain?: string;
  readonly cache?: boolean;
}

export async function checkCommand(
  paths: readonly string[],
  options: CheckCommandOptions,
  { self, signal }: Context,
): Promise<ExitCode> {
  const began = Date.now();
  if (options.patch && paths.length)
    throw new Failure(`${paths[0]}: --patch takes no path: --tree DIR names what the patch is for`);
  const wanted = paths.length ? paths : ['.'];
  for (const path of wanted)
    if (!existsSync(path)) throw new Failure(`${path}: no such file or directory`);
  if (options.record) {
    const { record } = await import('../check/check.ts');
    out(JSON.stringify(await record({ path: wanted[0]!, linux: options.linux, self })));
    return EXIT.ok;
  }
  const model = new Model(options, self, signal);
  const report = options.patch
    ? await patched(options, self, model)
    : await reportOn(wanted, options, self, model);
  let findings = await selected(report.findings, options);
  if (options.updateBaseline && !options.baseline)
    throw new Failure('--update-baseline needs --baseline FILE');
  if (options.baseline) {
    const before = existsSync(options.baseline) ? baselineOf(options.baseline) : null;
    if (options.updateBaseline) {
      writeFileSync(
        options.baseline,
        `${JSON.stringify(makeBaseline(findings, before), null, 1)}\n`,
      );
      note(`pfnmap: ${options.baseline}: ${findings.length} findings accepted`);
      return EXIT.ok;
    }
    if (!before) throw new Failure(`${options.baseline}: no such file; --update-baseline makes it`);
    const { fresh, stale } = applyBaseline(findings, before);
    findings = fresh;
    for (const key of stale) note(`pfnmap: ${options.baseline}: stale, nothing matches ${key}`);
  }
  const { linux } = report.tree;
  if (options.explain)
    return (await import('./check-explain.ts')).explainFinding(
      options.explain,
      findings,
      { linux, json: options.json },
      signal,
    );
  if (!options.audit) findings = await model.tells(findings, linux);
  const ms = Date.now() - began;
  if (options.audit) {
    const { exporters, followers, primitives, tree } = report;
    if (options.json)
      outJson({ tree, exporters, followers, primitives, not_analysed: report.not_analysed, ms });
    else {
      const { auditMarkdown, auditText } = await import('../report/audit.ts');
      out(options.markdown ? auditMarkdown(report) : auditText(report));
    }
    return EXIT.ok;
  }
  if (options.json) outJson({ tree: report.tree, findings, not_analysed: report.not_analysed, ms });
  else if (options.html) {
    const { reportPage } = await import('./page.ts');
    out(reportPage({ tree: report.tree, findings, not_analysed: report.not_analysed, ms }, self));
  } else if (options.sarif)
    outJson((await import('../report/sarif.ts')).sarif(report, findings, version));
  else if (options.github) out(githubText(findings));
  else
    out(
      reportText(report, findings, {
        terse: options.terse,
        verbose: options.verbose,
        paint: await painter(),
      }),
    );
  if (findings.some((f) => levelOf(f) !== 'CHECK')) return EXIT.notSo;
  return report.exporters.length > 0 && report.exporters.every((e) => e.verdict === 'unknown')
    ? EXIT.unknown
    : EXIT.ok;
}

/** Which findings the model is asked about: all where they are data, else those that it can change. */
const isAsked = (f: Finding, { json, html, sarif: log }: CheckCommandOptions) =>
  json || html || log || !STAND_ALONE.includes(f.rule);

/** The model's answers to findings. */
class Model {
  private known: Answers = new Map();
  constructor(
    private readonly options: CheckCommandOptions,
    private readonly self: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Asks about followers while another thread judges exporters: what is left of them is shared later. */
  readonly early = async (linux: string, findings: readonly Finding[]): Promise<void> => {
    if (this.options.audit || this.options.explain) return;
    const asked = findings.filter((f) => isAsked(f, this.options));
    const { signal, kept, until, known } = this;
    this.known = await answers(asked, modelVersion(linux), signal, kept, until, known);
  };

  /** Findings with the answers. */
  async tells(findings: readonly Finding[], linux: string): Promise<Finding[]> {
    const { options, signal, kept, until, known } = this;
    const asked = findings.filter((f) => isAsked(f, options));
    const answered = await withModel(asked, modelVersion(linux), signal, kept, until, known);
    if (signal.aborted) throw new Failure('interrupted', EXIT.interrupted);
    return findings.map((f) => (isAsked(f, options) ? answered.shift()! : f));
  }

  private get kept(): string | null {
    return this.options.cache === false ? null : this.self;
  }

  /** A reader wants to know that something goes wrong; data tells of the worst. */
  private get until(): Until {
    const { json, html, sarif } = this.options;
    return json || html || sarif ? 'worst' : 'wrong';
  }
}

async function reportOn(
  paths: readonly string[],
  options: CheckCommandOptions,
  self: string,
  { early }: Model,
): Promise<CheckReport> {
  const reports: CheckReport[] = [];
  for (const path of paths) {
    const one = { path, linux: options.linux, self, audit: options.audit, early };
    reports.push(options.cache === false ? await uncached(one) : await checkCached(one));
  }
  const roots = paths.map((path) => placeOf(path).root);
  if (roots.every((root) => root === roots[0])) return together(reports);
  return together(reports.map((r, i) => seenFrom(process.cwd(), roots[i]!, r)));
}

async function uncached(options: CheckOptions): Promise<CheckReport> {
  compileLess();
  return (await import('../check/check.ts')).check(options);
}

function baselineOf(file: string) {
  try {
    return readBaseline(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof BadBaseline) throw new Failure(`${file}: ${error.message}`);
    throw error;
  }
}

/** What a patch brings in: findings after it that were not there before it. */
async function patched(
  options: CheckCommandOptions,
  self: string,
  { early }: Model,
): Promise<CheckReport> {
  const path = options.tree ?? '.';
  if (!existsSync(path)) throw new Failure(`${path}: no such directory`);
  const name = options.patch!;
  let text: string;
  try {
    text = readFileSync(name === '-' ? 0 : name, 'latin1');
  } catch {
    throw new Failure(`${name}: cannot be read`);
  }
  try {
    const patches = readPatch(text);
    if (patches.length === 0 && !isDiff(text)) throw new BadPatch('holds no diff');
    const { root } = placeOf(path);
    const changed = laidOver(root, patches);
    const base = { path: root, linux: options.linux, self, early, audit: options.audit };
    if (options.cache === false)
      return difference(
        await uncached(base),
        await uncached({ ...base, overlay: changed }),
        changed,
      );
    return await checkPatch(base, changed, () =>
      note('pfnmap: looking at all of the tree first; the next patch to it will be quick'),
    );
  } catch (error) {
    if (error instanceof BadPatch) throw new Failure(`${name}: ${error.message}`);
    throw error;
  }
}

/** A patch on a tree; where it does not apply the tree may be another one. */
function laidOver(root: string, patches: readonly FilePatch[]): Map<string, string | null> {
  try {
    return overlay(patches, (p) => {
      try {
        return readFileSync(join(root, p), 'latin1');
      } catch {
        return null;
      }
    });
  } catch (error) {
    if (!(error instanceof BadPatch)) throw error;
    throw new BadPatch(
      `${error.message}; in ${root}: --tree DIR names what the patch is for, as it was before`,
    );
  }
}

/** A report with the paths that files of several trees have from one place. */
function seenFrom(here: string, root: string, report: CheckReport): CheckReport {
  const base = relative(here, root).split(sep).join('/');
  const there = <T extends { readonly path: string }>(x: T): T => ({
    ...x,
    // What a module asks of a kernel lies elsewhere.
    path: base && existsSync(join(root, x.path)) ? `${base}/${x.path}` : x.path,
  });
  return {
    ...report,
    findings: report.findings.map((f) => ({
      ...there(f),
      subject: there(f.subject),
      chain: f.chain.map(there),
    })),
    not_analysed: report.not_analysed.map(there),
    exporters: report.exporters.map((e) => ({
      ...e,
      ops: there(e.ops),
      mmap: e.mmap && there(e.mmap),
      primitives: e.primitives.map(there),
    })),
    followers: report.followers.map(there),
  };
}

/** Several paths are told as one report; what lies in two of them once. */
function together(reports: readonly CheckReport[]): CheckReport {
  const first = reports[0]!;
  if (reports.length === 1) return first;
  const all = <T>(pick: (r: CheckReport) => readonly T[]) => {
    const once = new Map<string, T>();
    for (const r of reports) for (const x of pick(r)) once.set(JSON.stringify(x), x);
    return [...once.values()];
  };
  return {
    tree: { ...first.tree, files: reports.reduce((n, r) => n + r.tree.files, 0) },
    findings: all((r) => r.findings),
    not_analysed: all((r) => r.not_analysed),
    exporters: all((r) => r.exporters),
    followers: all((r) => r.followers),
    primitives: first.primitives,
    read: all((r) => r.read),
  };
}

/** --types and --ignore, each a list of types or rules. */
async function selected(
  findings: readonly Finding[],
  { types, ignore }: CheckCommandOptions,
): Promise<Finding[]> {
  const only = await typesIn('--types', types);
  const not = await typesIn('--ignore', ignore);
  const has = (names: readonly string[], f: Finding) =>
    names.includes(typeOf(f)) || names.includes(f.rule);
  return findings.filter((f) => (!only || has(only, f)) && !(not && has(not, f)));
}

async function typesIn(option: string, text: string | undefined): Promise<string[] | undefined> {
  if (!text) return undefined;
  const { RULES } = await import('../contract/rules.ts');
  const list = text.split(',').map((t) => t.trim().toUpperCase().replace(/-/g, '_'));
  const unknown = list.find((t) => !RULES.some((r) => r.id === t || typeOf(r) === t));
  if (unknown === undefined) return list;
  const all = RULES.map((r) => `${r.id} ${typeOf(r)}`).join(', ');
  throw new Failure(`${option} ${text}: no type or rule ${unknown}; there are ${all}`);
}

async function painter(): Promise<Paint | undefined> {
  if (!process.stdout.isTTY) return undefined;
  const { createColors } = await import('picocolors');
  const pc = createColors();
  const paint: Record<Level, (s: string) => string> = {
    ERROR: pc.red,
    WARNING: pc.yellow,
    CHECK: pc.cyan,
  };
  return (text, level) => paint[level](text);
}
