// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What stands behind a mapping: the fields from which the PFN or page of an entry is computed, with
 * the places where they are read on the way from the handler to the insertion.
 */
import { type Expr, eachExpr, eachStmt } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import type { Entry } from '../exporters.ts';
import type { Site } from '../flow/values.ts';
import { rootOf, type Scope, valuesOf } from './scope.ts';

/** A field of a struct; the struct is '' where its type is not known. */
export interface FieldOf {
  readonly struct: string;
  readonly name: string;
}

/** A field read in a function of the chain. */
export interface Read extends FieldOf {
  /** Which function of the chain, outermost first. */
  readonly level: number;
  /** Where the value comes into that function. */
  readonly at: number;
}

/** A function on the way from a handler to an insertion, and where it goes on. */
export interface Step {
  readonly def: FunctionDef;
  readonly at: number;
}

/** @param strict whether two fields of structs that are not known are different ones */
export const sameField = (a: FieldOf, b: FieldOf, strict = false) =>
  a.name === b.name &&
  (a.struct && b.struct ? a.struct === b.struct : !strict && !COMMON.test(a.name));

/** Names of fields that many structs have: two that are not known are not the same. */
const COMMON =
  /^(off|offset|addr|address|base|start|parent|node|next|physical|dma_addr|handle|index)$/;

/** Sizes, owners and the VMA itself say where and how much, not which memory. */
const ASIDE =
  /^(\w*dev|device|drm|priv|private|private_data|driver_private|driver_data|vm_\w+|address|pgoff|flags|vma|size|len|length|n_?pages|num_pages|npages|nr_pages|page_count|pagecount|nents|count|num|nr|order|lock|mutex|resv|kref|refcount|ref|fops|ops|funcs|offset_in_page|i_private|prot|pgprot|caching|type|state|id|name|get_pages|put_pages|gfp_mask|real_address)$/;

/** What a buffer keeps its memory in, when that is a thing of its own. */
const MEMORY =
  /^(mem|memory|backing|store|storage|res|resource|region|chunks?|blocks?|seg|segment|place|placement|pages?|sgt|sg|sg_table|table|vram|ttm|alloc\w*|phys\w*)$/;
const COUNT = /^(int|unsigned|bool|size_t|short|char|u8|u16|u32|s32|atomic_t|gfp_t|enum)$/;
const ADDRESS = /pfn|addr|phys|base|start|offset|bar|pa$/;

/** The driver's functions on the chain of an entry. */
export function stepsOf(scope: Scope, chain: readonly Site[]): Step[] {
  const out: Step[] = [];
  for (const s of chain) {
    const def = scope.at(s.file, s.at);
    if (def) out.push({ def, at: s.at });
  }
  return out;
}

/** The fields that decide which memory an entry leads to. */
export function backingOf(scope: Scope, e: Entry): Read[] {
  const steps = stepsOf(scope, e.event.chain);
  const out = new Map<string, Read>();
  const last = steps.length - 1;
  if (last < 0) return [];
  const seen = new Set<string>();
  const aside = new Set<Expr>();
  const holders = new Set<Expr>();
  const stores = new Set<Expr>();
  const put = (r: Read) => out.set(`${r.struct}.${r.name}@${r.level}:${r.at}`, r);
  /** @param at where the value comes into the function at that level; null: where it stands */
  const slice = (
    def: FunctionDef,
    from: Expr,
    level: number,
    at: number | null,
    depth: number,
  ): void => {
    const parts = new Set<Expr>();
    eachExpr(from, (x) => {
      // xa_load(&buf->pages, n): what is stored there.
      if (
        x.k === 'call' &&
        x.fn.k === 'id' &&
        /^(xa|xas|idr|radix_tree|mt|mas|rhashtable)_/.test(x.fn.name)
      )
        for (const a of x.args) if (a.k === 'unary' && a.e.k === 'member') stores.add(a.e);
      // &obj->base: the object by a part of it.
      if (
        x.k === 'unary' &&
        x.op === '&' &&
        x.e.k === 'member' &&
        !stores.has(x.e) &&
        !MEMORY.test(x.e.name)
      )
        aside.add(x.e);
      if (x.k === 'member') {
        const root = rootOf(x);
        if (root === 'vma' || root === 'vmf') return;
        const whole = !parts.has(x);
        // What it is a part of: followed through a pointer it may be another one tomorrow.
        let inner: Expr = x.of;
        while (inner.k === 'index' || inner.k === 'unary' || inner.k === 'cast')
          inner = inner.k === 'index' ? inner.of : inner.e;
        const pointer = x.arrow || x.of !== inner;
        if (inner.k === 'member' && !parts.has(inner)) parts.add(inner);
        if (inner.k === 'id' && pointer) holders.add(inner);
        if (inner.k === 'member' && !(pointer && MEMORY.test(inner.name))) aside.add(inner);
        if (aside.has(x) || (whole && ASIDE.test(x.name))) return;
        const struct = scope.structOf(def, x.of);
        if (/^(vm_area_struct|vm_fault|device|drm_device|dma_buf)$/.test(struct)) return;
        const type = scope.program.memberOf(struct, x.name, def.file)?.type;
        if (type && type.stars === 0 && COUNT.test(type.base) && !ADDRESS.test(x.name)) return;
        put({ struct, name: x.name, level, at: at ?? x.at });
      } else if (x.k === 'id') {
        const holds = holders.has(x);
        const key = `${def.id} ${x.name} ${level} ${at} ${holds}`;
        if (seen.has(key)) return;
        seen.add(key);
        for (const v of valuesOf(def, x.name)) {
          // priv = dev->private; priv->start: who says where memory is, is not the memory.
          if (holds && v.k === 'member' && !MEMORY.test(v.name)) aside.add(v);
          slice(def, v, level, at, depth);
        }
        const param = def.params.findIndex((p) => p.name === x.name);
        if (param >= 0 && at === null && level > 0) {
          const above = steps[level - 1]!;
          const call = scope.callsIn(above.def).find((c) => c.at === above.at);
          const arg = call?.args[param];
          if (arg && !seen.has(`up ${level} ${param}`)) {
            seen.add(`up ${level} ${param}`);
            slice(above.def, arg, level - 1, null, depth);
          }
        }
      } else if (x.k === 'call' && x.fn.k === 'id' && depth < 4) {
        // What a function of the driver finds, its caller has from there on.
        const callee = scope.find(x.fn.name, def.file);
        if (!callee || !scope.has(callee) || callee === def || seen.has(`in ${callee.id} ${level}`))
          return;
        seen.add(`in ${callee.id} ${level}`);
        eachStmt(callee.body, (s) => {
          if (s.k === 'return' && s.e) slice(callee, s.e, level, at ?? x.at, depth + 1);
        });
      }
    });
  };
  const { def, at } = steps[last]!;
  const insertion = argumentsOf(def, at);
  for (const a of insertion) slice(def, a, last, null, 0);
  return [...out.values()];
}

/** What the call or assignment at an offset is given, less the VMA. */
function argumentsOf(def: FunctionDef, at: number): Expr[] {
  const out: Expr[] = [];
  eachStmt(def.body, (s) => {
    const look = (e: Expr) => {
      if (e.at !== at) return;
      if (e.k === 'call') out.push(...e.args.slice(1));
      else if (e.k === 'assign') out.push(e.r);
    };
    if (s.k === 'expr') eachExpr(s.e, look);
    else if (s.k === 'decl' && s.init) eachExpr(s.init, look);
    else if (s.k === 'return' && s.e) eachExpr(s.e, look);
    else if (s.k === 'if') eachExpr(s.c, look);
  });
  return out;
}
