// SPDX-License-Identifier: GPL-2.0-or-later
/** Who takes translations or struct pages, and who checks mappings, file by file. */
import type { Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import type { Callers } from './callers.ts';
import { type FlagCheck, flagChecksIn } from './checks.ts';
import { aliasesOf, type Follower, followersIn, mergeFollowers } from './followers.ts';
import { type Importer, importersIn, mergeImporters, primeImporters } from './importers.ts';
import type { Keys } from './index/asked.ts';
import { Part } from './index/names.ts';
import { followerFinding } from './told.ts';

/** What was found by looking into one file, or by the tables of PRIME. */
export interface Readers {
  /** '' for those that PRIME calls. */
  readonly path: string;
  readonly followers: readonly Follower[];
  readonly others: readonly (Importer | FlagCheck)[];
  /** What was asked to find them. */
  readonly keys: Keys;
}

/** What a file, or PRIME with '', leads to. */
export function readersIn(program: Program, callers: Callers, path: string): Readers {
  const { asked } = program.index;
  const file = path ? program.sources.get(path) : null;
  const [found, keys] = asked.during(() => lookInto(program, callers, file));
  return { path, ...found, keys };
}

function lookInto(program: Program, callers: Callers, file: SourceFile | null) {
  if (!file) return { followers: [], others: primeImporters(program) };
  return {
    followers: followersIn(file, callers),
    others: [...importersIn(program, file), ...flagChecksIn(program, file)],
  };
}

/** By what names a dma-buf's mmap is called. */
const CALLBACKS = ['mmap', 'dma_buf_mmap'];

/** All of a program. */
export function readersOf(program: Program, callers: Callers): Readers[] {
  const { index } = program;
  // Macros may stand for the words that are looked for.
  const called = [...CALLBACKS, ...aliasesOf(program).keys()].flatMap((name) =>
    index.filesWith(Part.Call, name).filter((p) => index.matters(p)),
  );
  const paths = new Set([...(callers.everywhere ? index.files : index.markedFiles), ...called]);
  return [...[...paths].sort(), ''].map((path) => readersIn(program, callers, path));
}

/** What was found in several places, each function told once. */
export function together(all: readonly Readers[]) {
  const followers = mergeFollowers(all.flatMap((r) => r.followers));
  const others = mergeImporters(all.flatMap((r) => r.others));
  const findings = [
    ...followers.flatMap((f) => f.falls.map((fall) => followerFinding(f.def, fall, f.falls))),
    ...others.map(({ def, fall }) => followerFinding(def, fall, [fall])),
  ];
  return { followers, findings };
}
