// SPDX-License-Identifier: GPL-2.0-or-later
/** Judges the exporters of a program; those of a kernel on two threads, whoever is free takes the next. */
import type { RecordedCalls } from './apply.ts';
import { Conditions } from './c/conditions.ts';
import { Program } from './c/program.ts';
import { Sources } from './c/tree.ts';
import {
  type Dispatching,
  type ExporterJob,
  exporterJobs,
  exporterOf,
  MAY_EXPORT,
  meansOf,
} from './exporters.ts';
import type { Fact, Relevance } from './flow/relevance.ts';
import { MAY_FOLLOW, MAY_RENAME } from './followers.ts';
import { MAY_IMPORT } from './importers.ts';
import { Asked, type Key } from './index/asked.ts';
import { Index } from './index/index.ts';
import { MoveAnalysis } from './moves/moves.ts';
import { type JobRef, jobRef, refOf, type TableRef } from './refs.ts';
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
  /** How many are taken, by either thread. */
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

export interface ExportersReply {
  /** What was judged, and as how manieth. */
  readonly units: readonly (readonly [number, ExporterUnit])[];
  /** What was asked to list them. */
  readonly list: ReadonlySet<Key>;
  readonly questions: readonly Question[];
  readonly found: Found;
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

/** The exporters of a kernel. */
export async function exportersOf(
  program: Program,
  { root, overlay = new Map() }: { readonly root: string; readonly overlay?: Overlay },
  helper: Helper | null,
): Promise<Omit<ExportersReply, 'units' | 'found'> & { units: ExporterUnit[]; found: Found[] }> {
  const taken = new SharedArrayBuffer(4);
  const request = (): ExportersRequest => ({
    job: 'exporters',
    root,
    linux: program.conditions.version,
    overlay,
    index: program.index.pack(),
    asking: program.index.asked.on,
    taken,
  });
  const reply = helper?.ask<ExportersReply>(request());
  const mine = judgeSome(program, new Int32Array(taken));
  const theirs = await reply;
  const all = [...mine.units, ...(theirs?.units ?? [])].sort(([a], [b]) => a - b);
  return {
    units: inOrder(all.map(([, unit]) => unit)),
    list: mine.list,
    questions: mine.questions,
    found: theirs ? [mine.found, theirs.found] : [mine.found],
  };
}

/** Does what another thread asks for. */
export function serveExporters(
  { root, linux, overlay, index: data, asking, taken }: ExportersRequest,
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
  if (!index) return { units: [], list: new Set(), questions: [], found: NOTHING };
  index.asked = new Asked(asking);
  return judgeSome(new Program(sources, new Conditions(linux), index), new Int32Array(taken));
}

const NOTHING: Found = { facts: new Map(), matters: new Map(), asks: new Map() };

function judgeSome(program: Program, taken: Int32Array): ExportersReply {
  const { asked } = program.index;
  const means = meansOf(program, null);
  const moves = new MoveAnalysis(program, true, new Set());
  const dispatching: Dispatching[] = [];
  const [jobs, list] = asked.during(() => exporterJobs(means, dispatching));
  const units: [number, ExporterUnit][] = [];
  for (let i = Atomics.add(taken, 0, 1); i < jobs.length; i = Atomics.add(taken, 0, 1)) {
    const [unit, keys] = asked.during(() => {
      const job = jobs[i]!;
      const e = exporterOf(means, job);
      return {
        ref: asked.on ? jobRef(program, job) : null,
        told: tell(judgeExporter(e, moves.of(e))),
        unused: e.unused,
      };
    });
    units.push([i, { ...unit, keys: keys.all() }]);
  }
  const questions = asked.on
    ? dispatching.map(({ table, keys, yes }) => ({
        ref: refOf(program, table),
        keys: keys.all(),
        yes,
      }))
    : [];
  return {
    units,
    list: list.all(),
    questions,
    found: asked.on ? foundBy(means.relevance) : NOTHING,
  };
}

const foundBy = ({ facts, known, questions }: Relevance): Found => ({
  facts,
  matters: known,
  asks: questions,
});

/** By place; several of one place stay as they are. */
export function inOrder<T extends { readonly told: Told }>(list: readonly T[]): T[] {
  return [...list].sort((x, y) => {
    const [a, b] = [x.told.exporter.ops, y.told.exporter.ops];
    return a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line;
  });
}
