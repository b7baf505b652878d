// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Splits bytes into the tokens of C. A WebAssembly routine (scanner.wat) does that several times as fast as
 * JavaScript would, from the first file on; lex.ts and skim.ts say what is made of its tokens.
 */

/** scanner.wat, assembled. */
export const CODE =
  'AGFzbQEAAAABNAhgA39/fwF/YAJ/fwF/YAF/AX9gBH9/f38Bf2AGf39/f39/AX9gAX8AYAN/f38AYAJ/fwADEhEAAQEBAgEB' +
  'AgMBBAAFBgcBAQUDAQBABhADfwFBAAt/AUEAC38BQQALBykFBm1lbW9yeQIABnRva2VucwAKBm51bWJlcgALA2FkZAAMBG5l' +
  'eHQAEArPEhEcACAALQCAgIACIAFGIABBAWotAICAgAIgAkZxC14BAX8gAEECaiEAA0AgACABQQFrTgRAIAEPCyAALQCAgIAC' +
  'IQIgAEEBaiEAIAJBKksNACACQQpGBEAjAEEBciQACyACQSpHDQAgAC0AgICAAkEvRw0AIABBAWoPCwALKwADQCAAIAFOBEAg' +
  'AQ8LIAAtAICAgAJBCkYEQCAADwsgAEEBaiEADAALAAuZAQEBfwNAIAAgAU4EQCAADwsgAC0AgICAAiECIAJBIE0EQCACQQpG' +
  'BEAjAEEBciQACyAAQQFqIQAMAQsgAkHcAEYEQCAAQQFqIQAMAQsgAkEvRgRAIABBAWotAICAgAIhAiACQSpGBEAjAEECciQA' +
  'IAAgARABIQAMAgsgAkEvRgRAIwBBAnIkACAAIAEQAiEADAILCyAADwsAC1kBAX8DQCAARQRAQQEPCyAAQQFrIQAgAC0AgICA' +
  'AiEBIAFBIEYgAUEJRnIgAUENRiABQQxGcnINAAsgAUEKRgRAQQEPCyAARQRAQQAPCyAAQQFrQSpBLxAAC6sBAQN/QQAkAiMA' +
  'IQQDQCAAIAFOBEAgAQ8LIAAtAICAgAIhAiACQQpGBEAgAEEBayEDIAMtAICAgAJBDUYEQCADQQFrIQMLIAMtAICAgAJB3ABH' +
  'BEAgAA8LCyACQfsARgRAQQEkAgsgAkEvRgRAIABBL0EqEAAEQEEBJAIgACABEAEhACAEJAAMAgsgAEEvQS8QAARAIAAgARAC' +
  'IQAMAgsLIABBAWohAAwACwALWQECfyAALQCAgIACIQIDQCAAQQFqIQAgACABTgRAIAEPCyAALQCAgIACIQMgAyACRgRAIABB' +
  'AWoPCyADQQpGBEAgAA8LIANB3ABGBEAgAEEBaiEACwwACwALsAEBA38gAC0AgICAAi0AgAhBCHEEQEEBDwsgAC0AgICAAiEB' +
  'IABBAWotAICAgAIhAiACQT1GBEBBAg8LIABBLUE+EAAEQEECDwsgAiABRwRAQQEPCyAAQQJqLQCAgIACIQMgAUEuRgRAQQNB' +
  'ASADQS5GGw8LIAFBPEYgAUE+RnIEQEEDQQIgA0E9RhsPC0ECQQEgAUErRiABQS1GciABQSZGIAFBI0ZyIAFB/ABGcnIbCzQA' +
  'A0AgAEEBaiEAIAAgAUgEQCAALQCAgIACLQCACCACcQ0BIAAtAICAgAIgA0YNAQsLIAALnQEBAX8gAC0AgICAAi0AgAghAiAC' +
  'QQFxBEBBASQBIAAgAUEDQYACEAgPCyACQQJxBEBBAiQBIAAgAUEDQS4QCA8LIAAtAICAgAIhAiACQSJGIAJBJ0ZyBEBBA0EE' +
  'IAJBIkYbJAEgACABEAYPCyACQSNGBEAgABAEBEBBBiQBIAAgARAFDwsLQQUkASAAIAAQB2ohACAAIAEgACABSBsLVgEBfwNA' +
  'IAAgARADIQAgACABTgRAIAYPCyAEIAZBAnRqIAIgAGo2AgAgACABEAkhACAFIAZBAnRqIAIgAGo2AgAgAyAGaiMBOgAAIAZB' +
  'AWohBgwACwALUQEBf0HFu/KIeCAAcyEDAkADQCABIAJODQEgAyABLQCAgIACc0GTg4AIbCEDIAFBAWohAQwACwsgAyADQQ92' +
  'c0Ht+OzgAmwhAyADIANBDXZzC4sBAQN/QQAoAjghAyAAIANxIQECQANAIAFBA3QoAoSAQEEAKAI0Rw0BIAFBA3QoAoCAQCAA' +
  'RgRADwsgAUEBaiADcSEBDAALC0EAKAIwIQIgAkEBdCADSwRADwsgAUEDdCAANgKAgEAgAUEDdEEAKAI0NgKEgEAgAkECdCAA' +
  'NgKAgCBBACACQQFqNgIwCwwAIAAgASACEAsQDAvwAQEDfwJAA0AgACABTg0BIAAtAICAgAJBIEsNASAAQQFqIQAMAAsLIAAh' +
  'AiACIAFOIAItAICAgAItAIAIQRBxRXIEQA8LIAAgAUEQQYACEAghAEECIAIgABANIwJFBEAPCwNAIAAgAU4EQA8LIAAtAICA' +
  'gAItAIAIIQQgBEEQcUUEQCAEQQRxIAAtAICAgAJB3ABGckUEQEEAIQMLIABBAWohAAwBCyAAIQIgACABQRBBgAIQCCEAIAME' +
  'QEEJIAIgABANCyAAIAJrQQZGIAIoAoCAgAJB8+jJqwdGIAJBBGpB4wBB9AAQAHFxIQMMAAsACyQAAkADQCAAQQFqIQAgACAB' +
  'SCAALQCAgIACQSBNcQ0ACwsgAAvIBQEOf0EAKAIEIQNBACgCCCEEQQAoAgwhCEEAKAIQIQpBACgCFCELQQAoAhghDEEAKAIc' +
  'IQ1BACgCQCEOQQAoAiAhD0EAKAIkIQZBACgCKCEHIA9FJAACQANAIAghCSAEIQggAyAAEAMhAiACIABOBEBBACEEDAILIAIg' +
  'ABAJIQMgD0EBaiEPIwFBAUYEQEGAAiEEIAohDCALIQ0jACEOIAIhCiADIQsgB0UNAkEAJAAMAQsjAUEGRgRAQYMCIQQgAiAD' +
  'EA8hBSAFKAKAgIACQeTKmcsGRiAFQQRqQe4AQeUAEABxRQ0CIAVBBmohBSAFLQCAgIACLQCACEEQcQ0CIAUgAxAOIAdFIAhB' +
  'gwJHcQ0CQQAkAAwBCyMBQQVHBEBBggIhBCAHRQ0CQQAkAAwBCyACLQCAgIACIgUhBCAIQYACRgRAIAEEQCAFQShGBEBBBiAK' +
  'IAsQDQsgBUE9RiADIAJrQQFGcSAJQS5GIAlBgQJGcnEEQEEHIAogCxANCwsgCUGAAkYgBUE7RiAFQdsARnJxQQAoAiwjACAO' +
  'ckECcUVxcQRAQQggDCANEA0LCyAFQShGIAVB2wBGIAVB+wBGcnIEQCAGQegHRgRAQX8hBAwDCyAGIAVBAUECIAVBKEYbajoA' +
  'gBAgBkEBaiEGIAdFBEAgBUEoRwRAIAYhBwsMAwtBACQADAELIAVBKUYgBUHdAEYgBUH9AEZycgRAIAZFBEBBfyEEDAMLIAZB' +
  'AWshBiAGLQCAECAFRwRAQX8hBAwDCyAGIAdIBEBBACEHCwsgAkEtQT4QAARAQYECIQQLIAdFDQFBACQADAALC0EAIAI2AgBB' +
  'ACADNgIEQQAgBDYCCEEAIAg2AgxBACAKNgIQQQAgCzYCFEEAIAw2AhhBACANNgIcQQAgDzYCIEEAIAY2AiRBACAHNgIoQQAg' +
  'DjYCQEEAIwA2AjwgBAs=';

/** Where in memory: state, classes of characters, numbers that were found, and the text. */
const CLASSES = 1024;
const FOUND = 512 * 1024;
const TEXT = 0x400000;
/** What is read beyond a text. */
const BEYOND = 4;
const PAGE = 65536;

/** Words of the state, between two tokens. */
export const enum At {
  /** The last token: where it begins and ends, and what it is. */
  Token = 0,
  TokenEnd = 1,
  /** What the token before it was. */
  Before = 3,
  /** The last two words. */
  Word = 4,
  WordEnd = 5,
  LastWord = 6,
  LastWordEnd = 7,
  /** Number of the last token. */
  Tokens = 8,
  /** Brackets around. */
  Depth = 9,
  /** The depth from which on tokens are not told of; 0: they are. */
  Hidden = 10,
  /** Whether the braces around hold members of a struct. */
  Members = 11,
  /** How many numbers were found. */
  Count = 12,
  /** Which text this is. */
  Turn = 13,
  /** Slots for numbers, less one. */
  Slots = 14,
  /** What stood before the last token: Gap. */
  Gap = 15,
  /** What stood before the last word. */
  WordGap = 16,
}
const WORDS = 17;

/** What next() tells of, if not a character that stands alone, or begins an operator. */
export const enum Told {
  NoMatch = -1,
  End = 0,
  Word = 256,
  Arrow = 257,
  Other = 258,
  Directive = 259,
}

/** Bits of what stands between two tokens. */
export const enum Gap {
  Line = 1,
  Comment = 2,
}

/** Slots for the numbers of a text, of which one in two may be taken. */
const SLOTS = 1 << 18;
/** Bytes of a text for each of them: hardly one has so many names. */
const SPARSE = 8;
const FEW_SLOTS = 256;

interface Routine {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  tokens(
    from: number,
    end: number,
    first: number,
    kinds: number,
    starts: number,
    ends: number,
  ): number;
  next(end: number, bodies: number): number;
  number(part: number, from: number, to: number): number;
  add(number: number): void;
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

const routine = new Instance(new Module(Buffer.from(CODE, 'base64'))).exports as Routine;
let bytes = Buffer.from(routine.memory.buffer);
let state = new Int32Array(routine.memory.buffer, 0, WORDS);

const IDENT = 1;
const DIGIT = 2;
const SPACE = 4;
const ALONE = 8;
const PLAIN = 16;

for (let c = 0; c < 256; c++) {
  const ch = String.fromCharCode(c);
  bytes[CLASSES + c] =
    (/[A-Za-z_$]/.test(ch) || c >= 0x80 ? IDENT : 0) |
    (/[0-9]/.test(ch) ? DIGIT : 0) |
    (c <= 0x20 ? SPACE : 0) |
    (/[;,()[\]{}:?~@\x7f]/.test(ch) ? ALONE : 0) |
    (/\w/.test(ch) ? PLAIN : 0);
}

/** Room for a text of so many bytes, and for `more` behind it. */
function room(length: number, more: number): Buffer {
  const missing = TEXT + length + BEYOND + more - bytes.length;
  if (missing > 0) {
    routine.memory.grow(Math.ceil(missing / PAGE));
    bytes = Buffer.from(routine.memory.buffer);
    state = new Int32Array(routine.memory.buffer, 0, WORDS);
  }
  return bytes.subarray(TEXT, TEXT + length + BEYOND);
}

/** The tokens of a text, as columns. */
export interface Columns {
  readonly n: number;
  readonly kind: Uint8Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/** The tokens of text[from, to). */
export function columnsOf(text: string, from: number, to: number): Columns {
  // A # begins a directive at the start of a line only.
  const first = from === 0 ? 0 : text.lastIndexOf('\n', from - 1) + 1;
  const length = to - first;
  const most = (to - from + 3) & ~3;
  const into = room(length, 9 * most + 4);
  into.fill(0, into.write(text.slice(first, to + BEYOND), 'latin1'));
  const starts = (TEXT + length + BEYOND + 3) & ~3;
  const ends = starts + 4 * most;
  const kinds = ends + 4 * most;
  const n = routine.tokens(from - first, length, first, kinds, starts, ends);
  const { buffer } = routine.memory;
  return {
    n,
    kind: new Uint8Array(buffer, kinds, n).slice(),
    start: new Int32Array(buffer, starts, n).slice(),
    end: new Int32Array(buffer, ends, n).slice(),
  };
}

/** Takes a text to tell the names of; what is known between its tokens, by At, until another text is taken. */
export function begin(text: Uint8Array, length: number): Int32Array {
  const into = room(length, 0);
  into.set(text.subarray(0, length));
  into.fill(0, length);
  const turn = state[At.Turn]! + 1;
  state.fill(0);
  state[At.Turn] = turn;
  let slots = FEW_SLOTS;
  while (slots < SLOTS && slots * SPARSE < length) slots *= 2;
  state[At.Slots] = slots - 1;
  return state;
}

/** The next token of a text of that length that is no part of a body: a character, or Told. */
export const next = (length: number, bodies: boolean): number => routine.next(length, +bodies);

/** numberOf() of the text's bytes. */
export const numberAt = (part: number, from: number, to: number): number =>
  routine.number(part, from, to);

/** Takes a number down. */
export const add = (number: number): void => routine.add(number);

/** The numbers that were taken down, each once; null where there may be more. */
export function numbers(): Uint32Array | null {
  const count = state[At.Count]!;
  if (2 * count > state[At.Slots]!) return null;
  return new Uint32Array(routine.memory.buffer, FOUND, count).slice();
}
