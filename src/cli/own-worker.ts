// SPDX-License-Identifier: GPL-2.0-or-later
/** The worker's side of a user's own file: loads it, checks what it exports, explores that. */
import { parentPort } from 'node:worker_threads';
import { explore } from '../explore/explore.ts';
import type { System } from '../explore/machine.ts';
import { MutantRun } from '../explore/mutants.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import { cellSystems } from '../scenarios/cell.ts';
import { type Cell, CellRun, makeCell, SharedFaces } from '../scenarios/matrix.ts';
import { nearest } from '../scenarios/nearest.ts';
import { checked, type Exported, HINT, OwnError } from '../scenarios/own.ts';
import type { Driver } from '../scenarios/scenario.ts';
import type { OwnReply, OwnRequest } from './own.ts';
import { replayOn } from './replay.ts';
import { cellOutcome, scenarioOutcome, withMutants } from './run.ts';

/** Transitions between two signs of life: few, for a user's steps may be slow. */
const SLICE = 2_000;
/** States of a scenario beyond which a run of it for each of its guards is not done unasked. */
const WORTH_MUTANTS = 100_000;

const post = (reply: OwnReply) => parentPort?.postMessage(reply);

/** Loads an ES module by its URL. */
export type Load = (url: string) => Promise<{ readonly default?: unknown }>;

export async function runOwnFile(request: OwnRequest, load: Load): Promise<void> {
  process.setSourceMapsEnabled(true);
  Error.stackTraceLimit = 50;
  try {
    const exported = await exportedBy(request, load);
    if (request.replay) replayOwn(exported, request);
    else for (const one of exported) exploreOne(one, exported.length > 1, request);
    post({ type: 'done' });
  } catch (error) {
    post({ type: 'fail', message: told(error, request) });
  }
}

/** One sentence with its place. */
function told(error: unknown, { code }: OwnRequest): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
  if (error instanceof OwnError || error.name === 'ProgramError') return error.message;
  // The first line of the stack that is the user's: mapped, so not the bundle and not ours.
  const dist = new URL('.', import.meta.url).pathname.replace(/chunks\/$/, '');
  for (const line of (error.stack ?? '').split('\n')) {
    const place = /^\s+at .*?\(?((?:file:\/\/)?\/[^()]+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (!place || place.includes(dist) || place.includes(code)) continue;
    return `${place.replace('file://', '')}: ${error.name}: ${error.message}`;
  }
  return `${error.name}: ${error.message}`;
}

async function exportedBy({ code, linux }: OwnRequest, load: Load): Promise<Exported[]> {
  const module = await imported(code, load);
  const { default: exported } = module;
  if (exported === undefined) {
    const names = Object.keys(module);
    const has = names.length
      ? `it exports ${names.join(', ')}, but nothing by default`
      : 'it exports nothing';
    throw new OwnError(`${has}. ${HINT}`);
  }
  const all: unknown[] = Array.isArray(exported) ? exported : [exported];
  if (!all.length) throw new OwnError(`its default export is an empty list. ${HINT}`);
  return all.map((one) => checked(one, linux));
}

async function imported(code: string, load: Load): Promise<{ readonly default?: unknown }> {
  try {
    return await load(code);
  } catch (error) {
    const missing = /[Ee]xport (?:named )?'(.+?)'/.exec(String(error))?.[1];
    if (missing === undefined) throw error;
    const near = nearest(missing, Object.keys(await import('../index.ts')));
    throw new OwnError(`pfnmap exports no '${missing}'${near ? `: did you mean '${near}'?` : ''}`);
  }
}

function cellsOf({ exporter, consumer }: Driver): Cell[] {
  return [
    ...(exporter && consumer ? [makeCell(exporter, consumer)] : []),
    ...(exporter ? CONSUMERS.map((c) => makeCell(exporter, c)) : []),
    ...(consumer ? EXPORTERS.map((e) => makeCell(e, consumer)) : []),
  ];
}

function exploreOne(one: Exported, several: boolean, request: OwnRequest): void {
  const { file, linux, maxStates, stop } = request;
  const stopped = () => Atomics.load(stop, 0) !== 0;
  if (stopped()) return;
  if ('kind' in one) {
    const shared = new SharedFaces();
    for (const cell of cellsOf(one)) {
      const run = new CellRun(cell, linux, shared, maxStates);
      let result = run.run(SLICE);
      while (!result) {
        if (stopped()) return;
        post({ type: 'beat', states: run.statesSoFar });
        result = run.run(SLICE);
      }
      const outcome = cellOutcome(result, `${file}#${cell.id}`);
      const mine = [cell.exporter === one.exporter, cell.consumer === one.consumer];
      const side = mine[0] && mine[1] ? 'both' : mine[0] ? 'exporter' : 'consumer';
      post({ type: 'outcome', outcome: { ...outcome, own: true, side }, driver: true });
    }
    return;
  }
  const began = performance.now();
  const make = one.prepare(linux);
  const explorer = explore(make, { maxStates, strict: true });
  let result = explorer.run(SLICE);
  while (!result) {
    post({ type: 'beat', states: explorer.progress.states });
    result = stopped() ? explorer.stop() : explorer.run(SLICE);
  }
  const ms = performance.now() - began;
  const name = several ? `${file}#${one.id}` : file;
  let outcome = scenarioOutcome(one, name, result, ms, linux, stopped());
  if (result.outcome === 'safe' && result.states <= WORTH_MUTANTS) {
    const run = new MutantRun([{ make, knowledge: explorer.knowledge }], { maxStates });
    let mutants = run.run(SLICE);
    while (!mutants && !stopped()) {
      post({ type: 'beat', states: run.progress.states });
      mutants = run.run(SLICE);
    }
    // What was asked for is known; its worth is an addition.
    if (mutants) outcome = withMutants(outcome, mutants);
  }
  post({ type: 'outcome', outcome: { ...outcome, own: true }, driver: false });
}

function replayOwn(exported: readonly Exported[], { linux, replay, file }: OwnRequest): void {
  if (!replay) return;
  const { address, text } = replay;
  const part = address.name.slice(file.length + 1);
  for (const one of exported) {
    let system: System | null = null;
    if ('kind' in one) {
      const cell = cellsOf(one).find((c) => c.id === part);
      if (cell && address.face) {
        system = cellSystems(cell.exporter, cell.consumer, address.face, linux)();
      }
    } else if (part === '' || part === one.id) system = one.prepare(linux)();
    if (!system) continue;
    const mail = 'kind' in one ? '' : one.source;
    post({ type: 'replayed', replayed: replayOn(system, address, text, mail) });
    return;
  }
  throw new OwnError(`it has no '${part}' any more`);
}
