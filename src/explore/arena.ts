// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Memory that steps in TypeScript and the routine of states.wat share: arrays of words that can grow.
 *
 * The routine is WebAssembly because most of a search runs no step at all: it compares bytes, changes a few,
 * and looks the result up. V8 compiles that once and well, where the same in TypeScript begins as slow as
 * any script, and a search of a second is half over before it is quick.
 */

/** Arrays that the routine knows; it has a global for the address of each. */
export type ArrayName =
  | 'table'
  | 'hashes'
  | 'chunks'
  | 'parents'
  | 'moves'
  | 'edges'
  | 'edgeStart'
  | 'stagedRows'
  | 'stagedHash'
  | 'stagedParents'
  | 'stagedMoves'
  | 'index'
  | 'roots'
  | 'decisions'
  | 'leaves'
  | 'ends'
  | 'fatal'
  | 'changes'
  | 'highs'
  | 'members'
  | 'places'
  | 'owners'
  | 'order'
  | 'scratch';

/** Sizes that it knows. */
export type SizeName =
  | 'stride'
  | 'shift'
  | 'mask'
  | 'room'
  | 'edgeRoom'
  | 'keepEdges'
  | 'longNodes'
  | 'threads'
  | 'daemons'
  | 'maxStates'
  | 'width'
  | 'groups'
  | 'ownSlots'
  | 'ownerSlots';

interface Routine extends Readonly<Record<ArrayName | SizeName, { value: number }>> {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  hash(at: number): number;
  lookUp(): void;
  fill(): void;
  expand(until: number): number;
}

/** states.wat, assembled. */
export const CODE =
  'AGFzbQEAAAABGgVgAABgAX8Bf2ACf38Bf2ADf39/AX9gAX8AAg0BBGhvc3QEZ3JvdwAAAwsKAQECAwQAAAIDAQUDAQAQBr8B' +
  'Jn8BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/' +
  'AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFB' +
  'AAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAsHoQMrBm1lbW9yeQIABnN0cmlkZQMABXNo' +
  'aWZ0AwEEbWFzawMCBHJvb20DAwhlZGdlUm9vbQMECWtlZXBFZGdlcwMFB3RocmVhZHMDBgdkYWVtb25zAwcJbWF4U3RhdGVz' +
  'AwgFd2lkdGgDCQZncm91cHMDCghvd25TbG90cwMLCm93bmVyU2xvdHMDDAV0YWJsZQMNBmhhc2hlcwMOBmNodW5rcwMPB3Bh' +
  'cmVudHMDEAVtb3ZlcwMRBWVkZ2VzAxIJZWRnZVN0YXJ0AxMKc3RhZ2VkUm93cwMUCnN0YWdlZEhhc2gDFQ1zdGFnZWRQYXJl' +
  'bnRzAxYLc3RhZ2VkTW92ZXMDFwVpbmRleAMYBXJvb3RzAxkJZGVjaXNpb25zAxoGbGVhdmVzAxsEZW5kcwMcBWZhdGFsAx0H' +
  'Y2hhbmdlcwMeCWxvbmdOb2RlcwMfBWhpZ2hzAyAHbWVtYmVycwMhBnBsYWNlcwMiBm93bmVycwMjBW9yZGVyAyQHc2NyYXRj' +
  'aAMlBGhhc2gAAgZsb29rVXAABgRmaWxsAAcGZXhwYW5kAAoKphEKHwAjDyAAIwF2QQJ0aigCACMAIABBASMBdEEBa3Fsagtg' +
  'AgF+AX9Clfip+pe33puefyEBIAAjAGohAgNAIAEgACkDAIVCzZnW6v7666h/fiEBIAEgAUIgiIUhASAAQQhqIgAgAkkNAAsg' +
  'AULT2JfU4b+u50R+IQEgASABQiCIhacLNQECfyABIABqLQAAIQMjICAAQQJ0aigCACECIAJBAE4EQCADIAEgAmotAABBCHRy' +
  'IQMLIAMLZAEDfyAAIAIQAyABIAIQA2shAyMiIQUjCyEEAkADQCADDQEgBEUNASACIAUgAEECdGooAgBqLQAAIAIgBSABQQJ0' +
  'aigCAGotAABrIQMgBSMGQQJ0aiEFIARBAWshBAwACwsgAwvlAwEMfyMhIQIjJCEHIwohAQNAIAIoAgBBAnQhA0EAIQQDQCAC' +
  'IARqKAIEIQYgBCEFAkADQCAFRQ0BIAcgBWpBBGshDCAMKAIAIAYgABAEQQBMDQFBASEIIAwgDCgCADYCBCAFQQRrIQUMAAsL' +
  'IAcgBWogBjYCACAEQQRqIgQgA0kNAAsgAiADakEEaiECIAcgA2ohByABQQFrIgENAAsgCEUEQA8LIyUgACMA/AoAACMhIQIj' +
  'JCEHIwohAQNAIAIoAgAhAwNAIAJBBGohAiACKAIAIQogBygCACEJIAdBBGohByAKIAlHBEAgACAKaiMlIAlqLQAAOgAAIyAg' +
  'CkECdGooAgAhDCAMQQBOBEAgACAMaiMlIyAgCUECdGooAgBqLQAAOgAACyMiIQwjCyELAkADQCALRQ0BIAAgDCAKQQJ0aigC' +
  'AGojJSAMIAlBAnRqKAIAai0AADoAACAMIwZBAnRqIQwgC0EBayELDAALCyMjIQwjDCELAkADQCALRQ0BIAwoAgAhBiMlIAZq' +
  'LQAAIAwgCUECdGooAgRGBEAgACAGaiAMIApBAnRqKAIEOgAACyAMIwZBAWpBAnRqIQwgC0EBayELDAALCwsgA0EBayIDDQAL' +
  'IAJBBGohAiABQQFrIgENAAsL2QQBDn9BACgCACEJQQQoAgAhACAARQRADwsgCSAAaiMDSkEIKAIAIABBAXRqIwRKcgRAEAAL' +
  'IABBAnQhAiMUIQMDQCMKBEAgAxAFCyADEAIhBCMVIAFqIAQ2AgAgCCMNIAQjAnFBAnRqKAIAcyEIIAMjAGohAyABQQRqIgEg' +
  'AkkNAAtBACEBA0AjFSABaigCACEEIw0gBCMCcUECdGooAgAhBSAFQQBHIAUgBHNBgICAYHFFcQRAIAggBUH///8fcUEBaxAB' +
  'KAIAcyEICyABQQRqIgEgAkkNAAtBHCAINgIAQQAhASMUIQMDQCMVIAFqKAIAIQQgBCMCcSEGAkACQANAIw0gBkECdGooAgAh' +
  'BSAFRQ0BAkAgBSAEc0GAgIBgcQ0AIAVB////H3FBAWshByAHEAEhC0EAIQoDQCALIApqKQMAIAMgCmopAwBSDQEgCkEIaiIK' +
  'IwBJDQALDAMLIAZBAWojAnEhBgwACwsgCSEHIAlBAWohCSMNIAZBAnRqIAkgBEGAgIBgcXI2AgAgB0ECdCEMIw4gDGogBDYC' +
  'ACMQIAxqIxYgAWooAgA2AgAjESAMaiMXIAFqKAIANgIAIAcQASELQQAhCgNAIAsgCmogAyAKaikDADcDACAKQQhqIgojAEkN' +
  'AAsLIxggAWogBzYCACMFBEAjFiABaigCAEEATgRAIxJBCCgCAEECdGohDSANIAc2AgAgDSMXIAFqKAIAQf8BcTYCBEEIQQgo' +
  'AgBBAmo2AgALCyADIwBqIQMgAUEEaiIBIAJJDQALQQAgCTYCAEEEQQA2AgALawEEf0EAKAIAIQECQANAIAAgAU8NASMOIABB' +
  'AnRqKAIAIQIgAiMCcSEDAkADQCMNIANBAnRqKAIARQ0BIANBAWojAnEhAwwACwsgAEEBaiEAIw0gA0ECdGogACACQYCAgGBx' +
  'cjYCAAwACwsLLgEBfwNAIABBASACdHFFIAIgARADQQBHcQRAQQAPCyACQQFqIgIjBkkNAAtBAQtbAQJ/IAAjCU8EQEEADwsj' +
  'GSABIwlsIABqQQJ0aigCACEDAkADQCADQQBMDQEjGiADQQJ0aiEEIARBCEEMIAIgBCgCAGotAAAgBCgCBEYbaigCACEDDAAL' +
  'CyADC84EAQ1/A0BBECgCACEBQRQoAgAhAyADRQRAQQAoAgAjCEoEQEEDDwsgAUEAKAIARgRAQQQoAgBFBEBBAA8LEAYMAgtB' +
  'DCgCACAASgRAQQMPC0EYQQA2AgAjBQRAIxMgAUECdGpBCCgCAEEEKAIAQQF0ajYCAAsLIAEQASECAkADQCADIwZPDQECQCAC' +
  'IANqLQAAIQQjHwRAIAMgAhADIQQLIARFDQAgBCADIAIQCSEFIAVFBEBBFCADNgIAQQEPCyMbIAVBDGxrIQUgBSgCCARAIAUo' +
  'AghBAnEgBSgCCEEBIAN0IAIQCHFyBEBBFCADNgIAQQEPCwsgBSgCACEGIAYgBSgCBGohByAGIAdGDQBBGEEBNgIAA0BBDEEM' +
  'KAIAQQFqNgIAAkAjHSAGQQJ0aigCAA0AQQQoAgAhDCMUIAwjAGxqIQhBACENA0AgCCANaiACIA1qKQMANwMAIA1BCGoiDSMA' +
  'SQ0ACyMcIAZBAnRqKAIAIQkjHiMcIAZBAnRqKAIEQQJ0aiEKIx4gCUECdGohCQJAA0AgCSAKRg0BIAkoAgAhCyAIIAtBCHZq' +
  'IAs6AAAgCUEEaiEJDAALCyAMQQJ0IQ0jFiANaiABNgIAIxcgDWogAyAGIAUoAgBrQQh0cjYCACAMQQFqIQxBBCAMNgIAIAxB' +
  'wABGBEAQBgsLIAZBAWoiBiAHRw0ACwsgA0EBaiEDDAALC0EYKAIARQRAIwcgAhAIRQRAQRhBATYCAEEUIAM2AgBBAg8LC0EQ' +
  'IAFBAWo2AgBBFEEANgIADAALAAs=';

/** What is used of what Node and browsers have alike. */
const {
  WebAssembly: { Module, Instance },
  atob,
} = globalThis as unknown as {
  readonly WebAssembly: {
    Module: new (code: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { readonly exports: object };
  };
  readonly atob: (base64: string) => string;
};

const PAGE = 65536;
/** Memory of this size is given back to the system rather than kept for the next search. */
const LARGE = 256 * PAGE;
/** Bytes at the start of memory in which stands what changes all the time; see states.wat. */
const FIRST = 64;

/** An array of words. Its view is another one after anything has grown. */
export class Words {
  at = 0;
  length = 0;
  view!: Int32Array;
}

let assembled: object | null = null;
/** Not in use: to make one takes as long as a small search. */
const idle: Arena[] = [];

export class Arena {
  readonly routine: Routine;
  bytes!: Uint8Array;
  words!: Int32Array;
  /** Called by the routine when there is no room for 64 more states and edges. */
  onFull: () => void = () => {};
  private open = true;
  private top = FIRST;
  private readonly arrays = new Map<ArrayName, Words>();
  /** Addresses of what is not used any more, by size. */
  private readonly free = new Map<number, number[]>();

  private constructor() {
    assembled ??= new Module(Uint8Array.from(atob(CODE), (c) => c.charCodeAt(0)));
    const host = { grow: () => this.onFull() };
    this.routine = new Instance(assembled, { host }).exports as Routine;
    this.see();
  }

  /** An arena with nothing in it. */
  static open(): Arena {
    const arena = idle.pop() ?? new Arena();
    arena.open = true;
    arena.words.fill(0, 0, FIRST >> 2);
    return arena;
  }

  /** Gives it back. Nothing that is in it must be used any more. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.top = FIRST;
    this.arrays.clear();
    this.free.clear();
    this.onFull = () => {};
    if (this.bytes.length <= LARGE && idle.length < 4) idle.push(this);
  }

  size(name: SizeName, value: number): void {
    this.routine[name].value = value;
  }

  /** An array of at least so many words, all zero. There is one of each name. */
  array(name: ArrayName, words: number): Words {
    let array = this.arrays.get(name);
    if (!array) {
      this.arrays.set(name, (array = new Words()));
      this.place(name, array, words);
    } else if (array.length < words) {
      this.release(array.at, array.length * 4);
      this.place(name, array, words);
    }
    array.view.fill(0);
    return array;
  }

  /** Makes an array longer; what is new is not known. */
  enlarge(name: ArrayName, words: number): void {
    const array = this.arrays.get(name) as Words;
    const { at, length } = array;
    this.place(name, array, words);
    this.words.copyWithin(array.at >> 2, at >> 2, (at >> 2) + length);
    this.release(at, length * 4);
  }

  private place(name: ArrayName, array: Words, words: number): void {
    array.at = this.allot(words * 4);
    array.length = words;
    array.view = new Int32Array(this.words.buffer, array.at, words);
    this.routine[name].value = array.at;
  }

  /** The address of so many bytes, a multiple of four; what they hold is not known. */
  allot(bytes: number): number {
    const known = this.free.get(bytes)?.pop();
    if (known !== undefined) return known;
    const at = this.top;
    this.top = (at + bytes + 15) & ~15;
    const { length } = this.bytes;
    if (this.top > length) {
      // Half as much again: what is not touched takes no memory.
      const pages = Math.ceil((this.top - length + (length >> 1)) / PAGE);
      this.routine.memory.grow(pages);
      this.see();
      for (const array of this.arrays.values()) {
        array.view = new Int32Array(this.words.buffer, array.at, array.length);
      }
    }
    return at;
  }

  /** Says that these bytes are not used any more. */
  release(at: number, bytes: number): void {
    const list = this.free.get(bytes);
    if (list) list.push(at);
    else this.free.set(bytes, [at]);
  }

  private see(): void {
    const { buffer } = this.routine.memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }
}
