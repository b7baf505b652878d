// SPDX-License-Identifier: GPL-2.0-or-later
// What `npm start` and `npm test` do first, with nothing but Node itself:
// check Node's version and install the locked dependencies when they are
// missing or differ from package-lock.json.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** An error whose message alone is meant for the user. */
export class SetupError extends Error {}

/**
 * @param {number} major
 * @param {number} [minor]
 */
export function checkNode(major, minor = 0) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  throw new SetupError(
    `Node ${major}.${minor} or newer is needed, but this is Node ${process.versions.node} ` +
      `(${process.execPath}).`,
  );
}

/**
 * The packages of a lock file, by their place under node_modules.
 *
 * @param {string} file
 * @returns {Record<string, {version?: string, integrity?: string, optional?: boolean, peer?: boolean}> | undefined}
 */
function lockedPackages(file) {
  try {
    const { '': _self, ...packages } = JSON.parse(readFileSync(file, 'utf8')).packages;
    return packages;
  } catch {
    return undefined;
  }
}

/** Why the dependencies have to be installed, or undefined when they are in place. */
function staleReason() {
  const locked = lockedPackages(join(root, 'package-lock.json'));
  if (!locked) throw new SetupError('package-lock.json is missing or cannot be parsed.');
  const modules = join(root, 'node_modules');
  if (!existsSync(modules)) return 'node_modules is missing';
  // npm writes this record last, so it also tells whether an install was cut short.
  const installed = lockedPackages(join(modules, '.package-lock.json'));
  if (!installed) return 'node_modules is incomplete';
  for (const [place, want] of Object.entries(locked)) {
    const have = installed[place];
    if (!have && want.optional) continue;
    if (have?.version !== want.version || have?.integrity !== want.integrity) {
      return `${place} is not what package-lock.json asks for`;
    }
  }
  const extra = Object.keys(installed).find((place) => !locked[place]);
  if (extra) return `${extra} is not in package-lock.json`;
  const native = `@esbuild/${process.platform}-${process.arch}`;
  if (locked[`node_modules/${native}`] && !existsSync(join(modules, native))) {
    return `node_modules has no ${native}: it was installed on another system`;
  }
  return undefined;
}

/**
 * Runs a command to its end; returns its exit code and what it wrote to stderr
 * if that was asked for.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ keepErrors?: boolean, toErrors?: boolean, stdin?: boolean, shell?: boolean }} [options]
 * @returns {Promise<{ code: number, errors: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    let errors = '';
    const child = spawn(command, args, {
      cwd: root,
      shell: options.shell ?? false,
      stdio: [
        options.stdin ? 'inherit' : 'ignore',
        options.toErrors ? 2 : 'inherit',
        options.keepErrors ? 'pipe' : 'inherit',
      ],
    });
    child.stderr?.on('data', (data) => {
      errors += data;
      process.stderr.write(data);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      // As a shell reports it: 128 + the number of the signal.
      const signals = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };
      const number = signals[/** @type {keyof typeof signals} */ (signal ?? '')] ?? 0;
      resolve({ code: code ?? 128 + number, errors });
    });
  });
}

/** @param {string} script one of package.json's, or a command of npm itself */
export function npm(script, args = /** @type {string[]} */ ([]), options = {}) {
  const cli = process.env.npm_execpath;
  if (cli && /\bnpm-cli\.c?js$/.test(cli)) {
    return run(process.execPath, [cli, script, ...args], options);
  }
  const windows = process.platform === 'win32';
  return run(windows ? 'npm.cmd' : 'npm', [script, ...args], { ...options, shell: windows });
}

export async function ensureDependencies() {
  const reason = staleReason();
  if (!reason) return;
  console.error(`pfnmap: ${reason}: running npm ci`);
  let result;
  try {
    result = await npm('ci', ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
      keepErrors: true,
      toErrors: true,
    });
  } catch (error) {
    throw new SetupError(`npm could not be started (${error}). It comes with Node; is it in PATH?`);
  }
  if (result.code === 0) return;
  const offline =
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/;
  const code = offline.exec(result.errors)?.[1];
  throw new SetupError(
    code
      ? `npm ci could not reach the package registry (${code}). The first run needs the network, ` +
          'or a filled npm cache; check `npm config get registry` and the proxy settings.'
      : `npm ci failed with exit code ${result.code}; its own messages are above.`,
  );
}

/**
 * Runs a script's main function; an error ends the process with exit code 1.
 *
 * @param {() => Promise<number>} main
 */
export async function exitWith(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof SetupError ? `pfnmap: ${error.message}` : error);
    process.exitCode = 1;
  }
}
