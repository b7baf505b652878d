// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Where an exporter takes memory back: frees or replaces what its mappings lead to while the buffer
 * lives on, and the ways that lead there. What goes with the buffer itself is no such place.
 */
import { type Expr, eachExpr, eachIn, eachStmt, type Stmt, textOf } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import { type FieldOf, type Step, sameField } from './backing.ts';
import { type Call, type Root, rootOf, type Scope, type Use, valuesOf } from './scope.ts';
import type { Zaps } from './zaps.ts';

export type TakeKind = 'free' | 'set' | 'clear' | 'notify' | 'revoke';

/** One place where memory is taken back. */
export interface Take {
  readonly kind: TakeKind;
  readonly def: FunctionDef;
  readonly at: number;
  readonly field: FieldOf | null;
  /** The object that holds the field, as the function names it. */
  readonly object: string;
  /** The function that is called to free it. */
  readonly by?: string;
  /** Of a notification: the structs on the way to the dma-buf, the nearest first. */
  readonly through?: readonly string[];
}

/** A way to a place where memory is taken back, from outside the driver. */
export interface Way {
  readonly take: Take;
  readonly root: Root;
  /** Outermost first; the last one is the function of the place. */
  readonly steps: readonly Step[];
}

export const FREES =
  /(^|_)(free|release|put|destroy|drop|unpin|recycle|reclaim|retire|discard|dealloc|return)(_|s$|d$|\d|$)|free|^(list_add(_tail)?|llist_add|list_move(_tail)?|drm_mm_remove_node|kref_put)$/;
/** Puts of what holds the memory, not of the memory; an unpinned buffer may move, and is not moved by that. */
export const NOT_FREES =
  /^(kref_put|dma_buf_put|drm_gem_object_put|put_device|fput|list_del\w*|(drm_gem(_shmem|_vram|_ttm)?|ttm_bo)_unpin(_locked)?)$/;
const MAKES =
  /alloc|_create(_|$)|_new$|_init_object|^kmemdup|ERR_PTR|_dup$|^(k|v|kv|dev\w*_k)[mzc]alloc/;
/** Slots through which a buffer or its driver ends. */
const ENDS =
  /^(release|free|destroy|remove|shutdown|close|postclose|preclose|lastclose|unload|exit|put|del|disconnect|unbind|final\w*|free_object\w*|gem_free_object\w*|buf_finish|detach_dmabuf|remove_new|kill_sb|evict_inode|destroy_inode|delete|gem_close_object|delete_mem_notify)$/i;
const DESTROYS =
  /^(kfree|kvfree|kfree_rcu|kvfree_rcu|vfree|kfree_sensitive|kmem_cache_free|mempool_free|devm_kfree|drm_gem_object_release|drm_gem_private_object_fini|ida_free_object)$/;
/** Other names of the same memory. */
export const SAME =
  /^(pfn_to_page|phys_to_page|virt_to_page|virt_to_head_page|page_address|page_to_(pfn|phys|virt)|pfn_to_virt|phys_to_virt|virt_to_phys|__va|__pa|PFN_PHYS|PHYS_PFN|page_folio|folio_page|sg_page)$/;
const EVENT = /revoke|dead|gone|unplug|lost|invalid|disabled|stale/;

/** Without any of this a function neither frees (FREES) nor stores (STORES). */
const CHANGES =
  /free|release|put|destroy|drop|unpin|recycle|reclaim|retire|discard|dealloc|_return|return[_sd\d]|list_add|list_move|drm_mm_remove_node|notify|swap|xchg|store|erase|WRITE_ONCE|assign/;
/** What may stand between a field and the `=` of what it, or an element of it, is given. */
const GIVEN = String.raw`\b(?:[^;{}=!]|![^=])*=(?!=)`;

/** Every place in the scope where one of these fields is freed, replaced or emptied. */
export function takesOf(scope: Scope, fields: readonly FieldOf[], strict: boolean): Take[] {
  const names = [...new Set(fields.map((f) => f.name))];
  const word = new RegExp(`\\b(?:${['dma_buf_move_notify', ...names].join('|')})\\b`);
  const given = new RegExp(`\\b(?:${names.join('|')})${GIVEN}`);
  const out: Take[] = [];
  for (const def of scope.mentioning(word))
    if (CHANGES.test(def.text) || (names.length > 0 && given.test(def.text)))
      out.push(...takesIn(scope, def, fields, strict));
  return out;
}

/** What an expression of the backing leads to. */
export interface Held {
  readonly field: FieldOf;
  readonly object: string;
}

/** Tells what a function's expressions are of the backing: one of its fields, or a local that holds it. */
export function holding(
  scope: Scope,
  def: FunctionDef,
  fields: readonly FieldOf[],
  strict: boolean,
) {
  const match = (e: Expr): Held | null => {
    if (e.k === 'index' || e.k === 'cast') return match(e.k === 'index' ? e.of : e.e);
    if (e.k === 'unary') return e.op === '*' || e.op === '&' ? match(e.e) : null;
    if (e.k !== 'member') return null;
    const own = { struct: scope.structOf(def, e.of), name: e.name };
    const field = fields.find((f) => sameField(f, own, strict));
    return field ? { field, object: textOf(e.of) } : null;
  };
  /** What a local holds of the backing. */
  const held = (e: Expr, depth = 0): (Held & { readonly local: boolean }) | null => {
    const direct = match(e);
    if (direct) return { ...direct, local: depth > 0 };
    if (e.k === 'cast') return held(e.e, depth);
    // release_pages(bo->pages + n, count)
    if (e.k === 'binary' && e.op === '+') return held(e.l, depth);
    // __free_page(pfn_to_page(bo->pfn[i]))
    if (e.k === 'call' && e.fn.k === 'id' && SAME.test(e.fn.name) && e.args[0])
      return held(e.args[0], depth);
    if (depth > 2 || e.k !== 'id') return null;
    for (const v of valuesOf(def, e.name)) {
      const m = held(v, depth + 1);
      if (m) return m;
    }
    return null;
  };
  return { match, held };
}

function takesIn(
  scope: Scope,
  def: FunctionDef,
  fields: readonly FieldOf[],
  strict: boolean,
): Take[] {
  // What was imported is another exporter's.
  if (/\b(dma_buf_unmap_attachment\w*|dma_buf_detach|drm_prime_gem_destroy)\s*\(/.test(def.text))
    return [];
  const out: Take[] = [];
  const { match, held } = holding(scope, def, fields, strict);
  const put = (kind: TakeKind, at: number, m: { field: FieldOf; object: string }, by?: string) =>
    out.push({ kind, def, at, field: m.field, object: m.object, by });
  const freed: { at: number; m: NonNullable<ReturnType<typeof held>>; by: string }[] = [];
  eachIn(def.body, (e) => {
    if (e.k === 'assign' && e.op === '') {
      const m = match(e.l);
      if (m) put(isNothing(e.r) ? 'clear' : 'set', e.at, m);
      return;
    }
    if (e.k !== 'call' || e.fn.k !== 'id') return;
    const { name } = e.fn;
    if (name === 'dma_buf_move_notify') {
      const of = e.args[0] ?? e.fn;
      const through = wayTo(scope, def, of);
      out.push({ kind: 'notify', def, at: e.at, field: null, object: textOf(of), through });
      return;
    }
    if (STORES.test(name)) {
      const m = e.args[0] && match(e.args[0]);
      const n = m ?? (name === 'swap' && e.args[1] ? match(e.args[1]) : null);
      if (n) put(e.args.some(isNothing) || /erase/.test(name) ? 'clear' : 'set', e.at, n);
      return;
    }
    if (!FREES.test(name) || NOT_FREES.test(name)) return;
    for (const [i, a] of e.args.entries()) {
      const m = held(a);
      if (!m || !frees(scope, def, name, i, 0)) continue;
      freed.push({ at: e.at, m, by: name });
      break;
    }
  });
  const sets = out.filter((t) => t.kind === 'set');
  // A larger table with the same pages in it.
  const grows = (name: string) =>
    scope
      .callsIn(def)
      .some(
        (c) =>
          /^mem(cpy|move)$/.test(textOf(c.fn)) &&
          c.args[1] &&
          match(c.args[1])?.field.name === name,
      );
  for (const { at, m, by } of freed) {
    // What was put there a moment ago goes when something fails.
    const undone = !m.local && sets.some((t) => t.field === m.field && t.at < at);
    if (!undone) put('free', at, m, by);
  }
  return out.filter((t) => {
    if (!t.field || t.kind === 'notify') return true;
    if (grows(t.field.name)) return false;
    if (t.kind === 'free') return true;
    // Nobody drops memory without a look at it: a field that is only filled was empty.
    if (t.kind === 'set') {
      const first = sets.find((x) => x.field === t.field)!;
      return readBefore(def, first, match);
    }
    const filled = sets.some((x) => x.field === t.field && x.at < t.at);
    return !filled && keptBefore(def, t, match);
  });
}

/** The structs that an expression goes through, also by way of a local: `bo->ttm.base.dma_buf`. */
function wayTo(scope: Scope, def: FunctionDef, e: Expr): string[] {
  if (e.k === 'member') return [scope.structOf(def, e.of), ...wayTo(scope, def, e.of)];
  if (e.k === 'unary' || e.k === 'cast') return wayTo(scope, def, e.e);
  if (e.k === 'index') return wayTo(scope, def, e.of);
  const given = e.k === 'id' ? valuesOf(def, e.name) : [];
  return given.length === 1 && given[0]!.k === 'member' ? wayTo(scope, def, given[0]!) : [];
}

/** Whether a function of the driver frees what it gets there; of others the name says so. */
function frees(scope: Scope, from: FunctionDef, name: string, arg: number, depth: number): boolean {
  const def = scope.find(name, from.file);
  if (!def || !scope.has(def) || depth > 3) return FREES.test(name) && !NOT_FREES.test(name);
  const param = def.params[arg]?.name;
  return scope.callsIn(def).some((c) => {
    const callee = c.fn.k === 'id' ? c.fn.name : '';
    if (!FREES.test(callee) || callee === name) return false;
    return c.args.some(
      (a, i) => a.k === 'id' && a.name === param && frees(scope, def, callee, i, depth + 1),
    );
  });
}

/** Whether the old value of a field is put aside before the field is emptied. */
function keptBefore(
  def: FunctionDef,
  take: Take,
  match: (e: Expr) => { field: FieldOf } | null,
): boolean {
  let yes = false;
  const keep = (e: Expr) => {
    if (e.at < take.at && match(e)?.field === take.field) yes = true;
  };
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init) keep(s.init);
    else if (s.k === 'expr' && s.e.k === 'assign') keep(s.e.r);
  });
  return yes;
}

const STORES =
  /^(swap|xchg|WRITE_ONCE|rcu_assign_pointer|rcu_replace_pointer|smp_store_release|xa_store|xa_erase|__xa_store|__xa_erase|cmpxchg)$/;

/** Whether the old value of a field is read in the function before it is changed, tests apart. */
function readBefore(
  def: FunctionDef,
  take: Take,
  match: (e: Expr) => { field: FieldOf } | null,
): boolean {
  let yes = false;
  const read = (e: Expr) => {
    eachExpr(e, (x) => {
      if (x.k === 'member' && x.at < take.at && match(x)?.field === take.field) yes = true;
      if (
        x.k === 'call' &&
        /^(swap|xchg|xa_erase|rcu_replace_pointer)$/.test(textOf(x.fn)) &&
        x.at === take.at
      )
        yes = true;
    });
  };
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init) read(s.init);
    else if (s.k === 'expr') read(s.e.k === 'assign' ? s.e.r : s.e);
  });
  return yes;
}

const isNothing = (e: Expr): boolean =>
  (e.k === 'num' && e.value === 0) ||
  (e.k === 'id' && /^(NULL|false|INVALID_\w+)$/.test(e.name)) ||
  (e.k === 'cast' && isNothing(e.e));

/**
 * What a handler refuses on, and where that is set: access ends there. A flag whose name says so is enough;
 * of others a zap in the same function tells that it is meant.
 */
export function revokesOf(scope: Scope, handler: FunctionDef, zaps: Zaps): Take[] {
  const flags: (FieldOf & { readonly named: boolean; readonly absent: boolean })[] = [];
  eachStmt(handler.body, (s) => {
    if (s.k !== 'if') return;
    const refuses = /\bVM_FAULT_SIG\w+/.test(textIn(s.t));
    const denied = new Set<Expr>();
    eachExpr(s.c, (x) => {
      if (x.k === 'unary' && x.op === '!') denied.add(x.e);
      if (x.k !== 'member' || !(refuses || EVENT.test(x.name))) return;
      const struct = scope.structOf(handler, x.of);
      if (!/^(vm_area_struct|vm_fault)$/.test(struct))
        flags.push({ struct, name: x.name, named: EVENT.test(x.name), absent: denied.has(x) });
    });
  });
  if (flags.length === 0) return [];
  const out: Take[] = [];
  const names = `\\b(?:${flags.map((f) => f.name).join('|')})`;
  const word = new RegExp(`${names}\\b`);
  const stored = new RegExp(`${names}${GIVEN}|\\b(?:WRITE_ONCE|atomic_set|smp_store_release)\\b`);
  for (const def of scope.mentioning(word)) {
    if (!stored.test(def.text)) continue;
    eachIn(def.body, (e) => {
      if (
        e.k === 'call' &&
        e.fn.k === 'id' &&
        /^(WRITE_ONCE|atomic_set|smp_store_release)$/.test(e.fn.name)
      ) {
        look(e.args[0], e.args[1], e.at);
      } else if (e.k === 'assign' && e.op === '') look(e.l, e.r, e.at);
    });
    function look(l: Expr | undefined, r: Expr | undefined, at: number): void {
      if (l?.k === 'unary') l = l.e;
      if (l?.k !== 'member' || !r) return;
      const own = { struct: scope.structOf(def, l.of), name: l.name };
      const field = flags.find((f) => sameField(f, own, !f.named));
      if (!field || (field.named && isNothing(r))) return;
      // Refused while there is none: what is put there is no end of it.
      if (field.absent && !field.named && !isNothing(r)) return;
      if (field.named || zaps.callsIn(def).length > 0)
        out.push({ kind: 'revoke', def, at, field, object: textOf(l.of) });
    }
  }
  return out;
}

/** The names that a statement mentions. */
function textIn(s: Stmt): string {
  const names: string[] = [];
  eachIn(s, (e) => {
    if (e.k === 'id') names.push(e.name);
  });
  return names.join(' ');
}

/** Ways that are looked at for one place, calls on one of them, and callers asked for all. */
const ENOUGH = 12;
const DEEP = 9;
const MANY = 2000;

/** The ways by which a place is reached while the buffer is alive. */
export function waysTo(scope: Scope, take: Take, mapped: Pins): Way[] {
  if (take.kind === 'set' && fillsOnly(take)) return [];
  const out: Way[] = [];
  let asked = 0;
  const up = (
    def: FunctionDef,
    at: number,
    object: string,
    below: readonly Step[],
    seen: ReadonlySet<string>,
  ): void => {
    if (out.length >= ENOUGH || ++asked > MANY || below.length > DEEP || seen.has(def.id)) return;
    const steps = [{ def, at }, ...below];
    const root = object.match(/^[*&(]*(\w+)/)?.[1] ?? '';
    if (isFresh(scope, def, root, at) || destroys(scope, def, root, at) || mapped.guards(def, at))
      return;
    const next = new Set(seen).add(def.id);
    const uses = scope.usesOf(def);
    // What ends a buffer ends it, whoever calls it.
    if (uses.some((u) => u.slot !== null && ENDS.test(u.slot.field))) return;
    if (uses.length === 0) {
      if (!/\b__exit\b|\b__init\b/.test(def.head) && !mentioned(def, 'module_exit'))
        out.push({ take, root: { def, slot: null, passedTo: null }, steps });
      return;
    }
    const param = def.params.findIndex((p) => p.name === root);
    for (const u of uses) {
      if (!u.in || !u.call) {
        if (!endsWith(u) && !endsByName(def, u))
          out.push({ take, root: { def, slot: u.slot, passedTo: u.passedTo }, steps });
        continue;
      }
      const arg = param >= 0 ? u.call.args[param] : undefined;
      up(u.in, u.at, arg ? textOf(arg) : '', steps, next);
    }
  };
  up(take.def, take.at, take.object, [], new Set());
  return out;
}

const mentioned = (def: FunctionDef, by: string) =>
  new RegExp(`\\b${by}\\s*\\(\\s*${def.name}\\b`).test(def.file.text);

/** A callback that ends something: a slot for it, or the release function of a reference count. */
export function endsWith(u: Use): boolean {
  if (u.slot) return ENDS.test(u.slot.field);
  return (
    u.passedTo !== null &&
    /put|release|devm_add_action|drmm_add_action|unref|ttm_bo_init|call_rcu|list_sort/.test(
      u.passedTo,
    )
  );
}

/** A worker that frees what was released before. */
function endsByName(def: FunctionDef, u: Use): boolean {
  return (
    u.passedTo !== null &&
    /WORK|_work/.test(u.passedTo) &&
    /(^|_)(free|release|destroy|cleanup|delayed_(free|delete|destroy)|deferred_free|reap)(_|$)/.test(
      def.name,
    )
  );
}

/** Whether a variable holds an object that was made in this very function. */
function isFresh(scope: Scope, def: FunctionDef, name: string, at: number): boolean {
  if (valuesOf(def, name).some(makes)) return true;
  const pointer = def.params.some((p) => p.name === name && p.type.stars > 1);
  return scope
    .callsIn(def)
    .some(
      (c) =>
        c.at < at &&
        /_(create|alloc(ate)?|new)(_|$)/i.test(textOf(c.fn)) &&
        c.args
          .map(uncast)
          .some((a) =>
            a.k === 'unary' && a.op === '&' ? textOf(a.e) === name : pointer && textOf(a) === name,
          ),
    );
}

const uncast = (e: Expr): Expr => (e.k === 'cast' ? uncast(e.e) : e);

/** A call that makes something, or a choice of two. */
const makes = (e: Expr): boolean =>
  e.k === 'cond'
    ? e.t !== null && makes(e.t) && makes(e.f)
    : e.k === 'call' && MAKES.test(textOf(e.fn));

/** Whether the object itself goes too, here and after that. */
function destroys(scope: Scope, def: FunctionDef, root: string, at: number): boolean {
  if (!root) return false;
  return scope.callsIn(def).some((c) => {
    if (c.at < at || c.fn.k !== 'id' || !DESTROYS.test(c.fn.name)) return false;
    return c.args.some((a) => {
      const name = rootOf(a);
      return (
        name !== null &&
        (a.k === 'id' ? name === root || alias(def, name, root) : name === root && isWhole(a))
      );
    });
  });
}

/** `&bo->base`, a part that stands for the whole, not a thing that it points to. */
const isWhole = (a: Expr) => a.k === 'unary' && a.op === '&';

/** Two names of one object: `struct my_bo *bo = to_my_bo(obj)`. */
function alias(def: FunctionDef, a: string, b: string): boolean {
  const from = (x: string, y: string) =>
    valuesOf(def, x).some((v) => {
      let yes = false;
      eachExpr(v, (e) => {
        yes ||= e.k === 'id' && e.name === y;
      });
      return yes && (v.k !== 'member' || /^(base|obj|gem|parent|priv|private)$/.test(v.name));
    });
  return from(a, b) || from(b, a);
}

/** Whether an assignment only fills what is empty: `if (!buf->pages) buf->pages = ...`. */
function fillsOnly(take: Take): boolean {
  const name = take.field?.name ?? '';
  let fills = false;
  const mentions = (e: Expr) => {
    let yes = false;
    eachExpr(e, (x) => {
      yes ||= x.k === 'member' && x.name === name;
    });
    return yes;
  };
  const within = (s: Stmt) => {
    let yes = false;
    eachStmt(s, (x) => {
      yes ||= x.at === take.at;
    });
    eachIn(s, (x) => {
      yes ||= x.at === take.at;
    });
    return yes;
  };
  eachStmt(take.def.body, (s) => {
    if (s.k !== 'if' || !mentions(s.c)) return;
    const empty = /^!|==0|==NULL|^IS_ERR|NULL==/.test(textOf(s.c).replace(/^\(/, ''));
    if (empty && within(s.t)) fills = true;
    // if (buf->pages) return ...; and go on
    if (!empty && s.at < take.at && leaves(s.t)) fills = true;
    if (!empty && s.f && within(s.f)) fills = true;
  });
  return fills;
}

function leaves(s: Stmt): boolean {
  if (s.k === 'block') return s.body.length > 0 && leaves(s.body.at(-1)!);
  return s.k === 'return' || s.k === 'goto' || s.k === 'continue' || s.k === 'break';
}

/** What a mapping holds on to: counters that export, mmap and its faults raise, and that others ask. */
export class Pins {
  private readonly raised = new Set<string>();
  /**
   * @param mapping functions of mmap and its faults
   * @param exporting those that make a dma-buf of an object
   */
  constructor(
    private readonly scope: Scope,
    mapping: Iterable<FunctionDef>,
    exporting: Iterable<FunctionDef> = [],
  ) {
    for (const [marks, defs] of [[false, mapping] as const, [true, exporting] as const])
      for (const def of defs) {
        if (!/\+\+|inc|\+=|_get|=\s*(true|1)/.test(def.text)) continue;
        eachIn(def.body, (e) => {
          const m = raises(e) ?? (marks ? markedBy(e) : null);
          if (m) this.raised.add(m);
        });
      }
  }

  /** Whether a way goes on, at this place of a function, only when no mapping holds on. */
  guards(def: FunctionDef, at: number): boolean {
    let guarded = false;
    const counts = (x: Expr) =>
      x.k === 'member' && (this.raised.has(x.name) || /^(dma_buf|dmabuf|exported)$/.test(x.name));
    const asks = (c: Expr): boolean => {
      let yes = false;
      eachExpr(c, (x) => {
        yes ||= counts(x) || this.answers(def, x).some(counts);
      });
      return yes;
    };
    // WARN_ON(buf->dma_buf), WARN_ON(!may_purge(buf)): comes here with none.
    const denies = (e: Expr): boolean => {
      if (e.k !== 'call' || !/^(\w+_)?(WARN|BUG)_ON(_ONCE)?$/.test(textOf(e.fn))) return false;
      const c = e.args.at(-1)!;
      if (c.k !== 'unary' || c.op !== '!') return (c.k === 'member' || c.k === 'call') && asks(c);
      return this.answers(def, c.e).some((x) => x.k === 'unary' && x.op === '!' && counts(x.e));
    };
    const visit = (s: Stmt): void => {
      eachStmt(s, (one) => {
        if (one.k === 'expr' && one.at < at && denies(one.e)) guarded = true;
        if (one.k === 'if' && one.at < at && holds(one.t, at) && isNotOurs(one.c)) guarded = true;
        if (one.k === 'if' && one.at < at && asks(one.c)) {
          const inside = holds(one.t, at);
          if (inside ? !isPositive(one.c) : leaves(one.t)) guarded = true;
        }
      });
    };
    visit(def.body);
    return guarded;
  }

  /** What the results of a question of the driver's own are made of: is_pinned(buf). */
  private answers(def: FunctionDef, e: Expr): Expr[] {
    if (e.k !== 'call' || e.fn.k !== 'id') return [];
    const callee = this.scope.find(e.fn.name, def.file);
    if (!callee || !this.scope.has(callee) || callee === def || callee.text.length > 1200)
      return [];
    const out: Expr[] = [];
    eachStmt(callee.body, (s) => {
      if (s.k === 'return' && s.e) eachExpr(s.e, (x) => out.push(x));
    });
    return out;
  }
}

/**
 * `if (bo->deleted)`: the object is no more. `if (obj->import_attach)`: its memory is another exporter's, and
 * so is the dma-buf that one gets of it (6.12 drivers/gpu/drm/drm_prime.c:457).
 */
function isNotOurs(c: Expr): boolean {
  return (
    c.k === 'member' &&
    /^(is_)?(deleted|destroyed|dying|freed|released|imported)$|^import_attach$/.test(c.name)
  );
}

/** `if (buf->dma_buf)`: goes on when it is there, so it is no guard. */
const isPositive = (c: Expr): boolean =>
  c.k === 'member' || (c.k === 'binary' && c.op === '&&' && isPositive(c.l));

function holds(s: Stmt, at: number): boolean {
  let yes = false;
  eachIn(s, (x) => {
    yes ||= x.at === at;
  });
  return yes;
}

function raises(e: Expr): string | null {
  if (e.k === 'unary' && /\+\+/.test(e.op)) return lastField(e.e);
  if (e.k === 'assign' && e.op === '+') return lastField(e.l);
  if (
    e.k === 'call' &&
    e.fn.k === 'id' &&
    /^(atomic(_long|64)?_(inc|add)\w*|refcount_(inc|set|add)\w*|kref_get\w*)$/.test(e.fn.name)
  ) {
    for (const a of e.args) {
      const f = lastField(a);
      if (f) return f;
    }
  }
  return null;
}

/** `bo->shared = true` */
function markedBy(e: Expr): string | null {
  if (e.k !== 'assign' || e.op !== '' || e.l.k !== 'member') return null;
  return /^(true|1)$/.test(textOf(e.r)) ? e.l.name : null;
}

function lastField(e: Expr): string | null {
  if (e.k === 'unary' || e.k === 'cast') return lastField(e.e);
  return e.k === 'member' ? e.name : null;
}

export type { Call };
