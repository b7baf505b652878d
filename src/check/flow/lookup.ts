// SPDX-License-Identifier: GPL-2.0-or-later
/** What names and fields stand for. */
import { type Expr, textOf } from '../c/ast.ts';
import { Parser } from '../c/parse.ts';
import type { Table } from '../c/program.ts';
import type { SourceFile } from '../c/skeleton.ts';
import { tokensOf } from '../c/tokens.ts';
import { arithmetic, memberKey } from './arithmetic.ts';
import type { Frame, Machine } from './machine.ts';
import { State } from './state.ts';
import { ALL_BITS, keyOf, sym, type Value, VMA, ZERO } from './values.ts';

const KNOWN_MEMBER: Readonly<Record<string, string>> = {
  vm_file: 'file',
  vm_mm: 'mm_struct',
  f_op: 'file_operations',
  vm_ops: 'vm_operations_struct',
};

export function identifier(m: Machine, name: string, st: State, frame: Frame): Value {
  const local = st.env.get(name);
  if (local) return m.settle(local, st);
  const { file } = frame.def;
  const type = frame.types.get(name);
  if (type) return sym(`${name}@${frame.def.name}`, type.base);
  const macro = /^[A-Z_][A-Z0-9_]*$/.test(name) ? m.program.findMacro(name, file) : null;
  if (macro && macro.where.params === null) {
    const body = macro.where.body;
    const e = new Parser(tokensOf(body, 0, body.length, m.program.conditions)).expression();
    if (e && textOf(e) !== name && e.k !== 'id') {
      const value = foldConstant(m, e, frame, 0);
      if (value) return value;
    }
  }
  const fns = m.program.findFunctions(name, file);
  if (fns.length === 1) return { k: 'fn', def: fns[0]! };
  const table = m.program.findTable(name, file) ?? m.recorded?.table(name);
  if (table) return { k: 'table', table };
  return sym(name);
}

/** Constant expressions of a macro: VM_IO | VM_PFNMAP. */
export function foldConstant(m: Machine, e: Expr, frame: Frame, depth: number): Value | null {
  if (depth > 6) return null;
  const c = m.constant(e);
  if (c) return c;
  if (e.k === 'binary') {
    const l = foldConstant(m, e.l, frame, depth + 1);
    const r = foldConstant(m, e.r, frame, depth + 1);
    return l && r ? arithmetic(e.op, l, r) : null;
  }
  if (e.k === 'unary' && e.op === '~') {
    const v = foldConstant(m, e.e, frame, depth + 1);
    return v?.k === 'bits' ? { k: 'bits', mask: ~v.mask & ALL_BITS } : null;
  }
  if (e.k === 'id') {
    const v = identifier(m, e.name, new State(), frame);
    return v.k === 'sym' ? null : v;
  }
  return null;
}

/** What `base->name` or `base.name` is. */
export function member(
  m: Machine,
  base: Value,
  e: Expr & { k: 'member' },
  st: State,
  frame: Frame,
): Value {
  const { name } = e;
  const { file } = frame.def;
  if (base.k === 'vma') {
    if (name === 'vm_flags' || name === '__vm_flags') return { k: 'flags', and: ALL_BITS, or: 0 };
    const known = st.mem.get(`vma->${name}`);
    if (known) return m.settle(known, st);
    return m.settle(
      sym(
        `vma->${name}`,
        m.program.memberOf('vm_area_struct', name, file)?.type.base ?? KNOWN_MEMBER[name] ?? '',
      ),
      st,
    );
  }
  if (base.k === 'vmf') {
    if (name === 'vma') return VMA;
    return st.mem.get(`vmf->${name}`) ?? sym(`vmf->${name}`, name === 'page' ? 'page' : '');
  }
  if (base.k === 'table') return tableField(m, base.table, name);
  if (base.k === 'num' && base.n === 0) return sym(`NULL->${name}`);
  const key = memberKey(keyOf(base), e.arrow, name);
  const known = st.mem.get(key);
  if (known) return m.settle(known, st);
  const struct = base.k === 'sym' ? m.program.meant(base.struct) : '';
  const bound = m.binding.fields.get(`${struct}.${name}`);
  if (bound) return bound;
  const type =
    m.program.memberOf(struct, name, file)?.type.base ?? (struct ? '' : KNOWN_MEMBER[name]) ?? '';
  if (type === 'vm_area_struct') return VMA;
  const value = sym(key, type);
  if (struct) m.origins.set(value.key, { struct, field: name, file });
  return m.settle(value, st);
}

/** An element of an array of tables: by its number, or the only one that there is. */
export function elementOf(m: Machine, array: Table, by: Expr): Table | null {
  const at = (n: number) =>
    m.program.tablesByName.get(`${array.name}[${n}]`)?.find((t) => t.file === array.file) ?? null;
  if (by.k === 'num') return at(by.value);
  return at(1) ? null : at(0);
}

/** The fields of a vm_operations_struct that make entries. */
export const HANDLERS: readonly string[] = [
  'fault',
  'huge_fault',
  'map_pages',
  'pfn_mkwrite',
  'page_mkwrite',
];

/** A field of a table; NULL when the table does not set it. */
export function tableField(m: Machine, table: Table, name: string): Value {
  const e = table.fields.get(name);
  if (!e || e.k === 'init') {
    const nested = m.program.tablesByName
      .get(`${table.name}.${name}`)
      ?.find((t) => t.file === table.file);
    if (nested) return { k: 'table', table: nested };
    // Of a recorded table only the handlers are known.
    if (m.recorded?.table(table.name) === table && !HANDLERS.includes(name))
      return sym(`${table.name}.${name}`, 'function');
    return m.targets.assignedTo(table, name) ?? ZERO;
  }
  return tableValue(m, e, table.file) ?? sym(`${table.name}.${name}`, '');
}

export function tableValue(m: Machine, e: Expr, file: SourceFile): Value | null {
  const c = m.constant(e);
  if (c) return c;
  if (e.k === 'cast') return tableValue(m, e.e, file);
  if (e.k === 'unary' && e.op === '&') return tableValue(m, e.e, file);
  if (
    e.k === 'call' &&
    e.fn.k === 'id' &&
    e.args.length &&
    /^(pm_)?ptr$|_ptr$|PTR|_p$/.test(e.fn.name)
  )
    return tableValue(m, e.args[0]!, file);
  if (e.k !== 'id') return null;
  const fns = m.program.findFunctions(e.name, file);
  if (fns.length) return { k: 'fn', def: fns[0]! };
  const table = m.program.findTable(e.name, file) ?? m.recorded?.table(e.name);
  if (table) return { k: 'table', table };
  const macro = m.program.findMacro(e.name, file);
  if (macro && macro.where.params === null) {
    const body = macro.where.body.trim();
    const inner = new Parser(tokensOf(body, 0, body.length, m.program.conditions)).expression();
    if (inner && textOf(inner) !== e.name) return tableValue(m, inner, file);
  }
  return sym(e.name, 'function');
}
