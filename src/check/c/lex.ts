// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A tolerant lexer for C as people write it. It never fails: what it does not know becomes a
 * one-character token, an unfinished string ends with its line, an unfinished comment with the file.
 */
import { type Columns, columnsOf, outlineOf } from './scanner.ts';

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
export interface Tokens extends Columns {
  readonly text: string;
}

/** Splits text[from, to) into tokens. */
export const lex = (text: string, from = 0, to = text.length): Tokens => ({
  text,
  ...columnsOf(text, from, to),
});

/**
 * The tokens of a text but for those in braces and square brackets, of which only directives are told, good until
 * another text is split; null where brackets do not match or an #if cuts through them.
 */
export function outline(text: string): Tokens | null {
  const columns = outlineOf(text, text.length, { bodies: false, defines: true });
  return columns && { text, ...columns };
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
