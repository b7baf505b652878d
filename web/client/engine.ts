// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The page's side of its workers. A worker runs the same program as the page.
 */
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import type { CellJson } from '../../src/report/json.ts';
import type { MutantJson } from '../../src/report/mutants.ts';
import type { Cell } from '../../src/scenarios/matrix.ts';
import { Rows } from '../../src/scenarios/rows.ts';
import type {
  Drive,
  Driven,
  Failed,
  Job,
  Loaded,
  Progress,
  Reply,
  Request,
  Shown,
  Subject,
} from '../engine/protocol.ts';

declare global {
  /** The whole program; scripts/build.mjs wraps it in this function and calls it. */
  function pfnmapProgram(): void;
}

/** An answer that is a refusal, with a name that was perhaps meant. */
export class Refused extends Error {
  readonly nearest: string | null;
  constructor({ message, nearest }: Failed) {
    super(message);
    this.nearest = nearest;
  }
}

export interface Port {
  postMessage(message: Request | { readonly stop: number }): void;
  end(): void;
}

export interface AskOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly onCell?: (cell: CellJson) => void;
  readonly signal?: AbortSignal;
}

interface Open {
  readonly options: AskOptions;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Questions and answers over a port, whatever is behind it. */
export class Channel {
  private readonly open = new Map<number, Open>();
  private ids = 0;
  /** Answers that were heard, also of how far it is, since it was started. */
  heard = 0;
  private port: Port | null = null;

  constructor(
    private readonly connect: (hear: (reply: Reply) => void, fail: (why: string) => void) => Port,
  ) {}

  get busy(): boolean {
    return this.open.size > 0;
  }

  ask<T>(job: Job, options: AskOptions = {}): Promise<T> {
    const id = ++this.ids;
    this.port ??= this.connect(
      (reply) => this.hear(reply),
      (why) => this.fail(why),
    );
    const { port } = this;
    return new Promise<T>((resolve, reject) => {
      this.open.set(id, { options, resolve: resolve as Open['resolve'], reject });
      options.signal?.addEventListener('abort', () => {
        if (!this.open.delete(id)) return;
        port.postMessage({ stop: id });
        reject(new DOMException('stopped', 'AbortError'));
      });
      port.postMessage({ ...job, id });
    });
  }

  private hear(reply: Reply): void {
    this.heard++;
    const open = this.open.get(reply.id);
    if (!open) return;
    if ('progress' in reply) open.options.onProgress?.(reply.progress);
    else if ('cell' in reply) open.options.onCell?.(reply.cell);
    else {
      this.open.delete(reply.id);
      if ('done' in reply) open.resolve(reply.done);
      else open.reject(new Refused(reply.failed));
    }
  }

  /** Ends whatever is behind the port; the next question starts it anew. */
  fail(why: string): void {
    const { port } = this;
    this.port = null;
    this.heard = 0;
    port?.end();
    const all = [...this.open.values()];
    this.open.clear();
    for (const { reject } of all) reject(new Error(why));
  }
}

/**
 * What a worker is made of: the program that runs here. So it starts from the disk, where no script can
 * be loaded as a worker, and when the server has gone. Stacks name it, to tell it from code of one's own.
 */
export const programText = (): string =>
  `${pfnmapProgram}\npfnmapProgram()\n//# sourceURL=dist/web/pfnmap.js`;

function startWorker(): Worker {
  const url = URL.createObjectURL(new Blob([programText()], { type: 'text/javascript' }));
  return new Worker(url);
}

const workerChannel = () =>
  new Channel((hear, fail) => {
    const worker = startWorker();
    worker.onmessage = ({ data }) => hear(data);
    worker.onerror = (event) => fail(event.message || 'the worker could not be started');
    return { postMessage: (m) => worker.postMessage(m), end: () => worker.terminate() };
  });

/** One for what is looked at, the others for the matrix. */
const front = workerChannel();
const others: Channel[] = [];
const workers = () => Math.max(1, Math.min(4, navigator.hardwareConcurrency || 2));

export const showSubject = (
  subject: Subject,
  schedule: string | null,
  options: AskOptions,
  channel: Channel = front,
) => channel.ask<Shown>({ job: 'show', subject, schedule }, options);

export const mutantsOf = (subject: Subject, options: AskOptions, channel: Channel = front) =>
  channel.ask<MutantJson[]>({ job: 'mutants', subject }, options);

export const driveSubject = (
  subject: Subject,
  drive: Drive,
  options: AskOptions,
  channel: Channel = front,
) => channel.ask<Driven>({ job: 'drive', subject, ...drive }, options);

export const loadCode = (
  code: string,
  linux: LinuxVersion,
  options: AskOptions,
  channel: Channel,
) => channel.ask<Loaded>({ job: 'load', code, linux }, options);

/** Cells that a worker is asked for at a time. */
const PIECE = 4;

/** Explores cells of the matrix on as many workers as there are processors. */
export async function exploreCells(
  linux: LinuxVersion,
  cells: readonly Cell[],
  options: AskOptions,
): Promise<void> {
  const rows = new Rows(cells);
  while (others.length < workers()) others.push(workerChannel());
  await Promise.all(
    others.map(async (channel, i) => {
      const mine = rows.cellsFrom(i % 2 ? 'end' : 'front');
      for (;;) {
        const names: string[] = [];
        for (let cell = mine.next(); !cell.done; cell = mine.next()) {
          names.push(cell.value.id);
          if (names.length === PIECE) break;
        }
        if (!names.length) return;
        await channel.ask({ job: 'cells', linux, names }, options);
      }
    }),
  );
}
