// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The names of a file from its bytes, without looking into bodies: all that namesOf() finds, and now and then
 * one more, for which the file is asked in vain. What is in bodies, and macros, scanner.wat takes down by itself;
 * of the other tokens this makes declarations, as skeleton.ts does. Where an #if cuts through brackets,
 * functions are declared as K&R did, or hold tables, it leaves the file to namesOf().
 */
import { Kind } from '../c/lex.ts';
import { add, numberAt, numbers, outlineOf } from '../c/scanner.ts';
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
  /** Where the token before it ends. */
  after = 0;
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
  private structAt = 0;
  private structEnd = 0;

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
      this.structAt = at;
      this.structEnd = end;
      if (depth > 0) return;
      this.structToken = token;
      this.tagAt = -1;
    } else if (says(bytes, at, end, 'extern') || says(bytes, at, end, 'typedef')) {
      this.isOther = true;
    } else if (!isAttribute(bytes, at, end) && !isStorage(bytes, at, end)) this.name(at, end);
  }

  /** Something else than a word. */
  other(): void {
    // static struct { } name;
    if (this.afterStruct) this.name(this.structAt, this.structEnd);
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

/**
 * The names of a text; null where namesOf() has to be asked.
 * @param bytes the text, and a byte behind it that is part of no word
 * @param length of the text
 * @param bodies whether calls and assignments matter
 */
export function skim(bytes: Buffer, length: number, bodies: boolean): Skimmed | null {
  if (length > LARGE) return null;
  const tokens = outlineOf(bytes, length, { bodies, defines: false });
  if (!tokens) return null;
  const { n, kind: kinds, start, end: ends } = tokens;
  const includes: string[] = [];
  const uses = new Set<string>();
  const item = new Declaration();
  /** Brackets around, and #if lines. */
  let depth = 0;
  const ifs: { before: number; first: number }[] = [];
  /** Whether the braces around are a function's body, and whether those of a struct. */
  let body = false;
  let members = false;
  // What the next token decides.
  let perhapsUse = false;
  let perhapsTable = false;
  let perhapsTag = false;

  for (let i = 0; i < n; i++) {
    const kind = kinds[i]!;
    const at = start[i]!;
    const end = ends[i]!;
    const token = kind === Kind.Punct ? bytes[at]! : 0;
    const opens = token === 40 || token === 91 || token === 123;
    const closes = token === 41 || token === 93 || token === 125;
    if (depth === 0) {
      if (perhapsUse) {
        perhapsUse = false;
        const goesOn = token === 123 || token === 59 || token === 61 || token === 44;
        if (!goesOn && hasBreak(bytes, ends[i - 1]!, at)) {
          item.use(bytes, uses);
          item.end();
        }
      }
      if (perhapsTable) {
        perhapsTable = false;
        if (token === 123 || kind === Kind.Ident) item.table();
      }
      if (perhapsTag) {
        perhapsTag = false;
        if (kind === Kind.Ident) add(numberAt(Part.Struct, at, end));
      }
      if (item.at < 0 && kind !== Kind.Directive) {
        item.at = at;
        item.after = i > 0 ? ends[i - 1]! : -1;
      }
    }
    const wordBefore = i > 0 && kinds[i - 1] === Kind.Ident ? i - 1 : -1;
    if (kind === Kind.Ident) {
      item.word(bytes, at, end, i, depth);
      if (depth === 1 && i > 1 && item.hasList && start[i - 1] === item.listAt)
        item.argument(bytes, start[i - 2]!, ends[i - 2]!, at, end);
      continue;
    }
    item.other();
    if (kind === Kind.Directive) {
      const change = directive(bytes, at, end);
      const top = ifs.at(-1);
      if (change === 'if') ifs.push({ before: depth, first: -1 });
      else if (change === 'else' && top) {
        if (top.first < 0) top.first = depth;
        depth = top.before;
        if (depth === 0 && item.hasList && !item.assigned && item.ifs === ifs.length)
          item.hasList = item.isUse = false;
      } else if (change === 'endif' && top) {
        ifs.pop();
        if (top.first >= 0) depth = top.first;
      } else if (change === 'include') {
        const m = INCLUDE.exec(bytes.toString('latin1', at, Math.min(end, at + 200)));
        if (m) includes.push(m[1]!);
      }
    } else if (opens) {
      if (depth++ > 0) continue;
      if (token === 40) {
        item.listAt = at;
        if (wordBefore >= 0 && start[wordBefore]! >= item.at && !item.assigned)
          item.list(bytes, start[wordBefore]!, ends[wordBefore]!, ifs.length);
      } else if (token === 123) {
        body = item.hasList && !item.assigned;
        if (!item.assigned) for (const n of item.heads) add(n);
        members = !body && bytes[start[i - 1] ?? 0] !== 61 && i - item.structToken <= 4;
        if (members && item.tagAt >= 0) add(numberAt(Part.Struct, item.tagAt, item.tagEnd));
      }
    } else if (closes) {
      if (--depth > 0) continue;
      if (token === 125) {
        if (body) item.end();
        else perhapsTag = members && item.tagAt < 0;
        members = false;
      } else if (token === 41) {
        item.listEnd = at;
        item.listToken = i;
        perhapsUse = item.isUse && hasBreak(bytes, item.after, item.at);
      }
    } else if (depth === 0 && token === 59) {
      if (!item.assigned && item.hasList) {
        const isOld = wordBefore >= 0 && i - item.listToken > 2;
        if (isOld && item.isOld(bytes, start[wordBefore]!, ends[wordBefore]!)) return null;
        if (item.isUse) item.use(bytes, uses);
      } else if (!item.assigned) item.table();
      item.end();
    } else if (depth === 0 && token === 61 && bytes[at + 1] !== 61) {
      item.assigned = true;
      perhapsTable = true;
    }
  }
  if (item.at >= 0 && item.isUse) item.use(bytes, uses);
  const all = numbers();
  return all && { numbers: all, includes, uses: [...uses] };
}

/** Whether a line ends between two tokens; -1 is where the text begins. */
function hasBreak(bytes: Buffer, from: number, to: number): boolean {
  if (from < 0) return true;
  const at = bytes.indexOf(10, from);
  return at >= 0 && at < to;
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
