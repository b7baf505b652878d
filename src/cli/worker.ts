// SPDX-License-Identifier: GPL-2.0-or-later
/** What a worker thread does: explores cells of the matrix, scenarios, or a user's own file. */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { NamesRequest } from '../check/index/index.ts';
import type { ScanRequest } from '../check/scan.ts';
import type { ExportersRequest, MadeRequest } from '../check/share.ts';
import type { CellJson } from '../report/json.ts';
import type { ScenarioReply, ScenariosRequest } from './ahead.ts';
import type { CellsReply, CellsRequest } from './cells.ts';
import type { OwnRequest } from './own.ts';
import type { Load } from './own-worker.ts';

type CheckRequest = ExportersRequest | MadeRequest | NamesRequest | ScanRequest;
type Request = CellsRequest | CheckRequest | ScenariosRequest | OwnRequest;

/**
 * @param load loads a user's code by its URL
 * @param worked called after each job
 */
export async function serve(load: Load, worked: () => void): Promise<void> {
  // A check asks for the next thing before it has got the last one.
  let last: Promise<void> = Promise.resolve();
  parentPort?.on('message', async (request: Request) => {
    if (request.job === 'cells') return cells(request, worked);
    if (request.job === 'scenarios') return named(request, worked);
    if (request.job === 'own') await (await import('./own-worker.ts')).runOwnFile(request, load);
    else {
      last = last.then(async () => parentPort?.postMessage(await checked(request)));
      await last;
    }
    worked();
  });
}

/** A part of a check of C source. */
async function checked(request: CheckRequest): Promise<unknown> {
  const { readBytes, readLatin1, serveScan } = await import('../check/scan.ts');
  if (request.job === 'scan') return serveScan(request, (file) => readFileSync(file));
  if (request.job === 'names')
    return (await import('../check/index/index.ts')).serveNames(request, readBytes);
  const { serveExporters, serveMade } = await import('../check/share.ts');
  return request.job === 'made'
    ? serveMade(request, readLatin1)
    : serveExporters(request, readLatin1);
}

async function cells(request: CellsRequest, worked: () => void): Promise<void> {
  const { ids, claims, linux, maxStates, witness } = request;
  const post = (reply: CellsReply) => parentPort?.postMessage(reply);
  const { runSome } = await import('./cells.ts');
  const { Claims } = await import('../scenarios/claims.ts');
  const { matrixCells, SharedFaces } = await import('../scenarios/matrix.ts');
  const { Rows } = await import('../scenarios/rows.ts');
  const all = new Map(matrixCells().map((cell) => [cell.id, cell]));
  const cells = ids.flatMap((id) => all.get(id) ?? []);
  const rows = new Rows(cells, new Claims(claims));
  const { signal } = new AbortController();
  const onCell = (cell: CellJson) => {
    post({ cell });
    worked();
  };
  const options = { linux, maxStates, witness, signal, onCell };
  await runSome(rows.cellsFrom('end'), options, new SharedFaces());
  post({ cellsDone: true });
}

async function named(request: ScenariosRequest, worked: () => void): Promise<void> {
  const { names, claims, who, linux, maxStates } = request;
  const { resolveOne } = await import('./names.ts');
  const { runNamed } = await import('./run.ts');
  const { Claims } = await import('../scenarios/claims.ts');
  const taken = new Claims(claims);
  const { signal } = new AbortController();
  for (let index = names.length - 1; index >= 0; index--) {
    const name = names[index];
    if (name === null || !taken.take(index, who)) continue;
    const post = (reply: ScenarioReply) => parentPort?.postMessage(reply);
    try {
      const outcome = await runNamed(resolveOne(name), { linux, maxStates, signal });
      post(outcome ? { index, outcome } : { index, failed: 'interrupted' });
    } catch (error) {
      post({ index, failed: error instanceof Error ? error.message : String(error) });
    }
    worked();
  }
}
