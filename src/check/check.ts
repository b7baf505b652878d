// SPDX-License-Identifier: GPL-2.0-or-later
/** Checks a tree: finds its files, follows its exporters and followers, and says what falls. */
import { join } from 'node:path';
import type { AuditedExporter, CheckReport, Finding, NotAnalysed } from '../contract/finding.ts';
import { RecordedCalls } from './apply.ts';
import type { Judged } from './base.ts';
import { allowedBy } from './baseline.ts';
import { Conditions, versionCode } from './c/conditions.ts';
import { Program } from './c/program.ts';
import { switchesOf } from './c/switches.ts';
import { Sources } from './c/tree.ts';
import { Callers } from './callers.ts';
import { lookupsBut } from './follow/words.ts';
import type { Follower } from './followers.ts';
import { Asked } from './index/asked.ts';
import { Index } from './index/index.ts';
import { modulesOf } from './modules.ts';
import { type Place, placeOf } from './place.ts';
import { primitivesOf } from './primitives.ts';
import { readersOf, together } from './readers.ts';
import { type RecordedKernel, recordKernel } from './recorded.ts';
import { Helper } from './scan/helper.ts';
import { relevantOf, type TreeState } from './scan/state.ts';
import { type Keeper, readBytes, readLatin1, scan } from './scan.ts';
import { exportersOf, MARKS, moduleExporters, noteShared } from './share.ts';
import { auditedFollower } from './told.ts';

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
  /** Gets what a later patch to a kernel can go by. */
  readonly leave?: (judged: Judged) => void;
  /** Gets the findings of followers while another thread judges exporters. */
  readonly early?: (linux: string, findings: readonly Finding[]) => Promise<void>;
}

/** The kernels recorded by this tool, oldest first; large, so read when they are asked for. */
const RECORDED = {
  '6.1': () => import('./recorded/6.1.json', { with: { type: 'json' } }),
  '6.12': () => import('./recorded/6.12.json', { with: { type: 'json' } }),
};

/** What is recorded of the version nearest to the one assumed. */
async function recordedFor(version: string): Promise<RecordedKernel> {
  const code = versionCode(version);
  const [first, ...later] = Object.keys(RECORDED) as (keyof typeof RECORDED)[];
  const nearest = later.reverse().find((v) => versionCode(v) <= code) ?? first!;
  return (await RECORDED[nearest]()).default as unknown as RecordedKernel;
}

/** Files that matter, below which another thread is not worth its start. */
const FEW = 200;

const isLarge = ({ index }: Program, { kind }: Place) =>
  kind === 'kernel' && index.files.length > FEW;

/** A tree's program, and what is known of where it lies. */
async function load(
  { path, linux, overlay, scanned: given, indexed, leave }: CheckOptions,
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
    bytes(p) {
      if (overlay?.has(p)) return null;
      try {
        return readBytes(join(place.root, p));
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
  index.asked = new Asked(leave !== undefined);
  const switches =
    place.kind === 'kernel'
      ? undefined
      : switchesOf(
          index.files.map((p) => sources.get(p)!),
          assumed,
        );
  const recorded = place.kind === 'kernel' ? null : await recordedFor(assumed);
  const lacks = recorded ? lookupsBut(recorded.lookups) : undefined;
  const program = new Program(sources, new Conditions(assumed, switches, lacks), index);
  if (other && isLarge(program, place)) await noteShared(program, place.root, other);
  else program.noteAll();
  if (kept) for (const p of changed) if (known.has(p)) program.noteMade(p);
  if (!kept && !overlay) indexed?.save(index.pack());
  return { place, scanned, assumed, recorded, program };
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
  const { place, scanned, assumed, recorded, program } = await load(options, helper);
  const inPart = (p: string) =>
    place.part === '' || p === place.part || p.startsWith(`${place.part}/`);
  const inMmap = (mmap: AuditedExporter['mmap']) => mmap !== null && inPart(mmap.path);
  const calls = recorded && new RecordedCalls(recorded);
  const kernel = place.kind === 'kernel';
  const other = isLarge(program, place) ? helper : null;
  // The other thread judges exporters while this one looks for readers.
  const judging = kernel
    ? exportersOf(program, { root: place.root, overlay: options.overlay }, other)
    : null;
  const callers = new Callers(program, !kernel);
  const readers = readersOf(program, callers);
  const read = together(readers);
  const followers = read.followers.filter((f) => inPart(f.def.file.path));
  const followed = read.findings.filter((f) => inPart(f.subject.path));
  if (other) await options.early?.(assumed, followed);
  const exporters = judging && (await judging());
  const all = exporters
    ? exporters.units.map((u) => u.told)
    : (await modulesOf(program)).flatMap((one) => moduleExporters(one, calls!));
  const judged = all.filter(({ exporter: { ops, mmap } }) => inPart(ops.path) || inMmap(mmap));
  const findings = [...toldOnce(judged.flatMap((j) => j.findings)), ...followed];
  const lost: NotAnalysed[] = scanned.unreadable.map(({ path: p, why }) => ({
    kind: 'unreadable',
    path: p,
    line: 0,
    why,
  }));
  for (const j of judged) lost.push(...j.gaps);
  lost.push(...lostFollowers(followers));
  for (const file of program.files) {
    if (!inPart(file.path)) continue;
    lost.push(...unparsed(program, file.path));
  }
  const report: CheckReport = {
    tree: { version: place.version, kind: place.kind, linux: assumed, files: scanned.paths.length },
    findings: findings.filter((f) => !allowed(program, f, lost)).sort(byPlace),
    not_analysed: unique(lost),
    exporters: judged.map((j) => j.exporter),
    followers: followers.map(auditedFollower),
    primitives: options.audit && kernel ? primitivesOf(program) : [],
    read: program.index.paths,
  };
  if (options.leave && exporters) {
    const { version } = place;
    const { index } = program;
    const { units, list, questions, found } = exporters;
    const { findings: told, not_analysed, followers: heard } = report;
    options.leave({
      linux: assumed,
      version,
      scanned,
      index,
      list,
      questions,
      exporters: units,
      readers,
      found,
      followers: heard,
      findings: told,
      lost: not_analysed,
    });
  }
  return report;
}

/** A GEM table and the dma_buf_ops beside it lead to the same place: told once. */
export const toldOnce = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((f) => [`${f.rule} ${f.path}:${f.line} ${f.function}`, f])).values(),
];

export const lostFollowers = (followers: readonly Follower[]): NotAnalysed[] =>
  followers
    .filter((f) => f.verdict === 'unknown')
    .map(({ def, why }) => ({
      kind: 'follower',
      path: def.file.path,
      line: def.line,
      why: `${def.name}(): ${why}`,
    }));

export const unparsed = (program: Program, path: string): NotAnalysed[] =>
  (program.index.knownOf(path)?.lost ?? []).map(({ line, why }) => ({
    kind: 'unparsed',
    path,
    line,
    why,
  }));

/** Whether a comment in the source accepts a finding; one without a reason is told. */
export function allowed(program: Program, f: Finding, lost: NotAnalysed[]): boolean {
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

export const byPlace = (a: Finding, b: Finding) =>
  a.path < b.path
    ? -1
    : a.path > b.path
      ? 1
      : a.line - b.line || Number(a.rule.slice(1)) - Number(b.rule.slice(1));

export function unique(list: readonly NotAnalysed[]): NotAnalysed[] {
  return [...new Map(list.map((n) => [`${n.kind} ${n.path} ${n.line} ${n.why}`, n])).values()];
}
