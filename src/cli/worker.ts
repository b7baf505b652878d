// SPDX-License-Identifier: GPL-2.0-or-later
/** What a worker thread does: explores cells of the matrix, scenarios, or a user's own file. */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { NamesRequest } from '../check/index/index.ts';
import type { ScanRequest } from '../check/scan.ts';
import type { CellJson } from '../report/json.ts';
import type { SharedFaces } from '../scenarios/matrix.ts';
import type { NameReply, NameRequest } from './ahead.ts';
import type { CellsReply, CellsRequest } from './cells.ts';
import type { OwnRequest } from './own.ts';

export async function serve(): Promise<void> {
  parentPort?.on(
    'message',
    async (request: CellsRequest | NameRequest | NamesRequest | OwnRequest | ScanRequest) => {
      if (request.job === 'cells') await cells(request);
      else if (request.job === 'name') await named(request);
      else if (request.job === 'scan') {
        const { serveScan } = await import('../check/scan.ts');
        parentPort?.postMessage(serveScan(request, (file) => readFileSync(file)));
      } else if (request.job === 'names') {
        const { readLatin1 } = await import('../check/scan.ts');
        const { serveNames } = await import('../check/index/index.ts');
        parentPort?.postMessage(serveNames(request, readLatin1));
      } else await (await import('./own-worker.ts')).runOwnFile(request);
    },
  );
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
