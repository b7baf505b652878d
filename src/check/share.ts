// SPDX-License-Identifier: GPL-2.0-or-later
/** Judges the exporters of a program; those of a kernel on two threads, whoever is free takes the next directory. */
import type { RecordedCalls } from './apply.ts';
import { Conditions } from './c/conditions.ts';
import { type MadeName, Program } from './c/program.ts';
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
import { type JobRef, jobRef, refOf, type TableRef } from './refs.ts';
import type { Helper } from './scan/helper.ts';
import { type Told, tell } from './told.ts';
import { judgeExporter } from './verdicts.ts';

/** Patterns by which files are picked. */
export const MARKS = [MAY_EXPORT, MAY_FOLLOW, MAY_IMPORT, MAY_RENAME];

type Overlay = ReadonlyMap<string, string | null>;

/** What another thread has to know of a program to go on with it. */
interface ProgramRequest {
  readonly root: string;
  readonly linux: string | null;
  readonly overlay: Overlay;
  readonly index: Uint8Array;
  /** Whether what is asked is to be known later. */
  readonly asking: boolean;
}

/** Files of which another thread is asked what macros make in them. */
export interface MadeRequest {
  readonly job: 'made';
  readonly program: ProgramRequest;
  /** How many files are taken, by either thread. */
  readonly taken: SharedArrayBuffer;
}

/** The names that macros make in files. */
type Made = readonly (readonly [string, readonly MadeName[]])[];

export interface ExportersRequest {
  readonly job: 'exporters';
  /** null: that of the last request, with what the thread that asks has found in it since. */
  readonly program: ProgramRequest | null;
  readonly made: Made;
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
  /** How many exporters it found. */
  readonly found: number;
  readonly units: readonly (readonly [number, ExporterUnit])[];
  readonly names: Found;
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

const requestFor = (program: Program, root: string, overlay: Overlay): ProgramRequest => ({
  root,
  linux: program.conditions.version,
  overlay,
  index: program.index.pack(),
  asking: program.index.asked.on,
});

/** What this thread noted of programs that another one goes on with. */
const noted = new WeakMap<Program, Made>();
/** Files that a thread takes at a time. */
const CHUNK = 8;

/** Tells the index of a kernel what macros make, half of it found by the other thread. */
export async function noteShared(program: Program, root: string, helper: Helper): Promise<void> {
  const { index } = program;
  if (index.complete) return;
  const taken = new SharedArrayBuffer(4);
  const known = requestFor(program, root, new Map());
  const request: MadeRequest = { job: 'made', program: known, taken };
  const reply = helper.ask<Made>(request);
  noted.set(program, noteSome(program, taken));
  for (const [path, names] of await reply) for (const [part, n] of names) index.add(part, n, path);
  index.complete = true;
}

/** Notes what macros make in files until all are taken. */
function noteSome(program: Program, taken: SharedArrayBuffer): Made {
  const { index } = program;
  const paths = index.files.filter((path) => index.knownOf(path)?.uses.length);
  const next = new Int32Array(taken);
  const out: [string, MadeName[]][] = [];
  for (let k = Atomics.add(next, 0, CHUNK); k < paths.length; k = Atomics.add(next, 0, CHUNK)) {
    for (const path of paths.slice(k, k + CHUNK)) {
      const names = program.noteMade(path);
      if (names.length) out.push([path, names]);
    }
  }
  return out;
}

/**
 * Lists the exporters of a kernel, and has the other thread do so and begin with them: both find the same ones.
 * @returns judges what is left, and gives all
 */
export function exportersOf(
  program: Program,
  { root, overlay = new Map() }: { readonly root: string; readonly overlay?: Overlay },
  helper: Helper | null,
): () => Promise<Exporters> {
  const { asked } = program.index;
  const taken = new SharedArrayBuffer(4);
  const made = noted.get(program);
  const request = (): ExportersRequest => ({
    job: 'exporters',
    program: made ? null : requestFor(program, root, overlay),
    made: made ?? [],
    taken,
  });
  const reply = helper?.ask<ExportersReply>(request());
  // Said where it is waited for.
  reply?.catch(() => undefined);
  const means = meansOf(program, null);
  const dispatching: Dispatching[] = [];
  const [jobs, list] = asked.during(() => exporterJobs(means, dispatching));
  const parts = byDirectory(program, jobs);
  return async () => {
    const judge = judgeOf(means, jobs);
    const mine = judgeParts(judge, parts, taken);
    const theirs = await reply;
    // Files that change meanwhile may be other ones for the other thread.
    const shared = theirs?.found === jobs.length ? theirs.units : [];
    const units = new Map([...mine, ...shared]);
    for (const i of jobs.keys()) if (!units.has(i)) units.set(i, judge(i));
    const questions = asked.on
      ? dispatching.map(({ table, keys, yes }) => ({
          ref: refOf(program, table),
          keys: keys.all(),
          yes,
        }))
      : [];
    const found = foundBy(means);
    return {
      units: inOrder([...units].sort(([a], [b]) => a - b).map(([, unit]) => unit)),
      list: list.all(),
      questions,
      found: theirs ? [found, theirs.names] : [found],
    };
  };
}

/** The program that another thread asks about, from one request to the next. */
let current: Program | null = null;

function programOf(
  { root, linux, overlay, index: data, asking }: ProgramRequest,
  read: (path: string) => string,
): Program | null {
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
  if (!index) return null;
  index.asked = new Asked(asking);
  return new Program(sources, new Conditions(linux), index);
}

/** Does what another thread asks for. */
export function serveMade(request: MadeRequest, read: (path: string) => string): Made {
  current = programOf(request.program, read);
  return current ? noteSome(current, request.taken) : [];
}

/** Does what another thread asks for. */
export function serveExporters(
  { program: asked, made, taken }: ExportersRequest,
  read: (path: string) => string,
): ExportersReply {
  const program = asked ? programOf(asked, read) : current;
  if (!program) return { found: 0, units: [], names: NOTHING };
  for (const [path, names] of made)
    for (const [part, name] of names) program.index.add(part, name, path);
  const means = meansOf(program, null);
  const jobs = exporterJobs(means);
  const units = judgeParts(judgeOf(means, jobs), byDirectory(program, jobs), taken);
  return { found: jobs.length, units, names: foundBy(means) };
}

const NOTHING: Found = { facts: new Map(), matters: new Map(), asks: new Map() };

/** Judges the exporter of a number. */
type Judge = (i: number) => ExporterUnit;

function judgeOf(means: Means, jobs: readonly ExporterJob[]): Judge {
  const { program } = means;
  const { asked } = program.index;
  const moves = new MoveAnalysis(program, true, new Set());
  return (i) => {
    const [unit, keys] = asked.during(() => {
      const job = jobs[i]!;
      const e = exporterOf(means, job);
      return {
        ref: asked.on ? jobRef(program, job) : null,
        told: tell(judgeExporter(e, moves.of(e))),
        unused: e.unused,
      };
    });
    return { ...unit, keys: keys.all() };
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
    for (const i of parts[k]!) out.push([i, judge(i)]);
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
