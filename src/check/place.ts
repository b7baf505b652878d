// SPDX-License-Identifier: GPL-2.0-or-later
/** Which tree a path is in, and what version that is. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** Where a path lies: in which tree, and in which part of it. */
export interface Place {
  readonly root: string;
  /** The part asked for, relative to the root; '' for all. */
  readonly part: string;
  readonly kind: 'kernel' | 'module';
  readonly version: string | null;
}

/** The kernel tree that a path is in, or the path itself as a module of its own. */
export function placeOf(path: string): Place {
  const full = resolve(path);
  const start = statSync(full).isDirectory() ? full : dirname(full);
  for (let dir = start; ; dir = dirname(dir)) {
    const version = kernelVersion(dir);
    if (version !== null) {
      const part = relative(dir, full).split(sep).join('/');
      return { root: dir, part, kind: 'kernel', version };
    }
    if (dirname(dir) === dir) break;
  }
  const part = start === full ? '' : relative(start, full);
  return { root: start, part, kind: 'module', version: null };
}

/** The version in a kernel's top Makefile; null for any other directory. */
export function kernelVersion(dir: string): string | null {
  if (!existsSync(join(dir, 'Kconfig')) || !existsSync(join(dir, 'include', 'linux'))) return null;
  try {
    const text = readFileSync(join(dir, 'Makefile'), 'latin1').slice(0, 4000);
    const of = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\d+)`, 'm').exec(text)?.[1];
    const [a, b, c] = [of('VERSION'), of('PATCHLEVEL'), of('SUBLEVEL')];
    return a && b ? `${a}.${b}${c ? `.${c}` : ''}` : null;
  } catch {
    return null;
  }
}
