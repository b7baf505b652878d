// SPDX-License-Identifier: GPL-2.0-or-later
/** What operators make of values, as far as it is known. */
import { ERROR, type Value, ZERO } from './values.ts';

export function faultOf(name: string): Value {
  return {
    k: 'fault',
    bad: !/^(NOPAGE|LOCKED|MAJOR|DONE_COW|NEEDDSYNC|COMPLETED|WRITE)$/.test(name),
    name,
  };
}

/** `a->b`, `a.b`, with `&` and `container_of` taken off. */
export function memberKey(base: string, arrow: boolean, name: string): string {
  if (arrow && base.startsWith('&')) return memberKey(base.slice(1), false, name);
  if (!arrow && base.startsWith('*')) return memberKey(base.slice(1), true, name);
  const up = /^(.*)\^(\w+)$/.exec(base);
  if (arrow && up && up[2] === name) return `*${up[1]}`;
  return `${base}${arrow ? '->' : '.'}${name}`;
}

export function sameValue(a: Value, b: Value): boolean | null {
  if (a.k === 'num' && b.k === 'num') return a.n === b.n;
  if ((a.k === 'err' && b.k === 'num') || (a.k === 'num' && b.k === 'err')) return false;
  if (a.k === 'fault' && b.k === 'fault') return a.name === b.name;
  if (a.k === 'fault' && b.k === 'num') return b.n === 0 ? a.name === '0' : null;
  if (a.k === 'fn' && b.k === 'fn') return a.def === b.def;
  if (a.k === 'table' && b.k === 'table') return a.table === b.table;
  if ((a.k === 'fn' || a.k === 'table' || a.k === 'vma') && b.k === 'num' && b.n === 0)
    return false;
  if (a.k === 'sym' && b.k === 'sym' && a.key === b.key) return true;
  return null;
}

export function arithmetic(op: string, l: Value, r: Value): Value | null {
  if (l.k === 'bits' && r.k === 'num' && r.n === 0)
    return op === '|' ? l : op === '&' ? ZERO : null;
  if (l.k === 'num' && l.n === 0 && r.k === 'bits') return op === '|' ? r : ZERO;
  if (l.k === 'bits' && r.k === 'bits') {
    return op === '|'
      ? { k: 'bits', mask: l.mask | r.mask }
      : op === '&'
        ? { k: 'bits', mask: l.mask & r.mask }
        : op === '^'
          ? { k: 'bits', mask: l.mask ^ r.mask }
          : null;
  }
  if (l.k === 'flags' && r.k === 'bits') {
    if (op === '|') return { k: 'flags', and: l.and, or: l.or | r.mask };
    if (op === '&') return { k: 'flags', and: l.and & r.mask, or: l.or & r.mask };
  }
  if (l.k === 'bits' && r.k === 'flags') return arithmetic(op, r, l);
  if (l.k === 'fault' && op === '|') return l.bad ? l : r;
  if (l.k === 'fault' && r.k === 'bits') return null;
  if (l.k === 'pte' && r.k !== 'pte') return l;
  if (l.k === 'num' && r.k === 'num') {
    const n =
      op === '+'
        ? l.n + r.n
        : op === '-'
          ? l.n - r.n
          : op === '*'
            ? l.n * r.n
            : op === '<<'
              ? l.n << r.n
              : op === '|'
                ? l.n | r.n
                : op === '&'
                  ? l.n & r.n
                  : op === '>>'
                    ? l.n >> r.n
                    : null;
    return n === null ? null : n < 0 ? ERROR : { k: 'num', n };
  }
  return null;
}
