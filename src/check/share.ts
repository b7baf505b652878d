// SPDX-License-Identifier: GPL-2.0-or-later
/** Judges the exporters of a program; those of a kernel on two threads, whoever is free takes the next directory. */
import type { RecordedCalls } from './apply.ts';
import { Conditions } from './c/conditions.ts';
import { Program } from './c/program.ts';
import { dirOf, Sources } from './c/tree.ts';
import {
  type Dispatching,
  type ExporterJob,
  exporterJobs,
  exporterOf,
  MAY_EXPORT,
  type Means,
  meansOf,
} from './exporters.ts';
import type { Fact } from './flow/relevance.ts';
import { MAY_FOLLOW, MAY_RENAME } from './followers.ts';
import { MAY_IMPORT } from './importers.ts';
import { Asked, type Key } from './index/asked.ts';
import { Index } from './index/index.ts';
import { MoveAnalysis } from './moves/moves.ts';
import { type JobRef, jobOf, jobRef, refOf, type TableRef } from './refs.ts';
import type { Helper } from './scan/helper.ts';
import { type Told, tell } from './told.ts';
import { judgeExporter } from './verdicts.ts';

/** Patterns by which files are picked. */
export const MARKS = [MAY_EXPORT, MAY_FOLLOW, MAY_IMPORT, MAY_RENAME];

type Overlay = ReadonlyMap<string, string | null>;

export interface ExportersRequest {
  readonly job: 'exporters';
  readonly root: string;
  readonly linux: string | null;
  readonly overlay: Overlay;
  readonly index: Uint8Array;
  /** Whether what is asked is to be known later. */
  readonly asking: boolean;
  readonly jobs: readonly JobRef[];
  /** Which of them one thread judges. */
  readonly parts: readonly (readonly number[])[];
  /** How many parts are taken, by either thread. */
  readonly taken: SharedArrayBuffer;
}

/** An exporter that was judged, its name for later runs, and what was asked to judge it. */
export interface ExporterUnit {
  readonly ref: JobRef | null;
  readonly told: Told;
  /** Whether the table is nobody's (reach.ts). */
  readonly unused: boolean;
  readonly keys: ReadonlySet<Key>;
}

/** What was found out of names on the way. */
export interface Found {
  readonly facts: ReadonlyMap<string, Fact>;
  readonly matters: ReadonlyMap<string, boolean>;
  readonly asks: ReadonlyMap<string, boolean>;
}

/** What one thread judged, and as how manieth. */
export interface ExportersReply {
  readonly units: readonly (readonly [number, ExporterUnit])[];
  readonly found: Found;
}

/** The exporters of a kernel. */
export interface Exporters {
  readonly units: readonly ExporterUnit[];
  /** What was asked to list them. */
  readonly list: ReadonlySet<Key>;
  readonly questions: readonly Question[];
  readonly found: readonly Found[];
}

/** Whether a table's mmap asks the object's own, see {@link exporterJobs}. */
export interface Question {
  readonly ref: TableRef;
  readonly keys: ReadonlySet<Key>;
  readonly yes: boolean;
}

/** The exporters of a module, with what is recorded of the kernel that is not there. */
export function moduleExporters(program: Program, recorded: RecordedCalls): Told[] {
  const moves = new MoveAnalysis(program, false, new Set(recorded.zaps));
  const means = meansOf(program, recorded);
  const judge = (job: ExporterJob) => {
    const e = exporterOf(means, job);
    return tell(judgeExporter(e, moves.of(e)));
  };
  return inOrder(exporterJobs(means).map((job) => ({ told: judge(job) }))).map((u) => u.told);
}

/**
 * Lists the exporters of a kernel, and has the other thread begin with them.
 * @returns judges what is left, and gives all
 */
export function exportersOf(
  program: Program,
  { root, overlay = new Map() }: { readonly root: string; readonly overlay?: Overlay },
  helper: Helper | null,
): () => Promise<Exporters> {
  const { asked } = program.index;
  const means = meansOf(program, null);
  const dispatching: Dispatching[] = [];
  const [jobs, list] = asked.during(() => exporterJobs(means, dispatching));
  const parts = byDirectory(program, jobs);
  const taken = new SharedArrayBuffer(4);
  const request = (): ExportersRequest => ({
    job: 'exporters',
    root,
    linux: program.conditions.version,
    overlay,
    index: program.index.pack(),
    asking: asked.on,
    jobs: jobs.map((job) => jobRef(program, job)),
    parts,
    taken,
  });
  const reply = helper?.ask<ExportersReply>(request());
  // Said where it is waited for.
  reply?.catch(() => undefined);
  return async () => {
    const judge = judgeOf(means, (i) => jobs[i]!);
    const mine = judgeParts(judge, parts, taken);
    const theirs = await reply;
    const all = [...mine, ...(theirs?.units ?? [])];
    const done = new Set(all.map(([i]) => i));
    // What the other thread did not find by its name.
    for (const i of jobs.keys()) if (!done.has(i)) all.push([i, judge(i)!]);
    const questions = asked.on
      ? dispatching.map(({ table, keys, yes }) => ({
          ref: refOf(program, table),
          keys: keys.all(),
          yes,
        }))
      : [];
    const found = foundBy(means);
    return {
      units: inOrder(all.sort(([a], [b]) => a - b).map(([, unit]) => unit)),
      list: list.all(),
      questions,
      found: theirs ? [found, theirs.found] : [found],
    };
  };
}

/** Does what another thread asks for. */
export function serveExporters(
  { root, linux, overlay, index: data, asking, jobs, parts, taken }: ExportersRequest,
  read: (path: string) => string,
): ExportersReply {
  const text = (path: string) => {
    const changed = overlay.get(path);
    if (changed !== undefined) return changed;
    try {
      return read(`${root}/${path}`);
    } catch {
      return null;
    }
  };
  // What may be read was settled when the index was made.
  const sources = new Sources({ paths: { has: () => true }, read: text });
  const index = Index.unpack(Buffer.from(data), sources, MARKS);
  if (!index) return { units: [], found: NOTHING };
  index.asked = new Asked(asking);
  const program = new Program(sources, new Conditions(linux), index);
  const means = meansOf(program, null);
  const judge = judgeOf(means, (i) => jobOf(program, jobs[i]!));
  return { units: judgeParts(judge, parts, taken), found: foundBy(means) };
}

const NOTHING: Found = { facts: new Map(), matters: new Map(), asks: new Map() };

/** Judges the exporter of a number; null when there is none. */
type Judge = (i: number) => ExporterUnit | null;

function judgeOf(means: Means, jobAt: (i: number) => ExporterJob | null): Judge {
  const { program } = means;
  const { asked } = program.index;
  const moves = new MoveAnalysis(program, true, new Set());
  return (i) => {
    const [unit, keys] = asked.during(() => {
      const job = jobAt(i);
      if (!job) return null;
      const e = exporterOf(means, job);
      return {
        ref: asked.on ? jobRef(program, job) : null,
        told: tell(judgeExporter(e, moves.of(e))),
        unused: e.unused,
      };
    });
    return unit && { ...unit, keys: keys.all() };
  };
}

/** Takes parts until there are none. */
function judgeParts(
  judge: Judge,
  parts: readonly (readonly number[])[],
  taken: SharedArrayBuffer,
): [number, ExporterUnit][] {
  const next = new Int32Array(taken);
  const out: [number, ExporterUnit][] = [];
  for (let k = Atomics.add(next, 0, 1); k < parts.length; k = Atomics.add(next, 0, 1)) {
    for (const i of parts[k]!) {
      const unit = judge(i);
      if (unit) out.push([i, unit]);
    }
  }
  return out;
}

/**
 * The exporters of each directory, which one thread judges: they rest on the same files. The largest
 * directories first, so that neither thread waits long for the other in the end.
 */
function byDirectory(program: Program, jobs: readonly ExporterJob[]): number[][] {
  const parts = new Map<string, number[]>();
  for (const [i, { table }] of jobs.entries()) {
    const dir = dirOf(table.file.path);
    parts.set(dir, [...(parts.get(dir) ?? []), i]);
  }
  const sizes = new Map<string, number>();
  for (const path of program.index.files) {
    const dir = dirOf(path);
    sizes.set(dir, (sizes.get(dir) ?? 0) + 1);
  }
  const size = (dir: string) => sizes.get(dir) ?? 0;
  return [...parts].sort(([a], [b]) => size(b) - size(a)).map(([, list]) => list);
}

const foundBy = ({ program, relevance }: Means): Found =>
  program.index.asked.on
    ? { facts: relevance.facts, matters: relevance.known, asks: relevance.questions }
    : NOTHING;

/** By place; several of one place stay as they are. */
export function inOrder<T extends { readonly told: Told }>(list: readonly T[]): T[] {
  return [...list].sort((x, y) => {
    const [a, b] = [x.told.exporter.ops, y.told.exporter.ops];
    return a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line;
  });
}
