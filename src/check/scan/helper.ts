// SPDX-License-Identifier: GPL-2.0-or-later
/** A second thread of the program, asked one thing at a time. */
import { Worker } from 'node:worker_threads';

export class Helper {
  private readonly worker: Worker;

  /** @param self URL of the program, which serves requests when it is run in a worker */
  constructor(self: string) {
    this.worker = new Worker(new URL(self));
    this.worker.unref();
  }

  ask<Reply>(request: object): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { worker } = this;
      const done = () => {
        worker.off('message', answered);
        worker.off('error', failed);
        worker.unref();
      };
      const answered = (reply: Reply) => {
        done();
        resolve(reply);
      };
      const failed = (error: Error) => {
        done();
        reject(error);
      };
      worker.ref();
      worker.once('message', answered);
      worker.once('error', failed);
      worker.postMessage(request);
    });
  }

  end(): void {
    void this.worker.terminate();
  }
}
