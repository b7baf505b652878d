// SPDX-License-Identifier: GPL-2.0-or-later
// Gets the kernel source that the checker is held against: Debian's linux-source-6.1 and -6.12,
// downloaded with apt and unpacked into the cache, without being root. PFNMAP_LINUX names a directory
// that already holds linux-source-6.1/ and linux-source-6.12/.
//
//     node scripts/linux-source.mjs [6.1] [6.12]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pfnmap', 'linux');

/**
 * The unpacked tree of a version; undefined when it is not there yet.
 *
 * @param {string} version `6.1` or `6.12`
 */
export function linuxTree(version) {
  const dirs = [process.env.PFNMAP_LINUX, cache].filter((d) => d !== undefined);
  return dirs
    .map((d) => join(d, `linux-source-${version}`))
    .find((d) => existsSync(join(d, 'Makefile')));
}

/**
 * Runs a command; throws what it said when it fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function must(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${(error?.message ?? stderr).trim()}`);
}

/**
 * The tree of a version, fetched if need be.
 *
 * @param {string} version
 */
export function fetchLinux(version) {
  const known = linuxTree(version);
  if (known) return known;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, 'download-'));
  try {
    const name = `linux-source-${version}`;
    console.error(`pfnmap: getting the Debian package ${name}`);
    must('apt-get', ['download', name], temporary);
    const deb = readdirSync(temporary).find((f) => f.endsWith('.deb'));
    if (!deb) throw new Error(`apt-get download ${name} brought no .deb file`);
    must('dpkg', ['-x', deb, 'deb'], temporary);
    console.error('pfnmap: unpacking, about 1.5 GB');
    must('tar', ['-xf', join('deb', 'usr', 'src', `${name}.tar.xz`)], temporary);
    renameSync(join(temporary, name), join(cache, name));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return join(cache, `linux-source-${version}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const version of wanted.length ? wanted : ['6.1', '6.12']) console.log(fetchLinux(version));
}
