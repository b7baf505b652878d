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
  | 'scratch'
  | 'loops'
  | 'into'
  | 'out';

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
  goingRound(): number;
}

/** states.wat, assembled. */
export const CODE =
  'AGFzbQEAAAABHgZgAABgAX8Bf2ACf38Bf2ADf39/AX9gAX8AYAABfwINAQRob3N0BGdyb3cAAAMODQEBAgMEAAACAwECBQEF' +
  'AwEAEAbOASl/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEA' +
  'C38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/' +
  'AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALfwFBAAt/AUEAC38BQQALB8MD' +
  'LwZtZW1vcnkCAAZzdHJpZGUDAAVzaGlmdAMBBG1hc2sDAgRyb29tAwMIZWRnZVJvb20DBAlrZWVwRWRnZXMDBQd0aHJlYWRz' +
  'AwYHZGFlbW9ucwMHCW1heFN0YXRlcwMIBXdpZHRoAwkGZ3JvdXBzAwoIb3duU2xvdHMDCwpvd25lclNsb3RzAwwFdGFibGUD' +
  'DQZoYXNoZXMDDgZjaHVua3MDDwdwYXJlbnRzAxAFbW92ZXMDEQVlZGdlcwMSCWVkZ2VTdGFydAMTCnN0YWdlZFJvd3MDFApz' +
  'dGFnZWRIYXNoAxUNc3RhZ2VkUGFyZW50cwMWC3N0YWdlZE1vdmVzAxcFaW5kZXgDGAVyb290cwMZCWRlY2lzaW9ucwMaBmxl' +
  'YXZlcwMbBGVuZHMDHAVmYXRhbAMdB2NoYW5nZXMDHglsb25nTm9kZXMDHwVoaWdocwMgB21lbWJlcnMDIQZwbGFjZXMDIgZv' +
  'd25lcnMDIwVvcmRlcgMkB3NjcmF0Y2gDJQVsb29wcwMmBGludG8DJwNvdXQDKARoYXNoAAIGbG9va1VwAAYEZmlsbAAHBmV4' +
  'cGFuZAAKCmdvaW5nUm91bmQADArLFA0fACMPIAAjAXZBAnRqKAIAIwAgAEEBIwF0QQFrcWxqC2ACAX4Bf0KV+Kn6l7fem55/' +
  'IQEgACMAaiECA0AgASAAKQMAhULNmdbq/vrrqH9+IQEgASABQiCIhSEBIABBCGoiACACSQ0ACyABQtPYl9Thv67nRH4hASAB' +
  'IAFCIIiFpws1AQJ/IAEgAGotAAAhAyMgIABBAnRqKAIAIQIgAkEATgRAIAMgASACai0AAEEIdHIhAwsgAwtkAQN/IAAgAhAD' +
  'IAEgAhADayEDIyIhBSMLIQQCQANAIAMNASAERQ0BIAIgBSAAQQJ0aigCAGotAAAgAiAFIAFBAnRqKAIAai0AAGshAyAFIwZB' +
  'AnRqIQUgBEEBayEEDAALCyADC+UDAQx/IyEhAiMkIQcjCiEBA0AgAigCAEECdCEDQQAhBANAIAIgBGooAgQhBiAEIQUCQANA' +
  'IAVFDQEgByAFakEEayEMIAwoAgAgBiAAEARBAEwNAUEBIQggDCAMKAIANgIEIAVBBGshBQwACwsgByAFaiAGNgIAIARBBGoi' +
  'BCADSQ0ACyACIANqQQRqIQIgByADaiEHIAFBAWsiAQ0ACyAIRQRADwsjJSAAIwD8CgAAIyEhAiMkIQcjCiEBA0AgAigCACED' +
  'A0AgAkEEaiECIAIoAgAhCiAHKAIAIQkgB0EEaiEHIAogCUcEQCAAIApqIyUgCWotAAA6AAAjICAKQQJ0aigCACEMIAxBAE4E' +
  'QCAAIAxqIyUjICAJQQJ0aigCAGotAAA6AAALIyIhDCMLIQsCQANAIAtFDQEgACAMIApBAnRqKAIAaiMlIAwgCUECdGooAgBq' +
  'LQAAOgAAIAwjBkECdGohDCALQQFrIQsMAAsLIyMhDCMMIQsCQANAIAtFDQEgDCgCACEGIyUgBmotAAAgDCAJQQJ0aigCBEYE' +
  'QCAAIAZqIAwgCkECdGooAgQ6AAALIAwjBkEBakECdGohDCALQQFrIQsMAAsLCyADQQFrIgMNAAsgAkEEaiECIAFBAWsiAQ0A' +
  'CwvZBAEOf0EAKAIAIQlBBCgCACEAIABFBEAPCyAJIABqIwNKQQgoAgAgAEEBdGojBEpyBEAQAAsgAEECdCECIxQhAwNAIwoE' +
  'QCADEAULIAMQAiEEIxUgAWogBDYCACAIIw0gBCMCcUECdGooAgBzIQggAyMAaiEDIAFBBGoiASACSQ0AC0EAIQEDQCMVIAFq' +
  'KAIAIQQjDSAEIwJxQQJ0aigCACEFIAVBAEcgBSAEc0GAgIBgcUVxBEAgCCAFQf///x9xQQFrEAEoAgBzIQgLIAFBBGoiASAC' +
  'SQ0AC0EcIAg2AgBBACEBIxQhAwNAIxUgAWooAgAhBCAEIwJxIQYCQAJAA0AjDSAGQQJ0aigCACEFIAVFDQECQCAFIARzQYCA' +
  'gGBxDQAgBUH///8fcUEBayEHIAcQASELQQAhCgNAIAsgCmopAwAgAyAKaikDAFINASAKQQhqIgojAEkNAAsMAwsgBkEBaiMC' +
  'cSEGDAALCyAJIQcgCUEBaiEJIw0gBkECdGogCSAEQYCAgGBxcjYCACAHQQJ0IQwjDiAMaiAENgIAIxAgDGojFiABaigCADYC' +
  'ACMRIAxqIxcgAWooAgA2AgAgBxABIQtBACEKA0AgCyAKaiADIApqKQMANwMAIApBCGoiCiMASQ0ACwsjGCABaiAHNgIAIwUE' +
  'QCMWIAFqKAIAQQBOBEAjEkEIKAIAQQJ0aiENIA0gBzYCACANIxcgAWooAgBB/wFxNgIEQQhBCCgCAEECajYCAAsLIAMjAGoh' +
  'AyABQQRqIgEgAkkNAAtBACAJNgIAQQRBADYCAAtrAQR/QQAoAgAhAQJAA0AgACABTw0BIw4gAEECdGooAgAhAiACIwJxIQMC' +
  'QANAIw0gA0ECdGooAgBFDQEgA0EBaiMCcSEDDAALCyAAQQFqIQAjDSADQQJ0aiAAIAJBgICAYHFyNgIADAALCwsuAQF/A0Ag' +
  'AEEBIAJ0cUUgAiABEANBAEdxBEBBAA8LIAJBAWoiAiMGSQ0AC0EBC1sBAn8gACMJTwRAQQAPCyMZIAEjCWwgAGpBAnRqKAIA' +
  'IQMCQANAIANBAEwNASMaIANBAnRqIQQgBEEIQQwgAiAEKAIAai0AACAEKAIERhtqKAIAIQMMAAsLIAMLzgQBDX8DQEEQKAIA' +
  'IQFBFCgCACEDIANFBEBBACgCACMISgRAQQMPCyABQQAoAgBGBEBBBCgCAEUEQEEADwsQBgwCC0EMKAIAIABKBEBBAw8LQRhB' +
  'ADYCACMFBEAjEyABQQJ0akEIKAIAQQQoAgBBAXRqNgIACwsgARABIQICQANAIAMjBk8NAQJAIAIgA2otAAAhBCMfBEAgAyAC' +
  'EAMhBAsgBEUNACAEIAMgAhAJIQUgBUUEQEEUIAM2AgBBAQ8LIxsgBUEMbGshBSAFKAIIBEAgBSgCCEECcSAFKAIIQQEgA3Qg' +
  'AhAIcXIEQEEUIAM2AgBBAQ8LCyAFKAIAIQYgBiAFKAIEaiEHIAYgB0YNAEEYQQE2AgADQEEMQQwoAgBBAWo2AgACQCMdIAZB' +
  'AnRqKAIADQBBBCgCACEMIxQgDCMAbGohCEEAIQ0DQCAIIA1qIAIgDWopAwA3AwAgDUEIaiINIwBJDQALIxwgBkECdGooAgAh' +
  'CSMeIxwgBkECdGooAgRBAnRqIQojHiAJQQJ0aiEJAkADQCAJIApGDQEgCSgCACELIAggC0EIdmogCzoAACAJQQRqIQkMAAsL' +
  'IAxBAnQhDSMWIA1qIAE2AgAjFyANaiADIAYgBSgCAGtBCHRyNgIAIAxBAWohDEEEIAw2AgAgDEHAAEYEQBAGCwsgBkEBaiIG' +
  'IAdHDQALCyADQQFqIQMMAAsLQRgoAgBFBEAjByACEAhFBEBBGEEBNgIAQRQgAzYCAEECDwsLQRAgAUEBajYCAEEUQQA2AgAM' +
  'AAsACzwBAn8gASgCBCECIyYgAiAAEANBAnRqKAIAIQMgA0UEQEEADwsgAyMmIAIgASgCABABEANBAnRqKAIARgvSAgEIf0EA' +
  'KAIAIQUgBSEHAkADQCAAIAVGDQEgABABIQMgABANIQEgAEEBaiEAIAAQDSECAkADQCABIAJGDQEgAyABEAsEQCMnIAEoAgBB' +
  'AnRqIQQgBCAEKAIAQQFqNgIAIAEgASgCBEGAAnI2AgQLIAFBCGohAQwACwsMAAsLIyghBkEAIQACQANAIAAgBUYNASMnIABB' +
  'AnRqKAIARQRAIAYgADYCACAGQQRqIQYLIABBAWohAAwACwsCQANAIAYjKEYNASAGQQRrIQYgBigCACEAIAdBAWshByAAEA0h' +
  'ASAAQQFqEA0hAgJAA0AgASACRg0BIAEoAgRB/wFLBEAgASABKAIEQYACczYCBCMnIAEoAgBBAnRqIQQgBCAEKAIAQQFrNgIA' +
  'IAQoAgBFBEAgBiABKAIANgIAIAZBBGohBgsLIAFBCGohAQwACwsMAAsLIAcLEwAjEiMTIABBAnRqKAIAQQJ0ags=';

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

  /** For the routine an array begins so many words further on. */
  shift(name: ArrayName, words: number): void {
    this.routine[name].value = (this.arrays.get(name) as Words).at + words * 4;
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
