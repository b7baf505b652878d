// SPDX-License-Identifier: GPL-2.0-or-later
/** Checks a tree: finds its files, follows its exporters and followers, and says what falls. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type {
  AuditedExporter,
  AuditedFollower,
  ChainLink,
  CheckReport,
  Finding,
  NotAnalysed,
} from '../contract/finding.ts';
import { RULES } from '../contract/rules.ts';
import { RecordedCalls } from './apply.ts';
import { allowedBy } from './baseline.ts';
import { Conditions, versionCode } from './c/conditions.ts';
import { type FunctionDef, Program } from './c/program.ts';
import { dirOf, Sources } from './c/tree.ts';
import { findExporters } from './exporters.ts';
import type { Site } from './flow/values.ts';
import { type Follower, type FollowerFall, findFollowers, MAY_FOLLOW } from './followers.ts';
import { findImporters, MAY_IMPORT } from './importers.ts';
import { Index } from './index/index.ts';
import { modulesOf } from './modules.ts';
import { MoveAnalysis } from './moves/moves.ts';
import { primitivesOf } from './primitives.ts';
import recorded61 from './recorded/6.1.json' with { type: 'json' };
import recorded612 from './recorded/6.12.json' with { type: 'json' };
import { type RecordedKernel, recordKernel } from './recorded.ts';
import { Helper } from './scan/helper.ts';
import { relevantOf, type TreeState } from './scan/state.ts';
import { type Keeper, readLatin1, scan } from './scan.ts';
import { consumerTraits, traitsOf } from './traits.ts';
import { type Fall, type Judged, judgeExporter } from './verdicts.ts';

export interface CheckOptions {
  /** A file or directory. */
  readonly path: string;
  /** The version to assume for a tree that does not say its own. */
  readonly linux: string;
  /** URL of the program, for worker threads. */
  readonly self: string | null;
  /** Derive the table of insertion primitives too. */
  readonly audit?: boolean;
  /** Files that a patch changes: their texts, null for removed ones. */
  readonly overlay?: ReadonlyMap<string, string | null>;
  /** Gives what a scan of the tree's root gave; without it the tree is scanned. */
  readonly scanned?: TreeState;
  /** Where the index of the tree as it was scanned is kept. */
  readonly indexed?: Keeper;
}

/** Where a path lies: in which tree, and in which part of it. */
export interface Place {
  readonly root: string;
  /** The part asked for, relative to the root; '' for all. */
  readonly part: string;
  readonly kind: 'kernel' | 'module';
  readonly version: string | null;
}

/** The kernel tree that a path is in, or the path itself as a module of its own. */
export function placeOf(path: string): Place {
  const full = resolve(path);
  const start = statSync(full).isDirectory() ? full : dirname(full);
  for (let dir = start; ; dir = dirname(dir)) {
    const version = kernelVersion(dir);
    if (version !== null) {
      const part = relative(dir, full).split(sep).join('/');
      return { root: dir, part, kind: 'kernel', version };
    }
    if (dirname(dir) === dir) break;
  }
  const part = start === full ? '' : relative(start, full);
  return { root: start, part, kind: 'module', version: null };
}

/** The version in a kernel's top Makefile; null for any other directory. */
export function kernelVersion(dir: string): string | null {
  if (!existsSync(join(dir, 'Kconfig')) || !existsSync(join(dir, 'include', 'linux'))) return null;
  try {
    const text = readFileSync(join(dir, 'Makefile'), 'latin1').slice(0, 4000);
    const of = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\d+)`, 'm').exec(text)?.[1];
    const [a, b, c] = [of('VERSION'), of('PATCHLEVEL'), of('SUBLEVEL')];
    return a && b ? `${a}.${b}${c ? `.${c}` : ''}` : null;
  } catch {
    return null;
  }
}

/** The kernels recorded by this tool, oldest first. */
const RECORDED = [recorded61, recorded612] as unknown as readonly RecordedKernel[];

/** What is recorded of the version nearest to the one assumed. */
function recordedFor(version: string): RecordedKernel {
  const code = versionCode(version);
  return (
    [...RECORDED]
      .reverse()
      .find((k) => versionCode(k.version.split('.').slice(0, 2).join('.')) <= code) ?? RECORDED[0]!
  );
}

const MARKS = [MAY_FOLLOW, MAY_IMPORT];

/** A tree's program, and what is known of where it lies. */
async function load(
  { path, linux, overlay, scanned: given, indexed }: CheckOptions,
  helper: Helper | null,
) {
  const place = placeOf(path);
  const scanned = given ?? (await scan(place.root, helper));
  const known = new Set(scanned.paths);
  const changed: string[] = [];
  let headers = false;
  for (const [p, text] of overlay ?? []) {
    if (!/\.[ch]$/.test(p)) continue;
    if (p.endsWith('.h') && (text === null || !known.has(p))) headers = true;
    if (text === null) known.delete(p);
    else known.add(p);
    changed.push(p);
  }
  const sources = new Sources({
    paths: known,
    read(p) {
      const text = overlay?.get(p);
      if (text !== undefined) return text;
      try {
        return readLatin1(join(place.root, p));
      } catch {
        return null;
      }
    },
  });
  const assumed = place.version ?? linux;
  const data = headers ? null : indexed?.load();
  const kept = data ? Index.unpack(data, sources, MARKS) : null;
  const all = place.kind === 'kernel' ? relevantOf(scanned) : [...scanned.paths].sort();
  const paths = [...new Set([...all, ...changed])].filter((p) => known.has(p)).sort();
  // Another thread would not see what is laid over the tree.
  const other = overlay ? null : helper;
  const index = kept ?? (await Index.of(sources, paths, MARKS, place.root, other));
  if (kept) kept.change(changed);
  const program = new Program(sources, new Conditions(assumed), index);
  if (kept) for (const p of changed) if (known.has(p)) program.noteMade(p);
  if (!kept && !overlay) indexed?.save(index.pack());
  return { place, scanned, assumed, program };
}

/** Records what the functions of a kernel tree do, for checking modules without one. */
export async function record(options: CheckOptions): Promise<RecordedKernel> {
  const { place, assumed, program } = await Helper.with(options.self, (helper) =>
    load(options, helper),
  );
  if (place.kind !== 'kernel') throw new Error(`${options.path} is no kernel tree`);
  return recordKernel(program, assumed);
}

export function check(options: CheckOptions): Promise<CheckReport> {
  return Helper.with(options.self, (helper) => checkWith(options, helper));
}

/** @param helper a second thread */
export async function checkWith(
  options: CheckOptions,
  helper: Helper | null,
): Promise<CheckReport> {
  const { place, scanned, assumed, program } = await load(options, helper);
  const recorded = place.kind === 'kernel' ? null : new RecordedCalls(recordedFor(assumed));
  const inPart = (p: string) =>
    place.part === '' || p === place.part || p.startsWith(`${place.part}/`);
  const kernel = place.kind === 'kernel';
  const judged = (kernel ? [program] : await modulesOf(program)).flatMap((one) => {
    const moves = new MoveAnalysis(one, kernel, new Set(recorded?.zaps));
    return findExporters(one, recorded)
      .filter((e) => inPart(e.table.file.path) || (e.mmap && inPart(e.mmap.file.path)))
      .map((e) => judgeExporter(e, moves.of(e)));
  });
  // A GEM table and the dma_buf_ops beside it lead to the same place: told once.
  const findings = [
    ...new Map(
      judged.flatMap(findingsOf).map((f) => [`${f.rule} ${f.path}:${f.line} ${f.function}`, f]),
    ).values(),
  ];
  const followers = findFollowers(program).filter((f) => inPart(f.def.file.path));
  for (const f of followers)
    for (const fall of f.falls) findings.push(followerFinding(f.def, fall, f.falls));
  for (const { def, fall } of findImporters(program))
    if (inPart(def.file.path)) findings.push(followerFinding(def, fall, [fall]));
  const lost: NotAnalysed[] = scanned.unreadable.map(({ path: p, why }) => ({
    kind: 'unreadable',
    path: p,
    line: 0,
    why,
  }));
  for (const j of judged) lost.push(...gapsOf(j));
  for (const { def, verdict, why } of followers) {
    if (verdict === 'unknown')
      lost.push({
        kind: 'follower',
        path: def.file.path,
        line: def.line,
        why: `${def.name}(): ${why}`,
      });
  }
  for (const file of program.files) {
    if (!inPart(file.path)) continue;
    for (const { line, why } of program.index.knownOf(file.path)?.lost ?? [])
      lost.push({ kind: 'unparsed', path: file.path, line, why });
  }
  return {
    tree: { version: place.version, kind: place.kind, linux: assumed, files: scanned.paths.length },
    findings: findings.filter((f) => !allowed(program, f, lost)).sort(byPlace),
    not_analysed: unique(lost),
    exporters: judged.map(audited),
    followers: followers.map(auditedFollower),
    primitives: options.audit && place.kind === 'kernel' ? primitivesOf(program) : [],
    read: program.index.paths,
  };
}

/** Whether a comment in the source accepts a finding; one without a reason is told. */
function allowed(program: Program, f: Finding, lost: NotAnalysed[]): boolean {
  const text = program.sources.get(f.path)?.text;
  if (!text?.includes('pfnmap:')) return false;
  const answer = allowedBy(text.split('\n'), f.line, f.rule, f.name);
  if (answer === 'no-reason')
    lost.push({
      kind: 'suppression',
      path: f.path,
      line: f.line,
      why: `pfnmap: allow ${f.rule} gives no (reason) and is ignored`,
    });
  return answer === 'yes';
}

const byPlace = (a: Finding, b: Finding) =>
  a.path < b.path
    ? -1
    : a.path > b.path
      ? 1
      : a.line - b.line || Number(a.rule.slice(1)) - Number(b.rule.slice(1));

function unique(list: readonly NotAnalysed[]): NotAnalysed[] {
  return [...new Map(list.map((n) => [`${n.kind} ${n.path} ${n.line} ${n.why}`, n])).values()];
}

/** A place on a chain as a link of a finding. */
export function link(site: Site): ChainLink {
  const line = site.file.lines.at(site.at);
  return {
    path: site.file.path,
    line,
    function: site.fn,
    text: site.file.lines.textOf(line),
    why: site.calleePath ? `calls ${site.callee}()` : site.callee,
  };
}

export const ruleName = (id: string) => RULES.find((r) => r.id === id)?.name ?? id;

function findingsOf(j: Judged): Finding[] {
  const { table, mmap } = j.exporter;
  return j.falls.map((f) => {
    const { path, line, fn, text } = whereOf(j, f);
    const chain = f.chain.map(link);
    return {
      rule: f.rule,
      name: ruleName(f.rule),
      certainty: f.certainty,
      depends_on: f.dependsOn,
      path,
      line,
      function: fn,
      text,
      message:
        f.why +
        (f.when.length && f.certainty === 'some-paths'
          ? ` (when ${f.when.slice(0, 3).join(' and ')})`
          : ''),
      subject: { kind: 'exporter', name: table.name, path: table.file.path, line: table.line },
      chain,
      traits: { ...traitsOf(j) },
      model: null,
      key: [
        f.rule,
        table.file.path,
        table.name,
        mmap?.name ?? '',
        ...chain.map((c) => c.function),
      ].join('|'),
    };
  });
}

function followerFinding(
  def: FunctionDef,
  fall: FollowerFall,
  falls: readonly FollowerFall[],
): Finding {
  const { file } = def;
  const line = file.lines.at(fall.at);
  const chain = fall.chain.map((c) =>
    link({ file: c.def.file, at: c.at, fn: c.def.name, callee: c.callee, calleePath: 'mm/' }),
  );
  return {
    rule: fall.rule,
    name: ruleName(fall.rule),
    certainty: 'always',
    depends_on: null,
    path: file.path,
    line,
    function: def.name,
    text: file.lines.textOf(line),
    message: fall.why,
    subject: { kind: 'follower', name: def.name, path: file.path, line: def.line },
    chain,
    traits: consumerTraits(
      def.name,
      `${file.path}:${def.line}`,
      fall.rule,
      falls.map((f) => f.rule),
    ),
    model: null,
    key: [fall.rule, file.path, def.name, ...chain.map((c) => c.function)].join('|'),
  };
}

function auditedFollower({ def, calls, verdict, falls, why }: Follower): AuditedFollower {
  return {
    function: def.name,
    path: def.file.path,
    line: def.line,
    calls,
    verdict,
    rules: [...new Set(falls.map((f) => f.rule))],
    why,
  };
}

/** The deepest place of the chain that is still the driver's own, else its mmap. */
function whereOf(j: Judged, f: Fall): { path: string; line: number; fn: string; text: string } {
  const home = dirOf(j.exporter.table.file.path);
  const own = f.chain
    .filter((s) => dirOf(s.file.path) === home || dirOf(s.file.path).startsWith(`${home}/`))
    .at(-1);
  if (own) {
    const line = own.file.lines.at(own.at);
    return { path: own.file.path, line, fn: own.fn, text: own.file.lines.textOf(line) };
  }
  const { mmap, table } = j.exporter;
  if (mmap && dirOf(mmap.file.path) === home) {
    return {
      path: mmap.file.path,
      line: mmap.line,
      fn: mmap.name,
      text: mmap.file.lines.textOf(mmap.line),
    };
  }
  const field = table.fields.get('mmap') ?? table.fields.get('vm_ops');
  const line = field ? table.file.lines.at(field.at) : table.line;
  return { path: table.file.path, line, fn: table.name, text: table.file.lines.textOf(line) };
}

function gapsOf(j: Judged): NotAnalysed[] {
  const out: NotAnalysed[] = [];
  const { table } = j.exporter;
  for (const { site, why } of j.exporter.machine.gaps.values()) {
    out.push({
      kind: 'call',
      path: site.file.path,
      line: site.file.lines.at(site.at),
      why: `${site.fn}(): ${why}`,
    });
  }
  if (j.verdict === 'unknown')
    out.push({
      kind: 'exporter',
      path: table.file.path,
      line: table.line,
      why: `${table.name}: ${j.why}`,
    });
  return out;
}

function audited(j: Judged): AuditedExporter {
  const { table, mmap } = j.exporter;
  return {
    name: table.name,
    ops: { path: table.file.path, line: table.line, struct: table.type },
    mmap: mmap
      ? { function: mmap.name, path: mmap.file.path, line: mmap.line }
      : j.exporter.slot
        ? { function: j.exporter.slot, path: '', line: 0 }
        : null,
    primitives: j.primitives.map((s) => ({
      name: s.callee,
      path: s.file.path,
      line: s.file.lines.at(s.at),
    })),
    pfnmap_at_return: j.pfnmap,
    struct_page: j.structPage,
    moves: j.moves.moves,
    zaps: j.moves.zaps,
    moves_why: j.moves.why,
    refuses_cow: j.refusesCow,
    verdict: j.verdict,
    rules: j.falls.map((f) => f.rule),
    why: j.why,
  };
}
