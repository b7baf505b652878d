// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The command line program. Its help is always the same and was written down when the program was
 * built (scripts/build.mjs), so that who asks for it waits for Node alone.
 */
import { readFileSync, writeSync } from 'node:fs';

const HELP = ['--help', '-h', 'help'];

function helped(): boolean {
  if (process.argv.length !== 3 || !HELP.includes(process.argv[2] ?? '')) return false;
  try {
    return writeSync(1, readFileSync(new URL('./help.txt', import.meta.url))) > 0;
  } catch {
    return false;
  }
}

if (!helped()) import('./start.ts').then(({ start }) => start(import.meta.url));
