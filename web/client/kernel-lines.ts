// SPDX-License-Identifier: GPL-2.0-or-later
/** Where Linux does what a step models: file and line of the innermost function that Linux has. */

import { SOURCES } from '../../src/contract/rules.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import lines from '../data/kernel-lines.json';
import type { StepView } from '../engine/protocol.ts';

export interface Place {
  /** The function. */
  readonly what: string;
  readonly file: string;
  readonly line: number;
  /** The exact version that the line is of. */
  readonly version: string;
}

/** By function: file and line in each version that has it. Written by scripts/kernel-lines.mjs. */
const LINES: Readonly<Record<string, Partial<Record<LinuxVersion, string>>>> = lines;

export function placeOf(name: string, linux: LinuxVersion): Place | null {
  const found = Object.hasOwn(LINES, name) ? LINES[name][linux] : undefined;
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
