// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Explores cells of the matrix on all processors: this thread and the others take row after row, since
 * cells of one exporter share work, and so do those of exporters that behave alike.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LinuxVersion } from '../kernel/versions.ts';
import { type CellJson, cellJson } from '../report/json.ts';
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

/** What a worker is asked for: these cells of one row. */
export interface CellsRequest {
  readonly job: 'cells';
  readonly ids: readonly string[];
  readonly linux: LinuxVersion;
  readonly maxStates: number;
  readonly witness: boolean;
}
export type CellsReply = { readonly cell: CellJson } | { readonly cellsDone: true };

/** A worker takes longer to start than this many cells take. */
const WORTH_A_WORKER = 24;

/** What is short-lived in a search is little: a larger nursery only takes memory. In MB. */
const YOUNG = { maxYoungGenerationSizeMb: 12 };
/** Cells that a worker is asked for at a time. */
const PIECE = 4;

/** Returns when all cells are finished, or soon after the signal. */
export async function runCells(cells: readonly Cell[], options: CellsOptions): Promise<void> {
  const rows = new Rows(cells);
  const helpers = cells.length < WORTH_A_WORKER ? 0 : Math.min(availableParallelism(), 8) - 1;
  const others = Array.from({ length: Math.min(helpers, rows.count) }, () => helper(rows, options));
  const shared = new SharedFaces();
  for (let row = rows.next('front'); row.length; row = rows.next('front')) {
    for (let cell = row.shift(); cell && !options.signal.aborted; cell = row.shift()) {
      await runSome([cell], options, shared);
    }
    if (options.signal.aborted) break;
  }
  await Promise.all(others);
}

/**
 * Explores cells in this thread, in slices.
 * @param shared what earlier calls in this thread found out
 */
export async function runSome(
  cells: readonly Cell[],
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

/** A worker that takes rows from the end while there are any, and then helps with others. */
function helper(rows: Rows, options: CellsOptions): Promise<void> {
  const { self, linux, maxStates, witness, signal, onCell } = options;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(self), { resourceLimits: YOUNG });
    let row: Cell[] = [];
    const end = () => void worker.terminate().then(() => resolve());
    const next = () => {
      if (!row.length && !signal.aborted) row = rows.next('end');
      const ids = row.splice(0, PIECE).map((c) => c.id);
      if (signal.aborted || !ids.length) return end();
      worker.postMessage({ job: 'cells', ids, linux, maxStates, witness } satisfies CellsRequest);
    };
    signal.addEventListener('abort', end, { once: true });
    worker.on('error', reject);
    worker.on('message', (reply: CellsReply) => {
      if ('cell' in reply) onCell(reply.cell);
      else next();
    });
    next();
  });
}
