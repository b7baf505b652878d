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
  pte: g('page'),
  mv: g('buf int int str?'),
  dr: g('buf int off'),
  dw: g('buf int off val'),
  dst: g('buf int'),
  pwarn: g(''),
  fork: g(''),
  exit: g('int?'),
  kill: g(''),
  pmk: g(''),
  pwr: g('count val'),
  reuse: g('int off val'),
};

const NUMBER = /^-?(0[xX][0-9a-fA-F]+|\d+)$/;

/** A number in any C notation. */
export function parseNumber(text: string): number {
  if (!NUMBER.test(text)) throw new CorpusError('', `'${text}' is not a number`);
  const minus = text.startsWith('-');
  const digits = minus ? text.slice(1) : text;
  const n = /^0\d/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return minus ? -n : n;
}

/** Splits one op and checks its arguments; an op that the grammar lacks passes unchecked. */
export function parseOp(text: string, where = ''): Op {
  const words = text.trim().split(/\s+/);
  let proc = 0;
  if (/^\d+$/.test(words[0])) proc = Number(words.shift());
  const name = words.shift();
  if (!name || !/^[a-z]\w*$/.test(name)) {
    throw new CorpusError(where, `'${text}' is not an op: expected '<proc> <op> <args>'`);
  }
  if (proc > 1) {
    throw new CorpusError(where, `'${text}': processes are 0 (parent) and 1 (child)`);
  }
  const kinds = Object.hasOwn(GRAMMAR, name) ? GRAMMAR[name] : undefined;
  if (kinds) {
    const least = kinds.filter((kind) => !kind.endsWith('?')).length;
    if (words.length < least || words.length > kinds.length) {
      const want = least === kinds.length ? `${least}` : `${least} to ${kinds.length}`;
      throw new CorpusError(
        where,
        `'${text}': ${name} takes ${want} arguments (${kinds.join(' ')})`,
      );
    }
    words.forEach((word, i) => {
      const kind = kinds[i].replace('?', '');
      const free = kind === 'str' || (kind === 'dest' && word === '-');
      if (!free && !NUMBER.test(word)) {
        throw new CorpusError(where, `'${text}': '${word}' should be a number (${kind})`);
      }
    });
  }
  return { proc, name, args: words, text: text.trim() };
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
  const offsets = new Set<number>();
  for (const op of ops) {
    const kinds = Object.hasOwn(GRAMMAR, op.name) ? GRAMMAR[op.name] : undefined;
    pages += 3;
    if (!kinds) continue;
    let top = 0;
    let span = 1;
    op.args.forEach((word, i) => {
      const kind = kinds[i].replace('?', '');
      if (kind === 'str' || word === '-') return;
      const n = parseNumber(word);
      if (n < 0) return;
      if (kind === 'page' || (kind === 'dest' && op.name === 'remap')) top = Math.max(top, n);
      else if (kind === 'count') span = Math.max(span, n);
      else if (kind === 'off') {
        offsets.add(n & 4095);
        top += n >>> 12;
      } else if (kind === 'foff') {
        offsets.add(n & 4095);
        bufferPages = Math.max(bufferPages, (n >>> 12) + 1);
      }
    });
    const count = (i: number) => Math.max(0, parseNumber(op.args[i]));
    if (op.name === 'buf') {
      bufferPages = Math.max(bufferPages, span);
      pages += span;
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
    offsets: [...offsets].sort((a, b) => a - b),
  };
}
