// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Where a translation goes in a function: into locals, out through the result or through what a
 * parameter points to, or to where it outlives the function.
 */
import { type Expr, eachIn, eachStmt, type Stmt, textOf } from '../c/ast.ts';
import type { FunctionDef, Program } from '../c/program.ts';
import { rootOf, valuesOf } from '../moves/scope.ts';
import type { Call } from './words.ts';

export interface Spread {
  /** It is returned. */
  readonly returned: boolean;
  /** Parameters through which it is handed out. */
  readonly params: ReadonlySet<number>;
  /** Where it is first stored or used for good; null: nowhere. */
  readonly kept: number | null;
  /** Where it first leaves the function; null: it does not. */
  readonly at: number | null;
  /** Whether an expression of the function stands for it. */
  readonly derives: (e: Expr) => boolean;
}

/** How a function comes by a translation. */
export interface Source {
  /** Expressions that are one. */
  readonly is: (e: Expr) => boolean;
  /** Variables that a lookup fills, by address or as they are. */
  readonly filled: readonly Expr[];
  /** Where the first one is taken. */
  readonly from: number;
  /** Uses up to here are covered by a lock. */
  readonly until: number;
}

/** Functions that make of a PFN what stands for the same memory. */
const CONVERTS = /pfn|phys|page|va$|PFN|min|max|virt|READ_ONCE|cast/i;
const PAGES = /(^|_)pfn_to_(\w+_)?page$/;
const ASKS =
  /^(Page[A-Z]\w*|\w*valid\w*|is_\w+|page_(count|mapcount|ref_count)|\w*put\w*|\w*release\w*)$/;
const COMPARES = /^([=!]=|[<>]=?|&&|\|\|)$/;
/** Calls that neither use nor keep what they are given. */
const LETS_GO =
  /^(pfn_to_page|pfn_valid|page_to_\w+|PFN_\w+|__?pfn_\w+|\w*put_\w+|\w*_put|unpin\w*|\w*release\w*|is_\w+|\w*_is_\w+|WARN\w*|BUG\w*|IS_ERR\w*|PTR_ERR\w*|likely|unlikely|pr_\w+|printk|v?sn?c?n?printf|seq_printf|dev_(?:dbg|err|warn|info)\w*|trace_\w+|Page[A-Z]\w*|page_(?:count|mapcount)|virt_to_\w+|kvm_(?:is|release)\w*|min\w*|max\w*)$/;

const PRINTS =
  /\b(?:printk|pr_(?:debug|info|warn|err|notice)\w*|dev_(?:dbg|info|warn|err)\w*)\s*\(/;

/** Functions of the driver that are looked into for what they do with what they are given. */
const DEEP = 3;

/** @param deep whether functions of the driver that are given it are looked into */
export function spread(def: FunctionDef, source: Source, program: Program, deep: boolean): Spread {
  const tainted = new Set<string>();
  const out = new Set<number>();
  let kept: number | null = null;
  let returned = false;
  let first: number | null = null;
  const hand = (index: number, at: number) => {
    out.add(index);
    first = first === null ? at : Math.min(first, at);
  };
  const keep = (at: number) => (kept = kept === null ? at : Math.min(kept, at));
  const param = (name: string) => def.params.findIndex((p) => p.name === name);
  const types = localsOf(def);

  const derives = (e: Expr): boolean => {
    if (source.is(e)) return true;
    switch (e.k) {
      case 'id':
        return tainted.has(e.name);
      case 'call':
        return (
          e.fn.k === 'id' &&
          CONVERTS.test(e.fn.name) &&
          !ASKS.test(e.fn.name) &&
          e.args.some(derives)
        );
      case 'member':
        return (
          tainted.has(textOf(e)) ||
          (derives(e.of) && !/^(writable|ret|err|error|flags)$/.test(e.name))
        );
      case 'index':
        return derives(e.of);
      case 'unary':
        return e.op !== '!' && derives(e.e);
      case 'cast':
        return derives(e.e);
      case 'binary':
        return !COMPARES.test(e.op) && (derives(e.l) || derives(e.r));
      case 'assign':
        return derives(e.r);
      case 'cond':
        return (e.t !== null && derives(e.t)) || derives(e.f);
      default:
        return false;
    }
  };

  /** Something that holds a translation from now on. */
  const put = (to: Expr, at: number): void => {
    if (to.k === 'cast' || (to.k === 'unary' && to.op !== '*')) {
      put(to.e, at);
      return;
    }
    if (to.k === 'id') {
      // An array or a pointer given as it is, or a plain variable.
      tainted.add(to.name);
      return;
    }
    const root = rootOf(to);
    if (root === null) return;
    const index = param(root);
    const local = types.get(root);
    const elsewhere = throughPointer(to) || (to.k === 'index' && valuesOf(def, root).length > 0);
    if (index >= 0 && (to.k !== 'member' || elsewhere)) {
      hand(index, at);
      tainted.add(textOf(to));
    } else if (index >= 0 || (local && !elsewhere)) tainted.add(root);
    else if (local) {
      const values = valuesOf(def, root);
      const own = values.find((v) => v.k === 'unary' && v.op === '&' && v.e.k === 'id');
      const given = values.find((v) => v.k === 'id' && param(v.name) >= 0);
      if (own) tainted.add(root);
      else if (given) hand(param((given as Expr & { k: 'id' }).name), at);
      else if (values.length) keep(at);
      else tainted.add(root);
    } else keep(at);
  };

  for (const e of source.filled) {
    const to = e.k === 'unary' && e.op === '&' ? e.e : e;
    if (to.k === 'id' && e === to && param(to.name) >= 0) hand(param(to.name), e.at);
    else put(to, e.at);
    if (to.k === 'id') tainted.add(to.name);
  }
  for (let round = 0, before = -1; round < 4 && before !== tainted.size + out.size; round++) {
    before = tainted.size + out.size;
    eachIn(def.body, (e) => {
      if (e.k === 'assign' && e.r.at >= source.from && derives(e.r)) put(e.l, e.at);
      // WRITE_ONCE(*out, pfn)
      if (e.k === 'call' && /^(WRITE_ONCE|smp_store_release)$/.test(textOf(e.fn)) && e.args[1])
        if (derives(e.args[1])) put(e.args[0]!, e.at);
    });
    eachStmt(def.body, (s) => {
      if (s.k === 'decl' && s.init && derives(s.init)) tainted.add(s.name);
      if (s.k === 'decl' && s.init?.k === 'init')
        for (const f of s.init.fields) if (derives(f.value)) tainted.add(s.name);
    });
  }
  eachStmt(def.body, (s) => {
    if (s.k !== 'return' || !s.e || s.at < source.from || !derives(s.e)) return;
    returned = true;
    first ??= s.at;
  });
  const calls = callsOf(def.body);
  const argsOf = (pattern: RegExp) =>
    new Set(calls.filter((c) => pattern.test(textOf(c.fn))).flatMap((c) => c.args));
  const asked = argsOf(ASKS);
  // virt_to_page(__va(pfn << PAGE_SHIFT)): back again.
  const inBetween = argsOf(/^virt_to_/);
  for (const c of calls) {
    const name = c.fn.k === 'id' ? c.fn.name : '';
    // Who makes a page of it means to use it as one.
    const made = PAGES.test(name) && !asked.has(c) && c.args.some(derives);
    if (made && source.until < c.at) keep(c.at);
    if (
      LETS_GO.test(name) ||
      inBetween.has(c) ||
      source.is(c) ||
      source.filled.some((f) => c.args.includes(f))
    )
      continue;
    const given = c.args.flatMap((a, i) => (derives(a) ? [i] : []));
    if (given.length === 0) continue;
    if (prints(program, def, name)) continue;
    if (c.at > source.until) keep(c.at);
    else if (deep && stores(program, def, name, given, 0)) keep(c.at);
  }
  return { returned, params: out, kept, at: first, derives };
}

/** A driver's own macro for messages. */
function prints(program: Program, def: FunctionDef, name: string): boolean {
  if (program.functions.has(name)) return false;
  const macro = program.findMacro(name, def.file);
  return macro !== null && macro.where.params !== null && PRINTS.test(macro.where.body);
}

/** Whether a function of the driver stores what it is given where it outlives the call. */
function stores(
  program: Program,
  from: FunctionDef,
  name: string,
  given: readonly number[],
  depth: number,
): boolean {
  if (depth > DEEP) return false;
  const def = program.findNear(name, from.file)[0];
  if (!def || def === from) return false;
  const names = new Set(given.flatMap((i) => def.params[i]?.name ?? []));
  const is = (e: Expr) => e.k === 'id' && names.has(e.name);
  const { kept, params } = spread(
    def,
    { is, filled: [], from: 0, until: Number.POSITIVE_INFINITY },
    program,
    false,
  );
  return kept !== null || [...params].some((i) => !given.includes(i) && isObject(def, i));
}

/** A struct behind a pointer, and not a mere number to be filled. */
function isObject(def: FunctionDef, param: number): boolean {
  const type = def.params[param]?.type;
  return (
    type !== undefined &&
    /struct\b/.test(def.head) &&
    !/^(u\d+|long|unsigned|int|\w+_t|bool|char)$/.test(type.base)
  );
}

/** `a->b`, `*a`, `a[i].b`: what is stored there is not the variable itself. */
function throughPointer(e: Expr): boolean {
  switch (e.k) {
    case 'member':
      return e.arrow || throughPointer(e.of);
    case 'unary':
      return e.op === '*' || throughPointer(e.e);
    case 'index':
      return throughPointer(e.of);
    case 'cast':
      return throughPointer(e.e);
    default:
      return false;
  }
}

function localsOf(def: FunctionDef): Map<string, Stmt & { k: 'decl' }> {
  const out = new Map<string, Stmt & { k: 'decl' }>();
  eachStmt(def.body, (s) => {
    if (s.k === 'decl') out.set(s.name, s);
  });
  return out;
}

function callsOf(body: Stmt): Call[] {
  const out: Call[] = [];
  eachIn(body, (e) => {
    if (e.k === 'call') out.push(e);
  });
  return out;
}
