// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs recordings on the model and compares with what real kernels answered: the whole of
 * `pfnmap conform` but its command line.
 */
import type { LinuxVersion } from '../kernel/versions.ts';
import { ANY_VERSION, parseCorpus, parseFacts } from './corpus.ts';
import { Guest, type OpHandler, UNSUPPORTED, type ZeroPage } from './guest.ts';
import { CALL_OPS } from './ops-calls.ts';
import { FD_OPS } from './ops-fd.ts';
import { MEMORY_OPS } from './ops-memory.ts';
import type { Op } from './program.ts';

/** Every op that the model implements. */
export const OPS: ReadonlyMap<string, OpHandler> = new Map(
  Object.entries({ ...MEMORY_OPS, ...CALL_OPS, ...FD_OPS }),
);

/** What a dead kernel's console says; nothing after it has a result. */
const DEAD = '!KERNEL:';
/** The program waited until it was killed; nothing after it ran. */
const KILLED = '!SIG14';

/**
 * Runs ops on a freshly booted model: one result per op, fewer if the kernel died.
 * @param zero the zero page as programs before this one left it, if they ran on the same boot
 */
export function runOps(linux: LinuxVersion, ops: readonly Op[], zero?: ZeroPage): string[] {
  const guest = new Guest(linux, ops, zero);
  const results: string[] = [];
  for (const op of ops) {
    const result = guest.exec(op, OPS);
    results.push(result);
    if (result.startsWith(DEAD) || result === KILLED) break;
  }
  if (zero) guest.keepZeroPage(zero);
  return results;
}

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

interface Case {
  readonly id: string;
  readonly setup: readonly Op[];
  readonly ops: readonly Op[];
  readonly recorded: readonly string[] | undefined;
}

/** Results of a case's own ops; what a failed setup left in their place where it did not succeed. */
function runCase(linux: LinuxVersion, one: Case, zero: ZeroPage): string[] {
  if (!one.setup.length) return runOps(linux, one.ops, zero);
  const all = runOps(linux, [...one.setup, ...one.ops]);
  const setup = all.slice(0, one.setup.length);
  const own = all.slice(one.setup.length);
  const died = own.find((result) => result.startsWith(DEAD));
  if (died) return [`setup:${died}`];
  return setup.every((result) => result === 'ok') ? own : [`setup:${setup.join('/')}`];
}

function compare(cases: readonly Case[], options: RunOptions): Comparison {
  const { linux, onProgress, signal } = options;
  const out: Comparison = {
    linux,
    programs: 0,
    programs_left_out: 0,
    ops: 0,
    programs_mismatched: 0,
    ops_mismatched: 0,
    unsupported_ops: {},
    ms: 0,
    mismatches: [],
  };
  // Recordings run program after program on one boot.
  const zero: ZeroPage = new Map();
  const started = performance.now();
  for (const one of cases) {
    if (signal?.aborted) break;
    if (!one.recorded) {
      out.programs_left_out++;
      continue;
    }
    const results = runCase(linux, one, zero);
    out.programs++;
    const n = Math.max(one.recorded.length, results.length);
    let bad = 0;
    for (let i = 0; i < n; i++) {
      const recorded = one.recorded[i] ?? '';
      const model = results[i] ?? '';
      const name = one.ops[i]?.name ?? '';
      out.ops++;
      if (model === UNSUPPORTED) {
        out.unsupported_ops[name] = (out.unsupported_ops[name] ?? 0) + 1;
      }
      if (recorded === model) continue;
      bad++;
      const text = one.ops[i]?.text ?? '';
      out.mismatches.push({ id: one.id, op: i, text, recorded, model, booted: null });
    }
    out.ops_mismatched += bad;
    if (bad) out.programs_mismatched++;
    if (out.programs % 256 === 0) onProgress?.(out.programs, cases.length);
  }
  out.ms = performance.now() - started;
  return out;
}

/**
 * Runs a corpus of programs (JSON lines) and compares op by op.
 * @throws CorpusError when the text is not a corpus, with file and line
 */
export function runCorpus(text: string, options: RunOptions): Comparison {
  const cases = parseCorpus(text, options.file, options.fromLine).map((program) => ({
    id: program.id,
    setup: [],
    ops: program.ops,
    recorded: program.expect[options.linux],
  }));
  return compare(cases, options);
}

/**
 * Runs a facts table or a bugs table and compares row by row.
 * @throws CorpusError when the text is neither, with file and line
 */
export function runFacts(text: string, options: RunOptions): Comparison {
  const cases = parseFacts(text, options.file, options.fromLine).map((row) => ({
    id: row.id,
    setup: row.setup,
    ops: row.ops,
    recorded: row.expect[options.linux] ?? row.expect[ANY_VERSION],
  }));
  return compare(cases, options);
}
