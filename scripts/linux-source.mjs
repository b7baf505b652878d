// SPDX-License-Identifier: GPL-2.0-or-later
// Gets the kernel source that the checker is held against: Debian's linux-source-6.1 and -6.12,
// downloaded with apt and unpacked into the cache, without being root; of it what the checker reads.
// PFNMAP_LINUX names a directory that already holds linux-source-6.1/ and linux-source-6.12/.
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
 * The packed source: what an installed package left in /usr/src, else the package from apt.
 *
 * @param {string} name of the package
 * @param {string} temporary directory for it
 */
function packed(name, temporary) {
  const installed = join('/usr/src', `${name}.tar.xz`);
  if (existsSync(installed)) return installed;
  console.error(`pfnmap: getting the Debian package ${name}`);
  // The package lists may be missing, or so old that they lead to another release than everybody has.
  if (process.getuid?.() === 0) {
    try {
      must('apt-get', ['update'], temporary);
    } catch {
      // What the lists that are there lead to will do.
    }
  }
  must('apt-get', ['download', name], temporary);
  const deb = readdirSync(temporary).find((f) => f.endsWith('.deb'));
  if (!deb) throw new Error(`apt-get download ${name} brought no .deb file`);
  must('dpkg', ['-x', deb, 'deb'], temporary);
  return join(temporary, 'deb', 'usr', 'src', `${name}.tar.xz`);
}

/**
 * The tree of a version, as far as the checker reads it, fetched if need be.
 *
 * @param {string} version
 */
export function fetchLinux(version) {
  const known = linuxTree(version);
  if (known) return known;
  const name = `linux-source-${version}`;
  const tree = join(cache, name);
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, 'download-'));
  try {
    const archive = packed(name, temporary);
    console.error(`pfnmap: unpacking the C files of ${name}, about 1.3 GB`);
    const wanted = ['*.c', '*.h', `${name}/Makefile`, `${name}/Kconfig`];
    must('tar', ['-I', 'xz -T0', '-xf', archive, '--wildcards', ...wanted], temporary);
    renameSync(join(temporary, name), tree);
  } catch (error) {
    // Somebody else may have been faster.
    if (linuxTree(version)) return tree;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `the source of Linux ${version} is needed and could not be had: ${why}\n` +
        `Where there is no apt, unpack it elsewhere and set PFNMAP_LINUX to the directory that ${name}/ is in.`,
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return tree;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const version of wanted.length ? wanted : ['6.1', '6.12']) console.log(fetchLinux(version));
}
