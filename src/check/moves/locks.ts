// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Which locks may be held at a place of a function: followed through its branches, with the locks
 * that functions of the driver take or drop for their callers.
 */
import { type Expr, eachExpr, type Stmt } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import { type Call, rootOf, type Scope, valuesOf } from './scope.ts';

/** A lock by the field that it is: `buf.lock`; locks of one class are taken for the same one. */
export type LockClass = string;

/** Locks held: class to the offset at which it was taken. */
export type Held = ReadonlyMap<LockClass, number>;

const TAKE =
  /^(mutex_(?:try)?lock\w*|down_(?:read|write)\w*|down|down_(?:try|timeout|interruptible|killable)\w*|(?:raw_)?spin_(?:try)?lock\w*|(?:read|write)_(?:try)?lock\w*|ww_mutex_(?:try)?lock\w*|dma_resv_(?:try)?lock\w*|rt_mutex_(?:try)?lock\w*|percpu_down_(?:read|write)\w*|srcu_read_lock|rcu_read_lock|synchronize_s?rcu\w*)$/;
const DROP =
  /^(mutex_unlock|up_(?:read|write)|up|(?:raw_)?spin_unlock\w*|(?:read|write)_unlock\w*|ww_mutex_unlock|dma_resv_unlock|rt_mutex_unlock|percpu_up_(?:read|write)|srcu_read_unlock|rcu_read_unlock)$/;
/** Says that the caller holds it. */
const ASSERT = /^(dma_resv_assert_held|lockdep_assert_held\w*|assert_\w*held\w*|\w+_assert_held)$/;
/** Not the lock of a buffer. */
const OTHER = /^(mmap_(read|write)_|down_read_mmap)/;

export class Locks {
  private readonly snapshots = new Map<string, Map<number, Held>>();
  private readonly nets = new Map<string, { takes: LockClass[]; drops: LockClass[] }>();
  private readonly ends = new Map<string, Held[]>();

  constructor(private readonly scope: Scope) {}

  /** Locks that may be held where the expression at an offset is evaluated. */
  at(def: FunctionDef, at: number): Held {
    return this.snapshotsOf(def).get(at) ?? new Map();
  }

  private snapshotsOf(def: FunctionDef): Map<number, Held> {
    let map = this.snapshots.get(def.id);
    if (!map) {
      this.snapshots.set(def.id, (map = new Map()));
      this.walk(def, map);
    }
    return map;
  }

  /** What a function leaves locked, and what it unlocks for its caller. */
  net(def: FunctionDef, depth = 0): { takes: LockClass[]; drops: LockClass[] } {
    const known = this.nets.get(def.id);
    if (known) return known;
    this.nets.set(def.id, { takes: [], drops: [] });
    if (depth > 4 || !/lock|down_|resv|reserve|guard|held/.test(def.text))
      return { takes: [], drops: [] };
    this.snapshotsOf(def);
    const takes = new Set<LockClass>();
    for (const held of this.ends.get(def.id) ?? [])
      for (const [c, at] of held) if (at >= 0) takes.add(c);
    const dropped = new Set<LockClass>();
    const taken = new Set<LockClass>();
    for (const c of this.scope.callsIn(def)) {
      const one = this.operation(def, c, depth);
      for (const t of one.takes) taken.add(t);
      for (const d of one.drops) if (!taken.has(d)) dropped.add(d);
    }
    const result = { takes: [...takes], drops: [...dropped] };
    this.nets.set(def.id, result);
    return result;
  }

  private operation(
    def: FunctionDef,
    c: Call,
    depth = 0,
  ): { takes: LockClass[]; drops: LockClass[]; asserts: LockClass[]; guard: boolean } {
    const none = { takes: [], drops: [], asserts: [], guard: false };
    const guard = guardOf(c);
    if (guard) return { ...none, takes: [this.guarded(def, guard)], guard: true };
    if (c.fn.k !== 'id') return none;
    const { name } = c.fn;
    if (OTHER.test(name)) return none;
    if (TAKE.test(name) || DROP.test(name) || ASSERT.test(name)) {
      const which = /dma_resv/.test(name)
        ? 'dma_resv'
        : /^rcu|_rcu/.test(name) && !c.args.length
          ? 'rcu'
          : this.classOf(def, c.args[0]);
      if (TAKE.test(name)) return { ...none, takes: [which] };
      return DROP.test(name) ? { ...none, drops: [which] } : { ...none, asserts: [which] };
    }
    const callee = this.scope.find(name, def.file);
    if (callee && callee !== def && /lock|reserve|begin|end|get|put|enter|exit/.test(name))
      return { ...none, ...this.net(callee, depth + 1) };
    if (!callee) {
      // Defined elsewhere: `x_lock()` and `x_unlock()` belong together.
      const m = /^(\w*?)_?(un)?(lock|reserve)(_\w+)?$/.exec(name);
      const stem = m && `${m[1]}_${m[3]}()`;
      if (m && stem) return m[2] ? { ...none, drops: [stem] } : { ...none, takes: [stem] };
    }
    return none;
  }

  /** The lock of a guard; one that the driver defined itself goes by its name. */
  private guarded(def: FunctionDef, { kind, lock }: Guard): LockClass {
    if (/^rcu/.test(kind)) return 'rcu';
    return KERNELS.test(kind) ? this.classOf(def, lock) : `${kind}()`;
  }

  private guardsIn(def: FunctionDef, e: Expr): number[] {
    const out: number[] = [];
    eachExpr(e, (x) => {
      if (x.k === 'call' && this.operation(def, x).guard) out.push(x.at);
    });
    return out;
  }

  /** `&buf->lock` as `type.lock`; the reservation lock as one class. */
  classOf(def: FunctionDef, e: Expr | undefined, depth = 0): LockClass {
    if (!e) return 'a lock';
    if (e.k === 'unary' || e.k === 'cast') return this.classOf(def, e.e, depth);
    if (e.k === 'index') return this.classOf(def, e.of, depth);
    if (e.k === 'member') {
      if (/^_?resv$|reservation/.test(e.name) || this.isResv(def, e)) return 'dma_resv';
      return `${this.scope.program.typeIn(def, e.of).base}.${e.name}`;
    }
    if (e.k === 'id') {
      const values = depth < 3 ? valuesOf(def, e.name) : [];
      if (values.length) return this.classOf(def, values[0], depth + 1);
      if (/resv/.test(e.name)) return 'dma_resv';
      return `.${e.name}`;
    }
    return e.k === 'call' && e.fn.k === 'id' ? `${e.fn.name}()` : 'a lock';
  }

  private isResv(def: FunctionDef, e: Expr & { k: 'member' }): boolean {
    return this.scope.program.typeIn(def, e.of).base === 'dma_resv' || rootOf(e) === 'resv';
  }

  private walk(def: FunctionDef, map: Map<number, Held>): void {
    const ends: Held[] = [];
    this.ends.set(def.id, ends);
    const pending = new Map<string, Held>();
    const breaks: Held[] = [];
    const visit = (e: Expr, held: Held): Held => {
      let now = held;
      // Arguments are evaluated before the call.
      eachExpr(e, (x) => {
        if (x.k !== 'call') return;
        const op = this.operation(def, x);
        if (!op.takes.length && !op.drops.length && !op.asserts.length) return;
        const next = new Map(now);
        for (const t of op.takes) next.set(t, x.at);
        for (const a of op.asserts) next.set(a, -1);
        for (const d of op.drops) for (const c of [...next.keys()]) if (same(c, d)) next.delete(c);
        now = next;
      });
      eachExpr(e, (x) => {
        if (!map.has(x.at)) map.set(x.at, held);
      });
      return now;
    };
    const join = (a: Held | null, b: Held | null): Held | null => {
      if (!a || !b) return a ?? b;
      const out = new Map(a);
      for (const [k, v] of b) if (!out.has(k)) out.set(k, v);
      return out;
    };
    const go = (s: Stmt, held: Held | null): Held | null => {
      if (s.k === 'label') {
        const to = pending.get(s.name) ?? null;
        return join(held, to);
      }
      if (!held && s.k !== 'block' && s.k !== 'case' && s.k !== 'loop' && s.k !== 'if') return null;
      switch (s.k) {
        case 'expr':
          return visit(s.e, held!);
        case 'decl':
          return s.init ? visit(s.init, held!) : held;
        case 'if': {
          const after = held ? visit(s.c, held) : null;
          const refused = after && failsToLock(s.c);
          const t = go(s.t, refused ? held : after);
          const f = s.f ? go(s.f, after) : after;
          return join(t, f);
        }
        case 'choice':
          return join(go(s.t, held), s.f ? go(s.f, held) : held);
        case 'block': {
          let now = held;
          for (const one of s.body) now = go(one, now);
          const guards = s.body.flatMap((one) =>
            one.k === 'expr' ? this.guardsIn(def, one.e) : [],
          );
          return now && without(now, guards);
        }
        case 'loop': {
          let now = s.init ? go(s.init, held) : held;
          if (now && s.c) now = visit(s.c, now);
          const outer = breaks.length;
          const inner = join(now, go(s.body, now));
          if (inner && s.step) visit(s.step, inner);
          const end = breaks.splice(outer).reduce<Held | null>(join, inner);
          return end && s.kind === 'macro' && s.c ? without(end, this.guardsIn(def, s.c)) : end;
        }
        case 'switch': {
          const now = visit(s.e, held!);
          const outer = breaks.length;
          entering.push(now);
          const end = go(s.body, now);
          entering.pop();
          return breaks.splice(outer).reduce<Held | null>(join, join(end, now));
        }
        case 'case':
          return join(held, entering.at(-1) ?? null);
        case 'goto':
          pending.set(s.name, join(pending.get(s.name) ?? null, held)!);
          return null;
        case 'return':
          ends.push(s.e ? visit(s.e, held!) : held!);
          return null;
        case 'break':
          breaks.push(held!);
          return null;
        case 'continue':
          return null;
        default:
          return held;
      }
    };
    const entering: Held[] = [];
    const end = go(def.body, new Map());
    if (end) ends.push(end);
    // guard()s let go when the function returns.
    const guards = this.scope
      .callsIn(def)
      .filter((c) => guardOf(c))
      .map((c) => c.at);
    if (guards.length) ends.splice(0, ends.length, ...ends.map((h) => without(h, guards)));
  }
}

/** A lock that is let go where a scope ends (6.12 include/linux/cleanup.h). */
interface Guard {
  readonly kind: string;
  readonly lock: Expr | undefined;
}

/** `guard(mutex)(&l)`, `scoped_guard(mutex, &l)`, `scoped_cond_guard(mutex_intr, return -EINTR, &l)` */
function guardOf(c: Call): Guard | null {
  const kindOf = (e: Expr | undefined) => (e?.k === 'id' ? e.name : '');
  if (c.fn.k === 'call' && c.fn.fn.k === 'id' && c.fn.fn.name === 'guard')
    return { kind: kindOf(c.fn.args[0]), lock: c.args[0] };
  if (c.fn.k !== 'id' || !/^scoped_(cond_)?guard$/.test(c.fn.name)) return null;
  return { kind: kindOf(c.args[0]), lock: c.args[c.fn.name === 'scoped_guard' ? 1 : 2] };
}

/** Guards that the kernel defines for its own kinds of locks. */
const KERNELS = /^(mutex|(raw_)?spinlock|(read|write)_lock|rwsem|srcu|percpu)/;

function without(held: Held, places: readonly number[]): Held {
  if (!places.some((p) => [...held.values()].includes(p))) return held;
  return new Map([...held].filter(([, at]) => !places.includes(at)));
}

/** `if (!mutex_trylock(...))`, `if (mutex_lock_interruptible(...))`: the lock is not held inside. */
function failsToLock(c: Expr): boolean {
  if (c.k === 'unary' && c.op === '!')
    return c.e.k === 'call' && c.e.fn.k === 'id' && /trylock/.test(c.e.fn.name);
  return c.k === 'call' && c.fn.k === 'id' && /lock\w*_(interruptible|killable)/.test(c.fn.name);
}

/** Whether two classes may be one lock: the same field, of structs that do not differ. */
export function same(a: LockClass, b: LockClass): boolean {
  if (a === b) return true;
  const [x, y] = [a.split('.'), b.split('.')];
  return x.length === 2 && y.length === 2 && x[1] === y[1] && (!x[0] || !y[0]);
}
