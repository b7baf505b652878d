// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Whether any of some words stands in a file's bytes. A WebAssembly routine (search.wat) finds where
 * three telling bytes of a word are, sixteen positions at a time; here the rest is compared. Several
 * times faster than a regular expression, and files that do not matter never become strings.
 */

/** search.wat, assembled. */
export const CODE =
  'AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAEHEQIGbWVtb3J5AgAEbmV4dAAACvYBAfMBAQl7QQD9AAQAIQJBEP0ABAAhA0Eg' +
  '/QAEACEEQTD9AAQAIQVBwAD9AAQAIQZB0AD9AAQAIQf9DA8PDw8PDw8PDw8PDw8PDw8hCAJAA0AgACABTw0BIAD9AAQAIQkg' +
  'AiAJIAj9Tv0OIAMgCUEE/W39Dv1OIQogAP0ABAEhCSAKIAQgCSAI/U79DiAFIAlBBP1t/Q79Tv1OIQogAP0ABAIhCSAKIAYg' +
  'CSAI/U79DiAHIAlBBP1t/Q79Tv1OIQogCv1TBEAgAEH//wMgCv0MAAAAAAAAAAAAAAAAAAAAAP0j/WRzaGoPCyAAQRBqIQAM' +
  'AAsLQX8L';

/** A word, and at which of its bytes three stand that are rarely seen in other words. */
export type Word = readonly [word: string, telling: number];

/** Where the text is in memory: behind the tables. */
const TEXT = 128;
/** What the routine may read beyond the text. */
const BEYOND = 32;
const PAGE = 65536;

interface Routine {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  next(at: number, end: number): number;
}
/** What is used of it; TypeScript knows it in browsers only. */
const { Module, Instance } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (code: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: object };
    };
  }
).WebAssembly;

const threeAt = (bytes: Uint8Array, at: number) =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);

export class Search {
  private readonly routine: Routine;
  /** By their three telling bytes. */
  private readonly words = new Map<
    number,
    { readonly word: string; readonly bytes: Uint8Array; readonly telling: number }[]
  >();
  private bytes: Buffer;
  /** The word that was found last. */
  private word = '';

  constructor(words: readonly Word[]) {
    this.routine = new Instance(new Module(Buffer.from(CODE, 'base64'))).exports as Routine;
    this.bytes = Buffer.from(this.routine.memory.buffer);
    for (const [word, telling] of words) {
      const bytes = Buffer.from(word, 'latin1');
      const three = threeAt(bytes, telling);
      const alike = this.words.get(three);
      if (alike) {
        alike.push({ word, bytes, telling });
        continue;
      }
      // More than eight share bits: a place too many is compared, none is missed.
      const bit = 1 << (this.words.size % 8);
      this.words.set(three, [{ word, bytes, telling }]);
      for (let k = 0; k < 3; k++) {
        const c = bytes[telling + k]!;
        this.bytes[32 * k + (c & 15)]! |= bit;
        this.bytes[32 * k + 16 + (c >> 4)]! |= bit;
      }
    }
  }

  /** Room for a text of so many bytes, to be filled before found() or text() are called. */
  room(length: number): Buffer {
    const missing = TEXT + length + BEYOND - this.bytes.length;
    if (missing > 0) {
      this.routine.memory.grow(Math.ceil(missing / PAGE));
      this.bytes = Buffer.from(this.routine.memory.buffer);
    }
    return this.bytes.subarray(TEXT, TEXT + length);
  }

  /** Whether a word stands in the first bytes of the room. */
  found(length: number): boolean {
    return this.next(TEXT, this.end(length)) >= 0;
  }

  /** The words that stand there. */
  all(length: number): ReadonlySet<string> {
    const out = new Set<string>();
    const end = this.end(length);
    for (let at = this.next(TEXT, end); at >= 0; at = this.next(at + 1, end)) out.add(this.word);
    return out;
  }

  private end(length: number): number {
    const end = TEXT + length;
    this.bytes.fill(0, end, end + BEYOND);
    return end;
  }

  /** Where the telling bytes of the next word are; -1: there is none. */
  private next(from: number, end: number): number {
    const { bytes, routine } = this;
    for (let at = routine.next(from, end); at >= 0; at = routine.next(at + 1, end)) {
      for (const w of this.words.get(threeAt(bytes, at)) ?? []) {
        if (!this.stands(w.bytes, at - w.telling, end)) continue;
        this.word = w.word;
        return at;
      }
    }
    return -1;
  }

  private stands(word: Uint8Array, from: number, end: number): boolean {
    if (from < TEXT || from + word.length > end) return false;
    for (let k = 0; k < word.length; k++) if (this.bytes[from + k] !== word[k]) return false;
    return true;
  }
}
