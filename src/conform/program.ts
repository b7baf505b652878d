// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A program of system calls as the recordings write it: text ops, `<proc> <op> <args>`, one after
 * another, and what real kernels answered. Here the text becomes data, checked against the grammar
 * of each op; nothing is run.
 */
import type { LinuxVersion } from '../kernel/versions.ts';

export interface Op {
  readonly proc: number;
  readonly name: string;
  readonly args: readonly string[];
  /** As it was written, without the process number if it had none. */
  readonly text: string;
}

export interface Program {
  readonly id: string;
  /** Number of leading ops that only make buffers and mappings. */
  readonly setup: number;
  readonly ops: readonly Op[];
  /** One result per op, by version; a version that lacks a device has none. */
  readonly expect: Readonly<Partial<Record<LinuxVersion, readonly string[]>>>;
}

/** What the model answers for an op that it lacks. */
export const UNSUPPORTED = '(not modelled)';
/** What a dead kernel's console says; nothing after it has a result. */
export const DEAD = '!KERNEL:';
/** The program waited until it was killed; nothing after it ran. */
export const KILLED = '!SIG14';

/** Input that is not what it should be; `where` is file and line. */
export class CorpusError extends Error {
  override readonly name = 'CorpusError';
  constructor(
    readonly where: string,
    text: string,
  ) {
    super(where ? `${where}: ${text}` : text);
  }
}

/**
 * Kinds of arguments: page number, count of pages, byte offset into the page before, byte offset
 * into a file, 8-byte value, buffer slot, integer, page number or `-`, word of letters. `?` marks
 * arguments that may be left out.
 */
export type ArgKind = 'page' | 'count' | 'off' | 'foff' | 'val' | 'buf' | 'int' | 'dest' | 'str';

const g = (text: string): readonly string[] => (text ? text.split(' ') : []);

/** Every op of the recordings with its arguments. */
export const GRAMMAR: Readonly<Record<string, readonly string[]>> = {
  buf: g('buf str count int?'),
  map: g('page count dest str str int str?'),
  unmap: g('page count'),
  prot: g('page count str'),
  remap: g('page count count dest str?'),
  r: g('page off'),
  w: g('page off val'),
  vmsp: g('page count'),
  prd: g('off'),
  odw: g('page count off'),
  odr: g('page count'),
  cfu: g('page off'),
  ctu: g('page off val'),
  pvr: g('int page off'),
  pvw: g('int page off val'),
  pmr: g('int page off'),
  pmw: g('int page off val'),
  ptr: g('page off'),
  ptw: g('page off val'),
  iour: g('page count'),
  futs: g('page off'),
  futp: g('page off'),
  mlock: g('page count'),
  mlockf: g('page count'),
  munlock: g('page count'),
  adv: g('page count str'),
  minc: g('page count'),
  pmap: g('page count'),
  uffd: g('page count str'),
  msync: g('page count str'),
  mvpg: g('page'),
  mvpg0: g('page'),
  mseal: g('page count'),
  rfp: g('page count int'),
  clref: g('str'),
  smaps: g('page str?'),
  vmas: g(''),
  bclose: g('buf'),
  bdup: g('buf buf'),
  bseek: g('buf int int'),
  bstat: g('buf'),
  btrunc: g('buf int'),
  bpunch: g('buf int int'),
  bread: g('buf foff'),
  bwrite: g('buf foff val'),
  bsync: g('buf str str'),
  bsplice: g('buf'),
  con: g('str page int'),
  hold: g('int str page int'),
  hr: g('int off'),
  hw: g('int off val'),
  hwf: g('int off val'),
  hput: g('int'),
  mreg: g('page count str?'),
  mir: g('str'),
  mr: g('int off'),
  mw: g('int off val'),
  mput: g(''),
  pte: g('page'),
  mv: g('buf int int str?'),
  dr: g('buf int off'),
  dw: g('buf int off val'),
  sgr: g('buf int off'),
  sgw: g('buf int off val'),
  dst: g('buf int'),
  pwarn: g(''),
  fork: g(''),
  exit: g('int?'),
  kill: g(''),
  pmk: g(''),
  pwr: g('count val'),
  reuse: g('int off val'),
};

/** The grammar as it is used: which kinds of arguments, and how many at least. */
const SIGNATURES = new Map(
  Object.entries(GRAMMAR).map(([name, kinds]) => [
    name,
    {
      name,
      kinds: kinds.map((kind) => kind.replace('?', '') as ArgKind),
      least: kinds.filter((kind) => !kind.endsWith('?')).length,
    },
  ]),
);

const NUMBER = /^-?(0[xX][0-9a-fA-F]+|\d+)$/;

/** The number that one to eight decimal digits make, or -1: most numbers of a recording are that. */
function plainNumber(text: string): number {
  const { length } = text;
  const first = text.charCodeAt(0) - ZERO;
  if (length === 1) return first >= 0 && first <= 9 ? first : -1;
  if (length > 8 || !(first > 0 && first <= 9)) return -1;
  let n = first;
  for (let i = 1; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    n = n * 10 + digit;
  }
  return n;
}
const ZERO = 48;

/** A number in any C notation. */
export function parseNumber(text: string): number {
  const plain = plainNumber(text);
  if (plain >= 0) return plain;
  if (!NUMBER.test(text)) throw new CorpusError('', `'${text}' is not a number`);
  const minus = text.startsWith('-');
  const digits = minus ? text.slice(1) : text;
  const n = /^0\d/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return minus ? -n : n;
}

const isDigits = (word: string): boolean => plainNumber(word) >= 0 || /^\d+$/.test(word);

/** The words between spaces. */
function wordsOf(text: string): string[] {
  const words = text.split(' ');
  return words.includes('') || text.includes('\t') ? text.split(/\s+/) : words;
}

/** Splits one op and checks its arguments; an op that the grammar lacks passes unchecked. */
export function parseOp(text: string, where = ''): Op {
  const whole = text.trim();
  const words = wordsOf(whole);
  const numbered = isDigits(words[0]);
  const proc = numbered ? Number(words[0]) : 0;
  const given = words[numbered ? 1 : 0];
  const args = words.slice(numbered ? 2 : 1);
  const signature = SIGNATURES.get(given);
  // One string for all ops of a name: comparing it is comparing a pointer.
  const name = signature?.name ?? given;
  if (!signature && !/^[a-z]\w*$/.test(name ?? '')) {
    throw new CorpusError(where, `'${text}' is not an op: expected '<proc> <op> <args>'`);
  }
  if (proc > 1) {
    throw new CorpusError(where, `'${text}': processes are 0 (parent) and 1 (child)`);
  }
  if (signature) {
    const { kinds, least } = signature;
    if (args.length < least || args.length > kinds.length) {
      const want = least === kinds.length ? `${least}` : `${least} to ${kinds.length}`;
      throw new CorpusError(
        where,
        `'${text}': ${name} takes ${want} arguments (${GRAMMAR[name].join(' ')})`,
      );
    }
    for (let i = 0; i < args.length; i++) {
      const kind = kinds[i];
      const word = args[i];
      if (kind === 'str' || (kind === 'dest' && word === '-')) continue;
      if (plainNumber(word) < 0 && !NUMBER.test(word)) {
        throw new CorpusError(where, `'${text}': '${word}' should be a number (${kind})`);
      }
    }
  }
  return { proc, name, args, text: whole };
}

/** What a program needs of a kernel; rounded up, so that programs share kernels. */
export interface Needs {
  readonly vpages: number;
  readonly bufferPages: number;
  readonly pages: number;
  /** Byte offsets into a page that the program looks at, in order. */
  readonly offsets: readonly number[];
}

/** Pages of address space beyond which a program is refused: nothing recorded comes near. */
export const MAX_VPAGES = 1 << 20;

const roundUp = (n: number, least: number): number => {
  let size = least;
  while (size < n) size *= 2;
  return size;
};

/** Reads off the ops how much of everything the program can touch. */
export function needsOf(ops: readonly Op[]): Needs {
  let vpages = 1;
  let bufferPages = 1;
  let pages = 32;
  const offsets: number[] = [];
  const note = (offset: number) => {
    if (!offsets.includes(offset)) offsets.push(offset);
  };
  for (const op of ops) {
    pages += 3;
    const signature = SIGNATURES.get(op.name);
    if (!signature) continue;
    const { kinds } = signature;
    let top = 0;
    let span = 1;
    for (let i = 0; i < op.args.length; i++) {
      const kind = kinds[i];
      const word = op.args[i];
      if (kind === 'str' || word === '-') continue;
      const n = parseNumber(word);
      if (n < 0) continue;
      if (kind === 'page' || (kind === 'dest' && op.name === 'remap')) top = Math.max(top, n);
      else if (kind === 'count') span = Math.max(span, n);
      else if (kind === 'off') {
        note(n & 4095);
        top += n >>> 12;
      } else if (kind === 'foff') {
        note(n & 4095);
        bufferPages = Math.max(bufferPages, (n >>> 12) + 1);
      }
    }
    const count = (i: number) => Math.max(0, parseNumber(op.args[i]));
    if (op.name === 'buf') {
      bufferPages = Math.max(bufferPages, span);
      // Blocks are aligned.
      pages += span < 512 ? span : 2 * span;
    } else if (op.name === 'btrunc') {
      bufferPages = Math.max(bufferPages, count(1));
      pages += count(1);
    } else if (op.name === 'mv') {
      pages += count(2);
    } else {
      vpages = Math.max(vpages, top + span + 1);
      if (span > 1) pages += 2 * span;
      if (op.name === 'map' && op.args[2] === '-') bufferPages = Math.max(bufferPages, span);
    }
  }
  return {
    vpages: roundUp(vpages, 512),
    bufferPages: roundUp(bufferPages, 16),
    pages: roundUp(pages, 256),
    offsets: offsets.sort((a, b) => a - b),
  };
}
