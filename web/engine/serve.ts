// SPDX-License-Identifier: GPL-2.0-or-later
/** A worker: takes one job after the other, and lets messages in between two slices of a job. */
import { cells, drive, mutants, type Running, show } from './jobs.ts';
import { load } from './own.ts';
import type { Failed, Job, Progress, Reply, Request } from './protocol.ts';
import { NotThere } from './subject.ts';

/** How long a job goes on before the worker listens again, in milliseconds. */
const LISTEN_MS = 30;

/** The part of a worker's global that is used here. */
interface Scope {
  onmessage: ((event: { readonly data: Request | { readonly stop: number } }) => void) | null;
  postMessage(reply: Reply): void;
}

function begin(job: Job): Running<unknown> {
  switch (job.job) {
    case 'cells':
      return cells(job.linux, job.names);
    case 'show':
      return show(job.subject, job.schedule);
    case 'mutants':
      return mutants(job.subject);
    case 'drive':
      return drive(job.subject, job);
    case 'load':
      return load(job.code, job.linux);
  }
}

function failed(error: unknown): Failed {
  if (error instanceof NotThere) return error;
  return { message: error instanceof Error ? error.message : String(error), nearest: null };
}

export function serve(): void {
  const scope = globalThis as unknown as Scope;
  const queue: Request[] = [];
  let running: { id: number; work: Running<unknown> } | null = null;
  const ticks = new MessageChannel();
  const tick = () => ticks.port2.postMessage(0);

  const slice = () => {
    if (!running) {
      const next = queue.shift();
      if (!next) return;
      running = { id: next.id, work: begin(next) };
      // A sign of life before the work, which may be code that never comes back.
      scope.postMessage({ id: next.id, progress: { states: 0 } });
    }
    const { id, work } = running;
    const until = performance.now() + LISTEN_MS;
    try {
      let progress: Progress | null = null;
      do {
        const { done, value } = work.next();
        if (done) {
          running = null;
          progress = null;
          scope.postMessage({ id, done: value });
        } else if ('cell' in value) scope.postMessage({ id, cell: value.cell });
        else progress = value;
      } while (running && performance.now() < until);
      if (progress) scope.postMessage({ id, progress });
    } catch (error) {
      running = null;
      const { message, nearest } = failed(error);
      scope.postMessage({ id, failed: { message, nearest } });
    }
    if (running || queue.length) tick();
  };
  ticks.port1.onmessage = slice;
  scope.onmessage = ({ data }) => {
    if ('stop' in data) {
      if (running?.id === data.stop) running = null;
      const at = queue.findIndex((r) => r.id === data.stop);
      if (at >= 0) queue.splice(at, 1);
    } else queue.push(data);
    tick();
  };
}
