// SPDX-License-Identifier: GPL-2.0-or-later
/** What a worker thread does: explores cells of the matrix, scenarios, or a user's own file. */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { NamesRequest } from '../check/index/index.ts';
import type { ScanRequest } from '../check/scan.ts';
import type { ExportersRequest } from '../check/share.ts';
import type { CellJson } from '../report/json.ts';
import type { SharedFaces } from '../scenarios/matrix.ts';
import type { NameReply, NameRequest } from './ahead.ts';
import type { CellsReply, CellsRequest } from './cells.ts';
import type { ModelRequest } from './check-answers.ts';
import type { OwnRequest } from './own.ts';
import type { Load } from './own-worker.ts';

type CheckRequest = ExportersRequest | ModelRequest | NamesRequest | ScanRequest;
type Request = CellsRequest | CheckRequest | NameRequest | OwnRequest;

/**
 * @param load loads a user's code by its URL
 * @param worked called after each job
 */
export async function serve(load: Load, worked: () => void): Promise<void> {
  // A check asks for the next thing before it has got the last one.
  let last: Promise<void> = Promise.resolve();
  parentPort?.on('message', async (request: Request) => {
    if (request.job === 'cells') await cells(request);
    else if (request.job === 'name') await named(request);
    else if (request.job === 'own')
      await (await import('./own-worker.ts')).runOwnFile(request, load);
    else {
      last = last.then(async () => parentPort?.postMessage(await checked(request)));
      await last;
    }
    worked();
  });
}

/** A part of a check of C source. */
async function checked(request: CheckRequest): Promise<unknown> {
  if (request.job === 'model') {
    const { answers, modelVersion } = await import('./check-answers.ts');
    const { findings, linux, until, self } = request;
    return answers(findings, modelVersion(linux), { aborted: false }, self, until);
  }
  const { readBytes, readLatin1, serveScan } = await import('../check/scan.ts');
  if (request.job === 'scan') return serveScan(request, (file) => readFileSync(file));
  if (request.job === 'names')
    return (await import('../check/index/index.ts')).serveNames(request, readBytes);
  return (await import('../check/share.ts')).serveExporters(request, readLatin1);
}

/** What this thread found out about cells. */
let shared: SharedFaces | null = null;

async function cells({ ids, linux, maxStates, witness }: CellsRequest): Promise<void> {
  const post = (reply: CellsReply) => parentPort?.postMessage(reply);
  const { runSome } = await import('./cells.ts');
  const { matrixCells, SharedFaces: Faces } = await import('../scenarios/matrix.ts');
  const all = matrixCells();
  const cells = ids.flatMap((id) => all.find((c) => c.id === id) ?? []);
  const { signal } = new AbortController();
  shared ??= new Faces();
  const options = { linux, maxStates, witness, signal, onCell: (cell: CellJson) => post({ cell }) };
  await runSome(cells, options, shared);
  post({ cellsDone: true });
}

async function named({ name, linux, maxStates }: NameRequest): Promise<void> {
  const post = (reply: NameReply) => parentPort?.postMessage(reply);
  try {
    const { resolveOne } = await import('./names.ts');
    const { runNamed } = await import('./run.ts');
    const { signal } = new AbortController();
    const outcome = await runNamed(resolveOne(name), { linux, maxStates, signal });
    post(outcome ? { outcome } : { failed: 'interrupted' });
  } catch (error) {
    post({ failed: error instanceof Error ? error.message : String(error) });
  }
}
