// SPDX-License-Identifier: GPL-2.0-or-later
/** What a worker thread does: explores rows of the matrix, scenarios, or a user's own file. */
import { parentPort } from 'node:worker_threads';
import type { ScanRequest } from '../check/scan.ts';
import type { NameReply, NameRequest } from './ahead.ts';
import type { RowReply, RowRequest } from './cells.ts';
import type { OwnRequest } from './own.ts';

export async function serve(): Promise<void> {
  parentPort?.on(
    'message',
    async (request: RowRequest | NameRequest | OwnRequest | ScanRequest) => {
      if (request.job === 'row') await row(request);
      else if (request.job === 'name') await named(request);
      else if (request.job === 'scan') {
        const { scanFiles } = await import('../check/scan.ts');
        parentPort?.postMessage(scanFiles(request));
      } else await (await import('./own-worker.ts')).runOwnFile(request);
    },
  );
}

async function row({ ids, linux, maxStates, witness }: RowRequest): Promise<void> {
  const post = (reply: RowReply) => parentPort?.postMessage(reply);
  const { runRow } = await import('./cells.ts');
  const { matrixCells } = await import('../scenarios/matrix.ts');
  const all = matrixCells();
  const cells = ids.flatMap((id) => all.find((c) => c.id === id) ?? []);
  const { signal } = new AbortController();
  await runRow(cells, { linux, maxStates, witness, signal, onCell: (cell) => post({ cell }) });
  post({ rowDone: true });
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
