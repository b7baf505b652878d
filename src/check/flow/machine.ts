// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Follows every path of a function with what is known of the VMA: which vm_flags are set, which
 * entries were made, what was returned. Calls that get the VMA are followed to the end, through
 * files and function pointers; others are symbols. Paths that agree are joined.
 */
import type { Expr, Type } from '../c/ast.ts';
import { textOf } from '../c/ast.ts';
import type { FunctionDef, Program, Table } from '../c/program.ts';
import type { SourceFile } from '../c/skeleton.ts';
import { Kept } from '../index/asked.ts';
import { arithmetic, faultOf, memberKey } from './arithmetic.ts';
import { callOf } from './calls.ts';
import { testAll } from './conditions.ts';
import { CORE_BITS } from './flags.ts';
import { elementOf, identifier, member } from './lookup.ts';
import type { Relevance } from './relevance.ts';
import { type Fact, State } from './state.ts';
import { exec } from './statements.ts';
import { Targets } from './targets.ts';
import {
  ALL_BITS,
  ERROR,
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

export const ONE: Value = { k: 'num', n: 1 };
export const MAX_STATES = 40;
export const MAX_DEPTH = 22;
export const MAX_WORK = 60_000;

/** Code that knows nothing of drivers: its effects depend on the VMA alone. */
const CORE = /^mm\//;

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

/** Why something was not followed, by place and reason. */
type Gaps = Map<string, { readonly site: Site; readonly why: string }>;

/** What was found on the way through a driver's functions, for all exporters that are bound alike. */
export class Memory {
  readonly targets: Targets;
  readonly ran: Kept<string, { readonly outcomes: readonly Outcome[]; readonly gaps: Gaps }>;
  /** Which field of which struct a symbol was read from. */
  readonly origins = new Map<string, { struct: string; field: string; file: SourceFile }>();
  /** How many results of unknown functions have a name. */
  results = 0;

  constructor(
    program: Program,
    readonly binding: Binding,
    /** What is taken for granted of symbols, from the start of every function. */
    readonly assumed: ReadonlyMap<string, Fact> = new Map(),
  ) {
    const asked = () => program.index.asked;
    this.targets = new Targets(program, binding, asked);
    this.ran = new Kept(asked);
  }
}

export class Machine {
  inCore = false;
  readonly stack: string[] = [];
  work = 0;
  private left: Gaps = new Map();

  constructor(
    readonly program: Program,
    private readonly memory: Memory,
    readonly relevance: Relevance,
    /** What functions of mm do, shared by the machines of all exporters. */
    private readonly shared: Kept<string, readonly Outcome[]>,
    /** What a kernel's functions do, where its source is not at hand. */
    readonly recorded: Recorded | null = null,
  ) {}

  get binding() {
    return this.memory.binding;
  }
  get targets() {
    return this.memory.targets;
  }
  get origins() {
    return this.memory.origins;
  }
  /** What was not followed. */
  get gaps(): ReadonlyMap<string, { readonly site: Site; readonly why: string }> {
    return this.left;
  }

  /** Runs a function from outside: VMA and fault arguments are known by their types. */
  enter(def: FunctionDef, prepare: (s: State) => void = () => {}): readonly Outcome[] {
    const st = new State();
    for (const [key, fact] of this.memory.assumed) st.facts.set(key, fact);
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
      entry.mem = st.mem.copy();
      entry.locks = st.locks;
      entry.ref = st.ref;
      for (const [k, fact] of this.memory.assumed) entry.facts.set(k, fact);
    } else {
      entry.set &= CORE_BITS;
      entry.clear &= CORE_BITS;
      entry.ref = core && this.inCore ? st.ref : false;
      args = args.map((a, i) => (a.k === 'sym' ? coreArgument(a, def.params[i]?.name ?? '') : a));
    }
    const key = `${def.id}|${args.map(keyOf).join()}|${entry.effects()}`;
    const outcomes = core
      ? this.shared.get(key, () => this.runAnew(def, args, entry, core))
      : this.runOnce(key, () => this.runAnew(def, args, entry, core));
    const out: Outcome[] = [];
    for (const o of outcomes) {
      const s = core ? st.clone() : st.clone(o.st.mem);
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
        s.locks = o.st.locks;
        s.ref = o.st.ref;
      }
      s.page = o.st.page;
      for (const e of o.st.events) s.add(e);
      out.push({ value: core ? fresh(o.value, this.memory.results++) : o.value, st: s });
    }
    return out;
  }

  /** What was run for another exporter left the same gaps for this one. */
  private runOnce(key: string, run: () => readonly Outcome[]): readonly Outcome[] {
    const before = this.left;
    const { outcomes, gaps } = this.memory.ran.get(key, () => {
      this.left = new Map();
      return { outcomes: run(), gaps: this.left };
    });
    this.left = before;
    for (const { site, why } of gaps.values()) this.gap(site, why);
    return outcomes;
  }

  /** All ends of a function that was not run with the same before. */
  private runAnew(
    def: FunctionDef,
    args: readonly Value[],
    entry: State,
    core: boolean,
  ): readonly Outcome[] {
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
      entry.env.set(p.name, a ? this.typed(a, p.type) : sym(`${p.name}@${def.name}`, p.type.base));
    }
    const end = exec(this, def.body, [entry], frame);
    for (const s of end) frame.returns.push({ value: sym('void'), st: s });
    this.stack.pop();
    this.inCore = wasCore;
    if (core && !wasCore) this.work = work + 1;
    return this.distinct(frame.returns, def);
  }

  gaveUp(def: FunctionDef, why: string, st: State): Outcome {
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
  distinct(list: readonly Outcome[], def?: FunctionDef): Outcome[] {
    const groups = new Map<string, Outcome>();
    const core = def !== undefined && CORE.test(def.file.path);
    for (const o of list) {
      let v = this.settle(o.value, o.st);
      if (core && (v.k === 'err' || (v.k === 'fault' && v.bad))) {
        // Failures of mm leave nothing behind that counts; a BUG about the VMA is kept.
        o.st.events = o.st.events.filter((e) => e.kind === 'bug');
        o.st.ref = false;
        o.st.mem = o.st.mem.emptied();
        const [set, clear] = o.st.events.length ? [o.st.set, o.st.clear] : [0, 0];
        o.st.set = set;
        o.st.clear = clear;
      }
      if (def) {
        o.st.env = o.st.env.emptied();
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
    if (!this.left.has(key)) this.left.set(key, { site, why });
  }

  typed(v: Value, type: Type): Value {
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
        return [{ value: identifier(this, e.name, st, frame), st }];
      case 'member':
        return this.eval(e.of, st, frame).map((o) => ({
          value: member(this, o.value, e, o.st, frame),
          st: o.st,
        }));
      case 'call':
        return callOf(this, e, st, frame);
      case 'assign':
        return this.assign(e, st, frame);
      case 'unary':
        return this.unary(e, st, frame);
      case 'binary':
        return this.binary(e, st, frame);
      case 'cond': {
        const { t, f } = testAll(this, e.c, [st], frame);
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
          const element = v.k === 'table' ? elementOf(this, v.table, e.by) : null;
          if (element) return { value: { k: 'table', table: element }, st: o.st };
          const key = `${keyOf(v)}[${textOf(e.by)}]`;
          return { value: o.st.mem.get(key) ?? sym(key, v.k === 'sym' ? v.struct : ''), st: o.st };
        });
      case 'block': {
        // ({ ... }): its value is that of the last expression.
        const last = e.body.at(-1);
        let now = [st];
        for (const s of e.body.slice(0, last?.k === 'expr' ? -1 : undefined))
          now = exec(this, s, now, frame);
        if (last?.k === 'expr') return this.evalAll(last.e, now, frame);
        return now.map((s) => ({ value: sym('void'), st: s }));
      }
      case 'init':
        return [{ value: sym(`{}@${e.at}`, e.type?.base ?? ''), st }];
      default:
        return [{ value: sym(textOf(e)), st }];
    }
  }

  unary(e: Expr & { k: 'unary' }, st: State, frame: Frame): Outcome[] {
    if (e.op === '!') {
      const { t, f } = testAll(this, e.e, [st], frame);
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

  binary(e: Expr & { k: 'binary' }, st: State, frame: Frame): Outcome[] {
    if (e.op === ',') {
      return this.evalAll(
        e.r,
        this.eval(e.l, st, frame).map((o) => o.st),
        frame,
      );
    }
    if (/^(&&|\|\||[=!]=|[<>]=?)$/.test(e.op)) {
      const { t, f } = testAll(this, e, [st], frame);
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

  assign(e: Expr & { k: 'assign' }, st: State, frame: Frame): Outcome[] {
    const out: Outcome[] = [];
    for (const r of this.eval(e.r, st, frame)) {
      for (const o of this.store(e, r.value, r.st, frame)) out.push(o);
    }
    return out;
  }

  store(e: Expr & { k: 'assign' }, right: Value, st: State, frame: Frame): Outcome[] {
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
        // How memory is cached is no rule's matter: paths that differ in that are one.
        if (l.k === 'member' && b.k === 'vma' && l.name === 'vm_page_prot')
          return { value: right, st: s };
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
}
