// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a patch brings in, from what an earlier run has left: only what asked for something that the patch
 * touches is judged anew. What is not touched was there before, and is no business of the patch.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckReport, Finding, NotAnalysed } from '../contract/finding.ts';
import { type Base, type Change, functionKey, Remembered } from './base.ts';
import { Conditions } from './c/conditions.ts';
import { Program } from './c/program.ts';
import { Sources } from './c/tree.ts';
import { Callers } from './callers.ts';
import { allowed, byPlace, lostFollowers, toldOnce, unique, unparsed } from './check.ts';
import { findingKey, knownAfter, lostKey } from './difference.ts';
import { exporterJobs, exporterOf, isDispatcher, type Means, meansOf } from './exporters.ts';
import type { Relevance } from './flow/relevance.ts';
import { Asked } from './index/asked.ts';
import { numberOf, Part } from './index/names.ts';
import { MoveAnalysis } from './moves/moves.ts';
import { isLeftBehind } from './reach.ts';
import { readersIn, together } from './readers.ts';
import { type JobRef, jobOf, jobRef, tableOf } from './refs.ts';
import { isRelevant } from './scan.ts';
import { inOrder } from './share.ts';
import { auditedFollower, type Told, tell } from './told.ts';
import { type Touched, touchedBy } from './touched.ts';
import { judgeExporter } from './verdicts.ts';

type Overlay = ReadonlyMap<string, string | null>;

/** A report with findings and gaps that a patch brings in; null: all has to be looked at again. */
export function broughtIn(root: string, base: Base, overlay: Overlay): CheckReport | null {
  const read = (path: string) => {
    try {
      return readFileSync(join(root, path), 'latin1');
    } catch {
      return null;
    }
  };
  const there = new Map<string, boolean>();
  const has = (path: string): boolean => {
    const text = overlay.get(path);
    if (text !== undefined) return text !== null;
    let known = there.get(path);
    if (known === undefined)
      there.set(path, (known = index?.has(path) || existsSync(join(root, path))));
    return known;
  };
  const sources = new Sources({
    paths: { has },
    read: (path) => overlay.get(path) ?? (overlay.has(path) ? null : read(path)),
  });
  const index = base.index(sources);
  if (!index?.complete || !base.isFresh(root, index)) return null;
  index.asked = new Asked(false);
  const changed = new Map(
    [...overlay]
      .filter(([path]) => /\.[ch]$/.test(path))
      .map(([path, after]) => [path, [read(path), after] as const] as const)
      .filter(([, [before, after]]) => before !== after),
  );
  // Files that were not looked into, were there before, and need not be looked into now.
  const idle = ([path, [before, after]]: readonly [
    string,
    readonly [string | null, string | null],
  ]) => after !== null && before !== null && !index.has(path) && !isRelevant(after);
  if ([...changed].every(idle)) changed.clear();
  const mattered = new Set([...changed.keys()].filter((path) => index.matters(path)));
  const touched = touchedBy(index, changed);
  if (touched.all !== null) return null;
  // Which files include a file, directly or not, is asked of what was before and of what is now.
  const including = new Set<number>();
  const note = () => {
    for (const id of index.includingAny(touched.including)) including.add(id);
  };
  if (touched.including.length) note();
  index.change(changed.keys(), touched.now);
  if (touched.including.length) note();
  const program = new Program(sources, new Conditions(base.head.linux), index);
  const names = new Set(touched.names);
  for (const path of changed.keys()) {
    if (!has(path)) continue;
    const made = program.noteMade(path);
    // Of other files the same is made as before (touched.ts).
    if (!mattered.has(path)) for (const [part, name] of made) names.add(numberOf(part, name));
  }
  const all = { ...touched, names };
  return new Rejudging(base, program, all, new Set(changed.keys()), including, overlay).report();
}

class Rejudging {
  private readonly means: Means;
  private readonly touched: Touched;
  private readonly lost: NotAnalysed[] = [];

  constructor(
    private readonly base: Base,
    private readonly program: Program,
    touched: Touched,
    private readonly paths: ReadonlySet<string>,
    private readonly including: ReadonlySet<number>,
    private readonly overlay: Overlay,
  ) {
    const remembered = new Remembered(base, touched.words);
    this.means = meansOf(program, null, remembered);
    this.touched = { ...touched, names: withRelevance(touched, remembered, this.means.relevance) };
  }

  private isConcerned(
    keys: Parameters<Base['isConcerned']>[0],
    places: readonly string[],
  ): boolean {
    return (
      places.some((p) => this.paths.has(p)) ||
      this.base.isConcerned(keys, this.touched, (id) => this.including.has(id))
    );
  }

  report(): CheckReport {
    const { base, program } = this;
    const { head } = base;
    const told = this.exporters();
    this.lost.push(...told.flatMap((t) => t.gaps));
    const followed = this.readers();
    for (const path of [...this.paths].sort()) this.lost.push(...unparsed(program, path));
    const known = knownAfter(head.findings, this.overlay);
    const findings = [...toldOnce(told.flatMap((t) => t.findings)), ...followed.findings]
      .filter((f) => !known.has(findingKey(f)) && !allowed(program, f, this.lost))
      .sort(byPlace);
    const before = knownAfter(head.lost, this.overlay);
    const where = (f: { path: string; function: string }) => functionKey(f.path, f.function);
    const anew = new Set(followed.followers.map(where));
    return {
      tree: {
        version: head.version,
        kind: 'patch',
        linux: program.conditions.version!,
        files: head.files,
      },
      findings,
      not_analysed: unique(this.lost).filter((n) => !before.has(lostKey(n))),
      exporters: told.map((t) => t.exporter),
      followers: [
        ...head.followers.filter((f) => !followed.gone.has(where(f)) && !anew.has(where(f))),
        ...followed.followers,
      ],
      primitives: [],
      read: [],
    };
  }

  /** All exporters, judged anew if they are concerned. */
  private exporters(): Told[] {
    const { base, program, means } = this;
    const { head } = base;
    let refs: readonly JobRef[] = head.exporters.map((e) => e.ref);
    const differs = head.questions.some(({ ref, keys, yes }) => {
      const table = this.isConcerned(keys, []) ? tableOf(program, ref) : null;
      return table !== null && isDispatcher(program, table) !== yes;
    });
    if (differs || this.isConcerned(head.list, []))
      refs = exporterJobs(means).map((j) => jobRef(program, j));
    const before = new Map(head.exporters.map((e) => [JSON.stringify(e.ref), e]));
    const moves = new MoveAnalysis(program, true, new Set());
    const all = refs.map((ref) => {
      const kept = before.get(JSON.stringify(ref));
      if (kept && !this.isConcerned(kept.keys, kept.places) && !this.isOtherwise(kept))
        return {
          told: {
            exporter: kept.exporter,
            findings: kept.places.length ? base.told(kept).findings : [],
            gaps: [],
          },
        };
      const job = jobOf(program, ref);
      if (!job) throw new Error(`${ref.table.path}: ${ref.table.name} is not found again`);
      const e = exporterOf(means, job);
      const told = tell(judgeExporter(e, moves.of(e)));
      return { told };
    });
    return inOrder(all).map((one) => one.told);
  }

  /** Whether a table in a file of the patch comes to be used, or is no longer. */
  private isOtherwise({
    ref,
    unused,
  }: {
    readonly ref: JobRef;
    readonly unused: boolean;
  }): boolean {
    if (!this.paths.has(ref.table.path)) return false;
    const table = tableOf(this.program, ref.table);
    return table === null || isLeftBehind(this.program, table) !== unused;
  }

  /** Followers and importers of files that are concerned. */
  private readers() {
    const { head } = this.base;
    const { program } = this;
    const concerned = new Map(
      head.readers.map((r) => [r, this.isConcerned(r.keys, [...r.places, r.path])]),
    );
    // A function that is judged in several files is judged in all of them.
    for (let more = true; more; ) {
      more = false;
      const who = new Set([...concerned].flatMap(([r, yes]) => (yes ? r.who : [])));
      for (const [r, yes] of concerned) {
        if (yes || !r.who.some((w) => who.has(w))) continue;
        concerned.set(r, true);
        more = true;
      }
    }
    const mine = [...concerned].filter(([, yes]) => yes).map(([r]) => r);
    const paths = new Set([...mine.map((r) => r.path), ...this.paths]);
    const callers = new Callers(program);
    const look = (list: Iterable<string>) =>
      [...list]
        .filter((p) => p === '' || program.index.matters(p))
        .map((p) => readersIn(program, callers, p));
    let all = look(paths);
    // So is one that comes to be judged.
    const who = new Set(
      all
        .flatMap((r) => [...r.followers, ...r.others])
        .map(({ def }) => functionKey(def.file.path, def.name)),
    );
    const also = head.readers.filter((r) => !paths.has(r.path) && r.who.some((w) => who.has(w)));
    if (also.length) all = look([...paths, ...also.map((r) => r.path)]);
    all.sort((a, b) => (a.path === '' ? 1 : b.path === '' ? -1 : a.path < b.path ? -1 : 1));
    const { followers, findings } = together(all);
    this.lost.push(...lostFollowers(followers));
    return {
      followers: followers.map(auditedFollower),
      findings: findings as Finding[],
      gone: new Set([...mine, ...also].flatMap((r) => r.who)),
    };
  }
}

/** Touched names, and those that matter to a mapping now and did not, or the other way round. */
function withRelevance(
  { names }: Touched,
  remembered: Remembered,
  relevance: Relevance,
): ReadonlySet<number> {
  for (const change of remembered.changed())
    if (!isAsBefore(change, relevance)) remembered.holds = false;
  if (remembered.holds) return names;
  relevance.forget();
  const all = new Set(names);
  for (const { name, matters, asks } of remembered.decided())
    if (relevance.matters(name) !== (matters || (asks ?? false)))
      all.add(numberOf(Part.Relevance, name));
  return all;
}

/**
 * Whether a name with another text matters as much as before, going by what the others did. Enough for
 * all to be as before: nothing that did not matter comes to, and what did so by itself still does.
 */
function isAsBefore({ name, fact, matters, asks }: Change, relevance: Relevance): boolean {
  const now = relevance.factOf(name);
  if (asks !== undefined && asks !== relevance.asks(name)) return false;
  if (matters) return now.direct;
  return !fact.direct && !now.direct && !now.calls.some((c) => c !== name && relevance.leads(c));
}
