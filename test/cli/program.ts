// SPDX-License-Identifier: GPL-2.0-or-later
/** Runs the built program as a user does. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { build } from '../../scripts/build.mjs';

export const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Besides what the environment has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called once the program runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

export function pfnmap(
  args: readonly string[],
  { cwd, env: more, onStart }: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1', ...more };
    const child = spawn(process.execPath, [CLI, ...args], { cwd, env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    onStart?.(child);
  });
}

/** Makes sure that dist/ is what the sources say. */
export function useBuild(): void {
  beforeAll(async () => {
    if (!(await build())) throw new Error('the build failed');
  });
}

/** A directory for a user's files; what is written there is gone after the tests. */
export function useDirectory(): { path(): string; write(name: string, text: string): void } {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'pfnmap-cli-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return {
    path: () => dir,
    write: (name, text) => writeFileSync(join(dir, name), text),
  };
}

/** What differs from run to run and from machine to machine. */
export const steady = (text: string) =>
  text
    .replace(/\b\d+(\.\d+)? m?s\b/g, 'N ms')
    .replace(/\b[\d,]+ (states?|steps?)\b/g, 'N $1')
    .replace(/^pfnmap replay [\s\S]*?\n(?! )/m, 'pfnmap replay SCHEDULE\n');
