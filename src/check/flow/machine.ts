// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Follows every path of a function with what is known of the VMA: which vm_flags are set, which
 * entries were made, what was returned. Calls that get the VMA are followed to the end, through
 * files and function pointers; others are symbols. Paths that agree are joined.
 */
import type { Expr, Stmt, Type } from '../c/ast.ts';
import { textOf } from '../c/ast.ts';
import { Parser } from '../c/parse.ts';
import { type FunctionDef, type Program, substitute, type Table } from '../c/program.ts';
import type { SourceFile } from '../c/skeleton.ts';
import { tokensOf } from '../c/tokens.ts';
import { builtin } from './builtins.ts';
import type { Relevance } from './relevance.ts';
import { join, State } from './state.ts';
import { Targets } from './targets.ts';
import {
  ALL_BITS,
  ERROR,
  type Event,
  keyOf,
  type Site,
  sym,
  type Value,
  VM,
  VMA,
  VMF,
  vmBits,
  ZERO,
} from './values.ts';

/** How a path through a function ended. */
export interface Outcome {
  readonly value: Value;
  readonly st: State;
}

/** What is bound for one exporter: `drm_gem_object.funcs` to its table, and so on. */
export interface Binding {
  /** The directory of the driver. */
  readonly home: string;
  readonly fields: ReadonlyMap<string, Value>;
}

export interface Frame {
  readonly def: FunctionDef;
  readonly types: Map<string, Type>;
  readonly depth: number;
  returns: Outcome[];
  gotos: Map<string, State[]>;
  breaks: State[][];
  continues: State[][];
}

const ONE: Value = { k: 'num', n: 1 };
const MAX_STATES = 40;
const MAX_DEPTH = 22;
const MAX_WORK = 60_000;

/** Code that knows nothing of drivers: its effects depend on the VMA alone. */
const CORE = /^mm\//;
const CORE_BITS =
  VM.VM_PFNMAP! |
  VM.VM_MIXEDMAP! |
  VM.VM_IO! |
  VM.VM_SHARED! |
  VM.VM_MAYWRITE! |
  VM.VM_WRITE! |
  VM.VM_MAYSHARE!;

/** An argument as mm sees it: a name of its own. */
function coreArgument(a: Value & { k: 'sym' }, name: string): Value {
  return /^&?(vma|vmf)\b/.test(a.key) ? a : sym(name, a.struct);
}

/** An unknown result is another one at each call. */
function fresh(v: Value, n: number): Value {
  return v.k === 'sym' && v.key === '?' ? sym(`result@${n}`, v.struct) : v;
}

/** A kernel's functions by name, see ../recorded.ts. */
export interface Recorded {
  has(name: string): boolean;
  isInert(name: string): boolean;
  call(name: string, st: State, site: Site): Outcome[];
  table(name: string): Table | null;
}

type Split = { t: State[]; f: State[] };

export class Machine {
  readonly targets: Targets;
  private readonly memo = new Map<string, readonly Outcome[]>();
  /** Which field of which struct a symbol was read from. */
  readonly origins = new Map<string, { struct: string; field: string; file: SourceFile }>();
  private inCore = false;
  private calls = 0;
  private readonly stack: string[] = [];
  private work = 0;
  /** Why something was not followed: key to reason. */
  readonly gaps = new Map<string, { site: Site; why: string }>();

  constructor(
    readonly program: Program,
    readonly binding: Binding,
    readonly relevance: Relevance,
    /** What functions of mm do, shared by the machines of all exporters. */
    private readonly shared: Map<string, readonly Outcome[]>,
    /** What a kernel's functions do, where its source is not at hand. */
    readonly recorded: Recorded | null = null,
  ) {
    this.targets = new Targets(program, binding);
  }

  /** Runs a function from outside: VMA and fault arguments are known by their types. */
  enter(def: FunctionDef, prepare: (s: State) => void = () => {}): readonly Outcome[] {
    const st = new State();
    prepare(st);
    const args = def.params.map((p): Value => this.argumentOf(p.name, p.type));
    this.work = 0;
    return this.run(def, args, st);
  }

  argumentOf(name: string, type: Type): Value {
    if (type.base === 'vm_area_struct') return VMA;
    if (type.base === 'vm_fault') return VMF;
    return sym(name, type.base);
  }

  // --- calls -------------------------------------------------------------------------------------

  /** All ends of a function called with these arguments in this state. */
  run(def: FunctionDef, args: readonly Value[], st: State): readonly Outcome[] {
    const why = this.stack.includes(def.id)
      ? 'recursion'
      : this.stack.length > MAX_DEPTH
        ? 'too many levels of calls'
        : this.work > MAX_WORK
          ? 'too many paths'
          : null;
    if (why) return [this.gaveUp(def, why, st)];
    // What mm does depends on the VMA, not on the driver that calls: once for all drivers.
    const core = CORE.test(def.file.path);
    const entry = new State();
    entry.set = st.set;
    entry.clear = st.clear;
    entry.page = st.page;
    if (!core) {
      entry.mem = new Map(st.mem);
      entry.locks = st.locks;
      entry.ref = st.ref;
    } else {
      entry.set &= CORE_BITS;
      entry.clear &= CORE_BITS;
      entry.ref = core && this.inCore ? st.ref : false;
      args = args.map((a, i) => (a.k === 'sym' ? coreArgument(a, def.params[i]?.name ?? '') : a));
    }
    const key = `${def.id}|${args.map(keyOf).join()}|${entry.effects()}`;
    const memo = core ? this.shared : this.memo;
    let outcomes = memo.get(key);
    if (!outcomes) {
      this.stack.push(def.id);
      const [wasCore, work] = [this.inCore, this.work];
      if (core && !wasCore) this.work = 0;
      this.inCore = core;
      const frame: Frame = {
        def,
        types: new Map(),
        depth: this.stack.length,
        returns: [],
        gotos: new Map(),
        breaks: [],
        continues: [],
      };
      for (const [i, p] of def.params.entries()) {
        if (!p.name) continue;
        frame.types.set(p.name, p.type);
        const a = args[i];
        entry.env.set(
          p.name,
          a ? this.typed(a, p.type) : sym(`${p.name}@${def.name}`, p.type.base),
        );
      }
      const end = this.exec(def.body, [entry], frame);
      for (const s of end) frame.returns.push({ value: sym('void'), st: s });
      this.stack.pop();
      this.inCore = wasCore;
      if (core && !wasCore) this.work = work + 1;
      outcomes = this.distinct(frame.returns, def);
      memo.set(key, outcomes);
    }
    const out: Outcome[] = [];
    for (const o of outcomes) {
      const s = st.clone();
      let possible = true;
      for (const [k, fact] of o.st.facts) possible &&= s.learn(k, fact);
      if (!possible) continue;
      if (core && (o.value.k === 'err' || (o.value.k === 'fault' && o.value.bad))) {
        // As before the call.
      } else if (core) {
        s.set = (st.set & ~CORE_BITS & ~o.st.clear) | o.st.set;
        s.clear = (st.clear & ~CORE_BITS & ~o.st.set) | o.st.clear;
        for (const [k, v] of o.st.mem) if (k.startsWith('vma->')) s.mem.set(k, v);
        if (this.inCore) s.ref = o.st.ref;
      } else {
        s.set = o.st.set;
        s.clear = o.st.clear;
        s.mem = new Map(o.st.mem);
        s.locks = o.st.locks;
        s.ref = o.st.ref;
      }
      s.page = o.st.page;
      for (const e of o.st.events) s.add(e);
      out.push({ value: core ? fresh(o.value, this.calls++) : o.value, st: s });
    }
    return out;
  }

  private gaveUp(def: FunctionDef, why: string, st: State): Outcome {
    const site: Site = {
      file: def.file,
      at: def.where.at,
      fn: def.name,
      callee: def.name,
      calleePath: def.file.path,
    };
    this.gap(site, why);
    const s = st.clone();
    if (why !== 'recursion')
      s.add({
        kind: 'unknown',
        special: false,
        ref: false,
        level: '',
        what: `${def.name}: ${why}`,
        chain: [],
      });
    return { value: sym(`${def.name}()`), st: s };
  }

  /** Ends that a caller can tell apart; what was learned of the function's own locals goes. */
  private distinct(list: readonly Outcome[], def?: FunctionDef): Outcome[] {
    const groups = new Map<string, Outcome>();
    const core = def !== undefined && CORE.test(def.file.path);
    for (const o of list) {
      let v = this.settle(o.value, o.st);
      if (core && (v.k === 'err' || (v.k === 'fault' && v.bad))) {
        // Failures of mm leave nothing behind that counts; a BUG about the VMA is kept.
        o.st.events = o.st.events.filter((e) => e.kind === 'bug');
        o.st.ref = false;
        o.st.mem = new Map();
        const [set, clear] = o.st.events.length ? [o.st.set, o.st.clear] : [0, 0];
        o.st.set = set;
        o.st.clear = clear;
      }
      if (def) {
        o.st.env = new Map();
        if (
          v.k === 'sym' &&
          o.st.facts.get(v.key) === 'nz' &&
          /^(int|long|ssize_t)$/.test(def.returns.base)
        )
          v = ERROR;
        for (const k of o.st.facts.keys()) {
          if (v.k === 'sym' && v.key === k) continue;
          if (core ? !/^(platform|config): /.test(k) : /@(\d|\w+$)/.test(k) && !/=\w+@/.test(k))
            o.st.facts.delete(k);
        }
        if (core && v.k === 'sym') {
          o.st.facts.delete(v.key);
          v = sym('?');
        }
        for (const k of o.st.mem.keys()) if (k.includes(`@${def.name}`)) o.st.mem.delete(k);
      }
      const key = `${o.st.effects()}#${keyOf(v)}`;
      const other = groups.get(key);
      if (!other) {
        groups.set(key, { value: v, st: o.st });
        continue;
      }
      for (const [k, fact] of other.st.facts)
        if (o.st.facts.get(k) !== fact) other.st.facts.delete(k);
    }
    return [...groups.values()];
  }

  /** A symbol that is known to be zero or an error is that. */
  settle(v: Value, st: State): Value {
    if (v.k !== 'sym') return v;
    const fact = st.facts.get(v.key);
    if (fact === 'z') return ZERO;
    if (fact === 'neg') return ERROR;
    return v;
  }

  gap(site: Site, why: string): void {
    const key = `${site.file.path}:${site.at}:${why}`;
    if (!this.gaps.has(key)) this.gaps.set(key, { site, why });
  }

  private typed(v: Value, type: Type): Value {
    if (type.base === 'vm_area_struct' && type.stars === 1 && v.k === 'sym') return VMA;
    if (
      v.k === 'sym' &&
      type.base &&
      type.base !== 'void' &&
      type.base !== 'struct' &&
      type.base !== v.struct
    )
      return { ...v, struct: type.base };
    return v;
  }

  // --- statements --------------------------------------------------------------------------------

  exec(s: Stmt, states: State[], frame: Frame): State[] {
    if (states.length === 0 && !hasLabel(s)) return states;
    this.work += states.length;
    if (states.length > MAX_STATES) states = this.limit(states);
    switch (s.k) {
      case 'expr':
        return this.evalAll(s.e, states, frame).map((r) => r.st);
      case 'decl':
        frame.types.set(s.name, s.type);
        if (!s.init) {
          for (const st of states)
            st.env.set(s.name, sym(`${s.name}@${frame.def.name}`, s.type.base));
          return states;
        }
        if (s.init.k === 'init') return this.declareStruct(s.name, s.type, s.init, states, frame);
        return this.evalAll(s.init, states, frame).map(({ value, st }) => {
          st.env.set(s.name, this.typed(value, s.type));
          return st;
        });
      case 'if': {
        const { t, f } = this.testAll(s.c, states, frame);
        const a = this.exec(s.t, t, frame);
        const b = s.f ? this.exec(s.f, f, frame) : f;
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
        const a = this.exec(s.t, t, frame);
        const b = s.f ? this.exec(s.f, f, frame) : f;
        return join([...a, ...b], false);
      }
      case 'block': {
        let now = states;
        for (const one of s.body) now = this.exec(one, now, frame);
        return now;
      }
      case 'loop':
        return this.loop(s, states, frame);
      case 'switch':
        return this.switch(s, states, frame);
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
        frame.gotos.set(s.name, list.length > MAX_STATES ? this.limit(list) : list);
        return [];
      }
      case 'return':
        if (!s.e) {
          for (const st of states) frame.returns.push({ value: sym('void'), st });
          return [];
        }
        for (const { value, st } of this.evalAll(s.e, states, frame)) {
          frame.returns.push({ value: this.settle(value, st), st });
        }
        if (frame.returns.length > 400)
          frame.returns.splice(0, frame.returns.length, ...this.distinct(frame.returns));
        return [];
      case 'break':
        frame.breaks.at(-1)?.push(...states);
        return [];
      case 'continue':
        frame.continues.at(-1)?.push(...states);
        return [];
      case 'opaque':
        if (/\bvma\b|\bvmf\b/.test(s.text)) {
          const site = this.site(frame, s.at, 'unparsed statement');
          this.gap(site, 'a statement with the VMA could not be parsed');
          for (const st of states) st.add(unknownEvent(site, 'an unparsed statement'));
        }
        return states;
    }
  }

  private limit(states: State[]): State[] {
    const some = join(states, false);
    if (some.length <= MAX_STATES) return some;
    const few = join(some, true);
    if (few.length > 4 * MAX_STATES) this.work = MAX_WORK + 1;
    return few;
  }

  private declareStruct(
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
      now = this.evalAll(field.value, now, frame).map(({ value, st }) => {
        st.mem.set(`${base}.${field.path.join('.')}`, value);
        return st;
      });
    }
    return now;
  }

  private loop(s: Stmt & { k: 'loop' }, states: State[], frame: Frame): State[] {
    let entering = s.init ? this.exec(s.init, states, frame) : states;
    let skipped: State[] = [];
    if (s.kind === 'macro' && s.c) {
      skipped = entering.map((x) => x.clone());
      entering = this.evalLoopMacro(s.c, entering, frame);
    } else if (s.c && s.kind !== 'do') {
      const { t, f } = this.testAll(
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
    let after = this.exec(s.body, entering, frame);
    const broken = frame.breaks.pop()!;
    after.push(...frame.continues.pop()!);
    if (s.step) after = this.evalAll(s.step, after, frame).map((r) => r.st);
    if (s.c && s.kind !== 'macro') {
      const { t, f } = this.testAll(s.c, after, frame);
      // What the condition says after one round says nothing about the last.
      after = f.length ? f : t;
    }
    // A VMA has at least one page: a loop that makes entries makes at least one before it is left.
    const makes = (x: State) => x.events.some((e) => e.kind === 'entry' && !before.has(e));
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

  private evalLoopMacro(c: Expr, states: State[], frame: Frame): State[] {
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

  private switch(s: Stmt & { k: 'switch' }, states: State[], frame: Frame): State[] {
    const entered = this.evalAll(s.e, states, frame);
    const body = s.body.k === 'block' ? s.body.body : [s.body];
    frame.breaks.push([]);
    let now: State[] = [];
    const hasDefault = body.some((b) => b.k === 'case' && b.e === null);
    const labels = body.filter((b): b is Stmt & { k: 'case' } => b.k === 'case');
    for (const one of body) {
      if (one.k !== 'case') {
        now = this.exec(one, now, frame);
        continue;
      }
      const fresh: State[] = [];
      for (const { value, st } of entered) {
        const copy = st.clone();
        if (one.e === null) {
          let possible = true;
          for (const l of labels) if (l.e) possible &&= this.learnEqual(copy, value, l.e, false);
          if (possible) fresh.push(copy);
        } else if (this.learnEqual(copy, value, one.e, true)) fresh.push(copy);
      }
      now = join([...now, ...fresh], false);
    }
    const out = [...now, ...frame.breaks.pop()!];
    if (!hasDefault) {
      for (const { value, st } of entered) {
        const copy = st.clone();
        let possible = true;
        for (const l of labels) if (l.e) possible &&= this.learnEqual(copy, value, l.e, false);
        if (possible) out.push(copy);
      }
    }
    return join(out, false);
  }

  private learnEqual(st: State, v: Value, e: Expr, yes: boolean): boolean {
    const settled = this.settle(v, st);
    const constant = this.constant(e);
    if (settled.k === 'num' && constant?.k === 'num') return (settled.n === constant.n) === yes;
    if (settled.k === 'fault' && constant?.k === 'fault')
      return (settled.name === constant.name) === yes;
    if (settled.k === 'err' && constant?.k === 'num') return !yes;
    if (settled.k === 'num' && constant?.k === 'err') return !yes;
    if (settled.k === 'sym' && constant?.k === 'num' && constant.n === 0)
      return st.learn(settled.key, yes ? 'z' : 'nz');
    return st.learn(`${keyOf(v)}==${textOf(e)}`, yes ? 'nz' : 'z');
  }

  // --- expressions -------------------------------------------------------------------------------

  evalAll(e: Expr, states: readonly State[], frame: Frame): Outcome[] {
    const out: Outcome[] = [];
    for (const st of states) for (const o of this.eval(e, st, frame)) out.push(o);
    return out;
  }

  /** A value that needs no state; null when there is none. */
  constant(e: Expr): Value | null {
    if (e.k === 'num') return { k: 'num', n: e.value };
    if (e.k === 'unary' && e.op === '-') {
      const v = this.constant(e.e);
      if (v?.k === 'num') return v.n > 0 ? ERROR : v;
      if (e.e.k === 'id' && /^E[A-Z0-9]+$/.test(e.e.name)) return ERROR;
      return null;
    }
    if (e.k === 'id') {
      if (e.name === 'NULL' || e.name === 'false') return ZERO;
      if (e.name === 'true') return { k: 'num', n: 1 };
      const bits = vmBits(e.name);
      if (bits !== undefined) return { k: 'bits', mask: bits };
      if (e.name.startsWith('VM_FAULT_')) return faultOf(e.name.slice(9));
    }
    return null;
  }

  eval(e: Expr, st: State, frame: Frame): Outcome[] {
    this.work++;
    const constant = this.constant(e);
    if (constant) return [{ value: constant, st }];
    switch (e.k) {
      case 'id':
        return [{ value: this.identifier(e.name, st, frame), st }];
      case 'member':
        return this.eval(e.of, st, frame).map((o) => ({
          value: this.member(o.value, e, o.st, frame),
          st: o.st,
        }));
      case 'call':
        return this.call(e, st, frame);
      case 'assign':
        return this.assign(e, st, frame);
      case 'unary':
        return this.unary(e, st, frame);
      case 'binary':
        return this.binary(e, st, frame);
      case 'cond': {
        const { t, f } = this.testAll(e.c, [st], frame);
        return [
          ...(e.t ? this.evalAll(e.t, t, frame) : this.evalAll(e.c, t, frame)),
          ...this.evalAll(e.f, f, frame),
        ];
      }
      case 'cast':
        return this.eval(e.e, st, frame).map((o) => ({
          value: this.typed(o.value, e.type),
          st: o.st,
        }));
      case 'index':
        return this.eval(e.of, st, frame).map((o) => {
          const v = o.value;
          const element = v.k === 'table' ? this.element(v.table, e.by) : null;
          if (element) return { value: { k: 'table', table: element }, st: o.st };
          const key = `${keyOf(v)}[${textOf(e.by)}]`;
          return { value: o.st.mem.get(key) ?? sym(key, v.k === 'sym' ? v.struct : ''), st: o.st };
        });
      case 'block': {
        // ({ ... }): its value is that of the last expression.
        const last = e.body.at(-1);
        let now = [st];
        for (const s of e.body.slice(0, last?.k === 'expr' ? -1 : undefined))
          now = this.exec(s, now, frame);
        if (last?.k === 'expr') return this.evalAll(last.e, now, frame);
        return now.map((s) => ({ value: sym('void'), st: s }));
      }
      case 'init':
        return [{ value: sym(`{}@${e.at}`, e.type?.base ?? ''), st }];
      default:
        return [{ value: sym(textOf(e)), st }];
    }
  }

  private identifier(name: string, st: State, frame: Frame): Value {
    const local = st.env.get(name);
    if (local) return this.settle(local, st);
    const { file } = frame.def;
    const type = frame.types.get(name);
    if (type) return sym(`${name}@${frame.def.name}`, type.base);
    const macro = /^[A-Z_][A-Z0-9_]*$/.test(name) ? this.program.findMacro(name, file) : null;
    if (macro && macro.where.params === null) {
      const body = macro.where.body;
      const e = new Parser(tokensOf(body, 0, body.length, this.program.conditions)).expression();
      if (e && textOf(e) !== name && e.k !== 'id') {
        const value = this.foldConstant(e, frame, 0);
        if (value) return value;
      }
    }
    const fns = this.program.functions.has(name) ? this.program.findFunctions(name, file) : [];
    if (fns.length === 1) return { k: 'fn', def: fns[0]! };
    const table = this.program.findTable(name, file) ?? this.recorded?.table(name);
    if (table) return { k: 'table', table };
    return sym(name);
  }

  /** Constant expressions of a macro: VM_IO | VM_PFNMAP. */
  private foldConstant(e: Expr, frame: Frame, depth: number): Value | null {
    if (depth > 6) return null;
    const c = this.constant(e);
    if (c) return c;
    if (e.k === 'binary') {
      const l = this.foldConstant(e.l, frame, depth + 1);
      const r = this.foldConstant(e.r, frame, depth + 1);
      return l && r ? arithmetic(e.op, l, r) : null;
    }
    if (e.k === 'unary' && e.op === '~') {
      const v = this.foldConstant(e.e, frame, depth + 1);
      return v?.k === 'bits' ? { k: 'bits', mask: ~v.mask & ALL_BITS } : null;
    }
    if (e.k === 'id') {
      const v = this.identifier(e.name, new State(), frame);
      return v.k === 'sym' ? null : v;
    }
    return null;
  }

  /** What `base->name` or `base.name` is. */
  member(base: Value, e: Expr & { k: 'member' }, st: State, frame: Frame): Value {
    const { name } = e;
    const { file } = frame.def;
    if (base.k === 'vma') {
      if (name === 'vm_flags' || name === '__vm_flags') return { k: 'flags', and: ALL_BITS, or: 0 };
      const known = st.mem.get(`vma->${name}`);
      if (known) return this.settle(known, st);
      return this.settle(
        sym(
          `vma->${name}`,
          this.program.memberOf('vm_area_struct', name, file)?.type.base ??
            KNOWN_MEMBER[name] ??
            '',
        ),
        st,
      );
    }
    if (base.k === 'vmf') {
      if (name === 'vma') return VMA;
      return st.mem.get(`vmf->${name}`) ?? sym(`vmf->${name}`, name === 'page' ? 'page' : '');
    }
    if (base.k === 'table') return this.tableField(base.table, name);
    if (base.k === 'num' && base.n === 0) return sym(`NULL->${name}`);
    const key = memberKey(keyOf(base), e.arrow, name);
    const known = st.mem.get(key);
    if (known) return this.settle(known, st);
    const struct = base.k === 'sym' ? base.struct : '';
    const bound = this.binding.fields.get(`${struct}.${name}`);
    if (bound) return bound;
    const type =
      this.program.memberOf(struct, name, file)?.type.base ??
      (struct ? '' : KNOWN_MEMBER[name]) ??
      '';
    if (type === 'vm_area_struct') return VMA;
    const value = sym(key, type);
    if (struct) this.origins.set(value.key, { struct, field: name, file });
    return this.settle(value, st);
  }

  /** An element of an array of tables: by its number, or the only one that there is. */
  private element(array: Table, by: Expr): Table | null {
    const at = (n: number) =>
      this.program.tablesByName.get(`${array.name}[${n}]`)?.find((t) => t.file === array.file) ??
      null;
    if (by.k === 'num') return at(by.value);
    return at(1) ? null : at(0);
  }

  /** A field of a table; NULL when the table does not set it. */
  tableField(table: Table, name: string): Value {
    const e = table.fields.get(name);
    if (!e || e.k === 'init') {
      const nested = this.program.tablesByName
        .get(`${table.name}.${name}`)
        ?.find((t) => t.file === table.file);
      if (nested) return { k: 'table', table: nested };
      return this.targets.assignedTo(table, name) ?? ZERO;
    }
    return this.tableValue(e, table.file) ?? sym(`${table.name}.${name}`, '');
  }

  tableValue(e: Expr, file: SourceFile): Value | null {
    const c = this.constant(e);
    if (c) return c;
    if (e.k === 'cast') return this.tableValue(e.e, file);
    if (e.k === 'unary' && e.op === '&') return this.tableValue(e.e, file);
    if (
      e.k === 'call' &&
      e.fn.k === 'id' &&
      e.args.length &&
      /^(pm_)?ptr$|_ptr$|PTR|_p$/.test(e.fn.name)
    )
      return this.tableValue(e.args[0]!, file);
    if (e.k !== 'id') return null;
    const fns = this.program.findFunctions(e.name, file);
    if (fns.length) return { k: 'fn', def: fns[0]! };
    const table = this.program.findTable(e.name, file) ?? this.recorded?.table(e.name);
    if (table) return { k: 'table', table };
    const macro = this.program.findMacro(e.name, file);
    if (macro && macro.where.params === null) {
      const body = macro.where.body.trim();
      const inner = new Parser(
        tokensOf(body, 0, body.length, this.program.conditions),
      ).expression();
      if (inner && textOf(inner) !== e.name) return this.tableValue(inner, file);
    }
    return sym(e.name, 'function');
  }

  private unary(e: Expr & { k: 'unary' }, st: State, frame: Frame): Outcome[] {
    if (e.op === '!') {
      const { t, f } = this.testAll(e.e, [st], frame);
      return [...t.map((s) => ({ value: ZERO, st: s })), ...f.map((s) => ({ value: ONE, st: s }))];
    }
    if (e.op === '&' && e.e.k === 'id' && frame.types.has(e.e.name)) {
      const v = st.env.get(e.e.name);
      const type = frame.types.get(e.e.name)!;
      const key = `${e.e.name}@${frame.def.name}`;
      if (v?.k === 'sym' && v.struct && type.stars === 0 && v.key !== key)
        return [{ value: sym(`&${v.key}`, v.struct), st }];
      if (v && keyOf(v) !== key) st.mem.set(key, v);
      return [{ value: sym(`&${key}`, type.base), st }];
    }
    return this.eval(e.e, st, frame).map(({ value, st: s }) => {
      if (e.op === '~' && value.k === 'bits')
        return { value: { k: 'bits', mask: ~value.mask & ALL_BITS }, st: s };
      if (e.op === '&') {
        if (value.k === 'vma' || value.k === 'table' || value.k === 'fn') return { value, st: s };
        const key = keyOf(value);
        return {
          value: sym(
            key.startsWith('*') ? key.slice(1) : `&${key}`,
            value.k === 'sym' ? value.struct : '',
          ),
          st: s,
        };
      }
      if (e.op === '*') {
        if (value.k === 'vma' || value.k === 'table' || value.k === 'fn') return { value, st: s };
        const key = keyOf(value);
        const inner = key.startsWith('&') ? key.slice(1) : `*${key}`;
        return {
          value: s.mem.get(inner) ?? sym(inner, value.k === 'sym' ? value.struct : ''),
          st: s,
        };
      }
      if (e.op === '-') {
        if (value.k === 'num') return { value: value.n > 0 ? ERROR : value, st: s };
        return { value: value.k === 'err' ? sym('errno') : sym(`-${keyOf(value)}`), st: s };
      }
      if (/\+\+|--/.test(e.op)) {
        if (e.e.k === 'id')
          s.env.set(e.e.name, sym(`${e.e.name}'${e.at}`, value.k === 'sym' ? value.struct : ''));
        return { value: sym(`${keyOf(value)}${e.op}`), st: s };
      }
      return { value: sym(`${e.op}${keyOf(value)}`), st: s };
    });
  }

  private binary(e: Expr & { k: 'binary' }, st: State, frame: Frame): Outcome[] {
    if (e.op === ',') {
      return this.evalAll(
        e.r,
        this.eval(e.l, st, frame).map((o) => o.st),
        frame,
      );
    }
    if (/^(&&|\|\||[=!]=|[<>]=?)$/.test(e.op)) {
      const { t, f } = this.testAll(e, [st], frame);
      return [
        ...t.map((s) => ({ value: { k: 'num', n: 1 } as Value, st: s })),
        ...f.map((s) => ({ value: ZERO, st: s })),
      ];
    }
    const out: Outcome[] = [];
    for (const l of this.eval(e.l, st, frame)) {
      for (const r of this.eval(e.r, l.st, frame)) {
        out.push({
          value:
            arithmetic(e.op, l.value, r.value) ??
            sym(`(${keyOf(l.value)}${e.op}${keyOf(r.value)})`),
          st: r.st,
        });
      }
    }
    return out;
  }

  private assign(e: Expr & { k: 'assign' }, st: State, frame: Frame): Outcome[] {
    const out: Outcome[] = [];
    for (const r of this.eval(e.r, st, frame)) {
      for (const o of this.store(e, r.value, r.st, frame)) out.push(o);
    }
    return out;
  }

  private store(e: Expr & { k: 'assign' }, right: Value, st: State, frame: Frame): Outcome[] {
    const { l, op } = e;
    if (l.k === 'id') {
      let value = right;
      if (op)
        value =
          arithmetic(op, st.env.get(l.name) ?? sym(l.name), right) ?? sym(`${l.name}'${e.at}`);
      const type = frame.types.get(l.name);
      if (type && value.k === 'sym') value = this.typed(value, type);
      if (op && value.k === 'fault') value = right.k === 'fault' && !right.bad ? value : right;
      st.env.set(l.name, value);
      return [{ value, st }];
    }
    if (l.k === 'member' || l.k === 'unary' || l.k === 'index') {
      const base = l.k === 'member' ? l.of : l.k === 'unary' ? l.e : l.of;
      return this.eval(base, st, frame).map(({ value: b, st: s }) => {
        if (
          l.k === 'member' &&
          b.k === 'vma' &&
          (l.name === 'vm_flags' || l.name === '__vm_flags')
        ) {
          this.storeFlags(op, right, s, this.site(frame, e.at, 'vm_flags'));
          return { value: right, st: s };
        }
        if (l.k === 'member' && b.k === 'vmf' && l.name === 'page') {
          s.page = right.k === 'num' && right.n === 0 ? null : this.site(frame, e.at, 'vmf->page');
          return { value: right, st: s };
        }
        const key =
          l.k === 'member'
            ? b.k === 'vma'
              ? `vma->${l.name}`
              : memberKey(keyOf(b), l.arrow, l.name)
            : l.k === 'unary'
              ? keyOf(b).startsWith('&')
                ? keyOf(b).slice(1)
                : `*${keyOf(b)}`
              : `${keyOf(b)}[${textOf(l.by)}]`;
        let value = right;
        if (op) value = arithmetic(op, s.mem.get(key) ?? sym(key), right) ?? sym(`${key}'${e.at}`);
        s.mem.set(key, value);
        s.facts.delete(key);
        return { value, st: s };
      });
    }
    return [{ value: right, st }];
  }

  /** vm_flags op= value */
  storeFlags(op: string, v: Value, st: State, site: Site): void {
    const before = { set: st.set, clear: st.clear };
    const mask = v.k === 'bits' ? v.mask : v.k === 'num' && v.n === 0 ? 0 : null;
    if (op === '|') {
      if (mask !== null) st.setBits(mask);
      else if (v.k === 'flags') st.setBits(v.or);
    } else if (op === '&') {
      if (mask !== null) st.clearBits(~mask & ALL_BITS);
    } else if (op === '^' && mask !== null) {
      const [on, off] = [st.clear & mask, st.set & mask];
      st.setBits(on);
      st.clearBits(off);
    } else if (op === '') {
      if (v.k === 'flags') {
        st.clearBits(~v.and & ALL_BITS);
        st.setBits(v.or);
      } else if (mask !== null) {
        st.clearBits(ALL_BITS & ~mask);
        st.setBits(mask);
      }
    }
    const told = VM.VM_PFNMAP! | VM.VM_MIXEDMAP!;
    if ((before.set ^ st.set) & told) {
      const name =
        (st.set & VM.VM_PFNMAP!) !== (before.set & VM.VM_PFNMAP!) ? 'VM_PFNMAP' : 'VM_MIXEDMAP';
      const on = (st.set & VM[name]!) !== 0;
      st.add({
        kind: 'flags',
        special: false,
        ref: false,
        level: '',
        what: `${name} ${on ? 'set' : 'cleared'}`,
        chain: [{ ...site, callee: `${name} ${on ? 'set' : 'cleared'}` }],
      });
    }
  }

  site(frame: Frame, at: number, callee: string, calleePath = ''): Site {
    return { file: frame.def.file, at, fn: frame.def.name, callee, calleePath };
  }

  // --- conditions --------------------------------------------------------------------------------

  testAll(e: Expr, states: readonly State[], frame: Frame): Split {
    const out: Split = { t: [], f: [] };
    for (const st of states) {
      const { t, f } = this.test(e, st, frame);
      out.t.push(...t);
      out.f.push(...f);
    }
    return out;
  }

  private test(e: Expr, st: State, frame: Frame): Split {
    if (e.k === 'unary' && e.op === '!') {
      const { t, f } = this.test(e.e, st, frame);
      return { t: f, f: t };
    }
    if (e.k === 'binary') {
      if (e.op === '&&') {
        const l = this.test(e.l, st, frame);
        const r = this.testAll(e.r, l.t, frame);
        return { t: r.t, f: [...l.f, ...r.f] };
      }
      if (e.op === '||') {
        const l = this.test(e.l, st, frame);
        const r = this.testAll(e.r, l.f, frame);
        return { t: [...l.t, ...r.t], f: r.f };
      }
      if (e.op === ',') {
        return this.testAll(
          e.r,
          this.eval(e.l, st, frame).map((o) => o.st),
          frame,
        );
      }
      if (/^([=!]=|[<>]=?)$/.test(e.op)) return this.compare(e, st, frame);
    }
    if (
      e.k === 'call' &&
      e.fn.k === 'id' &&
      e.args.length >= 1 &&
      /^(un)?likely$|^!!$|^WARN(_ON|_ON_ONCE)?$|^WARN_ON_SMP$|^\w*_?WARN_ON(_ONCE)?$|^(VM_)?(WARN_ON)\w*$|^READ_ONCE$|^!!$|^assert\w*_warn$/.test(
        e.fn.name,
      )
    ) {
      return this.test(
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
    for (const o of this.eval(e, st, frame)) {
      const { t, f } = this.truth(o.value, o.st);
      out.t.push(...t);
      out.f.push(...f);
    }
    return out;
  }

  private truth(v: Value, st: State): Split {
    const settled = this.settle(v, st);
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

  private compare(e: Expr & { k: 'binary' }, st: State, frame: Frame): Split {
    const out: Split = { t: [], f: [] };
    const put = (yes: boolean, ...s: State[]) => (yes ? out.t : out.f).push(...s);
    for (const l of this.eval(e.l, st, frame)) {
      for (const r of this.eval(e.r, l.st, frame)) {
        const a = this.settle(l.value, r.st);
        const b = this.settle(r.value, r.st);
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
            const { t, f } = this.truth(a, s);
            put(!yes, ...t);
            put(yes, ...f);
            continue;
          }
          if (a.k === 'num' && a.n === 0) {
            const { t, f } = this.truth(b, s);
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

  // --- calls -------------------------------------------------------------------------------------

  private call(e: Expr & { k: 'call' }, st: State, frame: Frame): Outcome[] {
    const done = builtin(this, e, st, frame);
    if (done) return done;
    // Arguments, left to right.
    let now: { args: Value[]; st: State }[] = [{ args: [], st }];
    for (const a of e.args) {
      const next: typeof now = [];
      for (const one of now) {
        for (const o of this.eval(a, one.st, frame))
          next.push({ args: [...one.args, o.value], st: o.st });
      }
      now = next;
    }
    const out: Outcome[] = [];
    for (const { args, st: s } of now)
      for (const o of this.callWith(e, args, s, frame)) out.push(o);
    for (const a of e.args)
      if (a.k === 'unary' && a.op === '&' && a.e.k === 'id') this.mayChange(a.e.name, out, frame);
    return out;
  }

  /** A local whose address was passed holds what the callee stored there. */
  private mayChange(name: string, outcomes: readonly Outcome[], frame: Frame): void {
    const type = frame.types.get(name);
    if (!type) return;
    const key = `${name}@${frame.def.name}`;
    for (const { st } of outcomes) {
      const stored = st.mem.get(key);
      if (!stored) continue;
      st.mem.delete(key);
      st.env.set(name, this.typed(stored, type));
    }
  }

  /** A call that is not followed may have stored anything where it got the address of a local. */
  private opaque(
    name: string,
    args: readonly Value[],
    e: Expr & { k: 'call' },
    st: State,
    frame: Frame,
  ): Outcome[] {
    for (const a of e.args) {
      if (a.k !== 'unary' || a.op !== '&' || a.e.k !== 'id') continue;
      const type = frame.types.get(a.e.name);
      const key = `${a.e.name}@${frame.def.name}`;
      if (type && st.mem.has(key)) st.mem.set(key, sym(`${a.e.name}@${e.at}`, type.base));
    }
    return [{ value: this.result(name, args, e, st, frame), st }];
  }

  private callWith(e: Expr & { k: 'call' }, args: Value[], st: State, frame: Frame): Outcome[] {
    const { file } = frame.def;
    const concerns = args.some((a) => this.concerns(a, st));
    if (e.fn.k === 'id') {
      const { name } = e.fn;
      const local = st.env.get(name);
      if (local && local.k === 'fn') return this.follow(local.def, args, st, frame, e.at);
      // These take entries away.
      if (!local && /^(zap|unmap|untrack)_/.test(name))
        return this.opaque(name, args, e, st, frame);
      if (!local) {
        const inside = /^mm\//.test(file.path) || args.some((a) => a.k === 'flags');
        const defined = this.program.defines(name);
        if ((!concerns && !inside) || (defined && !this.relevance.matters(name))) {
          return this.opaque(name, args, e, st, frame);
        }
        const fns = this.program.findFunctions(name, file);
        if (fns.length === 1) return this.follow(fns[0]!, args, st, frame, e.at);
        if (fns.length > 1)
          return this.several(fns, `config: which ${name}()`, args, st, frame, e.at);
        const macro = this.program.findMacro(name, file);
        if (macro && macro.where.params !== null) return this.expand(macro.where, e, st, frame);
        if (macro) {
          const to = macro.where.body.trim();
          if (/^\w+$/.test(to) && to !== name)
            return this.call({ ...e, fn: { k: 'id', name: to, at: e.at } }, st, frame);
        }
        if (!concerns) return this.opaque(name, args, e, st, frame);
        if (this.recorded?.has(name)) {
          return this.recorded.call(name, st, this.site(frame, e.at, name, 'mm/'));
        }
        return this.lost(name, args, e, st, frame);
      }
    }
    const out: Outcome[] = [];
    for (const { value: f, st: s } of this.eval(e.fn, st, frame)) {
      if (f.k === 'fn') {
        out.push(...this.follow(f.def, args, s, frame, e.at));
        continue;
      }
      if (f.k === 'num') continue;
      if (!concerns) {
        out.push({ value: sym(`${keyOf(f)}(${args.map(keyOf).join()})@${e.at}`), st: s });
        continue;
      }
      const site = this.site(frame, e.at, textOf(e.fn));
      const member =
        e.fn.k === 'member' ? e.fn : e.fn.k === 'unary' && e.fn.e.k === 'member' ? e.fn.e : null;
      if (!member) {
        out.push(...this.lost(textOf(e.fn), args, e, s, frame));
        continue;
      }
      const base = this.eval(member.of, s, frame)[0]?.value;
      const struct = base?.k === 'sym' ? base.struct : base?.k === 'table' ? base.table.type : '';
      if (struct === 'dma_buf_ops') {
        out.push(...this.forward(site, s));
        continue;
      }
      // A file of somebody else's: what any file system may do.
      if (struct === 'file_operations' && this.recorded?.has('call_mmap')) {
        out.push(...this.recorded.call('call_mmap', s, this.site(frame, e.at, 'mmap', 'fs/')));
        continue;
      }
      const backing = struct === 'file_operations' && base ? this.backingOf(keyOf(base)) : null;
      const all = backing ? [backing] : this.targets.of(struct, member.name, file);
      // Whoever is being followed dispatches to the others.
      const found = all.length > 1 ? all.filter((f) => !this.stack.includes(f.id)) : all;
      if (found.length === 1) out.push(...this.follow(found[0]!, args, s, frame, e.at));
      else if (found.length > 1) {
        const label = struct === 'dma_map_ops' ? 'platform: dma_map_ops' : `via ${struct || '?'}`;
        out.push(...this.several(found, `${label}.${member.name}`, args, s, frame, e.at));
      } else
        out.push(...this.lost(`${struct ? `${struct}.` : ''}${member.name}`, args, e, s, frame));
    }
    return out;
  }

  /** The mmap of a file that some field holds, by the call that made that file. */
  private backingOf(key: string): FunctionDef | null {
    const origin = this.origins.get(key.replace(/->f_op$/, ''));
    return origin ? this.targets.madeBy(origin.struct, origin.field) : null;
  }

  /** The mapping becomes another dma-buf's: it is judged by that. */
  forward(site: Site, st: State): Outcome[] {
    const failed = st.clone();
    st.add({
      kind: 'forward',
      special: false,
      ref: false,
      level: '',
      what: '',
      chain: [{ ...site, callee: 'another dma-buf' }],
    });
    return [
      { value: ZERO, st },
      { value: ERROR, st: failed },
    ];
  }

  /** Whether a value leads to the VMA. */
  concerns(v: Value, st: State): boolean {
    if (v.k === 'vma' || v.k === 'vmf') return true;
    if (v.k === 'fn') return this.relevance.matters(v.def.name);
    if (v.k !== 'sym') return false;
    if (
      /^&?(vma|vmf)\b(?!->(vm_(start|end|pgoff|file|private_data|page_prot|mm|flags)|address|pgoff|flags|gfp_mask))/.test(
        v.key,
      )
    )
      return true;
    // A struct on the stack that holds it.
    const base = v.key.startsWith('&') ? v.key.slice(1) : v.key;
    if (!base.includes('@')) return false;
    for (const [k, held] of st.mem)
      if (k.startsWith(`${base}.`) && (held.k === 'vma' || held.k === 'vmf')) return true;
    return false;
  }

  /** The value of a call that is not followed. */
  private result(name: string, args: readonly Value[], e: Expr, st: State, frame: Frame): Value {
    const def = this.program.findFunctions(name, frame.def.file)[0];
    const keys = args.map(keyOf).join();
    let struct = def?.returns.base ?? '';
    if (!struct && args[0]?.k === 'sym' && /^to_|_to_/.test(name)) struct = '';
    if (/^(int|void|bool|long|unsigned|size_t)$/.test(struct)) struct = '';
    // A question asked twice has the same answer; anything else may change.
    const question =
      /^(is|has|can|need|use|test|to|get|want|should|may)_|_(is|has|can|to|needs?|get|supports?)_|^IS_|^HAS_|_(direct|enabled|coherent|addr|valid|imported|supported|dev|device|obj|bo|priv|ops)$|^(dma|container|kvm)_/.test(
        name,
      );
    const platform =
      args.length > 0 &&
      args.every((a) => a.k === 'sym' && /^(device|dma_map_ops)$/.test(a.struct));
    const key = `${platform ? 'platform: ' : ''}${name}(${keys})${question ? '' : `@${e.at}`}`;
    return this.settle(sym(key, struct), st);
  }

  /** Follows a call and puts it in front of the chains of what happened there. */
  follow(def: FunctionDef, args: readonly Value[], st: State, frame: Frame, at: number): Outcome[] {
    const here = new Set(st.events);
    const site = this.site(frame, at, def.name, def.file.path);
    return this.run(def, args, st).map((o) => {
      if (o.st.page && o.st.page !== st.page && !o.st.mem.has('pagechain'))
        o.st.page = { ...o.st.page };
      o.st.events = o.st.events.map((ev) =>
        here.has(ev) ? ev : { ...ev, chain: [site, ...ev.chain] },
      );
      return o;
    });
  }

  private several(
    defs: readonly FunctionDef[],
    label: string,
    args: readonly Value[],
    st: State,
    frame: Frame,
    at: number,
  ): Outcome[] {
    const out: Outcome[] = [];
    for (const def of defs) {
      const s = st.clone();
      let possible = true;
      for (const other of defs)
        possible &&= s.learn(
          `${label}=${other.name}@${other.file.path}`,
          other === def ? 'nz' : 'z',
        );
      if (possible) out.push(...this.follow(def, args, s, frame, at));
    }
    return out;
  }

  /** A call with the VMA whose target is not known. */
  lost(
    name: string,
    args: readonly Value[],
    e: Expr & { k: 'call' },
    st: State,
    frame: Frame,
  ): Outcome[] {
    if (HARMLESS.test(name) || this.recorded?.isInert(name))
      return this.opaque(name, args, e, st, frame);
    const site = this.site(frame, e.at, name);
    this.gap(site, `${name}() is not defined here`);
    st.add(unknownEvent(site, name));
    return [{ value: sym(`${name}(${args.map(keyOf).join()})@${e.at}`), st }];
  }

  private expand(
    macro: { name: string; params: readonly string[] | null; body: string },
    e: Expr & { k: 'call' },
    st: State,
    frame: Frame,
  ): Outcome[] {
    const text = substitute(macro as Parameters<typeof substitute>[0], e.args.map(textOf));
    const tokens = tokensOf(text, 0, text.length, this.program.conditions).map((t) => ({
      ...t,
      at: e.at,
    }));
    if (frame.depth > MAX_DEPTH || this.work > MAX_WORK) return [{ value: sym(text), st }];
    const expression = new Parser(tokens).expression();
    const again = expression && callsItself(expression, macro.name);
    if (expression && !again) return this.eval(expression, st, frame);
    if (again) return this.lost(macro.name, [], e, st, frame);
    const end = this.exec(new Parser(tokens).statements(), [st], frame);
    return end.map((s) => ({ value: sym('void'), st: s }));
  }
}

const KNOWN_MEMBER: Readonly<Record<string, string>> = {
  vm_file: 'file',
  vm_mm: 'mm_struct',
  f_op: 'file_operations',
  vm_ops: 'vm_operations_struct',
};

/** Calls that get a VMA and cannot change it or its page table in a way that matters here. */
const HARMLESS =
  /^(trace_|pr_|dev_|drm_(dbg|err|warn|info)|DRM_|NV_|printk|WARN|BUG|lockdep_|might_|vma_(pages|start|end|iter|lookup|is|assert|kernel|mmu|vmu)|vm_(get_page_prot|private)|vma_set_file$|pgprot_|track_pfn|untrack_pfn|security_|perf_|flush_|update_mmu|arch_|mmap_assert|cond_resched|phys_mem|tlb_|__?raw_|atomic|refcount|kref|get_file|fput|count_vm|ptep?_|pmdp?_|pudp?_|p4d_|pgd_|zap_|unmap_|mmu_notifier|file_accessed|sigbus|find_vma|userfaultfd|mem_cgroup|vmf_(orig|can|anon|allow|address|to)|try_|lock_|unlock_|cache_|outer_|io_schedule|memcpy|memset|memcmp|sizeof|print|dump|ERR_CAST|io_mapping|pfn_|linear_|is_|khugepaged|hugepage|transparent_|huge_|release_|rwsem|down_|up_|mmap_(read|write)_|debug|copy_(from|to)|xa_|idr_|kasan|kmsan|set_memory|dma_resv|list_|fault_|validate_|__?check_|assert|vma$|thp_|get_vma|init_|setup_|hugetlb|page_vma|folio|page_)/;

function unknownEvent(site: Site, what: string): Event {
  return { kind: 'unknown', special: false, ref: false, level: '', what, chain: [site] };
}

function callsItself(e: Expr, name: string): boolean {
  return textOf(e).includes(`${name}(`);
}

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

function faultOf(name: string): Value {
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

function sameValue(a: Value, b: Value): boolean | null {
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

function arithmetic(op: string, l: Value, r: Value): Value | null {
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

/** (vm_flags & and) | or, as a truth value. */
function flagsTruth(and: number, or: number, st: State): Split {
  if (or || st.set & and) return { t: [st], f: [] };
  const open = and & ~st.clear;
  if (!open) return { t: [], f: [st] };
  if (!(open & CORE_BITS)) return { t: [st], f: [st.clone()] };
  const f = st.clone();
  f.clearBits(open);
  return { t: oneOf(open, st, true), f: f.consistent() ? [f] : [] };
}

/** States in which at least one of these bits has the value. */
function oneOf(mask: number, st: State, value: boolean): State[] {
  const out: State[] = [];
  let before = 0;
  for (let bit = 1; bit && bit <= mask; bit <<= 1) {
    if (!(mask & bit)) continue;
    if (out.length >= 4) break;
    const s = st.clone();
    if (value) {
      s.clearBits(before);
      s.setBits(bit);
    } else {
      s.setBits(before);
      s.clearBits(bit);
    }
    if (s.consistent()) out.push(s);
    before |= bit;
  }
  return out;
}

function flagsEqual(v: { and: number; or: number }, mask: number, st: State): Split {
  const want = mask;
  const wrong =
    (st.set & v.and & ~want) | (v.or & ~want) | (st.clear & want & ~v.or) | (want & ~v.and & ~v.or);
  if (wrong) return { t: [], f: [st] };
  const open = v.and & ~(st.set | st.clear) & ~v.or;
  if (!open) return { t: [st], f: [] };
  const t = st.clone();
  t.setBits(want & open);
  t.clearBits(open & ~want);
  const f: State[] = [];
  let sure = st;
  for (let bit = 1; bit && bit <= open; bit <<= 1) {
    if (!(open & bit)) continue;
    const s = sure.clone();
    const on = (want & bit) !== 0;
    if (on) s.clearBits(bit);
    else s.setBits(bit);
    if (s.consistent()) f.push(s);
    sure = sure.clone();
    if (on) sure.setBits(bit);
    else sure.clearBits(bit);
    if (f.length >= 4) break;
  }
  return { t: t.consistent() ? [t] : [], f };
}
