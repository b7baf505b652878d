// SPDX-License-Identifier: GPL-2.0-or-later
/** Where Linux does what a step models: file and line of the innermost function that Linux has. */

import { useEffect, useState } from 'preact/hooks';
import { SOURCES } from '../../src/contract/rules.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import type { StepView } from '../engine/protocol.ts';
import { kernelPlaces } from './lazy.ts';

export interface Place {
  /** The function. */
  readonly what: string;
  readonly file: string;
  readonly line: number;
  /** The exact version that the line is of. */
  readonly version: string;
}

/** Empty until the script with the lines is there. */
let lines: NonNullable<typeof pfnmapPlaces> = {};

/** True once the lines are there; asks for them when it is first used. */
export function useKernelLines(): boolean {
  const [there, setThere] = useState(Object.keys(lines).length > 0);
  useEffect(() => {
    // Without them the page says less, and that is all.
    kernelPlaces().then(
      (found) => {
        lines = found;
        setThere(true);
      },
      () => {},
    );
  }, []);
  return there;
}

export function placeOf(name: string, linux: LinuxVersion): Place | null {
  const found = Object.hasOwn(lines, name) ? lines[name][linux] : undefined;
  if (!found) return null;
  const [file, line] = found.split(':');
  return { what: `${name}()`, file, line: Number(line), version: SOURCES[linux].version };
}

/**
 * The step itself if Linux has a function of its name, else the innermost routine that it has. An
 * inline function of a header says less than the function that calls it.
 */
export function whereInKernel(step: StepView, linux: LinuxVersion): Place | null {
  const names = [step.name, ...step.routines.map((r) => r.name).reverse()];
  const places = names.flatMap((name) => placeOf(name, linux) ?? []);
  return places.find((p) => !p.file.endsWith('.h')) ?? places[0] ?? null;
}
