// SPDX-License-Identifier: GPL-2.0-or-later
/** Splits states by what a condition says of them. */
import type { Expr } from '../c/ast.ts';
import { sameValue } from './arithmetic.ts';
import { flagsEqual, flagsTruth, type Split } from './flags.ts';
import type { Frame, Machine } from './machine.ts';
import type { State } from './state.ts';
import { keyOf, type Value } from './values.ts';

export function testAll(m: Machine, e: Expr, states: readonly State[], frame: Frame): Split {
  const out: Split = { t: [], f: [] };
  for (const st of states) {
    const { t, f } = test(m, e, st, frame);
    out.t.push(...t);
    out.f.push(...f);
  }
  return out;
}

export function test(m: Machine, e: Expr, st: State, frame: Frame): Split {
  if (e.k === 'unary' && e.op === '!') {
    const { t, f } = test(m, e.e, st, frame);
    return { t: f, f: t };
  }
  if (e.k === 'binary') {
    if (e.op === '&&') {
      const l = test(m, e.l, st, frame);
      const r = testAll(m, e.r, l.t, frame);
      return { t: r.t, f: [...l.f, ...r.f] };
    }
    if (e.op === '||') {
      const l = test(m, e.l, st, frame);
      const r = testAll(m, e.r, l.f, frame);
      return { t: [...l.t, ...r.t], f: r.f };
    }
    if (e.op === ',') {
      return testAll(
        m,
        e.r,
        m.eval(e.l, st, frame).map((o) => o.st),
        frame,
      );
    }
    if (/^([=!]=|[<>]=?)$/.test(e.op)) return compare(m, e, st, frame);
  }
  if (
    e.k === 'call' &&
    e.fn.k === 'id' &&
    e.args.length >= 1 &&
    /^(un)?likely$|^!!$|^WARN(_ON|_ON_ONCE)?$|^WARN_ON_SMP$|^\w*_?WARN_ON(_ONCE)?$|^(VM_)?(WARN_ON)\w*$|^READ_ONCE$|^!!$|^assert\w*_warn$/.test(
      e.fn.name,
    )
  ) {
    return test(
      m,
      e.args.at(-1)!.k === 'str'
        ? e.args[0]!
        : e.args.length === 2 && /WARN/.test(e.fn.name) && e.args[0]!.k === 'id'
          ? e.args[1]!
          : e.args[0]!,
      st,
      frame,
    );
  }
  const out: Split = { t: [], f: [] };
  for (const o of m.eval(e, st, frame)) {
    const { t, f } = truth(m, o.value, o.st);
    out.t.push(...t);
    out.f.push(...f);
  }
  return out;
}

export function truth(m: Machine, v: Value, st: State): Split {
  const settled = m.settle(v, st);
  switch (settled.k) {
    case 'num':
      return settled.n ? { t: [st], f: [] } : { t: [], f: [st] };
    case 'bits':
      return settled.mask ? { t: [st], f: [] } : { t: [], f: [st] };
    case 'err':
    case 'fn':
    case 'table':
    case 'vma':
    case 'vmf':
      return { t: [st], f: [] };
    case 'fault':
      return settled.name === '0' ? { t: [], f: [st] } : { t: [st], f: [] };
    case 'flags':
      return flagsTruth(settled.and, settled.or, st);
    case 'pte':
      return { t: [st], f: [st.clone()] };
    case 'sym': {
      const t = st.clone();
      const f = st.clone();
      return {
        t: t.learn(settled.key, 'nz') ? [t] : [],
        f: f.learn(settled.key, 'z') ? [f] : [],
      };
    }
  }
}

export function compare(m: Machine, e: Expr & { k: 'binary' }, st: State, frame: Frame): Split {
  const out: Split = { t: [], f: [] };
  const put = (yes: boolean, ...s: State[]) => (yes ? out.t : out.f).push(...s);
  for (const l of m.eval(e.l, st, frame)) {
    for (const r of m.eval(e.r, l.st, frame)) {
      const a = m.settle(l.value, r.st);
      const b = m.settle(r.value, r.st);
      const s = r.st;
      const equal = e.op === '==' || e.op === '!=';
      if (equal) {
        const yes = e.op === '==';
        const same = sameValue(a, b);
        if (same !== null) {
          put(same === yes, s);
          continue;
        }
        if (a.k === 'flags' && (b.k === 'bits' || (b.k === 'num' && b.n === 0))) {
          const { t, f } = flagsEqual(a, b.k === 'bits' ? b.mask : 0, s);
          put(yes, ...t);
          put(!yes, ...f);
          continue;
        }
        if (b.k === 'num' && b.n === 0) {
          const { t, f } = truth(m, a, s);
          put(!yes, ...t);
          put(yes, ...f);
          continue;
        }
        if (a.k === 'num' && a.n === 0) {
          const { t, f } = truth(m, b, s);
          put(!yes, ...t);
          put(yes, ...f);
          continue;
        }
        const [x, y] = [keyOf(a), keyOf(b)];
        const key = x < y ? `${x}==${y}` : `${y}==${x}`;
        const t = s.clone();
        const f = s.clone();
        if (t.learn(key, 'nz')) put(yes, t);
        if (f.learn(key, 'z')) put(!yes, f);
        continue;
      }
      // < and >: only the sign matters.
      if (a.k === 'num' && b.k === 'num') {
        const yes =
          e.op === '<'
            ? a.n < b.n
            : e.op === '>'
              ? a.n > b.n
              : e.op === '<='
                ? a.n <= b.n
                : a.n >= b.n;
        put(yes, s);
        continue;
      }
      if (b.k === 'num' && b.n === 0 && (e.op === '<' || e.op === '>=')) {
        const yes = e.op === '<';
        if (a.k === 'err') {
          put(yes, s);
          continue;
        }
        if (a.k === 'sym') {
          const t = s.clone();
          if (t.learn(a.key, 'neg')) put(yes, t);
          if (s.facts.get(a.key) !== 'neg') put(!yes, s);
          continue;
        }
      }
      const key = `${keyOf(a)}${e.op}${keyOf(b)}`;
      const t = s.clone();
      const f = s.clone();
      if (t.learn(key, 'nz')) put(true, t);
      if (f.learn(key, 'z')) put(false, f);
    }
  }
  return out;
}
