// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the programs that are not npm packages: spin, the model checker, gcc,
// which compiles what spin generates, and chromium, in which the page is
// tested. What is missing is installed with apt where that is possible;
// otherwise the error says what to install, so that nothing which needs the
// program is skipped in silence.

import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const tools = {
  // One small package that needs libc only, so it also runs from where it is unpacked.
  spin: { package: 'spin', unpacks: true, homepage: 'https://spinroot.com' },
  gcc: { package: 'gcc', unpacks: false, homepage: 'https://gcc.gnu.org' },
  // What real kernels are booted in, and what our test module is built with.
  make: { package: 'make', unpacks: false, homepage: 'https://www.gnu.org/software/make' },
  'qemu-system-x86_64': {
    package: 'qemu-system-x86',
    unpacks: false,
    homepage: 'https://www.qemu.org',
  },
  chromium: { package: 'chromium', unpacks: false, homepage: 'https://www.chromium.org' },
};

/** All of them. */
export const toolNames = /** @type {(keyof typeof tools)[]} */ (Object.keys(tools));

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @param {string} name */
function inPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => join(dir, name))
    .find(isProgram);
}

/**
 * Runs a command without input; undefined when it went well, else what it said.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
function attempt(command, args, cwd) {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  });
  if (result.status === 0) return undefined;
  const said = (result.error?.message ?? result.stderr).trim() || `exit code ${result.status}`;
  return `${[command, ...args].join(' ')}: ${said}`;
}

/** @param {string} name of a Debian package */
function aptInstall(name) {
  const install = () => attempt('apt-get', ['install', '-y', '--no-install-recommends', name]);
  const failure = install();
  if (!failure) return undefined;
  // The package lists may be missing or old.
  return attempt('apt-get', ['update']) ? failure : install();
}

/**
 * Downloads a package and unpacks it, without being root.
 *
 * @param {string} name of a Debian package
 * @param {string} cache where it goes: usr/bin and so on below it
 */
function aptUnpack(name, cache) {
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, 'download-'));
  try {
    const failure = attempt('apt-get', ['download', name], temporary);
    if (failure) return failure;
    const deb = readdirSync(temporary).find((file) => file.endsWith('.deb'));
    if (!deb) return `apt-get download ${name}: it brought no .deb file`;
    return attempt('dpkg', ['-x', join(temporary, deb), cache]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * The path of a program that is needed; throws when it cannot be had.
 *
 * @param {keyof typeof tools} name
 * @returns {string}
 */
export function need(name) {
  const tool = tools[name];
  const found = inPath(name);
  if (found) return found;

  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pfnmap', 'tools');
  const cached = join(cache, 'usr', 'bin', name);
  if (tool.unpacks && isProgram(cached)) return cached;

  let failure = 'it is not in PATH, and only root can install it';
  if (inPath('apt-get')) {
    const isRoot = process.getuid?.() === 0;
    if (isRoot || tool.unpacks) {
      console.error(`pfnmap: ${name} is not in PATH: getting the Debian package ${tool.package}`);
      failure = (isRoot ? aptInstall(tool.package) : aptUnpack(tool.package, cache)) ?? '';
      const got = inPath(name) ?? (isProgram(cached) ? cached : undefined);
      if (got) return got;
      failure ||= `the package ${tool.package} brought no ${name} into PATH`;
    }
  } else {
    failure = 'it is not in PATH, and there is no apt-get to install it with';
  }
  throw new Error(
    `${name} is needed and could not be found: ${failure}.\n` +
      `Install it (Debian or Ubuntu: apt-get install ${tool.package}; else see ${tool.homepage}) ` +
      'and make sure that it is in PATH.',
  );
}
