// SPDX-License-Identifier: GPL-2.0-or-later
/** What is known of a value on a path through a function, and the bits of vm_flags. */
import type { FunctionDef, Table } from '../c/program.ts';
import type { SourceFile } from '../c/skeleton.ts';

/** The bits that matter, as the checker numbers them; the kernel's own numbers differ. */
export const VM: Readonly<Record<string, number>> = {
  VM_NONE: 0,
  VM_READ: 1 << 0,
  VM_WRITE: 1 << 1,
  VM_EXEC: 1 << 2,
  VM_SHARED: 1 << 3,
  VM_MAYREAD: 1 << 4,
  VM_MAYWRITE: 1 << 5,
  VM_MAYEXEC: 1 << 6,
  VM_MAYSHARE: 1 << 7,
  VM_PFNMAP: 1 << 8,
  VM_MIXEDMAP: 1 << 9,
  VM_IO: 1 << 10,
  VM_DONTEXPAND: 1 << 11,
  VM_DONTDUMP: 1 << 12,
  VM_DONTCOPY: 1 << 13,
  VM_LOCKED: 1 << 14,
  VM_ACCOUNT: 1 << 15,
  VM_NORESERVE: 1 << 16,
  VM_HUGEPAGE: 1 << 17,
  VM_ALLOW_ANY_UNCACHED: 1 << 18,
};
const OTHER_BIT = 1 << 30;
export const ALL_BITS = 0x7fffffff;
export const VM_SPECIAL = VM.VM_IO! | VM.VM_DONTEXPAND! | VM.VM_PFNMAP! | VM.VM_MIXEDMAP!;

/** The mask that a VM_ name stands for; undefined for other names. */
export function vmBits(name: string): number | undefined {
  if (!name.startsWith('VM_') || name.startsWith('VM_FAULT_')) return undefined;
  if (name === 'VM_SPECIAL') return VM_SPECIAL;
  if (name === 'VM_RESERVED') return VM.VM_DONTEXPAND! | VM.VM_DONTDUMP!;
  if (name === 'VM_LOCKED_MASK') return VM.VM_LOCKED!;
  return VM[name] ?? OTHER_BIT;
}

export function bitNames(mask: number): string[] {
  return Object.keys(VM).filter((name) => VM[name]! & mask);
}

export type Value =
  | { readonly k: 'num'; readonly n: number }
  /** A negative errno. */
  | { readonly k: 'err' }
  /** A constant of VM_ bits. */
  | { readonly k: 'bits'; readonly mask: number }
  /** `(vma->vm_flags & and) | or` */
  | { readonly k: 'flags'; readonly and: number; readonly or: number }
  /** Something that has a name: what two mentions of it have in common is the key. */
  | { readonly k: 'sym'; readonly key: string; readonly struct: string }
  | { readonly k: 'fn'; readonly def: FunctionDef }
  | { readonly k: 'table'; readonly table: Table }
  | { readonly k: 'vma' }
  | { readonly k: 'vmf' }
  /** A vm_fault_t: with VM_FAULT_ERROR, VM_FAULT_RETRY or not. */
  | { readonly k: 'fault'; readonly bad: boolean; readonly name: string }
  /** A page-table entry under construction. */
  | { readonly k: 'pte'; readonly special: boolean };

export const ZERO: Value = { k: 'num', n: 0 };
export const ERROR: Value = { k: 'err' };
export const VMA: Value = { k: 'vma' };
export const VMF: Value = { k: 'vmf' };

/** Short enough to be kept by the thousand, and still different for different things. */
function shortKey(key: string): string {
  if (key.length <= 160) return key;
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return `${key.slice(0, 120)}~${(hash >>> 0).toString(36)}`;
}

export const sym = (key: string, struct = ''): Value & { readonly k: 'sym' } => ({
  k: 'sym',
  key: shortKey(key),
  struct,
});

export function keyOf(v: Value): string {
  switch (v.k) {
    case 'num':
      return String(v.n);
    case 'err':
      return '-E';
    case 'bits':
      return `VM:${v.mask}`;
    case 'flags':
      return `vm_flags&${v.and}|${v.or}`;
    case 'sym':
      return v.key;
    case 'fn':
      return `${v.def.name}`;
    case 'table':
      return `&${v.table.file.path}:${v.table.name}`;
    case 'vma':
      return 'vma';
    case 'vmf':
      return 'vmf';
    case 'fault':
      return `VM_FAULT_${v.name}`;
    case 'pte':
      return v.special ? 'special' : 'normal';
  }
}

/** A place on a chain: where the call stands, in which function, and what is called. */
export interface Site {
  readonly file: SourceFile;
  readonly at: number;
  readonly fn: string;
  /** The function called, or what happens there. */
  readonly callee: string;
  /** Where the callee is defined; '' when it is not. */
  readonly calleePath: string;
}

export type EventKind =
  /** An entry is made. */
  | 'entry'
  /** The mapping is handed to another dma-buf, whose exporter is judged by itself. */
  | 'forward'
  /** A call with the VMA that could not be followed. */
  | 'unknown'
  /** A BUG_ON that a user can reach. */
  | 'bug'
  /** Old translations are removed. */
  | 'zap'
  /** A fact of the path worth telling: `VM_PFNMAP set`, a lock. */
  | 'flags';

export interface Event {
  readonly kind: EventKind;
  readonly special: boolean;
  readonly ref: boolean;
  readonly level: 'pte' | 'pmd' | 'pud' | '';
  /** For flags: bits set or cleared; for unknown: what was called. */
  readonly what: string;
  /** Outermost call first. */
  readonly chain: readonly Site[];
}

/** Whether a primitive that inserts struct pages dies of VM_PFNMAP (6.12 mm/memory.c:2225). */
export const diesOfPfnmap = (e: Event): boolean =>
  e.kind === 'bug' && /^\(*vma->vm_flags&VM_PFNMAP\)*$/.test(e.what);

const eventKeys = new WeakMap<Event, string>();

export function eventKey(e: Event): string {
  let key = eventKeys.get(e);
  if (key === undefined) {
    const p = primitiveOf(e);
    const at = p ? p.callee : (e.chain[0]?.at ?? '');
    key = `${e.kind} ${e.special} ${e.ref} ${e.level} ${e.what} ${at}`;
    eventKeys.set(e, key);
  }
  return key;
}

/** The call that enters mm: what a driver's author knows as the insertion primitive. */
export function primitiveOf(e: Event): Site | undefined {
  return e.chain.find((s) => /^mm\//.test(s.calleePath)) ?? e.chain.at(-1);
}
