// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A tolerant lexer for C as people write it. It never fails: what it does not know becomes a
 * one-character token, an unfinished string ends with its line, an unfinished comment with the file.
 */

export const enum Kind {
  Ident = 1,
  Number = 2,
  String = 3,
  Char = 4,
  Punct = 5,
  /** A preprocessor line with its continuations. */
  Directive = 6,
}

/** The tokens of a text, as columns. */
export interface Tokens {
  readonly text: string;
  readonly n: number;
  readonly kind: Uint8Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
}

const IDENT = 1;
const DIGIT = 2;
const SPACE = 4;
const classOf = new Uint8Array(256);
for (let c = 0; c < 256; c++) {
  const ch = String.fromCharCode(c);
  if (/[A-Za-z_$]/.test(ch) || c >= 0x80) classOf[c] = IDENT;
  else if (/[0-9]/.test(ch)) classOf[c] = DIGIT;
  else if (c <= 0x20) classOf[c] = SPACE;
}

/** Length of the operator at `i`: the longest that C knows. */
function operatorLength(text: string, i: number, c: number): number {
  // ; , ( ) { } [ ] : ? ~ are never part of a longer one.
  if (c === 59 || c === 44 || (c >= 40 && c <= 41) || c >= 123 || c === 91 || c === 93) {
    return c === 124 ? (next(text, i) === 124 || next(text, i) === 61 ? 2 : 1) : 1;
  }
  const d = next(text, i);
  if (d === 61) return c === 58 || c === 63 || c === 64 ? 1 : 2;
  if (c === 46) return d === 46 && text.charCodeAt(i + 2) === 46 ? 3 : 1;
  if (c === 45 && d === 62) return 2;
  if (d !== c) return 1;
  if (c === 60 || c === 62) return text.charCodeAt(i + 2) === 61 ? 3 : 2;
  return c === 43 || c === 45 || c === 38 || c === 35 ? 2 : 1;
}

const next = (text: string, i: number) => text.charCodeAt(i + 1);

/** End of a preprocessor line: the first line break that no backslash continues, comments skipped. */
function directiveEnd(text: string, from: number, to: number): number {
  let i = from;
  while (i < to) {
    const c = text.charCodeAt(i);
    if (c === 10) {
      const before = text.charCodeAt(i - 1) === 13 ? i - 2 : i - 1;
      if (text.charCodeAt(before) !== 92) return i;
    } else if (c === 47 && text.charCodeAt(i + 1) === 42) {
      const close = text.indexOf('*/', i + 2);
      if (close < 0 || close >= to) return to;
      i = close + 1;
    } else if (c === 47 && text.charCodeAt(i + 1) === 47) {
      const eol = text.indexOf('\n', i);
      if (eol < 0 || eol >= to) return to;
      i = eol;
      continue;
    }
    i++;
  }
  return to;
}

function quotedEnd(text: string, from: number, to: number, quote: number): number {
  let i = from + 1;
  while (i < to) {
    const c = text.charCodeAt(i);
    if (c === 92) i++;
    else if (c === quote) return i + 1;
    else if (c === 10) return i;
    i++;
  }
  return to;
}

/** Whether only blanks stand between the start of the line and `at`. */
function firstOnLine(text: string, at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const c = text.charCodeAt(i);
    if (c === 10) return true;
    if (c === 47 && text.charCodeAt(i - 1) === 42) return true;
    if (c !== 32 && c !== 9 && c !== 13 && c !== 12) return false;
  }
  return true;
}

/** Room for the tokens of any text, made larger when it is too small. */
let kinds = new Uint8Array(1 << 16);
let starts = new Int32Array(1 << 16);
let ends = new Int32Array(1 << 16);
let count = 0;

function push(k: Kind, a: number, b: number): void {
  if (count === kinds.length) {
    const [k2, s2, e2] = [
      new Uint8Array(2 * count),
      new Int32Array(2 * count),
      new Int32Array(2 * count),
    ];
    k2.set(kinds);
    s2.set(starts);
    e2.set(ends);
    [kinds, starts, ends] = [k2, s2, e2];
  }
  kinds[count] = k;
  starts[count] = a;
  ends[count++] = b;
}

/*
 * Ends of comments, character by character: text.indexOf() has no effect that the compiler knows of, so it may
 * ask it for every token, whether a comment begins there or not, and the next comment may be a megabyte away.
 */
function commentEnd(text: string, from: number, to: number): number {
  for (let i = from; i < to - 1; i++)
    if (text.charCodeAt(i) === 42 && text.charCodeAt(i + 1) === 47) return i + 2;
  return to;
}
function lineEnd(text: string, from: number, to: number): number {
  let i = from;
  while (i < to && text.charCodeAt(i) !== 10) i++;
  return i;
}

/** Splits text[from, to) into tokens. */
export function lex(text: string, from = 0, to = text.length): Tokens {
  count = 0;
  let i = from;
  while (i < to) {
    const c = text.charCodeAt(i);
    const cls = c < 256 ? classOf[c]! : IDENT;
    if (cls === SPACE) {
      i++;
    } else if (cls === IDENT) {
      let j = i + 1;
      while (j < to) {
        const d = text.charCodeAt(j);
        if (d < 256 && !(classOf[d]! & (IDENT | DIGIT))) break;
        j++;
      }
      push(Kind.Ident, i, j);
      i = j;
    } else if (cls === DIGIT) {
      let j = i + 1;
      while (j < to) {
        const d = text.charCodeAt(j);
        if (d !== 46 && !(classOf[d & 255]! & (IDENT | DIGIT))) break;
        j++;
      }
      push(Kind.Number, i, j);
      i = j;
    } else if (c === 47 && text.charCodeAt(i + 1) === 42) {
      i = commentEnd(text, i + 2, to);
    } else if (c === 47 && text.charCodeAt(i + 1) === 47) {
      i = lineEnd(text, i, to);
    } else if (c === 34 || c === 39) {
      const j = quotedEnd(text, i, to, c);
      push(c === 34 ? Kind.String : Kind.Char, i, j);
      i = j;
    } else if (c === 35 && firstOnLine(text, i)) {
      const j = directiveEnd(text, i, to);
      push(Kind.Directive, i, j);
      i = j;
    } else if (c === 92) {
      i++;
    } else {
      const length = Math.min(operatorLength(text, i, c), to - i);
      push(Kind.Punct, i, i + length);
      i += length;
    }
  }
  const n = count;
  return { text, n, kind: kinds.slice(0, n), start: starts.slice(0, n), end: ends.slice(0, n) };
}

/** Whether an offset of a text is code, not in a comment. */
export function isCode(text: string, at: number): boolean {
  const t = lex(text);
  let [lo, hi] = [0, t.n - 1];
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (t.start[mid]! <= at) lo = mid;
    else hi = mid - 1;
  }
  return t.n > 0 && t.start[lo]! <= at && at < t.end[lo]!;
}

/** Offsets of line starts, to turn an offset into a line. */
export class Lines {
  private starts: Int32Array | undefined;
  constructor(private readonly text: string) {}

  /** The line, counted from 1, that an offset is in. */
  at(offset: number): number {
    const starts = (this.starts ??= lineStarts(this.text));
    let [lo, hi] = [0, starts.length - 1];
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (starts[mid]! <= offset) lo = mid;
      else hi = mid - 1;
    }
    return lo + 1;
  }

  /** The text of a line, blanks trimmed. */
  textOf(line: number): string {
    const starts = (this.starts ??= lineStarts(this.text));
    const from = starts[line - 1] ?? this.text.length;
    return this.text.slice(from, starts[line] ?? this.text.length).trim();
  }
}

function lineStarts(text: string): Int32Array {
  const starts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return Int32Array.from(starts);
}
