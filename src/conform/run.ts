// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs recordings on the model and compares with what real kernels answered: the whole of
 * `pfnmap conform` but its command line.
 */
import type { LinuxVersion } from '../kernel/versions.ts';
import { ANY_VERSION, parseCorpus, parseFacts } from './corpus.ts';
import type { ZeroPage } from './guest.ts';
import { runOps } from './model.ts';
import { DEAD, type Op, UNSUPPORTED } from './program.ts';

/** A disagreement; `booted` is for a real kernel's answer of today. */
export interface Mismatch {
  readonly id: string;
  readonly op: number;
  readonly text: string;
  readonly recorded: string;
  readonly model: string;
  readonly booted: string | null;
}

/** What `pfnmap conform --json` prints. */
export interface Comparison {
  linux: LinuxVersion;
  programs: number;
  programs_left_out: number;
  ops: number;
  programs_mismatched: number;
  ops_mismatched: number;
  unsupported_ops: Record<string, number>;
  ms: number;
  mismatches: Mismatch[];
}

export interface RunOptions {
  readonly linux: LinuxVersion;
  /** Name of the input, for messages. */
  readonly file?: string;
  /** Number of the first line (in a table, of the one after the names of its columns), for messages. */
  readonly fromLine?: number;
  /** Called now and then with the number of programs done, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two programs; what was compared until then is returned. */
  readonly signal?: AbortSignal;
}

/** A program with what was recorded of it. */
export interface Case {
  readonly id: string;
  /** Ops that come first and whose results are not recorded. */
  readonly setup: readonly Op[];
  readonly ops: readonly Op[];
  readonly recorded: readonly string[] | undefined;
}

/** The results of a case's own ops; what a failed setup left in their place if it did not succeed. */
export function answersOf(one: Case, all: readonly string[]): readonly string[] {
  if (!one.setup.length) return all;
  const setup = all.slice(0, one.setup.length);
  const own = all.slice(one.setup.length);
  const died = own.find((result) => result.startsWith(DEAD));
  if (died) return [`setup:${died}`];
  return setup.every((result) => result === 'ok') ? own : [`setup:${setup.join('/')}`];
}

export const emptyComparison = (linux: LinuxVersion): Comparison => ({
  linux,
  programs: 0,
  programs_left_out: 0,
  ops: 0,
  programs_mismatched: 0,
  ops_mismatched: 0,
  unsupported_ops: {},
  ms: 0,
  mismatches: [],
});

/** Compares what there is of a case's answers, op by op, and adds the outcome to `out`. */
export function tally(
  out: Comparison,
  one: Case,
  model: readonly string[],
  booted: readonly string[] | null = null,
): void {
  const { recorded } = one;
  out.programs++;
  const n = Math.max(recorded?.length ?? 0, model.length, booted?.length ?? 0);
  let bad = 0;
  for (let i = 0; i < n; i++) {
    const said = model[i] ?? '';
    const name = one.ops[i]?.name ?? '';
    out.ops++;
    if (said === UNSUPPORTED) out.unsupported_ops[name] = (out.unsupported_ops[name] ?? 0) + 1;
    const was = recorded ? (recorded[i] ?? '') : null;
    const is = booted ? (booted[i] ?? '') : null;
    if ((was === null || was === said) && (is === null || is === said)) continue;
    bad++;
    const text = one.ops[i]?.text ?? '';
    const mismatch = { id: one.id, op: i, text, recorded: was ?? '', model: said, booted: is };
    out.mismatches.push(mismatch);
  }
  out.ops_mismatched += bad;
  if (bad) out.programs_mismatched++;
}

function compare(cases: readonly Case[], options: RunOptions): Comparison {
  const { linux, onProgress, signal } = options;
  const out = emptyComparison(linux);
  // Recordings run program after program on one boot.
  const zero: ZeroPage = new Map();
  const started = performance.now();
  for (const one of cases) {
    if (signal?.aborted) break;
    if (!one.recorded) {
      out.programs_left_out++;
      continue;
    }
    const ops = one.setup.length ? [...one.setup, ...one.ops] : one.ops;
    tally(out, one, answersOf(one, runOps(linux, ops, zero)));
    if (out.programs % 256 === 0) onProgress?.(out.programs, cases.length);
  }
  out.ms = performance.now() - started;
  return out;
}

/** The cases of a corpus of programs (JSON lines), for a version. */
export function corpusCases(
  text: string,
  linux: LinuxVersion,
  file?: string,
  fromLine?: number,
): Case[] {
  return parseCorpus(text, file, fromLine).map((program) => ({
    id: program.id,
    setup: [],
    ops: program.ops,
    recorded: program.expect[linux],
  }));
}

/** The cases of a facts table or a bugs table, for a version. */
export function factsCases(
  text: string,
  linux: LinuxVersion,
  file?: string,
  fromLine?: number,
): Case[] {
  return parseFacts(text, file, fromLine).map((row) => ({
    id: row.id,
    setup: row.setup,
    ops: row.ops,
    recorded: row.expect[linux] ?? row.expect[ANY_VERSION],
  }));
}

/**
 * Runs a corpus of programs (JSON lines) and compares op by op.
 * @throws CorpusError when the text is not a corpus, with file and line
 */
export function runCorpus(text: string, options: RunOptions): Comparison {
  return compare(corpusCases(text, options.linux, options.file, options.fromLine), options);
}

/**
 * Runs a facts table or a bugs table and compares row by row.
 * @throws CorpusError when the text is neither, with file and line
 */
export function runFacts(text: string, options: RunOptions): Comparison {
  return compare(factsCases(text, options.linux, options.file, options.fromLine), options);
}
