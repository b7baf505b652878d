// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * R11: a buffer that is freed by its driver while a dma-buf of it lives on. Looked for where nothing
 * counts the users: the object that an export gives to a dma-buf is freed on another way than by the
 * dma-buf's release, and both come from the same place.
 */

import { type Expr, eachIn, eachStmt, textOf } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import type { Exporter } from '../exporters.ts';
import { tableField } from '../flow/lookup.ts';
import type { Fall } from '../verdicts.ts';
import { rootOf, type Scope, valuesOf } from './scope.ts';

const FREES = /^(kfree|kvfree|kfree_rcu|kvfree_rcu|kfree_sensitive|kmem_cache_free|devm_kfree)$/;
/** Somebody counts, or asks, who else has it. */
const COUNTS =
  /\b(kref|refcount|atomic)_\w+\(|_(put|get|unref|ref)\s*\(|--|\bdma_?buf\b|\bdbuf\b|exported|users|refs\b/;

/** The first place where a buffer goes too early; null when there is none to be seen. */
export function earlyFree(scope: Scope, exporter: Exporter): Fall | null {
  if (exporter.table.type !== 'dma_buf_ops') return null;
  const release = tableField(exporter.machine, exporter.table, 'release');
  if (release.k !== 'fn' || !scope.has(release.def)) return null;
  const type = privateType(scope, release.def);
  if (!type) return null;
  const ending = scope.reach([release.def]);
  for (const def of ending)
    if (/\b(kref|refcount|atomic)_\w+\s*\(|_put\s*\(|--/.test(def.text)) return null;
  const exported = new Set<string>();
  for (const def of scope.mentioning(/\bdma_buf_export\s*\(/)) {
    // A reference that the export takes is the dma-buf's own.
    if (/\b(kref_get|refcount_inc|atomic_inc)\w*\s*\(|_get\s*\(|\bget_\w+\s*\(/.test(def.text))
      return null;
    eachIn(def.body, (e) => {
      if (e.k !== 'assign' || e.l.k !== 'member' || e.l.name !== 'priv') return;
      for (const o of originsOf(scope, def, e.r, 0)) exported.add(o);
      for (const o of containersOf(scope, def, e.r)) exported.add(o);
    });
  }
  if (exported.size === 0) return null;
  for (const def of scope.mentioning(/\bk\w*free/)) {
    if (ending.has(def)) continue;
    for (const c of scope.callsIn(def)) {
      const arg = c.fn.k === 'id' && FREES.test(c.fn.name) ? c.args.at(-1) : undefined;
      if (arg?.k !== 'id' || scope.program.typeIn(def, arg).base !== type) continue;
      const before = def.file.text.slice(def.where.body, c.at);
      if (COUNTS.test(before) || valuesOf(def, arg.name).some(isMade)) continue;
      const way = fromOutside(scope, def, c.at, new Set());
      if (!way) continue;
      if (!originsOf(scope, def, arg, 0).some((o) => exported.has(o))) continue;
      const chain = way.map((s, i) => ({
        file: s.def.file,
        at: s.at,
        fn: s.def.name,
        callee: way[i + 1]?.def.name ?? textOf(c.fn),
        calleePath: way[i + 1]?.def.file.path ?? '',
      }));
      const why = `${def.name}() frees the buffer whether or not a dma-buf of it is still open or mapped`;
      return { rule: 'R11', certainty: 'always', dependsOn: null, when: [], chain, why };
    }
  }
  return null;
}

const isMade = (v: Expr) => v.k === 'call' && /alloc|_create|_new$|dup/.test(textOf(v.fn));

/** What the release function takes for the buffer. */
function privateType(scope: Scope, release: FunctionDef): string {
  let type = '';
  eachStmt(release.body, (s) => {
    if (s.k === 'decl' && s.init?.k === 'member' && s.init.name === 'priv') type = s.type.base;
  });
  if (type) return type;
  // Released elsewhere: what exports give it.
  for (const def of scope.mentioning(/\bdma_buf_export\s*\(/)) {
    eachIn(def.body, (e) => {
      if (e.k === 'assign' && e.l.k === 'member' && e.l.name === 'priv')
        type ||= scope.program.typeIn(def, e.r).base;
    });
  }
  return type === 'void' || type === 'drm_gem_object' ? '' : type;
}

/** A way from a file operation or an ioctl to a place; null when nothing like that leads there. */
function fromOutside(
  scope: Scope,
  def: FunctionDef,
  at: number,
  seen: Set<string>,
): { def: FunctionDef; at: number }[] | null {
  if (seen.has(def.id) || seen.size > 12) return null;
  seen.add(def.id);
  for (const u of scope.usesOf(def)) {
    if (!u.in) {
      if (u.slot && /^(file_operations|drm_ioctl_desc|miscdevice)$/.test(u.slot.struct))
        return [{ def, at }];
      continue;
    }
    if (!u.call) continue;
    if (COUNTS.test(u.in.file.text.slice(u.in.where.body, u.at))) continue;
    const above = fromOutside(scope, u.in, u.at, seen);
    if (above) return [...above, { def, at }];
  }
  return null;
}

const INTO =
  /^(__)?(list_add(_tail)?|idr_alloc\w*|xa_(store|alloc|insert)\w*|hash_add\w*|radix_tree_insert)$/;

/** The lists and tables that a function puts an object into. */
function containersOf(scope: Scope, def: FunctionDef, e: Expr): string[] {
  if (e.k !== 'id') return [];
  return scope.callsIn(def).flatMap((c) => {
    if (c.fn.k !== 'id' || !INTO.test(c.fn.name)) return [];
    const mine = c.args.some((a) => rootOf(a) === e.name);
    return mine
      ? c.args
          .filter((a) => rootOf(a) !== e.name)
          .map(lastName)
          .slice(0, 1)
      : [];
  });
}

const lastName = (a: Expr) => /(\w+)$/.exec(textOf(a))?.[1] ?? '';

/** The list that a loop takes its objects from: `list_for_each_entry_safe(b, n, &file->bufs, node)`. */
function walkedFor(def: FunctionDef, name: string): string[] {
  const out: string[] = [];
  eachStmt(def.body, (s) => {
    if (s.k !== 'loop' || s.kind !== 'macro' || s.c?.k !== 'call') return;
    const [first, ...rest] = s.c.args;
    if (first?.k !== 'id' || first.name !== name) return;
    const list = rest.find((a) => a.k === 'unary' && a.op === '&');
    if (list) out.push(lastName(list));
  });
  return out;
}

/** Where an object comes from: the field or the lookup that gives it, followed through callers. */
function originsOf(scope: Scope, def: FunctionDef, e: Expr, depth: number): string[] {
  if (depth > 5) return [];
  if (e.k === 'cast') return originsOf(scope, def, e.e, depth);
  if (e.k === 'member') return [e.name];
  if (e.k === 'call')
    return e.fn.k === 'id' &&
      /find|load|lookup|remove|erase|delete|_entry(_or_null)?$/.test(e.fn.name)
      ? [
          e.args
            .map((a) => /(\w+)$/.exec(textOf(a))?.[1] ?? '')
            .slice(0, 1)
            .join() || textOf(e.fn),
        ]
      : [];
  if (e.k !== 'id') return [];
  const walked = walkedFor(def, e.name);
  if (walked.length) return walked;
  const values = valuesOf(def, e.name);
  if (values.length) return values.flatMap((v) => originsOf(scope, def, v, depth + 1));
  const param = def.params.findIndex((p) => p.name === e.name);
  if (param < 0) return [];
  return scope.usesOf(def).flatMap((u) => {
    const arg = u.call?.args[param];
    return u.in && arg ? originsOf(scope, u.in, arg, depth + 1) : [];
  });
}
