// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A user's own file: bundled with esbuild, run in a worker thread that is watched. A thread that says
 * nothing for long is stopped in the debugger to see where it is; if it is in the user's code, that
 * code never yields, and the message names the line. How long is told by the processor's time, so that
 * nobody is blamed for a machine that is busy with something else.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { LinuxVersion } from '../kernel/versions.ts';
import type { Address } from '../report/address.ts';
import { bundle } from './bundle.ts';
import type { Context } from './commands.ts';
import { EXIT, Failure } from './io.ts';
import type { Replayed } from './replay.ts';
import type { Outcome, RunOptions } from './run.ts';
import { whereIs } from './where.ts';

/** What the worker is asked for. */
export interface OwnRequest {
  readonly job: 'own';
  /** URL of the bundled code. */
  readonly code: string;
  /** The file as the user named it. */
  readonly file: string;
  readonly linux: LinuxVersion;
  readonly maxStates: number;
  /** Set to 1 to end it with what it has. */
  readonly stop: Int32Array;
  /** Replay this instead of exploring. */
  readonly replay?: { readonly address: Address; readonly text: string };
}

export type OwnReply =
  | { readonly type: 'beat'; readonly states: number }
  /** `driver`: one of the cells that a driver's file stands for. */
  | { readonly type: 'outcome'; readonly outcome: Outcome; readonly driver: boolean }
  | { readonly type: 'replayed'; readonly replayed: Replayed }
  | { readonly type: 'fail'; readonly message: string }
  | { readonly type: 'done' };

/** Processor time in which a worker says nothing, in milliseconds, after which it is looked at. */
const PATIENCE_MS = 3_000;
/** The same after which one that was asked to end is ended. */
const LAST_MS = 1_000;
/** Milliseconds between two looks, and what each counts at least: a thread may sleep, too. */
const TICK_MS = 100;
const ASLEEP_MS = 10;

type Listener = (reply: OwnReply) => void;

/** Runs the worker to its end. @returns what went wrong, or null */
async function supervise(
  request: Omit<OwnRequest, 'job' | 'code' | 'stop'>,
  self: string,
  signal: AbortSignal | { readonly aborted: boolean },
  listen: Listener,
): Promise<string | null> {
  const { file } = request;
  const dir = mkdtempSync(join(tmpdir(), 'pfnmap-'));
  try {
    const path = join(dir, 'own.mjs');
    const { code, map } = await bundle(file, path, self);
    writeFileSync(path, code);
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL(self), { stdout: true });
    // What the user's code prints is no data of ours.
    worker.stdout.pipe(process.stderr);
    const url = pathToFileURL(path).href;
    worker.postMessage({ job: 'own', ...request, code: url, stop } satisfies OwnRequest);
    const message = await watch(worker, url, map, stop, signal, listen);
    await worker.terminate();
    return message && readable(message, file);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function watch(
  worker: Worker,
  url: string,
  map: string,
  stop: Int32Array,
  signal: { readonly aborted: boolean },
  listen: Listener,
): Promise<string | null> {
  return new Promise((done) => {
    let silent = 0;
    let cpu = process.cpuUsage();
    let looking = false;
    let stopped = false;
    const end = (message: string | null) => {
      clearInterval(timer);
      done(message);
    };
    const timer = setInterval(() => {
      const { user, system } = process.cpuUsage(cpu);
      cpu = process.cpuUsage();
      silent += Math.max((user + system) / 1000, ASLEEP_MS);
      if (signal.aborted) {
        Atomics.store(stop, 0, 1);
        if (!stopped) silent = 0;
        stopped = true;
        if (silent > LAST_MS) end(null);
        return;
      }
      if (looking || silent < PATIENCE_MS) return;
      looking = true;
      void whereIs(url, map).then((place) => {
        looking = false;
        silent = 0;
        if (place) {
          end(
            `${place.where}: no step is yielded here in ${PATIENCE_MS / 1000} seconds of processor time` +
              `${place.name ? ` (in ${place.name})` : ''}. A loop that waits has to yield a step ` +
              'each time round; code outside of routines has to come to an end',
          );
        }
      });
    }, TICK_MS);
    worker.on('error', (error: NodeJS.ErrnoException) =>
      end(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'out of memory: too many states, or a structure without end; try --max-states'
          : (error.stack ?? String(error)),
      ),
    );
    // It stays until it is told to go, unless the user's code ends it.
    worker.on('exit', () =>
      end(signal.aborted ? null : 'it ends the program; to end a thread, return from its routine'),
    );
    worker.on('message', (reply: OwnReply) => {
      silent = 0;
      listen(reply);
      if (reply.type === 'fail') end(reply.message);
      else if (reply.type === 'done') end(null);
    });
  });
}

/** Paths as seen from here, and the file's name in front where no place is named. */
function readable(message: string, file: string): string {
  const absolute = resolve(file);
  const text = message
    .replaceAll(pathToFileURL(absolute).href, file)
    .replaceAll(absolute, file)
    .replaceAll(`${process.cwd()}/`, '');
  return text.includes(file) || text.includes(relative('.', absolute)) ? text : `${file}: ${text}`;
}

/** Explores what a file exports. @returns what went wrong, or null */
export function exploreFile(
  file: string,
  { linux, maxStates, signal, onProgress }: RunOptions,
  self: string,
  onOutcome: (outcome: Outcome, driver: boolean) => void,
): Promise<string | null> {
  return supervise({ file, linux, maxStates }, self, signal, (reply) => {
    if (reply.type === 'beat') onProgress?.(reply.states);
    if (reply.type === 'outcome') onOutcome(reply.outcome, reply.driver);
  });
}

/** Replays a schedule of a user's own file. */
export async function replayFile(
  file: string,
  address: Address,
  text: string,
  { self, signal }: Context,
): Promise<Replayed> {
  let replayed: Replayed | undefined;
  const { linux } = address;
  const request = { file, linux, maxStates: 0, replay: { address, text } };
  const failed = await supervise(request, self, signal, (reply) => {
    if (reply.type === 'replayed') replayed = reply.replayed;
  });
  if (failed) throw new Failure(failed, EXIT.notSo);
  if (!replayed) throw new Failure('interrupted', EXIT.interrupted);
  return replayed;
}
