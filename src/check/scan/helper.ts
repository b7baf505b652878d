// SPDX-License-Identifier: GPL-2.0-or-later
/** A second thread of the program, asked one thing at a time; started when it is first asked. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export class Helper {
  private started: Worker | undefined;

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

  ask<Reply>(request: object): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const worker = (this.started ??= new Worker(new URL(this.self)));
      const answered = (reply: Reply) => {
        worker.off('error', failed);
        resolve(reply);
      };
      const failed = (error: Error) => {
        worker.off('message', answered);
        reject(error);
      };
      worker.once('message', answered);
      worker.once('error', failed);
      worker.postMessage(request);
    });
  }
}
