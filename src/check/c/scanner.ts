// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Splits bytes into the tokens of C. A WebAssembly routine (scanner.wat) does that several times as fast as
 * JavaScript would, from the first file on; lex.ts, skeleton.ts and skim.ts say what is made of its tokens.
 */

/** scanner.wat, assembled. */
export const CODE =
  'AGFzbQEAAAABPQlgA39/fwF/YAV/f3t7ewF/YAJ/fwF/YAF/AX9gBH9/f38Bf2AGf39/f39/AX9gAX8AYAN/f38AYAJ/fwAD' +
  'FhUAAQICAgMCAgMEAgUABgcIAgMCAwUFAwEAQAYLAn8BQQALfwFBAAsHLAUGbWVtb3J5AgAGdG9rZW5zAAsGbnVtYmVyAAwD' +
  'YWRkAA0Hb3V0bGluZQAUCocXFRwAIAAtAICAgAIgAUYgAEEBai0AgICAAiACRnELWgIBewF/A0AgACABTgRAIAEPCyAA/QAE' +
  'gICAAiEFIAUgAv0jIAUgA/0jIAUgBP0j/VD9UP1kIQYgBkUEQCAAQRBqIQAMAQsLIAAgBmhqIQAgACABIAAgAUgbC0gBAXtB' +
  'Kv0PIQIgAEEBaiEAA0AgAEEBaiABIAIgAiACEAEhACAAIAFBAWtOBEAgAQ8LIABBAWotAICAgAJBL0cNAAsgAEECagsWAQF7' +
  'QQr9DyECIAAgASACIAIgAhABC3EBAX8DQCAAIAFOBEAgAA8LIAAtAICAgAIhAiACQSBNIAJB3ABGcgRAIABBAWohAAwBCyAC' +
  'QS9GBEAgAEEBai0AgICAAiECIAJBKkYEQCAAIAEQAiEADAILIAJBL0YEQCAAIAEQAyEADAILCyAADwsAC1kBAX8DQCAARQRA' +
  'QQEPCyAAQQFrIQAgAC0AgICAAiEBIAFBIEYgAUEJRnIgAUENRiABQQxGcnINAAsgAUEKRgRAQQEPCyAARQRAQQAPCyAAQQFr' +
  'QSpBLxAAC7gBAQJ/QQAkAQNAIAAgAUEK/Q9BL/0PQfsA/Q8QASEAIAAgAU4EQCABDwsgAC0AgICAAiECIAJBCkYEQCAAQQFr' +
  'IQMgAy0AgICAAkENRgRAIANBAWshAwsgAy0AgICAAkHcAEcEQCAADwsLIAJB+wBGBEBBASQBCyACQS9GBEAgAEEvQSoQAARA' +
  'QQEkASAAIAEQAiEADAILIABBL0EvEAAEQCAAIAEQAyEADAILCyAAQQFqIQAMAAsAC1kBAn8gAC0AgICAAiECA0AgAEEBaiEA' +
  'IAAgAU4EQCABDwsgAC0AgICAAiEDIAMgAkYEQCAAQQFqDwsgA0EKRgRAIAAPCyADQdwARgRAIABBAWohAAsMAAsAC7ABAQN/' +
  'IAAtAICAgAItAIAIQQhxBEBBAQ8LIAAtAICAgAIhASAAQQFqLQCAgIACIQIgAkE9RgRAQQIPCyAAQS1BPhAABEBBAg8LIAIg' +
  'AUcEQEEBDwsgAEECai0AgICAAiEDIAFBLkYEQEEDQQEgA0EuRhsPCyABQTxGIAFBPkZyBEBBA0ECIANBPUYbDwtBAkEBIAFB' +
  'K0YgAUEtRnIgAUEmRiABQSNGciABQfwARnJyGws0AANAIABBAWohACAAIAFIBEAgAC0AgICAAi0AgAggAnENASAALQCAgIAC' +
  'IANGDQELCyAAC50BAQF/IAAtAICAgAItAIAIIQIgAkEBcQRAQQEkACAAIAFBA0GAAhAJDwsgAkECcQRAQQIkACAAIAFBA0Eu' +
  'EAkPCyAALQCAgIACIQIgAkEiRiACQSdGcgRAQQNBBCACQSJGGyQAIAAgARAHDwsgAkEjRgRAIAAQBQRAQQYkACAAIAEQBg8L' +
  'C0EFJAAgACAAEAhqIQAgACABIAAgAUgbC1YBAX8DQCAAIAEQBCEAIAAgAU4EQCAGDwsgBCAGQQJ0aiACIABqNgIAIAAgARAK' +
  'IQAgBSAGQQJ0aiACIABqNgIAIAMgBmojADoAACAGQQFqIQYMAAsAC1EBAX9BxbvyiHggAHMhAwJAA0AgASACTg0BIAMgAS0A' +
  'gICAAnNBk4OACGwhAyABQQFqIQEMAAsLIAMgA0EPdnNB7fjs4AJsIQMgAyADQQ12cwuFAQEDf0EAKAIIIQMgACADcUEDdCEB' +
  'AkADQCABKAKEgEBBACgCBEcNASABKAKAgEAgAEYEQA8LIAFBCGogA0EDdHEhAQwACwtBACgCACECIAJBAXQgA0sEQA8LIAEg' +
  'ADYCgIBAIAFBACgCBDYChIBAIAJBAnQgADYCgIAgQQAgAkEBajYCAAsMACAAIAEgAhAMEA0L8AEBA38CQANAIAAgAU4NASAA' +
  'LQCAgIACQSBLDQEgAEEBaiEADAALCyAAIQIgAiABTiACLQCAgIACLQCACEEQcUVyBEAPCyAAIAFBEEGAAhAJIQBBAiACIAAQ' +
  'DiMBRQRADwsDQCAAIAFOBEAPCyAALQCAgIACLQCACCEEIARBEHFFBEAgBEEEcSAALQCAgIACQdwARnJFBEBBACEDCyAAQQFq' +
  'IQAMAQsgACECIAAgAUEQQYACEAkhACADBEBBCSACIAAQDgsgACACa0EGRiACKAKAgIACQfPoyasHRiACQQRqQeMAQfQAEABx' +
  'cSEDDAALAAskAAJAA0AgAEEBaiEAIAAgAUggAC0AgICAAkEgTXENAAsLIAALMAAgACgCgICAAkHkypnLBkYgAEEEakHuAEHl' +
  'ABAAcSAALQCGgIACLQCACEEQcUVxC7kBAQJ/IAAvAYCAgAIhA0EAKAIMIQIgA0HpzAFGBEAgAkGABEYEQEF/DwsgAiABNgKA' +
  'ICACQX82AoQgQQAgAkEIajYCDCABDwsgAkUEQEF/IAEgA0Hl2AFGIAFBAEdxGw8LIAJBCGshAiACKAKAIEUgAUEAR3EEQEF/' +
  'DwsgA0Hl2AFGBEAgAigChCBBAEgEQCACIAE2AoQgCyACKAKAIA8LQQAgAjYCDCABIAIoAoQgIAIoAoQgQQBIGwsgAQF/QQAo' +
  'AgwhASAAIAFFcgRAQQAPCyABKAL4H0EARwvlBwESf0F2IQ8CQANAIAcgAE4NASAHLQCAgIACIQkgCUEgTQRAIAdBAWohBwwB' +
  'CyAJLQCACCEKIAchCAJAIApBAXEEQANAIAdBAWohByAHLQCAgIACLQCACEEDcQ0ACyAQIRFBgAIhECASIRQgEyEVIAghEiAH' +
  'IRMgFyEWQQAhFyANDQIgDEUgByAIa0EGRiAIKAKAgIACQfPoyasHRiAIQQRqQeMAQfQAEABxcSAHIAhrQQVGIAgoAoCAgAJB' +
  '9dyl+wZGIAgtAISAgAJB7gBGcXFycQRAIAYhDwtBASELDAELIApBCHEEQCAHQQFqIQcFIApBAnEEQCAHIABBA0EuEAkhB0EC' +
  'IQtBACEKBUEIIQogCUEvRgRAIAdBL0EqEAAEQCAHIAAQAiEHQQEhFwwFCyAHQS9BLxAABEAgByAAEAMhB0EBIRcMBQsLIAlB' +
  '3ABGBEAgB0EBaiEHDAQLIAlBIkYgCUEnRnIEQCAHIAAQByEHQQNBBCAJQSJGGyELQQAhCgUgCUEjRgRAIAcQBQRAIAcgABAG' +
  'IQcgCCAHEBAhCSAQQYMCRyELIBAhEUGDAiEQQQAhFyAJLwGAgIACIQogCkHkygFGBEAgCRARBEAgCUEGaiAHEA8gAiALIA1F' +
  'cXJFDQgLCyAKQenMAUYgCkHl2AFGIApB5dwBRnJyBEAgCSAMEBIhDCAMQQBIBEBBfw8LIAwgDUgEQEEAIQ0LC0EGIQsMBQsL' +
  'IAcgBxAIaiEHCwsLIAcgAEoEQCAAIQcLIApFBEAgECERQYICIRBBACEXIA0NAgwBC0EFIQsgEEGAAkYEQCABBEAgCUEoRgRA' +
  'QQYgEiATEA4LIAlBPUYgByAIa0EBRnEgEUEuRiARQYECRnJxBEBBByASIBMQDgsLIBFBgAJGIAlBO0YgCUHbAEZycSAOIBcg' +
  'FnJFcXEEQEEIIBQgFRAOCwtBACEXIBAhESAJIRAgCUEoRiAJQdsARiAJQfsARnJyBEAgDEHoB0YEQEF/DwsgDCAJQQFBAiAJ' +
  'QShGG2o6AIAQIAxBAWohDCANDQIgCUH7AEYgDEEBRnEEQCAGIA9rQQRMIBFBPUdxIQ4LIAlBKEcEQCAMIQ0LDAELIAlBKUYg' +
  'CUHdAEYgCUH9AEZycgRAIAxFBEBBfw8LIAxBAWshDCAMLQCAECAJRyAMEBNyBEBBfw8LIAxFBEBBACEOCyAMIA1IBEBBACEN' +
  'CwsgCUEtRgRAIAhBLUE+EAAEQEGBAiEQCwsgDQ0BCyADIAZqIAs6AAAgBCAGQQJ0aiAINgIAIAUgBkECdGogBzYCACAGQQFq' +
  'IQYMAAsLQX8gBiAMQQBHGws=';

/** Where in memory: state, classes of characters, numbers that were found, and the text. */
const CLASSES = 1024;
const FOUND = 512 * 1024;
const TEXT = 0x400000;
/** What is read beyond a text. */
const BEYOND = 16;
const PAGE = 65536;

/** Words of the state. */
const enum At {
  /** How many numbers were found. */
  Count = 0,
  /** Which text this is. */
  Turn = 1,
  /** Slots for numbers, less one. */
  Slots = 2,
  /** How many #if there are around. */
  Ifs = 3,
}
const WORDS = 4;

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
  outline(
    end: number,
    bodies: number,
    defines: number,
    kinds: number,
    starts: number,
    ends: number,
  ): number;
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

/** Room for a text of so many bytes, and for the columns of so many tokens behind it. */
function room(length: number, most: number): Buffer {
  const missing = columnsAt(length, most).after - bytes.length;
  if (missing > 0) {
    routine.memory.grow(Math.ceil(missing / PAGE));
    bytes = Buffer.from(routine.memory.buffer);
    state = new Int32Array(routine.memory.buffer, 0, WORDS);
  }
  return bytes.subarray(TEXT, TEXT + length + BEYOND);
}

/** Where the columns of so many tokens of a text are. */
function columnsAt(length: number, most: number) {
  const starts = (TEXT + length + BEYOND + 3) & ~3;
  const ends = starts + 4 * most;
  const kinds = ends + 4 * most;
  return { starts, ends, kinds, after: kinds + most + BEYOND };
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
  const most = to - from;
  const into = room(length, most);
  into.fill(0, into.write(text.slice(first, to + BEYOND), 'latin1'));
  const { kinds, starts, ends } = columnsAt(length, most);
  const n = routine.tokens(from - first, length, first, kinds, starts, ends);
  const { buffer } = routine.memory;
  return {
    n,
    kind: new Uint8Array(buffer, kinds, n).slice(),
    start: new Int32Array(buffer, starts, n).slice(),
    end: new Int32Array(buffer, ends, n).slice(),
  };
}

/** What an outline takes down and tells of. */
export interface Outlined {
  /** Whether names of what is called and assigned are taken down. */
  readonly bodies: boolean;
  /** Whether all #define are told of; of some in a row otherwise only the first. */
  readonly defines: boolean;
}

/**
 * The tokens of a text but for those in braces and in square brackets, good until another text is taken; null
 * where brackets do not match or an #if cuts through them. Lines of the preprocessor are told of everywhere.
 * Names of macros and of types of members are taken down, see numbers().
 */
export function outlineOf(
  text: string | Uint8Array,
  length: number,
  what: Outlined,
): Columns | null {
  const into = room(length, length);
  if (typeof text === 'string') into.write(text, 'latin1');
  else into.set(text.subarray(0, length));
  into.fill(0, length);
  state[At.Turn]!++;
  state[At.Count] = state[At.Ifs] = 0;
  let slots = FEW_SLOTS;
  while (slots < SLOTS && slots * SPARSE < length) slots *= 2;
  state[At.Slots] = slots - 1;
  const { kinds, starts, ends } = columnsAt(length, length);
  const n = routine.outline(length, +what.bodies, +what.defines, kinds, starts, ends);
  if (n < 0) return null;
  const { buffer } = routine.memory;
  return {
    n,
    kind: new Uint8Array(buffer, kinds, n),
    start: new Int32Array(buffer, starts, n),
    end: new Int32Array(buffer, ends, n),
  };
}

/** numberOf() of bytes of the text that was taken last. */
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
