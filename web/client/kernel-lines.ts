// SPDX-License-Identifier: GPL-2.0-or-later
/** Where Linux does what a step models: the line for its name, and for the function that it is in. */

import { useEffect, useState } from 'preact/hooks';
import { SOURCES } from '../../src/contract/rules.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
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

/** By name of a step or routine, then by version; see scripts/kernel-names.mjs. */
export type Lines = NonNullable<typeof pfnmapPlaces>;

/** The lines once they are there; asks for them when it is first used. */
export function useKernelLines(): Lines | null {
  const [lines, setLines] = useState(globalThis.pfnmapPlaces ?? null);
  useEffect(() => {
    // Without them the page says less, and that is all.
    kernelPlaces().then(setLines, () => {});
  }, []);
  return lines;
}

/** What is said of a name: a line of Linux, or why there is none. */
export type Answer = Place | { readonly why: string };

const ANSWER = /^(\S+):(\d+)(?: (.+))?$/;

/** @returns null for a name that nobody has answered for */
export function answerOf(name: string, linux: LinuxVersion, lines: Lines): Answer | null {
  const text = Object.hasOwn(lines, name) ? lines[name][linux] : undefined;
  if (text === undefined) return null;
  const [, file, line, what = `${name}()`] = ANSWER.exec(text) ?? [];
  if (!file) return { why: text };
  return { what, file, line: Number(line), version: SOURCES[linux].version };
}

function placeOf(name: string, linux: LinuxVersion, lines: Lines): Place | null {
  const answer = answerOf(name, linux, lines);
  return answer && 'file' in answer ? answer : null;
}

type Routines = StepView['routines'];

interface Code {
  /** Which part of an exporter's code: the name with `*` for the exporter's. */
  readonly part: string;
  readonly source: string;
}

/** Whose own code routine `i` is, an exporter's that was made from traits; and where that is written. */
function exporterCode(routines: Routines, i: number, lines: Lines): Code | null {
  const { name } = routines[i];
  if (Object.hasOwn(lines, name)) return called(routines, i, lines);
  // Its name is in front, and may itself have a low line in it.
  for (const { index: cut } of name.matchAll(/_/g)) {
    const part = `*${name.slice(cut)}`;
    if (!Object.hasOwn(lines, part)) continue;
    const id = name.slice(0, cut);
    const cited = routines.find((r) => r.cite && r.name.startsWith(`${id}_`))?.cite;
    const known = EXPORTERS.find((e) => e.id === id)?.source;
    return { part, source: cited ?? known ?? '' };
  }
  return called(routines, i, lines);
}

/** A helper that only an exporter's own code calls, which may have the name of a function of Linux. */
function called(routines: Routines, i: number, lines: Lines): Code | null {
  const part = `*${routines[i].name}`;
  if (!i || !Object.hasOwn(lines, part)) return null;
  const caller = exporterCode(routines, i - 1, lines);
  return caller && { ...caller, part };
}

export interface Said {
  /** Of the step itself. */
  readonly own: Answer | null;
  /** Of the innermost function around it that Linux has, where the step itself says too little. */
  readonly within: Place | null;
  /** The exporter's own code that it is in, and where that is written; before any function of Linux. */
  readonly exporter: { readonly does: string; readonly source: string } | null;
}

/** Everything that is said of where a step is in Linux. */
export function whereInKernel(step: StepView, linux: LinuxVersion, lines: Lines): Said {
  const own = answerOf(step.name, linux, lines);
  const { routines } = step;
  for (let i = routines.length - 1; i >= 0; i--) {
    const code = exporterCode(routines, i, lines);
    if (code) {
      const does = lines[code.part][linux];
      return { own, within: null, exporter: { does, source: code.source } };
    }
    const within = placeOf(routines[i].name, linux, lines);
    if (within) return { own, within: same(own, within) ? null : within, exporter: null };
  }
  return { own, within: null, exporter: null };
}

const same = (a: Answer | null, b: Place): boolean =>
  a !== null && 'file' in a && a.file === b.file && a.line === b.line;
