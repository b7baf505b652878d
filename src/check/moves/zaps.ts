// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Calls that remove the entries of a mapping, and which ones they reach: by which address_space, and
 * from which offset of it.
 */
import { type Expr, eachExpr, eachIn, textOf } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import { type Call, rootOf, type Scope, valuesOf } from './scope.ts';

/** mm's own: everything else that zaps ends in one of these (6.12 mm/memory.c, include/linux/mm.h). */
const PRIMITIVE =
  /^(unmap_mapping_(range|pages|folio)|zap_(page_range(_single)?|vma_ptes|vma_range|special_vma_range)|truncate_pagecache\w*|invalidate_inode_pages2\w*)$/;

/** A zap, in the function that makes it. */
export interface ZapCall {
  readonly def: FunctionDef;
  readonly call: Call;
}

/** Which entries a zap reaches, or where those of a VMA are. */
export interface Extent {
  /** The address_space, as a chain of fields from what is known; null: not made out. */
  readonly mapping: string | null;
  readonly offset: Offset;
}

/** One that does not zap is enough: which of them a table holds is not known. */
const all = (names: readonly string[], zaps: (name: string) => boolean) =>
  names.length > 0 && names.every(zaps);

export class Zaps {
  private readonly known = new Map<string, boolean>();
  private readonly zapping = new Map<
    FunctionDef,
    readonly { readonly at: number; readonly call: Call }[]
  >();
  /** @param helpers functions without source here that zap */
  constructor(
    private readonly scope: Scope,
    private readonly helpers: ReadonlySet<string>,
  ) {}

  /** Whether a call to that name removes entries, itself or in what it calls. */
  reaches(name: string, from: FunctionDef): boolean {
    const seen = new Set<string>();
    const found = this.search(name, from, seen);
    // All that was looked into on the way to nothing leads to nothing.
    if (!found) for (const id of seen) if (!this.known.get(id)) this.known.set(id, false);
    return found;
  }

  private search(name: string, from: FunctionDef, seen: Set<string>): boolean {
    if (PRIMITIVE.test(name)) return true;
    const def = this.scope.find(name, from.file);
    if (!def) return this.helpers.has(name);
    const known = this.known.get(def.id);
    if (known !== undefined || seen.has(def.id)) return known ?? false;
    seen.add(def.id);
    // Down to helpers that lie outside, but not into mm and the rest of the kernel.
    const near = this.scope.has(def) || /^(include|drivers)\//.test(def.file.path);
    const found =
      near &&
      this.scope
        .callsIn(def)
        .some((c) => all(this.namesOf(def, c), (callee) => this.search(callee, def, seen)));
    if (found) this.known.set(def.id, true);
    return found;
  }

  /** What is called: a function by name, or those that a driver's tables hold in a field. */
  private namesOf(def: FunctionDef, { fn }: Call): readonly string[] {
    if (fn.k === 'id') return [fn.name];
    if (fn.k !== 'member') return [];
    return this.scope.heldIn(this.scope.program.typeIn(def, fn.of).base, fn.name);
  }

  /** The zaps that a function makes, by itself and through others, with where it calls them. */
  callsIn(def: FunctionDef): readonly { readonly at: number; readonly call: Call }[] {
    let list = this.zapping.get(def);
    if (!list) {
      list = this.scope
        .callsIn(def)
        .filter((c) => all(this.namesOf(def, c), (name) => this.reaches(name, def)))
        .map((call) => ({ at: call.at, call }));
      this.zapping.set(def, list);
    }
    return list;
  }

  /** The calls of mm or of a helper behind a call that zaps. */
  primitivesOf(def: FunctionDef, call: Call, depth = 0): ZapCall[] {
    const name = this.namesOf(def, call).find((n) => this.reaches(n, def)) ?? '';
    const callee = this.scope.find(name, def.file);
    if (PRIMITIVE.test(name) || !callee || !this.scope.has(callee) || depth > 6)
      return [{ def, call }];
    return this.callsIn(callee).flatMap((c) => this.primitivesOf(callee, c.call, depth + 1));
  }

  /**
   * Which entries a zap reaches.
   * @param own whether mapping looks into a struct: another one says where in the buffer a part lies
   */
  extentOf({ def, call }: ZapCall, own: (struct: string) => boolean): Extent {
    const isPart = (e: Expr) => {
      const struct = this.scope.structOf(def, e);
      return struct !== '' && !own(struct);
    };
    const name = call.fn.k === 'id' ? call.fn.name : '';
    if (/^unmap_mapping_(range|pages)$/.test(name)) {
      const [mapping, start, length] = call.args;
      const zero = (e: Expr | undefined) => e?.k === 'num' && e.value === 0;
      return {
        mapping: mapping ? this.mapping(def, mapping) : null,
        offset: !start
          ? UNKNOWN
          : zero(start) && zero(length)
            ? EVERYWHERE
            : offsetOf(def, start, isPart),
      };
    }
    if (/^zap_(page_range|vma|special_vma)/.test(name))
      return { mapping: 'vma', offset: EVERYWHERE };
    if (name === 'drm_vma_node_unmap') {
      const mapping = call.args[1];
      return { mapping: mapping ? this.mapping(def, mapping) : null, offset: at(NODE) };
    }
    return { mapping: null, offset: UNKNOWN };
  }

  /** An address_space by where it comes from: fields that a driver keeps it in are looked up. */
  mapping(def: FunctionDef, e: Expr, depth = 0): string | null {
    if (depth > 5) return null;
    const text = textOf(e);
    if (/\banon_inode->i_mapping$/.test(text)) return 'the DRM device';
    if (e.k === 'unary' || e.k === 'cast') return this.mapping(def, e.e, depth);
    if (e.k === 'id') {
      const values = valuesOf(def, e.name);
      const all = values.map((v) => this.mapping(def, v, depth + 1));
      if (values.length) return all.every((a) => a === all[0]) ? all[0]! : null;
      return this.argument(def, e.name, (d, a) => this.mapping(d, a, depth + 1));
    }
    if (e.k !== 'member') return null;
    if (e.name === 'f_mapping') return this.file(def, e.of, depth + 1);
    if (e.name === 'i_mapping') return this.inode(def, e.of, depth + 1);
    return this.field(def, e, (d, r) => this.mapping(d, r, depth + 1), depth);
  }

  /** Whose f_mapping a file has. */
  file(def: FunctionDef, e: Expr, depth = 0): string | null {
    if (depth > 6) return null;
    if (e.k === 'unary' || e.k === 'cast') return this.file(def, e.e, depth);
    if (e.k === 'call' && e.fn.k === 'id' && /^(get_file|fget)$/.test(e.fn.name) && e.args[0])
      return this.file(def, e.args[0], depth + 1);
    if (e.k === 'call' && e.fn.k === 'id' && /^anon_inode_getfile/.test(e.fn.name))
      return 'the anonymous inode that all such files share';
    if (e.k === 'id') {
      const values = valuesOf(def, e.name);
      if (values.length) return this.file(def, values[0]!, depth + 1);
      return this.handed(def, e.name, 'file', depth);
    }
    if (e.k !== 'member') return null;
    if (e.name === 'vm_file') return 'vma';
    if (e.name === 'file' && this.scope.program.typeIn(def, e.of).base === 'dma_buf')
      return 'the dma-buf';
    if (e.name === 'file' && /(dma_?buf|dbuf|dmabuf)(->|$)/.test(`${textOf(e.of)}->`))
      return 'the dma-buf';
    return this.field(def, e, (d, r) => this.file(d, r, depth + 1), depth);
  }

  private inode(def: FunctionDef, e: Expr, depth: number): string | null {
    if (depth > 6) return null;
    if (e.k === 'unary' || e.k === 'cast') return this.inode(def, e.e, depth);
    if (e.k === 'call' && e.fn.k === 'id' && e.fn.name === 'file_inode' && e.args[0]) {
      const of = this.file(def, e.args[0], depth + 1);
      return of === 'the dma-buf' ? "the dma-buf's inode" : of;
    }
    if (e.k === 'call' && e.fn.k === 'id' && /^(alloc_anon_inode|new_inode)/.test(e.fn.name))
      return 'an inode of its own';
    if (e.k === 'id') {
      const values = valuesOf(def, e.name);
      if (values.length) return this.inode(def, values[0]!, depth + 1);
      return this.handed(def, e.name, 'inode', depth);
    }
    if (e.k !== 'member') return null;
    if (e.name === 'f_inode') {
      const of = this.file(def, e.of, depth + 1);
      return of === 'the dma-buf' ? "the dma-buf's inode" : of;
    }
    if (e.name === 'anon_inode') return 'the DRM device';
    return this.field(def, e, (d, r) => this.inode(d, r, depth + 1), depth);
  }

  /** A file or inode that a file operation gets is the device's own. */
  private handed(
    def: FunctionDef,
    name: string,
    type: 'file' | 'inode',
    depth: number,
  ): string | null {
    const param = def.params.findIndex((p) => p.name === name);
    if (param < 0) return null;
    const uses = this.scope.usesOf(def);
    if (uses.some((u) => u.slot?.struct === 'file_operations')) return "the device's file";
    return this.argument(def, name, (d, a) =>
      type === 'file' ? this.file(d, a, depth + 1) : this.inode(d, a, depth + 1),
    );
  }

  /** What callers pass for a parameter, when they agree. */
  private argument(
    def: FunctionDef,
    name: string,
    what: (def: FunctionDef, e: Expr) => string | null,
  ): string | null {
    const param = def.params.findIndex((p) => p.name === name);
    if (param < 0) return null;
    const all = this.scope
      .usesOf(def)
      .map((u) => (u.in && u.call?.args[param] ? what(u.in, u.call.args[param]!) : null));
    return all.length && all.every((a) => a === all[0]) ? all[0]! : null;
  }

  /** What is ever stored in a field, when there is one answer. */
  private field(
    def: FunctionDef,
    e: Expr & { k: 'member' },
    what: (def: FunctionDef, e: Expr) => string | null,
    depth: number,
  ): string | null {
    if (depth > 4) return null;
    const struct = this.scope.program.typeIn(def, e.of).base;
    const found = new Set<string | null>();
    for (const a of this.scope.program.assignments(e.name, this.scope.area)) {
      if (a.left.k !== 'member') continue;
      const other = this.scope.program.typeIn(a.fn, a.left.of).base;
      if (struct && other && struct !== other) continue;
      if (a.right.k === 'num' || textOf(a.right) === 'NULL') continue;
      found.add(what(a.fn, a.right));
    }
    return found.size === 1 ? [...found][0]! : null;
  }
}

/** What drm_vma_node_start() gives: the fake offset of a GEM object. */
export const NODE = 'drm_vma_node_start()';

/** Where in an address_space something lies, as what is added to the offset within the buffer. */
export interface Offset {
  /** The whole address_space. */
  readonly all: boolean;
  /** Fields and constants that are added. */
  readonly added: readonly string[];
  /** Something that was not made out is added. */
  readonly unknown: boolean;
}

export const EVERYWHERE: Offset = { all: true, added: [], unknown: false };
export const UNKNOWN: Offset = { all: false, added: [], unknown: true };
export const at = (...added: string[]): Offset => ({ all: false, added, unknown: false });

const ARITHMETIC =
  /^(PFN_PHYS|PFN_UP|PFN_DOWN|PAGE_ALIGN\w*|round_(up|down)|ALIGN|ALIGN_DOWN|min|max|min_t|max_t|loff_t|u64|sizeof)$/;

/** What an offset is made of. */
function offsetOf(def: FunctionDef, e: Expr, isPart: (of: Expr) => boolean): Offset {
  const added = new Set<string>();
  let unknown = false;
  const seen = new Set<string>();
  const look = (from: Expr) => {
    eachExpr(from, (x) => {
      if (x.k === 'call') {
        const name = x.fn.k === 'id' ? x.fn.name : '';
        if (/^drm_vma_node_(start|offset_addr)$/.test(name)) added.add(NODE);
        else if (!ARITHMETIC.test(name)) unknown = true;
      }
      if (
        x.k === 'member' &&
        !/^(priv|private|private_data|driver_private|dev)$/.test(x.name) &&
        !/^(vma|vmf)$/.test(rootOf(x) ?? '')
      ) {
        if (isPart(x.of)) unknown = true;
        else added.add(x.name);
      }
      if (x.k === 'id' && !seen.has(x.name)) {
        seen.add(x.name);
        if (/^[A-Z]\w*(OFFSET|BASE|START)\w*$/.test(x.name)) added.add(x.name);
        for (const v of valuesOf(def, x.name)) look(v);
        if (def.params.some((p) => p.name === x.name) && isBase(x.name)) unknown = true;
      }
    });
  };
  look(e);
  return { all: false, added: [...added], unknown };
}

/** A field that says where in an address_space a buffer lies. */
const isBase = (name: string) =>
  name === NODE ||
  /(fake|mmap|map|vm|node|user|cpu)_?(offset|off|pgoff|start|cookie|handle|base|key)|^(offset|vm_?offset|cookie|fake)$/i.test(
    name,
  );

/** Whether a zap from one offset on finds VMAs that lie at another. */
export function meets(zap: Offset, vma: Offset): boolean {
  if (zap.all || zap.unknown || vma.unknown) return true;
  if (vma.added.length === 0) return !zap.added.some(isBase);
  return zap.added.some((n) => vma.added.includes(n));
}

/** Where in an address_space the VMAs of a driver lie: what its mmap makes of vm_pgoff. */
export function vmaOffset(functions: Iterable<FunctionDef>): Offset {
  const added = new Set<string>();
  let unknown = false;
  for (const def of functions) {
    if (!def.text.includes('vm_pgoff')) continue;
    eachIn(def.body, (e) => {
      if (e.k !== 'assign' || e.l.k !== 'member' || e.l.name !== 'vm_pgoff') return;
      if (e.op === '-' || e.op === '&') unknown = true;
      const one = offsetOf(def, e.r, () => false);
      unknown ||= one.unknown;
      for (const n of one.added) added.add(n);
    });
  }
  return { all: false, added: [...added], unknown };
}
