// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Explores cells of the matrix on all processors: this thread and the others take whole rows, since
 * cells of one exporter share work.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LinuxVersion } from '../kernel/versions.ts';
import { type CellJson, cellJson } from '../report/json.ts';
import { type Cell, CellRun, SharedFaces } from '../scenarios/matrix.ts';
import { breathe, SLICE } from './io.ts';

export interface CellsOptions {
  readonly self: string;
  readonly linux: LinuxVersion;
  readonly maxStates: number;
  /** Whether counterexamples are wanted besides the verdicts. */
  readonly witness: boolean;
  readonly signal: AbortSignal;
  /** Called for each cell that is finished. */
  readonly onCell: (cell: CellJson) => void;
  /** Called now and then. */
  readonly onProgress?: (cell: string, states: number) => void;
}

/** What a worker is asked for: these cells of one exporter. */
export interface RowRequest {
  readonly job: 'row';
  readonly ids: readonly string[];
  readonly linux: LinuxVersion;
  readonly maxStates: number;
  readonly witness: boolean;
}
export type RowReply = { readonly cell: CellJson } | { readonly rowDone: true };

/** A worker takes longer to start than this many cells take. */
const WORTH_A_WORKER = 24;

/** Returns when all cells are finished, or soon after the signal. */
export async function runCells(cells: readonly Cell[], options: CellsOptions): Promise<void> {
  const rows: Cell[][] = [];
  for (const cell of cells) {
    const row = rows.find(([first]) => first.exporter === cell.exporter);
    if (row) row.push(cell);
    else rows.push([cell]);
  }
  const helpers = cells.length < WORTH_A_WORKER ? 0 : Math.min(availableParallelism(), 8) - 1;
  const others = Array.from({ length: Math.min(helpers, rows.length - 1) }, () =>
    helper(rows, options),
  );
  for (let row = rows.shift(); row && !options.signal.aborted; row = rows.shift()) {
    await runRow(row, options);
  }
  await Promise.all(others);
}

/** Explores a row in this thread, in slices. */
export async function runRow(
  row: readonly Cell[],
  options: Omit<CellsOptions, 'self'>,
): Promise<void> {
  const { linux, maxStates, witness, signal, onCell, onProgress } = options;
  const shared = new SharedFaces();
  for (const cell of row) {
    const run = new CellRun(cell, linux, shared, maxStates, witness);
    let breathed = Date.now();
    for (;;) {
      const done = attempt(run, cell);
      if (done) {
        onCell(done);
        break;
      }
      if (Date.now() - breathed > 40) {
        await breathe();
        breathed = Date.now();
        if (signal.aborted) return;
        onProgress?.(cell.id, run.statesSoFar);
      }
    }
    await breathe();
    if (signal.aborted) return;
  }
}

/** One slice; a fault of the model itself makes the cell unknown and leaves the others alone. */
function attempt(run: CellRun, cell: Cell): CellJson | null {
  try {
    const done = run.run(SLICE);
    return done && cellJson(done);
  } catch (error) {
    return {
      exporter: cell.exporter.id,
      consumer: cell.consumer.id,
      verdict: 'unknown',
      rule: null,
      rules: [],
      states: run.statesSoFar,
      transitions: 0,
      ms: 0,
      bound: `the model fails: ${error instanceof Error ? error.message : String(error)}`,
      counterexample: null,
    };
  }
}

/** A worker that takes rows from the end while there are any. */
function helper(rows: Cell[][], options: CellsOptions): Promise<void> {
  const { self, linux, maxStates, witness, signal, onCell } = options;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(self));
    const end = () => void worker.terminate().then(() => resolve());
    const next = () => {
      const row = signal.aborted ? undefined : rows.pop();
      if (!row) return end();
      const ids = row.map((c) => c.id);
      worker.postMessage({ job: 'row', ids, linux, maxStates, witness } satisfies RowRequest);
    };
    signal.addEventListener('abort', end, { once: true });
    worker.on('error', reject);
    worker.on('message', (reply: RowReply) => {
      if ('cell' in reply) onCell(reply.cell);
      else next();
    });
    next();
  });
}
