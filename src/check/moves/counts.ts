// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * R10: tests of the reference counts of an exporter's pages, and whether a zap comes right before them.
 * Without one, mappings and followers come after the test; where memory is freed they came before, and
 * what they did is done.
 */
import { type Expr, eachExpr, eachIn, eachStmt, type Stmt, textOf } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import { Part } from '../index/names.ts';
import type { Fall } from '../verdicts.ts';
import type { FieldOf, Step } from './backing.ts';
import { rootOf, type Scope, type Use, valuesOf } from './scope.ts';
import { endsWith, FREES, holding, NOT_FREES, SAME } from './takes.ts';
import type { Zaps } from './zaps.ts';

/** How often a page is referred to (include/linux/page_ref.h, include/linux/mm.h). */
const COUNTS = [
  'page_count',
  'page_ref_count',
  'folio_ref_count',
  'page_maybe_dma_pinned',
  'folio_maybe_dma_pinned',
];
const WARNS =
  /WARN|^(VM_)?BUG(_ON\w*)?$|^(pr|dev|drm)_(warn|err|crit|alert|emerg)\w*$|^DRM_(DEV_)?(ERROR|WARN)$/;

/** A test of the count of one page. */
interface Test {
  readonly def: FunctionDef;
  readonly at: number;
  /** What is called to know the count. */
  readonly by: string;
  readonly page: Expr;
  /** A wrong count is told of, not only acted on. */
  readonly warns: boolean;
}

const known = new WeakMap<Scope, readonly Test[]>();

/** Every test of a page's count in a scope. */
function testsOf(scope: Scope): readonly Test[] {
  let tests = known.get(scope);
  if (!tests) {
    // What a function answers from a count is a count, too.
    const names = new Map(COUNTS.map((name) => [name, 0]));
    const out = new Map<string, Test>();
    for (let before = 0; before !== names.size; ) {
      before = names.size;
      for (const def of callersOf(scope, names.keys()))
        for (const t of testsIn(def, names)) out.set(`${def.id} ${t.at}`, t);
    }
    known.set(scope, (tests = [...out.values()]));
  }
  return tests;
}

function* callersOf(scope: Scope, names: Iterable<string>): Generator<FunctionDef> {
  const { index } = scope.program;
  const found = new Map<string, string[]>();
  for (const name of names)
    for (const path of index.filesWith(Part.Call, name))
      if (scope.area.has(path)) found.set(path, [...(found.get(path) ?? []), name]);
  for (const file of scope.files) {
    const here = found.get(file.path);
    if (here) yield* scope.mentioningIn(file, new RegExp(`\\b(?:${here.join('|')})\\s*\\(`));
  }
}

/** @param names what gives a count, and of which argument; functions that answer from one are added */
function testsIn(def: FunctionDef, names: Map<string, number>): Test[] {
  const out: Test[] = [];
  /** The call that a count comes from: one of these, or what a local was given. */
  const counted = (e: Expr, depth = 0): { by: string; page: Expr } | null => {
    let found: { by: string; page: Expr } | null = null;
    eachExpr(e, (x) => {
      if (found) return;
      if (x.k === 'call' && x.fn.k === 'id') {
        const arg = names.get(x.fn.name);
        if (arg !== undefined && x.args[arg]) found = { by: x.fn.name, page: x.args[arg]! };
      } else if (x.k === 'id' && depth < 2) {
        for (const v of valuesOf(def, x.name)) found ??= counted(v, depth + 1);
      }
    });
    return found;
  };
  const put = (at: number, e: Expr, warns: boolean) => {
    const c = counted(e);
    if (c) out.push({ def, at, warns, ...c });
  };
  const calls = (s: Stmt, is: (name: string) => boolean) => {
    let yes = false;
    eachIn(s, (e) => {
      yes ||= e.k === 'call' && e.fn.k === 'id' && is(e.fn.name);
    });
    return yes;
  };
  const warns = (name: string) => WARNS.test(name);
  const frees = (name: string) => FREES.test(name) && !NOT_FREES.test(name);
  const freeing = calls(def.body, frees);
  eachStmt(def.body, (s) => {
    if (s.k === 'return' && s.e) {
      const c = counted(s.e);
      const arg = c ? def.params.findIndex((p) => p.name === rootOf(c.page)) : -1;
      if (arg >= 0 && s.e.k !== 'call' && !names.has(def.name)) names.set(def.name, arg);
    }
    if (s.k !== 'if') return;
    if (calls(s.t, warns)) put(s.c.at, s.c, true);
    else if (calls(s.t, frees) || (leaves(s.t) && (freeing || refuses(s.t))))
      put(s.c.at, s.c, false);
  });
  eachIn(def.body, (e) => {
    if (e.k === 'call' && e.fn.k === 'id' && WARNS.test(e.fn.name))
      for (const a of e.args) if (a.k !== 'str' && isTest(e.fn.name)) put(e.at, a, true);
  });
  return out;
}

/** `WARN_ON(page_count(p) != 1)`, but not `pr_warn("%d", page_count(p))`. */
const isTest = (name: string) => /WARN|BUG/.test(name) && !/^DRM_|^pr_|^dev_warn/.test(name);

function leaves(s: Stmt): boolean {
  if (s.k === 'block') return s.body.length > 0 && leaves(s.body.at(-1)!);
  return s.k === 'return' || s.k === 'goto' || s.k === 'continue' || s.k === 'break';
}

/** `return -EBUSY` */
function refuses(s: Stmt): boolean {
  let yes = false;
  eachStmt(s, (x) => {
    yes ||= x.k === 'return' && x.e !== null && /^\(?-E[A-Z]+/.test(textOf(x.e));
  });
  return yes;
}

/**
 * The first test of the count of an exporter's pages without a zap before it; null when there is none.
 * @param fields what its entries lead to
 * @param ending its release function and all that it calls
 * @param isOwn whether a function is the driver's
 */
export function lateCount(
  scope: Scope,
  fields: readonly FieldOf[],
  ending: ReadonlySet<FunctionDef>,
  zaps: Zaps,
  strict: boolean,
  isOwn: (def: FunctionDef) => boolean,
): Fall | null {
  for (const test of testsOf(scope)) {
    if (!isOwn(test.def)) continue;
    const way = withoutZap(test.def, test.at, test.page, [], false, new Set());
    if (!way) continue;
    const { steps, end } = way;
    const chain = steps.map((s, i) => ({
      file: s.def.file,
      at: s.at,
      fn: s.def.name,
      callee: steps[i + 1]?.def.name ?? test.by,
      calleePath: steps[i + 1]?.def.file.path ?? 'include/',
    }));
    const why = end
      ? `${test.def.name}() asks ${test.by}() when the memory is freed: whoever took a page of it by a ` +
        'mapping has let go by then or keeps it unseen, and what was done with it is done. Ask right after the zap'
      : `${test.def.name}() asks ${test.by}() with no zap before: whoever follows an entry that is still ` +
        'there comes after it. Zap first, and ask then';
    return { rule: 'R10', certainty: 'always', dependsOn: null, when: [], chain, why };
  }
  return null;

  /** A way from outside to a test of what stands behind the mappings; null: zapped before, or other pages. */
  function withoutZap(
    def: FunctionDef,
    at: number,
    page: Expr | null,
    below: readonly Step[],
    mine: boolean,
    seen: ReadonlySet<string>,
  ): { steps: readonly Step[]; end: boolean } | null {
    if (seen.has(def.id) || below.length > 8) return null;
    if (zaps.callsIn(def).some((z) => z.at < at)) return null;
    const steps = [{ def, at }, ...below];
    const next = new Set(seen).add(def.id);
    if (!mine && page) {
      const { held, match } = holding(scope, def, fields, strict);
      const of = held(page);
      // What was put there a moment ago nobody has mapped.
      if (of && setBefore(def, at, (e) => match(e)?.field === of.field)) return null;
      mine = of !== null || ending.has(def) || (below.length === 0 && isFreed(def, page));
    }
    const root = page && paramOf(def, page);
    const param = def.params.findIndex((p) => p.name === root);
    for (const u of scope.usesOf(def)) {
      if (!u.in || !u.call) {
        if (mine) return { steps, end: ends(def, u) };
        continue;
      }
      const way = withoutZap(
        u.in,
        u.at,
        (param >= 0 && u.call.args[param]) || null,
        steps,
        mine,
        next,
      );
      if (way) return way;
    }
    return null;
  }

  /** A way by which memory goes: the end of a buffer, a worker, a pool's shrinker. */
  function ends(def: FunctionDef, u: Use): boolean {
    return ending.has(def) || endsWith(u) || /WORK|_work|kthread/.test(u.passedTo ?? '');
  }

  /** A warning about a page that the same function frees. */
  function isFreed(def: FunctionDef, page: Expr): boolean {
    const name = rootOf(page);
    const test = testsOf(scope).find((t) => t.def === def && t.page === page);
    if (!test?.warns || name === null) return false;
    return scope
      .callsIn(def)
      .some(
        (c) =>
          c.at > test.at &&
          c.fn.k === 'id' &&
          /^(__free_pages?|put_page|free_pages|folio_put)$/.test(c.fn.name) &&
          c.args.some((a) => rootOf(a) === name),
      );
  }
}

/** The parameter that an expression comes from: by itself, or under another name. */
function paramOf(def: FunctionDef, e: Expr, depth = 0): string | null {
  if (depth > 3) return null;
  if (e.k === 'call' && e.fn.k === 'id' && SAME.test(e.fn.name) && e.args[0])
    return paramOf(def, e.args[0], depth + 1);
  const root = rootOf(e);
  if (root === null || def.params.some((p) => p.name === root)) return root;
  for (const v of valuesOf(def, root)) {
    const p = paramOf(def, v, depth + 1);
    if (p !== null) return p;
  }
  return null;
}

function setBefore(def: FunctionDef, at: number, is: (e: Expr) => boolean): boolean {
  let yes = false;
  eachIn(def.body, (e) => {
    yes ||= e.k === 'assign' && e.op === '' && e.at < at && is(e.l);
  });
  return yes;
}
