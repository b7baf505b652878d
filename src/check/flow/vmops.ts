// SPDX-License-Identifier: GPL-2.0-or-later
/** Which vm_operations_struct a VMA is left with where mmap takes it out of a field or fills it itself. */
import type { Expr } from '../c/ast.ts';
import { type FunctionDef, type Table, writtenIn } from '../c/program.ts';
import type { SourceFile } from '../c/skeleton.ts';
import { near } from '../c/tree.ts';
import { memberKey } from './arithmetic.ts';
import { HANDLERS } from './lookup.ts';
import type { Machine, Outcome } from './machine.ts';
import type { State } from './state.ts';

/** A vm_ops that is read from a field is one of the tables that the field may hold, or filled there. */
export function withOps(machine: Machine, o: Outcome): Outcome[] {
  const ops = o.st.mem.get('vma->vm_ops');
  if (ops?.k !== 'sym') return [o];
  const origin = machine.origins.get(ops.key);
  const held = origin ? machine.targets.tablesIn(origin.struct, origin.field) : [];
  const filled = held.length ? null : filledOps(machine, ops.key, o.st);
  const tables = filled ? [filled] : held;
  if (tables.length === 0) return [o];
  return tables.map((table) => {
    const st = o.st.clone();
    st.mem.set('vma->vm_ops', { k: 'table', table });
    return { value: o.value, st };
  });
}

/** A vm_operations_struct that code fills handler by handler: allocated, a local's, part of an object. */
function filledOps(machine: Machine, key: string, st: State): Table | null {
  const type = 'vm_operations_struct';
  const { program, binding, origins, targets } = machine;
  const name = key.replace(/^&/, '');
  const origin = origins.get(name);
  const local = /^(\w+)@(\w+)$/.exec(name);
  const fields = new Map<string, Expr>();
  let file: SourceFile | null = null;
  const set = (field: string, def: FunctionDef | null) => {
    if (!def) return;
    fields.set(field, { k: 'id', name: def.name, at: 0 });
    file ??= writtenIn(def.file);
  };
  for (const field of HANDLERS) {
    const here = st.mem.get(memberKey(key, true, field));
    if (here) {
      if (here.k === 'fn') set(field, here.def);
      continue;
    }
    if (!origin && !local) continue;
    for (const { fn, left, right } of program.assignments(field, near(binding.home, 2))) {
      const of = left.k === 'member' ? left.of : null;
      const same = local
        ? of?.k === 'id' && of.name === local[1] && fn.name === local[2]
        : of?.k === 'member' &&
          of.name === origin!.field &&
          program.typeIn(fn, of.of).base === origin!.struct;
      if (same) set(field, targets.functionOf(right, fn.file));
    }
  }
  if (!file) return null;
  return { name, type, file, at: 0, line: 1, isStatic: true, fields, when: [] };
}
