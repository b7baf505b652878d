// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap init`: a file to start from. */
import { writeFileSync } from 'node:fs';
import { STARTER } from '../scenarios/starter.ts';
import { EXIT, type ExitCode, Failure, out } from './io.ts';

export async function init(file: string): Promise<ExitCode> {
  if (!/\.[cm]?ts$/.test(file)) throw new Failure(`${file}: the file's name should end in .ts`);
  try {
    writeFileSync(file, STARTER.replace('FILE', file), { flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new Failure(`${file} exists already and is left as it is`);
    throw new Failure(`${file} cannot be written: ${message}`);
  }
  out(`${file} is written. Now run: pfnmap explore ${file}`);
  return EXIT.ok;
}
