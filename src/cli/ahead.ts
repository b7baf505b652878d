// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Works ahead: while this thread explores scenarios from the front of a list, others take them from
 * its end, without asking: this thread would be too busy to answer.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LinuxVersion } from '../kernel/versions.ts';
import { Claims, claimBytes } from '../scenarios/claims.ts';
import type { Outcome } from './run.ts';

/** What a worker is asked for: all scenarios or cells of these names that nobody else has taken. */
export interface ScenariosRequest {
  readonly job: 'scenarios';
  /** Null for one that is not a worker's to do. */
  readonly names: readonly (string | null)[];
  readonly claims: Claims['memory'];
  /** The worker's number in the claims. */
  readonly who: number;
  readonly linux: LinuxVersion;
  readonly maxStates: number;
}
export type ScenarioReply = { readonly index: number } & (
  | { readonly outcome: Outcome }
  | { readonly failed: string }
);

/** Shorter lists are done before a worker has started. */
const WORTH_A_WORKER = 6;
/** This thread's number in the claims. */
const SELF = 1;

interface Awaited {
  readonly outcome: Promise<Outcome | null>;
  readonly settle: (reply: Outcome | Error) => void;
}

export class Ahead {
  private readonly claims: Claims;
  private readonly awaited = new Map<number, Awaited>();
  private readonly workers: Worker[] = [];
  private readonly stopped: Promise<null>;

  /** @param names of the jobs; null for one that must be done in turn */
  constructor(
    names: readonly (string | null)[],
    options: Pick<ScenariosRequest, 'linux' | 'maxStates'>,
    self: string,
    signal: AbortSignal,
  ) {
    this.claims = new Claims(new SharedArrayBuffer(claimBytes(names.length)));
    this.stopped = new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve(null), { once: true }),
    );
    const many = names.length < WORTH_A_WORKER ? 0 : Math.min(availableParallelism(), 8) - 1;
    for (let i = 0; i < many; i++) {
      const worker = new Worker(new URL(self));
      const who = SELF + 1 + i;
      this.workers.push(worker);
      worker.on('message', (reply: ScenarioReply) => {
        const result = 'failed' in reply ? new Error(reply.failed) : reply.outcome;
        this.jobOf(reply.index).settle(result);
      });
      worker.on('error', (error: Error) => {
        for (const index of names.keys()) {
          if (this.claims.takenBy(index, who)) this.jobOf(index).settle(error);
        }
      });
      const claims = this.claims.memory;
      const request = { job: 'scenarios', names, claims, who, ...options } as const;
      worker.postMessage(request satisfies ScenariosRequest);
    }
  }

  /**
   * The outcome of a job that somebody else has taken, or undefined when it is the caller's to do.
   * @returns null when it was interrupted
   */
  outcome(index: number): Promise<Outcome | null> | undefined {
    if (this.claims.take(index, SELF)) return undefined;
    return Promise.race([this.jobOf(index).outcome, this.stopped]);
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((w) => w.terminate()));
  }

  private jobOf(index: number): Awaited {
    const known = this.awaited.get(index);
    if (known) return known;
    let settle: Awaited['settle'] = () => {};
    const outcome = new Promise<Outcome | null>((resolve, reject) => {
      settle = (reply) => (reply instanceof Error ? reject(reply) : resolve(reply));
    });
    // Whoever asks for it hears of an error; until then it is not unhandled.
    outcome.catch(() => {});
    const job = { outcome, settle };
    this.awaited.set(index, job);
    return job;
  }
}
