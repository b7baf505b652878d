// SPDX-License-Identifier: GPL-2.0-or-later
/** The matrix as it fills: one exploration for each version of Linux, kept while the page is open. */
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import type { CellJson } from '../../src/report/json.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { exploreCells } from './engine.ts';

export interface MatrixState {
  readonly total: number;
  /** By `exporter/consumer`. */
  readonly cells: ReadonlyMap<string, CellJson>;
  readonly states: number;
  readonly ms: number;
  readonly running: boolean;
  readonly error: string | null;
}

type Listener = (state: MatrixState) => void;

class MatrixRun {
  private readonly cells = new Map<string, CellJson>();
  private readonly listeners = new Set<Listener>();
  private readonly total: number;
  private states = 0;
  private ms = 0;
  private running = false;
  private error: string | null = null;
  private told = false;

  constructor(private readonly linux: LinuxVersion) {
    this.total = matrixCells().length;
  }

  get state(): MatrixState {
    const { total, cells, states, ms, running, error } = this;
    return { total, cells, states, ms, running, error };
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    listener(this.state);
    if (!this.running && this.cells.size < this.total && !this.error) void this.explore();
    return () => this.listeners.delete(listener);
  }

  private async explore(): Promise<void> {
    this.running = true;
    const began = performance.now();
    try {
      await exploreCells(this.linux, matrixCells(), {
        onCell: (cell) => {
          this.cells.set(`${cell.exporter}/${cell.consumer}`, cell);
          this.states += cell.states;
          this.ms = performance.now() - began;
          this.tell();
        },
      });
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.running = false;
    this.tell();
  }

  /** A few times a second at most: drawing takes time that exploring needs. */
  private tell(): void {
    if (this.told) return;
    this.told = true;
    setTimeout(() => {
      this.told = false;
      for (const listener of this.listeners) listener(this.state);
    }, 200);
  }
}

const runs = new Map<LinuxVersion, MatrixRun>();

export function matrixRun(linux: LinuxVersion): MatrixRun {
  let run = runs.get(linux);
  if (!run) runs.set(linux, (run = new MatrixRun(linux)));
  return run;
}
