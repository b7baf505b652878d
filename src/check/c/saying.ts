// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Functions in whose text a name stands, in a certain way or in any. A file's text is gone through once, not
 * function by function, and without a regular expression for each name: to compile one takes longer.
 */
import type { FunctionDef } from './program.ts';
import type { SourceFile } from './skeleton.ts';

/** How a name has to stand: as any word, before a bracket, as a member before one, as a member that is assigned. */
export type As = 'word' | 'call' | 'member call' | 'assigned';

const isWord = (c: number) =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || (c >= 48 && c <= 57);
const isSpace = (c: number) => c === 32 || (c >= 9 && c <= 13) || c === 0xa0;

/** Whether `.` or `->` stands before an offset. */
function isMember(text: string, at: number): boolean {
  let k = at - 1;
  while (isSpace(text.charCodeAt(k))) k--;
  const c = text.charCodeAt(k);
  return c === 46 || (c === 62 && text.charCodeAt(k - 1) === 45);
}

/** Whether what stands behind an offset is a bracket, or an assignment. */
function goesOn(text: string, at: number, as: As): boolean {
  let k = at;
  while (isSpace(text.charCodeAt(k))) k++;
  const c = text.charCodeAt(k);
  return as === 'assigned' ? c === 61 && text.charCodeAt(k + 1) !== 61 : c === 40;
}

/** Where a name stands as a word in a text. */
function placesOf(text: string, name: string): readonly number[] {
  const out: number[] = [];
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const end = at + name.length;
    if (!isWord(text.charCodeAt(at - 1)) && !isWord(text.charCodeAt(end))) out.push(at);
  }
  return out;
}

/** Whether a name that is a word there stands so. */
const stands = (text: string, name: string, at: number, as: As): boolean =>
  (as === 'word' || goesOn(text, at + name.length, as)) &&
  (as === 'word' || as === 'call' || isMember(text, at));

const known = new WeakMap<SourceFile, Map<string, readonly number[]>>();

/** Where a name stands as a word in a file: drivers that share a file ask for the same ones. */
function placesIn(file: SourceFile, name: string): readonly number[] {
  let names = known.get(file);
  if (!names) known.set(file, (names = new Map()));
  let places = names.get(name);
  if (!places) names.set(name, (places = placesOf(file.text, name)));
  return places;
}

/**
 * Those of a file's functions in which a name stands.
 * @param from where in a function it has to be: from its declaration, or in its body
 */
export function saying(
  file: SourceFile,
  defs: readonly FunctionDef[],
  name: string,
  as: As,
  from: 'declared' | 'body',
): FunctionDef[] {
  const { text } = file;
  const places = placesIn(file, name);
  return defs.filter(({ file: its, where }) => {
    if (its !== file) {
      const made = its.text.slice(where[from], where.end);
      return placesOf(made, name).some((at) => stands(made, name, at, as));
    }
    if (places.length === 0) return false;
    for (let k = firstFrom(places, where[from]); k < places.length; k++) {
      if (places[k]! + name.length > where.end) return false;
      if (stands(text, name, places[k]!, as)) return true;
    }
    return false;
  });
}

/** The index of the first number at or above one, of numbers in order. */
function firstFrom(list: readonly number[], from: number): number {
  let [lo, hi] = [0, list.length];
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (list[mid]! < from) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
