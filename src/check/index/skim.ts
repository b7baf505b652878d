// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The names of a file from its bytes, in one pass and without looking into bodies: all that namesOf() finds,
 * and now and then one more, for which the file is asked in vain. What is in bodies, and macros, scanner.wat
 * takes down by itself; of the other tokens this makes declarations, as skeleton.ts does. Where
 * an #if cuts through brackets, functions are declared as K&R did, or hold tables, it leaves the file to namesOf().
 */
import { At, add, begin, Gap, next, numberAt, numbers, Told } from '../c/scanner.ts';
import { ATTRIBUTE, mayHoldTables, TAKES_ARGUMENTS } from '../c/skeleton.ts';
import { Search, type Word } from '../scan/search.ts';
import {
  type FileNames,
  INCLUDE,
  type Mark,
  marksOf,
  namesOf,
  numberOf,
  Part,
  PLAIN,
} from './names.ts';

/** What a pass over the bytes says of a file. */
export interface Skimmed {
  readonly numbers: Uint32Array;
  readonly includes: readonly string[];
  readonly uses: readonly string[];
}

/** #if lines in one another; where there are more, it is left. */
const MANY = 64;
/** Larger texts are left. */
const LARGE = 4 << 20;

/** Whether a word stands at an offset, and more of it than that, if at all, up to `to`. */
function says(bytes: Uint8Array, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false;
  return true;
}

const isWord = (c: number) =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || (c >= 48 && c <= 57);

/** Past the end of the word that begins at an offset. */
function wordEndOf(bytes: Uint8Array, from: number): number {
  let to = from;
  while (isWord(bytes[to]!) || bytes[to]! >= 0x80 || bytes[to] === 36) to++;
  return to;
}

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
    this.heads.push(numberAt(Part.Function, at, end));
    if (!this.hasList) this.ifs = ifs;
    this.hasList = true;
    this.isUse = at === this.at;
  }

  /** The first argument of SYSCALL_DEFINE3(name, ...). */
  argument(bytes: Buffer, by: number, byEnd: number, at: number, end: number): void {
    if (bytes[by] !== 67 && bytes[by] !== 83) return;
    const m = SYSCALL.exec(bytes.toString('latin1', by, byEnd));
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
  table(): void {
    if (this.isOther || this.nameAt < 0 || this.typeAt < 0) return;
    add(numberAt(Part.Table, this.nameAt, this.nameEnd));
    add(numberAt(Part.TableType, this.typeAt, this.typeEnd));
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
  const state = begin(bytes, length);
  const includes: string[] = [];
  const uses = new Set<string>();
  const item = new Declaration();
  /** How many #if lines there are around. */
  let ifs = 0;
  /** Whether the braces around are a function's body. */
  let body = false;
  // What the next token decides.
  let perhapsUse = false;
  let perhapsTable = false;
  let perhapsTag = false;

  for (;;) {
    const token = next(length, bodies);
    if (token === Told.End) break;
    if (token === Told.NoMatch) return null;
    const at = state[At.Token]!;
    const depth = state[At.Depth]!;
    const opens = token === 40 || token === 91 || token === 123;
    const closes = token === 41 || token === 93 || token === 125;
    if (!closes && depth === (opens ? 1 : 0)) {
      if (perhapsUse) {
        perhapsUse = false;
        const goesOn = token === 123 || token === 59 || token === 61 || token === 44;
        if (state[At.Gap]! & Gap.Line && !goesOn) {
          item.use(bytes, uses);
          item.end();
        }
      }
      if (perhapsTable) {
        perhapsTable = false;
        if (token === 123 || token === Told.Word) item.table();
      }
      if (perhapsTag) {
        perhapsTag = false;
        if (token === Told.Word) add(numberAt(Part.Struct, at, state[At.TokenEnd]!));
      }
      if (item.at < 0 && token !== Told.Directive) {
        item.at = at;
        item.alone = (state[At.Gap]! & Gap.Line) !== 0;
      }
    }
    if (token === Told.Word) {
      const end = state[At.TokenEnd]!;
      item.word(bytes, at, end, state[At.Tokens]!, depth);
      if (depth === 1 && state[At.Before] === 40 && item.hasList)
        item.argument(bytes, state[At.LastWord]!, state[At.LastWordEnd]!, at, end);
      continue;
    }
    const wordAt = state[At.Word]!;
    const wordEnd = state[At.WordEnd]!;
    item.other(wordAt, wordEnd);
    if (token === Told.Directive) {
      const change = directive(bytes, at, state[At.TokenEnd]!);
      if (change === 'if') {
        if (ifs === MANY) return null;
        before[ifs] = depth;
        first[ifs++] = -1;
      } else if (change === 'else') {
        if (ifs === 0) {
          if (depth > 0) return null;
        } else {
          if (before[ifs - 1] === 0 && depth > 0) return null;
          if (first[ifs - 1]! < 0) first[ifs - 1] = depth;
          setDepth(state, before[ifs - 1]!);
          if (before[ifs - 1] === 0 && item.hasList && !item.assigned && item.ifs === ifs)
            item.hasList = item.isUse = false;
        }
      } else if (change === 'endif') {
        if (ifs > 0) {
          ifs--;
          if (before[ifs] === 0 && depth > 0) return null;
          if (first[ifs]! >= 0) setDepth(state, first[ifs]!);
        }
      } else if (change === 'include') {
        const m = INCLUDE.exec(
          bytes.toString('latin1', at, Math.min(state[At.TokenEnd]!, at + 200)),
        );
        if (m) includes.push(m[1]!);
      }
      continue;
    }
    const isWordBefore = state[At.Before] === Told.Word;
    if (opens) {
      if (depth > 1) continue;
      if (token === 40) {
        item.listAt = at;
        if (isWordBefore && wordAt >= item.at && !item.assigned)
          item.list(bytes, wordAt, wordEnd, ifs);
      } else if (token === 123) {
        body = item.hasList && !item.assigned;
        if (!item.assigned) for (const n of item.heads) add(n);
        const isStruct = state[At.Tokens]! - item.structToken <= 4;
        const members = !body && state[At.Before] !== 61 && isStruct;
        state[At.Members] = +members;
        if (members && item.tagAt >= 0) add(numberAt(Part.Struct, item.tagAt, item.tagEnd));
      }
    } else if (closes) {
      if (depth > 0) continue;
      if (ifs > 0 && before[ifs - 1]! > 0) return null;
      if (token === 125) {
        if (body) item.end();
        else perhapsTag = state[At.Members] !== 0 && item.tagAt < 0;
        state[At.Members] = 0;
      } else if (token === 41) {
        item.listEnd = at;
        item.listToken = state[At.Tokens]!;
        perhapsUse = item.isUse && item.alone;
      }
    } else if (depth === 0 && token === 59) {
      if (!item.assigned && item.hasList) {
        const since = state[At.Tokens]! - item.listToken;
        if (isWordBefore && since > 2 && item.isOld(bytes, wordAt, wordEnd)) return null;
        if (item.isUse) item.use(bytes, uses);
      } else if (!item.assigned) item.table();
      item.end();
    } else if (depth === 0 && token === 61 && bytes[at + 1] !== 61) {
      item.assigned = true;
      perhapsTable = true;
    }
  }
  if (state[At.Depth] !== 0) return null;
  if (item.at >= 0 && item.isUse) item.use(bytes, uses);
  const all = numbers();
  return all && { numbers: all, includes, uses: [...uses] };
}

/** What a directive changes, if that is looked at here. */
function directive(bytes: Buffer, at: number, end: number) {
  let from = at + 1;
  while (from < end && bytes[from]! <= 0x20) from++;
  let to = from;
  while (to < end && isWord(bytes[to]!)) to++;
  // #if, #ifdef, #ifndef; #else, #elif
  if (bytes[from] === 105 && bytes[from + 1] === 102) return 'if';
  if (bytes[from] === 101 && bytes[from + 1] === 108) return 'else';
  if (says(bytes, from, to, 'endif')) return 'endif';
  return says(bytes, from, to, 'include') ? 'include' : null;
}

/** What an #else or #endif says of the brackets around. */
function setDepth(state: Int32Array, depth: number): void {
  state[At.Depth] = depth;
  if (depth < state[At.Hidden]!) state[At.Hidden] = 0;
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
export function namesIn(bytes: Buffer, marks: readonly Mark[] | null): FileNames {
  const length = bytes.length - END.length;
  const names = skim(bytes, length, marks !== null);
  if (names && !marks) return { ...names, lost: [], marks: 0 };
  const words = wordsIn(bytes, length);
  const has = (word: string) => words.has(word);
  if (names && words.size === 0) return { ...names, lost: [], marks: 0 };
  const text = bytes.toString('latin1', 0, length);
  if (names && !(has('dma_buf') && mayHoldTables(text)))
    return { ...names, lost: [], marks: marksOf(text, marks ?? [], has) };
  const { skeleton, ...exact } = namesOf(text, marks);
  return exact;
}

/** Words that marks and tables are told by, each with where its three telling bytes are. */
const WORDS: readonly Word[] = [
  ['dma_buf', 2],
  ['follow_', 0],
  ['hmm_', 0],
  ['pte_pfn', 0],
  ['pte_page', 0],
  ['pte_val', 0],
  ['vm_pgoff', 3],
];
let search: Search | undefined;

function wordsIn(bytes: Buffer, length: number): ReadonlySet<string> {
  search ??= new Search(WORDS);
  bytes.copy(search.room(length), 0, 0, length);
  return search.all(length);
}
