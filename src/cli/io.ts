// SPDX-License-Identifier: GPL-2.0-or-later
/** What all commands share: exit codes, output streams, interruption. */
import type { Verdict } from '../contract/words.ts';

/** Exit codes of every command; see docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** A finding, a mismatch, an unexpected verdict, a broken own scenario. */
  notSo: 1,
  usage: 2,
  /** Only unknowns or missing means stand in the way. */
  unknown: 3,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error whose message alone is meant for the user. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly code: ExitCode = EXIT.usage,
  ) {
    super(message);
  }
}

/** Data and results. */
export function out(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Progress, notes and errors. */
export function note(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function outJson(value: unknown): void {
  out(JSON.stringify(value, null, 1));
}

/** A reader that goes away (`| head`) ends the program without a word, a full disk with one. */
export function quietPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok);
      if (stream === process.stdout) note(`pfnmap: the output cannot be written: ${error.message}`);
      process.exit(EXIT.unknown);
    });
  }
}

/** Milliseconds in which a second signal is the first one's echo: timeout(1) sends each twice. */
const ECHO = 500;

/** Aborted by the first Ctrl-C or SIGTERM; the second ends the program at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const stop = () => {
    if (!controller.signal.aborted) first = performance.now();
    else if (performance.now() - first > ECHO) process.exit(EXIT.interrupted);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

/** Lets signals and messages in. */
export const breathe = () => new Promise<void>((done) => setImmediate(done));

/** Transitions between two looks at the outside world. */
export const SLICE = 20_000;

/** Columns to print for. */
export const columns = () => (process.stdout.isTTY ? process.stdout.columns || 80 : 100);

/** Paints a verdict's word on a terminal. */
export async function painter(): Promise<(text: string, verdict: Verdict) => string> {
  if (!process.stdout.isTTY) return (text) => text;
  const { createColors } = await import('picocolors');
  const pc = createColors();
  const paint = {
    corrupts: pc.red,
    breaks: pc.yellow,
    refused: pc.cyan,
    safe: pc.green,
    unknown: pc.magenta,
  };
  return (text, verdict) => paint[verdict](text);
}

/** One line on a terminal's stderr that is written over and over; nothing elsewhere. */
export class ProgressLine {
  private shown = false;
  private last = 0;
  private readonly on = process.stderr.isTTY === true;

  show(text: string): void {
    if (!this.on) return;
    const now = Date.now();
    if (now - this.last < 80) return;
    this.last = now;
    this.shown = true;
    const room = (process.stderr.columns || 80) - 1;
    process.stderr.write(`\r\x1b[2K${text.slice(0, room)}`);
  }

  clear(): void {
    if (this.shown) process.stderr.write('\r\x1b[2K');
    this.shown = false;
  }
}
