// SPDX-License-Identifier: GPL-2.0-or-later
/** Runs statements: branches, loops, jumps, and the states that come out of them. */
import type { Type } from '../c/ast.ts';
import { type Expr, type Stmt, textOf } from '../c/ast.ts';
import { unknownEvent } from './calls.ts';
import { testAll } from './conditions.ts';
import { type Frame, MAX_STATES, MAX_WORK, type Machine } from './machine.ts';
import { join, type State } from './state.ts';
import { keyOf, sym, type Value } from './values.ts';

const labels = new WeakMap<object, boolean>();

function hasLabel(s: Stmt): boolean {
  if (s.k === 'label') return true;
  if (s.k !== 'block' && s.k !== 'if' && s.k !== 'loop' && s.k !== 'switch' && s.k !== 'choice')
    return false;
  let known = labels.get(s);
  if (known === undefined) {
    known =
      s.k === 'block'
        ? s.body.some(hasLabel)
        : s.k === 'if' || s.k === 'choice'
          ? hasLabel(s.t) || (s.f !== null && hasLabel(s.f))
          : hasLabel(s.body);
    labels.set(s, known);
  }
  return known;
}

export function exec(m: Machine, s: Stmt, states: State[], frame: Frame): State[] {
  if (states.length === 0 && !hasLabel(s)) return states;
  m.work += states.length;
  if (states.length > MAX_STATES) states = limit(m, states);
  switch (s.k) {
    case 'expr':
      return m.evalAll(s.e, states, frame).map((r) => r.st);
    case 'decl':
      frame.types.set(s.name, s.type);
      if (!s.init) {
        for (const st of states)
          st.env.set(s.name, sym(`${s.name}@${frame.def.name}`, s.type.base));
        return states;
      }
      if (s.init.k === 'init') return declareStruct(m, s.name, s.type, s.init, states, frame);
      return m.evalAll(s.init, states, frame).map(({ value, st }) => {
        st.env.set(s.name, m.typed(value, s.type));
        return st;
      });
    case 'if': {
      const { t, f } = testAll(m, s.c, states, frame);
      const a = exec(m, s.t, t, frame);
      const b = s.f ? exec(m, s.f, f, frame) : f;
      return join([...a, ...b], false);
    }
    case 'choice': {
      const key = `config: ${s.when}`;
      const t: State[] = [];
      const f: State[] = [];
      for (const st of states) {
        const other = st.clone();
        if (st.learn(key, 'nz')) t.push(st);
        if (other.learn(key, 'z')) f.push(other);
      }
      const a = exec(m, s.t, t, frame);
      const b = s.f ? exec(m, s.f, f, frame) : f;
      return join([...a, ...b], false);
    }
    case 'block': {
      let now = states;
      for (const one of s.body) now = exec(m, one, now, frame);
      return now;
    }
    case 'loop':
      return loop(m, s, states, frame);
    case 'switch':
      return switchOn(m, s, states, frame);
    case 'case':
      return states;
    case 'label': {
      const pending = frame.gotos.get(s.name);
      frame.gotos.delete(s.name);
      return pending ? join([...states, ...pending], false) : states;
    }
    case 'goto': {
      const list = frame.gotos.get(s.name) ?? [];
      list.push(...states);
      frame.gotos.set(s.name, list.length > MAX_STATES ? limit(m, list) : list);
      return [];
    }
    case 'return':
      if (!s.e) {
        for (const st of states) frame.returns.push({ value: sym('void'), st });
        return [];
      }
      for (const { value, st } of m.evalAll(s.e, states, frame)) {
        frame.returns.push({ value: m.settle(value, st), st });
      }
      if (frame.returns.length > 400)
        frame.returns.splice(0, frame.returns.length, ...m.distinct(frame.returns));
      return [];
    case 'break':
      frame.breaks.at(-1)?.push(...states);
      return [];
    case 'continue':
      frame.continues.at(-1)?.push(...states);
      return [];
    case 'opaque':
      if (/\bvma\b|\bvmf\b/.test(s.text)) {
        const site = m.site(frame, s.at, 'unparsed statement');
        m.gap(site, 'a statement with the VMA could not be parsed');
        for (const st of states) st.add(unknownEvent(site, 'an unparsed statement'));
      }
      return states;
  }
}

export function limit(m: Machine, states: State[]): State[] {
  const some = join(states, false);
  if (some.length <= MAX_STATES) return some;
  const few = join(some, true);
  if (few.length > 4 * MAX_STATES) m.work = MAX_WORK + 1;
  return few;
}

export function declareStruct(
  m: Machine,
  name: string,
  type: Type,
  init: Expr & { k: 'init' },
  states: State[],
  frame: Frame,
): State[] {
  const base = `${name}@${frame.def.name}`;
  let now = states;
  for (const st of now) st.env.set(name, sym(base, type.base));
  for (const field of init.fields) {
    if (field.path.length === 0 || field.value.k === 'init') continue;
    now = m.evalAll(field.value, now, frame).map(({ value, st }) => {
      st.mem.set(`${base}.${field.path.join('.')}`, value);
      return st;
    });
  }
  return now;
}

export function loop(m: Machine, s: Stmt & { k: 'loop' }, states: State[], frame: Frame): State[] {
  let entering = s.init ? exec(m, s.init, states, frame) : states;
  let skipped: State[] = [];
  if (s.kind === 'macro' && s.c) {
    skipped = entering.map((x) => x.clone());
    entering = evalLoopMacro(m, s.c, entering, frame);
  } else if (s.c && s.kind !== 'do') {
    const { t, f } = testAll(
      m,
      s.c,
      entering.map((x) => x.clone()),
      frame,
    );
    skipped = f;
    entering = t.length ? t : [];
  }
  const before = new Set(entering.flatMap((x) => x.events));
  const jumps = new Map([...frame.gotos].map(([k, v]) => [k, v.length]));
  const returned = frame.returns.length;
  frame.breaks.push([]);
  frame.continues.push([]);
  let after = exec(m, s.body, entering, frame);
  const broken = frame.breaks.pop()!;
  after.push(...frame.continues.pop()!);
  if (s.step) after = m.evalAll(s.step, after, frame).map((r) => r.st);
  if (s.c && s.kind !== 'macro') {
    const { t, f } = testAll(m, s.c, after, frame);
    // What the condition says after one round says nothing about the last.
    after = f.length ? f : t;
  }
  // A VMA has at least one page: a loop that makes entries makes at least one before it is left.
  const makes = (x: State) =>
    x.events.some((e) => (e.kind === 'entry' || e.kind === 'bug') && !before.has(e));
  const jumped = [...frame.gotos].flatMap(([k, v]) => v.slice(jumps.get(k) ?? 0));
  const ended = frame.returns.slice(returned).map((r) => r.st);
  if (![...after, ...broken, ...jumped, ...ended].some(makes))
    return join([...after, ...broken, ...skipped], false);
  for (const [k, v] of frame.gotos) {
    const old = jumps.get(k) ?? 0;
    frame.gotos.set(k, [
      ...v.slice(0, old),
      ...v.slice(old).filter((x) => makes(x) || x.env.size === 0),
    ]);
  }
  frame.returns = [
    ...frame.returns.slice(0, returned),
    ...frame.returns
      .slice(returned)
      .filter((r) => makes(r.st) || r.value.k === 'err' || r.value.k === 'fault'),
  ];
  return join([...after, ...broken].filter(makes), false);
}

export function evalLoopMacro(_m: Machine, c: Expr, states: State[], frame: Frame): State[] {
  if (c.k !== 'call') return states;
  // The loop variable changes from round to round.
  for (const a of c.args) {
    if (a.k === 'id' && frame.types.has(a.name)) {
      for (const st of states) {
        const v = st.env.get(a.name);
        if (v && v.k === 'sym' && v.key.startsWith(`${a.name}@`))
          st.env.set(a.name, sym(`${a.name}@${c.at}`, v.struct));
      }
    }
  }
  return states;
}

export function switchOn(
  m: Machine,
  s: Stmt & { k: 'switch' },
  states: State[],
  frame: Frame,
): State[] {
  const entered = m.evalAll(s.e, states, frame);
  const body = s.body.k === 'block' ? s.body.body : [s.body];
  frame.breaks.push([]);
  let now: State[] = [];
  const hasDefault = body.some((b) => b.k === 'case' && b.e === null);
  const labels = body.filter((b): b is Stmt & { k: 'case' } => b.k === 'case');
  for (const one of body) {
    if (one.k !== 'case') {
      now = exec(m, one, now, frame);
      continue;
    }
    const fresh: State[] = [];
    for (const { value, st } of entered) {
      const copy = st.clone();
      if (one.e === null) {
        let possible = true;
        for (const l of labels) if (l.e) possible &&= learnEqual(m, copy, value, l.e, false);
        if (possible) fresh.push(copy);
      } else if (learnEqual(m, copy, value, one.e, true)) fresh.push(copy);
    }
    now = join([...now, ...fresh], false);
  }
  const out = [...now, ...frame.breaks.pop()!];
  if (!hasDefault) {
    for (const { value, st } of entered) {
      const copy = st.clone();
      let possible = true;
      for (const l of labels) if (l.e) possible &&= learnEqual(m, copy, value, l.e, false);
      if (possible) out.push(copy);
    }
  }
  return join(out, false);
}

export function learnEqual(m: Machine, st: State, v: Value, e: Expr, yes: boolean): boolean {
  const settled = m.settle(v, st);
  const constant = m.constant(e);
  if (settled.k === 'num' && constant?.k === 'num') return (settled.n === constant.n) === yes;
  if (settled.k === 'fault' && constant?.k === 'fault')
    return (settled.name === constant.name) === yes;
  if (settled.k === 'err' && constant?.k === 'num') return !yes;
  if (settled.k === 'num' && constant?.k === 'err') return !yes;
  if (settled.k === 'sym' && constant?.k === 'num' && constant.n === 0)
    return st.learn(settled.key, yes ? 'z' : 'nz');
  return st.learn(`${keyOf(v)}==${textOf(e)}`, yes ? 'nz' : 'z');
}
