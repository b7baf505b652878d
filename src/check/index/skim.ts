// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The names of a file from its bytes, in one pass and without looking into bodies: all that namesOf() finds,
 * and now and then one more, for which the file is asked in vain. It follows skeleton.ts token by token; where
 * an #if cuts through brackets, functions are declared as K&R did, or hold tables, it leaves the file to namesOf().
 */
import { ATTRIBUTE, mayHoldTables, TAKES_ARGUMENTS } from '../c/skeleton.ts';
import { type FileNames, INCLUDE, marksOf, namesOf, numberOf, Part, PLAIN } from './names.ts';

/** What a pass over the bytes says of a file. */
export interface Skimmed {
  readonly numbers: Uint32Array;
  readonly includes: readonly string[];
  readonly uses: readonly string[];
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

/** What the last token was, if not a character that stands alone. */
const WORD = 256;
const ARROW = 257;
const OTHER = 258;
/** What stood between two tokens. */
const LINE = 1;
const COMMENT = 2;

/** #if lines in one another; where there are more, it is left. */
const MANY = 64;
/** Larger texts are left. */
const LARGE = 4 << 20;
/** Slots for the numbers of a file, of which one in two may be taken. */
const SLOTS = 1 << 18;

const seen = new Uint32Array(SLOTS);
const seenBy = new Uint32Array(SLOTS);
let turn = 0;
const found = new Uint32Array(SLOTS / 2);
let count = 0;

function add(n: number): void {
  let slot = n & (SLOTS - 1);
  while (seenBy[slot] === turn) {
    if (seen[slot] === n) return;
    slot = (slot + 1) & (SLOTS - 1);
  }
  if (count === found.length) return;
  seenBy[slot] = turn;
  seen[slot] = n;
  found[count++] = n;
}

/** numberOf() of bytes. */
function numberIn(bytes: Uint8Array, part: Part, from: number, to: number): number {
  let h = 0x811c9dc5 ^ part;
  for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Whether a word stands at an offset, and more of it than that, if at all, up to `to`. */
function says(bytes: Uint8Array, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false;
  return true;
}

/** Whether only blanks, or a comment, stand between the start of the line and `at`. */
function firstOnLine(bytes: Uint8Array, at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const c = bytes[i]!;
    if (c === 10) return true;
    if (c === 47 && bytes[i - 1] === 42) return true;
    if (c !== 32 && c !== 9 && c !== 13 && c !== 12) return false;
  }
  return true;
}

/** Past the end of a block comment that begins at an offset. */
function commentEnd(bytes: Uint8Array, from: number, length: number): number {
  for (let i = from + 3; i < length; i++) if (bytes[i] === 47 && bytes[i - 1] === 42) return i + 1;
  return length;
}

/** Length of the operator that these begin, where it is longer than one, as lex() has it. */
function operatorLength(c: number, d: number, e: number): number {
  // ; , ( ) { } [ ] : ? ~ @
  if (c === 59 || c === 44 || c === 40 || c === 41 || c === 91 || c === 93) return 1;
  if ((c >= 123 && c !== 124) || c === 58 || c === 63 || c === 64) return 1;
  if (d === 61 || (c === 45 && d === 62)) return 2;
  if (d !== c) return 1;
  if (c === 46) return e === 46 ? 3 : 1;
  if (c === 60 || c === 62) return e === 61 ? 3 : 2;
  return c === 43 || c === 45 || c === 38 || c === 35 || c === 124 ? 2 : 1;
}

/** Whether the directive that is being read has a brace. */
let braced = false;

/** End of a preprocessor line, as lex() has it. */
function directiveEnd(bytes: Uint8Array, from: number, length: number): number {
  braced = false;
  for (let i = from; i < length; i++) {
    const c = bytes[i]!;
    if (c === 10) {
      if (bytes[bytes[i - 1] === 13 ? i - 2 : i - 1] !== 92) return i;
    } else if (c === 123) braced = true;
    else if (c === 47) {
      if (bytes[i + 1] === 42) {
        // There may be a brace in it.
        braced = true;
        i = commentEnd(bytes, i, length) - 1;
      } else if (bytes[i + 1] === 47) {
        while (i < length && bytes[i] !== 10) i++;
        i--;
      }
    }
  }
  return length;
}

function quotedEnd(bytes: Uint8Array, from: number, length: number, quote: number): number {
  let i = from + 1;
  while (i < length) {
    const c = bytes[i]!;
    if (c === 92) i++;
    else if (c === quote) return i + 1;
    else if (c === 10) return i;
    i++;
  }
  return length;
}

/** Past the end of the word that begins at an offset. */
function wordEndOf(bytes: Uint8Array, from: number): number {
  let to = from;
  while (classOf[bytes[to]!]! & (IDENT | DIGIT)) to++;
  return to;
}

const isWord = (c: number) => c < 0x80 && c !== 36 && (classOf[c]! & (IDENT | DIGIT)) !== 0;

/** A word that has a part in no declaration: ATTRIBUTE, most of them told by their first letters. */
function isAttribute(bytes: Buffer, from: number, to: number): boolean {
  const c = bytes[from]!;
  // Lower case, but a (asm) and n (noinline, notrace ...).
  if (c >= 98 && c !== 110) return false;
  return ATTRIBUTE.test(bytes.toString('latin1', from, to));
}

/** A word before a type that is none, see skeleton.ts. */
const isStorage = (bytes: Buffer, from: number, to: number): boolean =>
  to - from > 4 &&
  to - from < 9 &&
  (says(bytes, from, to, 'static') ||
    says(bytes, from, to, 'const') ||
    says(bytes, from, to, 'volatile'));

/** The names of a macro's definition: its own, and the structs that it makes tables of. */
function define(bytes: Uint8Array, from: number, to: number): void {
  let i = from;
  while (i < to && classOf[bytes[i]!] === SPACE) i++;
  const name = i;
  while (i < to && isWord(bytes[i]!)) i++;
  if (i === name || i === from) return;
  add(numberIn(bytes, Part.Macro, name, i));
  if (!braced) return;
  // struct name, with blanks or the end of a line in between
  let after = false;
  while (i < to) {
    const c = bytes[i]!;
    if (!isWord(c)) {
      if (classOf[c] !== SPACE && c !== 92) after = false;
      i++;
      continue;
    }
    const start = i;
    while (i < to && isWord(bytes[i]!)) i++;
    if (after) add(numberIn(bytes, Part.MacroType, start, i));
    after = says(bytes, start, i, 'struct');
  }
}

/** The declaration that is being read, from its first word to its `;` or `}`, as far as it is no body. */
class Declaration {
  /** Where it begins; -1: with the next token. */
  at = -1;
  /** Whether it begins a line. */
  alone = false;
  /** Whether `=` has been seen. */
  assigned = false;
  /** Whether it has a parameter list; the last one, with the number of the token that ends it. */
  hasList = false;
  listAt = 0;
  listEnd = 0;
  listToken = 0;
  /** How many #if were around the first one. */
  ifs = 0;
  /** Whether its first word stands before the last list. */
  isUse = false;
  /** Numbers of the functions that a body may belong to. */
  readonly heads: number[] = [];
  /** The last struct or union, as how manieth token, and its tag. */
  structToken = -10;
  tagAt = -1;
  tagEnd = 0;
  // As a variable: its name and type, so far.
  private nameAt = -1;
  private nameEnd = 0;
  private typeAt = -1;
  private typeEnd = 0;
  /** Declared elsewhere, or a type. */
  private isOther = false;
  private afterStruct = false;

  end(): void {
    this.at = this.nameAt = this.typeAt = this.tagAt = -1;
    this.structToken = -10;
    this.assigned = this.hasList = this.isUse = this.isOther = this.afterStruct = false;
    this.heads.length = 0;
  }

  /** A word of it, outside of braces. */
  word(bytes: Buffer, at: number, end: number, token: number, depth: number): void {
    if (this.afterStruct) {
      this.afterStruct = false;
      this.typeAt = at;
      this.typeEnd = end;
      this.nameAt = -1;
      if (depth > 0) return;
      this.tagAt = at;
      this.tagEnd = end;
    } else if (says(bytes, at, end, 'struct') || says(bytes, at, end, 'union')) {
      this.afterStruct = true;
      if (depth > 0) return;
      this.structToken = token;
      this.tagAt = -1;
    } else if (says(bytes, at, end, 'extern') || says(bytes, at, end, 'typedef')) {
      this.isOther = true;
    } else if (!isAttribute(bytes, at, end) && !isStorage(bytes, at, end)) this.name(at, end);
  }

  /** Something else than a word; the last word stood there. */
  other(at: number, end: number): void {
    // static struct { } name;
    if (this.afterStruct) this.name(at, end);
    this.afterStruct = false;
  }

  private name(at: number, end: number): void {
    if (this.typeAt < 0 && this.nameAt >= 0) {
      this.typeAt = this.nameAt;
      this.typeEnd = this.nameEnd;
    }
    this.nameAt = at;
    this.nameEnd = end;
  }

  /** A bracket after a word that stands there. */
  list(bytes: Buffer, at: number, end: number, ifs: number): void {
    const reserved = bytes[at] === 95 && bytes[at + 1] === 95;
    if (reserved && TAKES_ARGUMENTS.test(bytes.toString('latin1', at, end))) return;
    this.heads.push(numberIn(bytes, Part.Function, at, end));
    if (!this.hasList) this.ifs = ifs;
    this.hasList = true;
    this.isUse = at === this.at;
  }

  /** The first argument of SYSCALL_DEFINE3(name, ...). */
  argument(bytes: Buffer, by: string, at: number, end: number): void {
    const m = SYSCALL.exec(by);
    if (!m) return;
    const name = `${m[1] ? 'compat_' : ''}sys_${bytes.toString('latin1', at, end)}`;
    this.heads.push(numberOf(Part.Function, name));
  }

  /** Whether what ends with a word there may go on as K&R have it: `f(a, b) int a; char *b; { }`. */
  isOld(bytes: Buffer, at: number, end: number): boolean {
    const list = bytes.toString('latin1', this.listAt + 1, this.listEnd);
    return list.includes(bytes.toString('latin1', at, end)) && !/[^\w$\s,]/.test(list);
  }

  /** It is a variable. */
  table(bytes: Buffer): void {
    if (this.isOther || this.nameAt < 0 || this.typeAt < 0) return;
    add(numberIn(bytes, Part.Table, this.nameAt, this.nameEnd));
    add(numberIn(bytes, Part.TableType, this.typeAt, this.typeEnd));
  }

  /** It is a macro that is used. */
  use(bytes: Buffer, uses: Set<string>): void {
    const name = bytes.toString('latin1', this.at, wordEndOf(bytes, this.at));
    if (PLAIN.test(name) || uses.has(name)) return;
    uses.add(name);
    add(numberOf(Part.Use, name));
  }
}

const SYSCALL = /^(COMPAT_)?SYSCALL_DEFINE\d$/;

/** Brackets in one another; where there are more, it is left. */
const DEEP = 1000;
/** What closes the brackets around. */
const closers = new Uint8Array(DEEP);
/** For each #if: the depth before it, and that at the end of its first branch; -1: not yet known. */
const before = new Int32Array(MANY);
const first = new Int32Array(MANY);

/**
 * The names of a text; null where namesOf() has to be asked.
 * @param bytes the text, and a byte behind it that is part of no word
 * @param length of the text
 * @param bodies whether calls and assignments matter
 */
export function skim(bytes: Buffer, length: number, bodies: boolean): Skimmed | null {
  if (length > LARGE) return null;
  turn++;
  count = 0;
  const includes: string[] = [];
  const uses = new Set<string>();
  const item = new Declaration();
  /** How many #if lines there are around. */
  let ifs = 0;
  /** Brackets around. */
  let depth = 0;
  /** The depth from which on words do not belong to the declaration; 0: they do. */
  let hidden = 0;
  /** Whether the braces around are a function's body, or hold members of a struct. */
  let body = false;
  let members = false;
  // The last two tokens, the last two words, what stood before the last word and stands since the last token.
  let prev = 0;
  let prev2 = 0;
  let wordAt = 0;
  let wordEnd = 0;
  let lastAt = 0;
  let lastEnd = 0;
  let wordGap = 0;
  let gap = LINE;
  let tokens = 0;
  // What the next token decides.
  let perhapsUse = false;
  let perhapsTable = false;
  let perhapsTag = false;

  for (let i = 0; i < length; ) {
    const c = bytes[i]!;
    const cls = classOf[c]!;
    if (cls === SPACE) {
      if (c === 10) gap |= LINE;
      i++;
      continue;
    }
    if (c === 47 && bytes[i + 1] === 42) {
      const end = commentEnd(bytes, i, length);
      gap |= COMMENT;
      if (depth === 0) for (; i < end; i++) if (bytes[i] === 10) gap |= LINE;
      i = end;
      continue;
    }
    if (c === 47 && bytes[i + 1] === 47) {
      gap |= COMMENT;
      while (i < length && bytes[i] !== 10) i++;
      continue;
    }
    if (c === 92) {
      i++;
      continue;
    }
    const isDirective = c === 35 && firstOnLine(bytes, i);
    if (depth === 0) {
      if (perhapsUse) {
        perhapsUse = false;
        if (gap & LINE && c !== 123 && c !== 59 && c !== 61 && c !== 44) {
          item.use(bytes, uses);
          item.end();
        }
      }
      if (perhapsTable) {
        perhapsTable = false;
        if (c === 123 || cls === IDENT) item.table(bytes);
      }
      if (perhapsTag) {
        perhapsTag = false;
        if (cls === IDENT) add(numberIn(bytes, Part.Struct, i, wordEndOf(bytes, i)));
      }
      if (item.at < 0 && !isDirective) {
        item.at = i;
        item.alone = (gap & LINE) !== 0;
      }
    }
    tokens++;
    if (cls === IDENT) {
      lastAt = wordAt;
      lastEnd = wordEnd;
      wordGap = gap;
      wordAt = i++;
      while (classOf[bytes[i]!]! & (IDENT | DIGIT)) i++;
      wordEnd = i;
      if (hidden === 0) {
        item.word(bytes, wordAt, wordEnd, tokens, depth);
        if (depth === 1 && prev === 40 && item.hasList)
          item.argument(bytes, bytes.toString('latin1', lastAt, lastEnd), wordAt, wordEnd);
      }
      prev2 = prev;
      prev = WORD;
      gap = 0;
      continue;
    }
    if (hidden === 0) item.other(wordAt, wordEnd);
    if (isDirective) {
      const end = directiveEnd(bytes, i, length);
      let at = i + 1;
      while (at < end && classOf[bytes[at]!] === SPACE) at++;
      const from = at;
      while (at < end && isWord(bytes[at]!)) at++;
      if (bytes[from] === 105 && bytes[from + 1] === 102) {
        // #if, #ifdef, #ifndef
        if (ifs === MANY) return null;
        before[ifs] = depth;
        first[ifs++] = -1;
      } else if (bytes[from] === 101 && bytes[from + 1] === 108) {
        // #else, #elif
        if (ifs === 0) {
          if (depth > 0) return null;
        } else {
          if (before[ifs - 1] === 0 && depth > 0) return null;
          if (first[ifs - 1]! < 0) first[ifs - 1] = depth;
          depth = before[ifs - 1]!;
          if (depth === 0 && item.hasList && !item.assigned && item.ifs === ifs)
            item.hasList = item.isUse = false;
        }
      } else if (says(bytes, from, at, 'endif')) {
        if (ifs > 0) {
          ifs--;
          if (before[ifs] === 0 && depth > 0) return null;
          if (first[ifs]! >= 0) depth = first[ifs]!;
        }
      } else if (says(bytes, from, at, 'define')) define(bytes, at, end);
      else if (says(bytes, from, at, 'include')) {
        const m = INCLUDE.exec(bytes.toString('latin1', i, Math.min(end, i + 200)));
        if (m) includes.push(m[1]!);
      }
      if (depth < hidden) hidden = 0;
      prev2 = prev;
      prev = OTHER;
      gap = 0;
      i = end;
      continue;
    }
    if (cls === DIGIT || c === 34 || c === 39) {
      if (cls !== DIGIT) i = quotedEnd(bytes, i, length, c);
      else {
        i++;
        while (bytes[i] === 46 || classOf[bytes[i]!]! & (IDENT | DIGIT)) i++;
      }
      prev2 = prev;
      prev = OTHER;
      gap = 0;
      continue;
    }
    const d = bytes[i + 1]!;
    const assigns = c === 61 && d !== 61;
    if (bodies && prev === WORD) {
      if (c === 40) add(numberIn(bytes, Part.Call, wordAt, wordEnd));
      else if (assigns && (prev2 === 46 || prev2 === ARROW))
        add(numberIn(bytes, Part.Field, wordAt, wordEnd));
    }
    if (c === 40 || c === 91 || c === 123) {
      if (members && c === 91 && prev === WORD && prev2 === WORD && !((gap | wordGap) & COMMENT))
        add(numberIn(bytes, Part.MemberType, lastAt, lastEnd));
      if (depth === 0) {
        if (c === 40) {
          item.listAt = i;
          if (prev === WORD && wordAt >= item.at && !item.assigned)
            item.list(bytes, wordAt, wordEnd, ifs);
        } else if (c === 123) {
          body = item.hasList && !item.assigned;
          if (!item.assigned) for (const n of item.heads) add(n);
          members = !body && prev !== 61 && tokens - item.structToken <= 4;
          if (members && item.tagAt >= 0)
            add(numberIn(bytes, Part.Struct, item.tagAt, item.tagEnd));
        }
      }
      if (depth === DEEP) return null;
      closers[depth++] = c === 40 ? 41 : c + 2;
      if (hidden === 0 && c !== 40) hidden = depth;
    } else if (c === 41 || c === 93 || c === 125) {
      if (depth === 0 || closers[--depth] !== c) return null;
      if (depth < hidden) hidden = 0;
      if (depth === 0) {
        if (ifs > 0 && before[ifs - 1]! > 0) return null;
        if (c === 125) {
          if (body) item.end();
          else perhapsTag = members && item.tagAt < 0;
          members = false;
        } else if (c === 41) {
          item.listEnd = i;
          item.listToken = tokens;
          perhapsUse = item.isUse && item.alone;
        }
      }
    } else if (c === 59) {
      if (members && prev === WORD && prev2 === WORD && !((gap | wordGap) & COMMENT))
        add(numberIn(bytes, Part.MemberType, lastAt, lastEnd));
      if (depth === 0) {
        if (!item.assigned && item.hasList) {
          if (prev === WORD && tokens - item.listToken > 2 && item.isOld(bytes, wordAt, wordEnd))
            return null;
          if (item.isUse) item.use(bytes, uses);
        } else if (!item.assigned) item.table(bytes);
        item.end();
      }
    } else if (assigns && depth === 0) {
      item.assigned = true;
      perhapsTable = true;
    }
    prev2 = prev;
    prev = c === 45 && d === 62 ? ARROW : c;
    gap = 0;
    i += operatorLength(c, d, bytes[i + 2]!);
  }
  if (depth !== 0 || count === found.length) return null;
  if (item.at >= 0 && item.isUse) item.use(bytes, uses);
  return { numbers: found.slice(0, count), includes, uses: [...uses] };
}

/** What stands behind a text, so that no word goes on there. */
const END = '\0\0';

/** A text as bytes that may be skimmed. */
export const ended = (text: string): Buffer => Buffer.from(text + END, 'latin1');

/**
 * The names of a file.
 * @param bytes its text, with two zeros behind
 * @param marks patterns that are tried on the text; null: calls and assignments do not matter either
 */
export function namesIn(bytes: Buffer, marks: readonly RegExp[] | null): FileNames {
  const length = bytes.length - END.length;
  const names = skim(bytes, length, marks !== null);
  const text = names && !marks ? '' : bytes.toString('latin1', 0, length);
  if (names && !mayHoldTables(text))
    return { ...names, lost: [], marks: marksOf(text, marks ?? []) };
  const { skeleton, ...exact } = namesOf(text, marks);
  return exact;
}
