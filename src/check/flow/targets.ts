// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a function pointer may point to. Pointers are keyed by (struct type, field); of several
 * candidates those of the driver at hand are meant, not all there are.
 */
import { type Expr, eachIn, eachStmt } from '../c/ast.ts';
import type { FunctionDef, Program, Table } from '../c/program.ts';
import type { SourceFile } from '../c/skeleton.ts';
import { dirOf, distance, EVERYWHERE, near, onlyIn } from '../c/tree.ts';
import { type Asked, Kept, whole } from '../index/asked.ts';
import type { Binding } from './machine.ts';
import type { Value } from './values.ts';

interface Candidate {
  readonly def: FunctionDef;
  readonly dir: string;
}

export class Targets {
  private readonly known: Kept<string, readonly FunctionDef[]>;
  constructor(
    private readonly program: Program,
    private readonly binding: Binding,
    asked: () => Asked,
  ) {
    this.known = new Kept(asked);
  }

  /** Functions that `x->field`, x being a struct of that type, may be. Empty: not known. */
  of(struct: string, field: string, from: SourceFile): readonly FunctionDef[] {
    return this.known.get(`${struct}.${field}`, () => this.find(struct, field, from));
  }

  private find(struct: string, field: string, from: SourceFile): readonly FunctionDef[] {
    const all: Candidate[] = [];
    const tables = struct ? (this.program.tables.get(struct) ?? []) : this.tablesWith(field);
    for (const t of tables) {
      const e = t.fields.get(field);
      const def = e && this.functionOf(e, t.file);
      if (def) all.push({ def, dir: dirOf(t.file.path) });
    }
    const wanted = near(this.binding.home, 2, from.path);
    for (const { fn, left, right } of this.program.assignments(field, wanted)) {
      if (struct && left.k === 'member' && this.program.typeIn(fn, left.of).base !== struct)
        continue;
      const def = this.functionOf(right, fn.file);
      if (def) all.push({ def, dir: dirOf(fn.file.path) });
    }
    if (all.length === 0) return [];
    if (struct === 'dma_map_ops') return unique(all);
    // A table of the driver at hand, else one of the code that makes the call, else the nearest.
    const own = closest(all, this.binding.home);
    if (own.length && distance(own[0]!.dir, this.binding.home) <= 2) return unique(own);
    const caller = closest(all, dirOf(from.path));
    if (caller.length && distance(caller[0]!.dir, dirOf(from.path)) <= 1) return unique(caller);
    const rest = unique(all);
    return rest.length <= 3 ? rest : [];
  }

  /** Tables that a field of a struct may point to. */
  tablesIn(struct: string, field: string): Table[] {
    const all: { table: Table; dir: string }[] = [];
    for (const t of this.program.tables.get(struct) ?? []) {
      const e = t.fields.get(field);
      const table = e && this.tableOf(e, t.file);
      if (table) all.push({ table, dir: dirOf(t.file.path) });
    }
    const wanted = near(this.binding.home, 2);
    for (const { fn, left, right } of this.program.assignments(field, wanted)) {
      if (left.k === 'member' && this.program.typeIn(fn, left.of).base !== struct) continue;
      const table = this.tableOf(right, fn.file);
      if (table) all.push({ table, dir: dirOf(fn.file.path) });
    }
    const close = all.filter((x) => distance(x.dir, this.binding.home) <= 2);
    return [...new Set(close.map((x) => x.table))];
  }

  private tableOf(e: Expr, file: SourceFile): Table | null {
    if (e.k === 'cast' || (e.k === 'unary' && e.op === '&')) return this.tableOf(e.e, file);
    return e.k === 'id' ? this.program.findTable(e.name, file) : null;
  }

  /** The mmap of the files that `struct.field` holds, by the function that makes them. */
  madeBy(struct: string, field: string): FunctionDef | null {
    for (const { fn, left, right } of this.program.assignments(field, EVERYWHERE)) {
      if (left.k !== 'member' || this.program.typeIn(fn, left.of).base !== struct) continue;
      const maker = callBehind(fn, right);
      const def = maker && this.program.findFunctions(maker, fn.file)[0];
      if (!def) continue;
      const tables = (this.program.tables.get('file_operations') ?? []).filter(
        (t) => t.file === def.file && t.fields.has('mmap'),
      );
      const e = tables[0]?.fields.get('mmap');
      const target = e && this.functionOf(e, def.file);
      if (target) return target;
    }
    return null;
  }

  /** The calls that the field of a struct is set from; null for one that is set from no call. */
  makers(struct: string, field: string): (string | null)[] {
    return this.program
      .assignments(field, EVERYWHERE)
      .filter(
        ({ fn, left }) => left.k === 'member' && this.program.typeIn(fn, left.of).base === struct,
      )
      .filter(({ right }) => !(right.k === 'id' && right.name === 'NULL'))
      .map(({ fn, right }) => callBehind(fn, right));
  }

  private tablesWith(field: string): Table[] {
    this.program.index.asked.note(whole.tables(this.binding.home));
    return this.program.files
      .filter((file) => distance(dirOf(file.path), this.binding.home) <= 1)
      .flatMap((file) => this.program.tablesIn(file))
      .filter((t) => t.fields.has(field));
  }

  functionOf(e: Expr, file: SourceFile): FunctionDef | null {
    if (e.k === 'cast') return this.functionOf(e.e, file);
    if (e.k === 'unary' && e.op === '&') return this.functionOf(e.e, file);
    if (e.k !== 'id') return null;
    return this.program.findFunctions(e.name, file)[0] ?? null;
  }

  /** What `table.field = f` assigns at run time, when the table itself leaves the field out. */
  assignedTo(table: Table, field: string): Value | null {
    const wanted = onlyIn(table.file.path);
    for (const { fn, left, right } of this.program.assignments(field, wanted)) {
      if (left.k !== 'member' || left.of.k !== 'id' || left.of.name !== table.name) continue;
      const def = this.functionOf(right, fn.file);
      if (def) return { k: 'fn', def };
    }
    return null;
  }
}

function closest(list: readonly Candidate[], home: string): Candidate[] {
  const least = Math.min(...list.map((c) => distance(c.dir, home)));
  return list.filter((c) => distance(c.dir, home) === least);
}

function unique(list: readonly Candidate[]): FunctionDef[] {
  return [...new Map(list.map((c) => [c.def.id, c.def])).values()];
}

/** The name of the call that an expression, or the local it names, comes from. */
function callBehind(fn: FunctionDef, e: Expr): string | null {
  if (e.k === 'call') return e.fn.k === 'id' ? e.fn.name : null;
  if (e.k !== 'id') return null;
  let found: string | null = null;
  eachStmt(fn.body, (s) => {
    if (s.k === 'decl' && s.name === e.name && s.init?.k === 'call' && s.init.fn.k === 'id')
      found = s.init.fn.name;
  });
  eachIn(fn.body, (x) => {
    if (
      x.k === 'assign' &&
      x.l.k === 'id' &&
      x.l.name === e.name &&
      x.r.k === 'call' &&
      x.r.fn.k === 'id'
    )
      found = x.r.fn.name;
  });
  return found;
}
