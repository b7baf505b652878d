// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Works ahead: while this thread explores scenarios from the front of a list, others take them from
 * its end.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LinuxVersion } from '../kernel/versions.ts';
import type { Outcome } from './run.ts';

/** What a worker is asked for: a scenario or a cell by its name. */
export interface NameRequest {
  readonly job: 'name';
  readonly name: string;
  readonly linux: LinuxVersion;
  readonly maxStates: number;
}
export type NameReply = { readonly outcome: Outcome } | { readonly failed: string };

/** Shorter lists are done before a worker has started. */
const WORTH_A_WORKER = 6;

export class Ahead {
  private readonly taken = new Map<number, Promise<Outcome | null>>();
  private readonly workers: Worker[] = [];
  private front = -1;
  private readonly stopped: Promise<null>;

  /** @param names of the jobs; null for one that must be done in turn */
  constructor(
    private readonly names: readonly (string | null)[],
    private readonly options: Omit<NameRequest, 'job' | 'name'>,
    self: string,
    signal: AbortSignal,
  ) {
    this.stopped = new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(null), { once: true }),
    );
    const many = names.length < WORTH_A_WORKER ? 0 : Math.min(availableParallelism(), 8) - 1;
    for (let i = 0; i < many; i++) {
      const worker = new Worker(new URL(self));
      this.workers.push(worker);
      this.feed(worker);
    }
  }

  /**
   * The outcome of a job that somebody else has taken, or undefined when it is the caller's to do.
   * @returns null when it was interrupted
   */
  outcome(index: number): Promise<Outcome | null> | undefined {
    this.front = index;
    const other = this.taken.get(index);
    return other && Promise.race([other, this.stopped]);
  }

  async end(): Promise<void> {
    this.front = this.names.length;
    await Promise.all(this.workers.map((w) => w.terminate()));
  }

  private feed(worker: Worker): void {
    let index = this.names.length - 1;
    while (index > this.front && (this.taken.has(index) || this.names[index] === null)) index--;
    const name = this.names[index];
    if (index <= this.front || name === null || name === undefined) return;
    const done = new Promise<Outcome | null>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (reply: NameReply) => {
        worker.off('error', reject);
        if ('failed' in reply) reject(new Error(reply.failed));
        else resolve(reply.outcome);
        this.feed(worker);
      });
    });
    // Whoever asks for it hears of an error; until then it is not unhandled.
    done.catch(() => {});
    this.taken.set(index, done);
    worker.postMessage({ job: 'name', name, ...this.options } satisfies NameRequest);
  }
}
