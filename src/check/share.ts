// SPDX-License-Identifier: GPL-2.0-or-later
/** Judges the exporters of a program; those of a kernel on two threads, whoever is free takes the next. */
import type { RecordedCalls } from './apply.ts';
import { Conditions } from './c/conditions.ts';
import { Program } from './c/program.ts';
import { Sources } from './c/tree.ts';
import { type Exporter, exporterJobs, MAY_EXPORT } from './exporters.ts';
import { MAY_FOLLOW } from './followers.ts';
import { MAY_IMPORT } from './importers.ts';
import { Index } from './index/index.ts';
import { MoveAnalysis } from './moves/moves.ts';
import type { Helper } from './scan/helper.ts';
import { type Told, tell } from './told.ts';
import { judgeExporter } from './verdicts.ts';

/** Patterns by which files are picked. */
export const MARKS = [MAY_EXPORT, MAY_FOLLOW, MAY_IMPORT];

type Overlay = ReadonlyMap<string, string | null>;

export interface ExportersRequest {
  readonly job: 'exporters';
  readonly root: string;
  readonly linux: string | null;
  readonly overlay: Overlay;
  readonly index: Uint8Array;
  /** How many are taken, by either thread. */
  readonly taken: SharedArrayBuffer;
}
/** What was judged, and as how manieth. */
export type ExportersReply = readonly (readonly [number, Told])[];

/** The exporters of a module, with what is recorded of the kernel that is not there. */
export function moduleExporters(program: Program, recorded: RecordedCalls): Told[] {
  const judge = judging(new MoveAnalysis(program, false, new Set(recorded.zaps)));
  return inOrder(exporterJobs(program, recorded).map((job) => judge(job())));
}

/** The exporters of a kernel. */
export async function exportersOf(
  program: Program,
  { root, overlay = new Map() }: { readonly root: string; readonly overlay?: Overlay },
  helper: Helper | null,
): Promise<Told[]> {
  const taken = new SharedArrayBuffer(4);
  const request = (): ExportersRequest => ({
    job: 'exporters',
    root,
    linux: program.conditions.version,
    overlay,
    index: program.index.pack(),
    taken,
  });
  const reply = helper?.ask<ExportersReply>(request());
  const mine = judgeSome(program, new Int32Array(taken));
  const all = [...mine, ...((await reply) ?? [])].sort(([a], [b]) => a - b);
  return inOrder(all.map(([, told]) => told));
}

/** Does what another thread asks for. */
export function serveExporters(
  { root, linux, overlay, index: data, taken }: ExportersRequest,
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
  return index
    ? judgeSome(new Program(sources, new Conditions(linux), index), new Int32Array(taken))
    : [];
}

function judgeSome(program: Program, taken: Int32Array): [number, Told][] {
  const judge = judging(new MoveAnalysis(program, true, new Set()));
  const jobs = exporterJobs(program, null);
  const out: [number, Told][] = [];
  for (let i = Atomics.add(taken, 0, 1); i < jobs.length; i = Atomics.add(taken, 0, 1))
    out.push([i, judge(jobs[i]!())]);
  return out;
}

const judging = (moves: MoveAnalysis) => (e: Exporter) => tell(judgeExporter(e, moves.of(e)));

/** By place; several of one place stay as they are. */
function inOrder(list: readonly Told[]): Told[] {
  return [...list].sort(({ exporter: { ops: a } }, { exporter: { ops: b } }) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line,
  );
}
