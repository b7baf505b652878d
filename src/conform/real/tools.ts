// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The programs that building and booting need, where the system has them not: their Debian packages
 * with all that these want and the system lacks, unpacked into the cache and run from there. Nobody
 * needs to be root.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { cacheDir } from '../../cache-dir.ts';
import {
  type Doing,
  findProgram,
  Interrupted,
  MissingMeans,
  PACKAGES,
  partialOf,
  program,
  run,
} from './cache.ts';
import type { Apt } from './packages.ts';

/** What is run in the course of building an image and booting it. */
const NEEDED = ['qemu-system-x86_64', 'gcc', 'ld', 'make', 'xz'] as const;

const lacking = (): string[] => [
  ...NEEDED.filter((name) => !findProgram(name)),
  // A compiler without the C library's headers builds nothing.
  ...(existsSync('/usr/include/stdio.h') ||
  existsSync(cacheDir('tools', 'usr', 'include', 'stdio.h'))
    ? []
    : ['libc']),
];

/**
 * Brings the programs that are missing.
 * @throws MissingMeans when apt cannot; it names the packages. Interrupted
 */
export async function getTools(apt: Apt, doing: Doing): Promise<void> {
  if (lacking().length === 0) return;
  // Whole or not at all: what an earlier version has unpacked is fetched again with the rest.
  const final = cacheDir('tools');
  rmSync(final, { recursive: true, force: true });
  const names = lacking();
  const packages = names.flatMap((name) => (PACKAGES[name] ?? name).split(' '));
  doing.say?.(`not on this system: ${names.join(', ')}; unpacking their packages into the cache`);
  const partial = partialOf(final);
  try {
    mkdirSync(partial, { recursive: true });
    const files = await apt.download(await apt.install(packages));
    for (const file of files) await run(program('dpkg-deb'), ['-x', file, partial], doing);
    renameSync(partial, final);
    for (const file of files) rmSync(file, { force: true });
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new MissingMeans(
      `${names.join(', ')}: not on this system, and the packages cannot be unpacked into the cache ` +
        `(${(error as Error).message}). Debian or Ubuntu: apt-get install ${packages.join(' ')}`,
    );
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
