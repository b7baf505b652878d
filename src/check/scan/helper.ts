// SPDX-License-Identifier: GPL-2.0-or-later
/** A second thread of the program, asked one thing at a time; started when it is first asked. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export class Helper {
  private started: Worker | undefined;
  private readonly waiting: {
    readonly resolve: (reply: unknown) => void;
    readonly reject: (error: Error) => void;
  }[] = [];

  private constructor(private readonly self: string) {}

  /**
   * Runs something with a helper, or without where there is one processor only.
   * @param self URL of the program, which serves requests when it is run in a worker; null: no helper
   */
  static async with<T>(
    self: string | null,
    body: (helper: Helper | null) => Promise<T>,
  ): Promise<T> {
    const helper = self === null || availableParallelism() < 2 ? null : new Helper(self);
    try {
      return await body(helper);
    } finally {
      void helper?.started?.terminate();
    }
  }

  /** Requests are served one after the other, while this thread goes on. */
  ask<Reply>(request: object): Promise<Reply> {
    const worker = (this.started ??= this.start());
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve: resolve as (reply: unknown) => void, reject });
      worker.postMessage(request);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL(this.self));
    const fail = (error: Error) => {
      for (const { reject } of this.waiting.splice(0)) reject(error);
    };
    worker.on('message', (reply) => this.waiting.shift()?.resolve(reply));
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('the second thread has ended')));
    return worker;
  }
}
