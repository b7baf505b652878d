// SPDX-License-Identifier: GPL-2.0-or-later
/** Runs programs on the model and compares with what real kernels answered. */
import type { LinuxVersion } from '../kernel/versions.ts';
import { Guest, type OpHandler, UNSUPPORTED } from './guest.ts';
import { CALL_OPS } from './ops-calls.ts';
import { FD_OPS } from './ops-fd.ts';
import { MEMORY_OPS } from './ops-memory.ts';
import type { Op, Program } from './program.ts';

/** Every op that the model implements. */
export const OPS: Readonly<Record<string, OpHandler>> = {
  ...MEMORY_OPS,
  ...CALL_OPS,
  ...FD_OPS,
};

/** Runs ops on a freshly booted model; one result per op, fewer if the kernel died. */
export function runOps(linux: LinuxVersion, ops: readonly Op[]): string[] {
  const guest = new Guest(linux, ops);
  const results: string[] = [];
  for (const op of ops) {
    const result = guest.exec(op, OPS);
    results.push(result);
    if (result.startsWith('!KERNEL')) break;
  }
  return results;
}

export interface Mismatch {
  readonly id: string;
  readonly op: number;
  readonly text: string;
  readonly recorded: string;
  readonly model: string;
  readonly booted: string | null;
}

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
  /** Called now and then with the number of programs done. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Runs each program that this version has answers for and compares op by op. */
export function compare(programs: readonly Program[], options: RunOptions): Comparison {
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
  const started = performance.now();
  for (const program of programs) {
    if (signal?.aborted) break;
    const recorded = program.expect[linux];
    if (!recorded) {
      out.programs_left_out++;
      continue;
    }
    const results = runOps(linux, program.ops);
    out.programs++;
    let bad = 0;
    for (let i = 0; i < program.ops.length; i++) {
      const want = recorded[i] ?? '';
      const got = results[i] ?? '';
      out.ops++;
      if (got === UNSUPPORTED) {
        const { name } = program.ops[i];
        out.unsupported_ops[name] = (out.unsupported_ops[name] ?? 0) + 1;
      }
      if (want === got) continue;
      bad++;
      out.mismatches.push({
        id: program.id,
        op: i,
        text: program.ops[i].text,
        recorded: want,
        model: got,
        booted: null,
      });
    }
    out.ops_mismatched += bad;
    if (bad) out.programs_mismatched++;
    if (out.programs % 256 === 0) onProgress?.(out.programs, programs.length);
  }
  out.ms = performance.now() - started;
  return out;
}
