// SPDX-License-Identifier: GPL-2.0-or-later
/** Where kernels, machines and tools are kept, and how commands are run for them. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir } from '../../cache-dir.ts';

/** Something that is needed is not here; the message says what, and how to get it. */
export class MissingMeans extends Error {
  override readonly name = 'MissingMeans';
}

/** Work that was stopped because somebody asked for it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Who is told of long work, and what stops it. */
export interface Doing {
  /** What is being done, for progress. */
  readonly say?: (text: string) => void;
  readonly signal?: AbortSignal;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * A name for what is not whole yet, beside the one that it will have. What a process that was killed
 * has left there goes.
 */
export function partialOf(final: string): string {
  const dir = dirname(final);
  mkdirSync(dir, { recursive: true });
  for (const file of readdirSync(dir)) {
    const pid = /\.part-(\d+)$/.exec(file)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(dir, file), { recursive: true, force: true });
  }
  return `${final}.part-${process.pid}`;
}

/**
 * Asks for a path that the kernel's build takes (6.12 Makefile:204; the module's own Makefiles are no better).
 * @throws MissingMeans
 */
export function needBuildable(path: string): void {
  if (/[\s:]/.test(path))
    throw new MissingMeans(
      `${path}: the kernel's build takes no path with a space or a colon. XDG_CACHE_HOME names another ` +
        'place for the cache',
    );
}

/** The C sources of module and agent, which lie beside the program. */
export function guestDir(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const guest = join(dir, 'guest');
    if (existsSync(join(guest, 'module', 'Kbuild'))) return guest;
    const up = dirname(dir);
    if (up === dir) throw new MissingMeans('the directory guest/ with our module is not here');
    dir = up;
  }
}

/** The path of a program in PATH or among the unpacked tools, or undefined. */
export function findProgram(name: string): string | undefined {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  return [...dirs, cacheDir('tools', 'usr', 'bin')]
    .map((dir) => join(dir, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

/** Debian packages that bring the programs; `libc` stands for headers and static libraries. */
export const PACKAGES: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  gcc: 'gcc libc6-dev',
  libc: 'libc6-dev',
  ld: 'binutils',
  make: 'make',
  xz: 'xz-utils',
  zstd: 'zstd',
  'dpkg-deb': 'dpkg',
  'apt-get': 'apt',
};

/** The path of a program. Throws MissingMeans that names its package. */
export function program(name: string): string {
  const found = findProgram(name);
  if (found) return found;
  const packages = PACKAGES[name] ?? name;
  throw new MissingMeans(
    `${name} is needed and is not in PATH. 'pfnmap kernel get' unpacks it into the cache; as root ` +
      `on Debian or Ubuntu: apt-get install ${packages}`,
  );
}

/** Where Debian's packages have libraries. */
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib'];

/** The environment in which programs find those that were unpacked into the cache, and their libraries. */
export function environment(): NodeJS.ProcessEnv {
  const tools = cacheDir('tools');
  if (!existsSync(tools)) return process.env;
  const { PATH, LD_LIBRARY_PATH } = process.env;
  const path = (...dirs: (string | undefined)[]) => dirs.filter(Boolean).join(delimiter);
  return {
    ...process.env,
    PATH: path(PATH, join(tools, 'usr', 'bin')),
    LD_LIBRARY_PATH: path(LD_LIBRARY_PATH, ...LIBRARIES.map((dir) => join(tools, dir))),
  };
}

export interface Ran {
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Buffer;
  readonly signal?: AbortSignal;
}

/** Commands that run, to be ended with us. */
const running = new Set<ChildProcess>();

function end({ pid }: ChildProcess): void {
  try {
    // With all that it has started.
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended.
  }
}
process.on('exit', () => running.forEach(end));

/**
 * Runs a command without a shell.
 * @throws MissingMeans with what it said on stderr, when it fails; Interrupted
 */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, env, signal } = options;
  return new Promise((done, fail) => {
    if (signal?.aborted) return fail(new Interrupted());
    const child = spawn(file, args, {
      cwd,
      env: { ...environment(), LC_ALL: 'C', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C is for us, and we end it.
      detached: true,
    });
    const stop = () => end(child);
    signal?.addEventListener('abort', stop);
    running.add(child);
    const out: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    // A command that does not read its input to the end says why by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
    child.on('error', (error) => fail(new MissingMeans(`${file}: ${error.message}`)));
    child.on('close', (code) => {
      running.delete(child);
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) fail(new Interrupted());
      else if (code === 0) done({ stdout: Buffer.concat(out), stderr });
      else {
        const said = stderr.trim() || Buffer.concat(out).toString().trim() || `exit code ${code}`;
        fail(new MissingMeans(`${[file, ...args].join(' ')}: ${said.slice(-2000)}`));
      }
    });
  });
}
