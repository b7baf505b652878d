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

/** The next place where a name stands so; -1: none. */
function next(text: string, name: string, from: number, as: As): number {
  for (let at = text.indexOf(name, from); at >= 0; at = text.indexOf(name, at + 1)) {
    const end = at + name.length;
    if (isWord(text.charCodeAt(at - 1)) || isWord(text.charCodeAt(end))) continue;
    if (as !== 'word' && !goesOn(text, end, as)) continue;
    if ((as === 'member call' || as === 'assigned') && !isMember(text, at)) continue;
    return at;
  }
  return -1;
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
  // The first place at or behind where the last function began: functions come in order, but for twins.
  let low = 0;
  let at = next(text, name, 0, as);
  const none = at < 0;
  return defs.filter(({ file: its, where }) => {
    if (its !== file) return next(its.text.slice(where[from], where.end), name, 0, as) >= 0;
    if (none) return false;
    if (where[from] < low) at = next(text, name, where[from], as);
    else if (at >= 0 && at < where[from]) at = next(text, name, where[from], as);
    low = where[from];
    return at >= 0 && at + name.length <= where.end;
  });
}
