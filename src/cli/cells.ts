// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Explores cells of the matrix on all processors: this thread and the others take row after row, since
 * cells of one exporter share work, and so do those of exporters that behave alike. They ask nobody for
 * the next: whoever would answer is busy.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LinuxVersion } from '../kernel/versions.ts';
import { type CellJson, cellJson } from '../report/json.ts';
import { Claims } from '../scenarios/claims.ts';
import { type Cell, CellRun, SharedFaces } from '../scenarios/matrix.ts';
import { Rows } from '../scenarios/rows.ts';
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

/** What a worker is asked for: all of these cells that nobody else has taken. */
export interface CellsRequest {
  readonly job: 'cells';
  readonly ids: readonly string[];
  readonly claims: Claims['memory'];
  readonly linux: LinuxVersion;
  readonly maxStates: number;
  readonly witness: boolean;
}
export type CellsReply = { readonly cell: CellJson } | { readonly cellsDone: true };

/** A worker takes longer to start than this many cells take. */
const WORTH_A_WORKER = 24;

/** What a larger nursery saves in collections it takes in memory. In MB. */
const YOUNG = { maxYoungGenerationSizeMb: 24 };

/** Returns when all cells are finished, or soon after the signal. */
export async function runCells(cells: readonly Cell[], options: CellsOptions): Promise<void> {
  const claims = new Claims(new SharedArrayBuffer(Rows.bytes(cells)));
  const rows = new Rows(cells, claims);
  const helpers = cells.length < WORTH_A_WORKER ? 0 : Math.min(availableParallelism(), 8) - 1;
  const ids = cells.map((c) => c.id);
  const others = Array.from({ length: Math.min(helpers, rows.count) }, () =>
    helper(ids, claims, options),
  );
  await runSome(rows.cellsFrom('front'), options, new SharedFaces());
  await Promise.all(others);
}

/**
 * Explores cells in this thread, in slices.
 * @param shared what earlier calls in this thread found out
 */
export async function runSome(
  cells: Iterable<Cell>,
  options: Omit<CellsOptions, 'self'>,
  shared: SharedFaces,
): Promise<void> {
  const { linux, maxStates, witness, signal, onCell, onProgress } = options;
  for (const cell of cells) {
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

/** A worker that takes cells from the end while there are any. */
function helper(ids: readonly string[], claims: Claims, options: CellsOptions): Promise<void> {
  const { self, linux, maxStates, witness, signal, onCell } = options;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(self), { resourceLimits: YOUNG });
    const end = () => void worker.terminate().then(() => resolve());
    signal.addEventListener('abort', end, { once: true });
    worker.on('error', reject);
    worker.on('message', (reply: CellsReply) => {
      if ('cell' in reply) onCell(reply.cell);
      else end();
    });
    const { memory } = claims;
    const request = { job: 'cells', ids, claims: memory, linux, maxStates, witness } as const;
    worker.postMessage(request satisfies CellsRequest);
  });
}
