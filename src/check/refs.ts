// SPDX-License-Identifier: GPL-2.0-or-later
/** Names by which a later run finds a table and what is bound for it again. */
import type { Program, Table } from './c/program.ts';
import { onlyIn } from './c/tree.ts';
import { assembled, type ExporterJob } from './exporters.ts';

/** A table by its file and name; of several in one file (#if) by which of them. */
export interface TableRef {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  /** -1: it is filled at run time. */
  readonly nth: number;
}

export interface JobRef {
  readonly table: TableRef;
  readonly via: TableRef | null;
  readonly bindings: readonly {
    readonly home: string;
    readonly fields: readonly (readonly [string, TableRef])[];
  }[];
  readonly slot: string | null;
}

const named = (program: Program, path: string, name: string, type: string) =>
  (program.tablesByName.get(name) ?? []).filter((t) => t.file.path === path && t.type === type);

export function refOf(program: Program, t: Table): TableRef {
  const { name, type } = t;
  const { path } = t.file;
  return { path, name, type, nth: named(program, path, name, type).indexOf(t) };
}

export function tableOf(program: Program, { path, name, type, nth }: TableRef): Table | null {
  if (nth >= 0) return named(program, path, name, type)[nth] ?? null;
  return assembled(program, type, onlyIn(path)).find((t) => t.name === name) ?? null;
}

export function jobRef(program: Program, { table, via, bindings, slot }: ExporterJob): JobRef {
  return {
    table: refOf(program, table),
    via: via && refOf(program, via),
    bindings: bindings.map(({ home, fields }) => ({
      home,
      fields: [...fields].flatMap(([field, v]) =>
        v.k === 'table' ? [[field, refOf(program, v.table)] as const] : [],
      ),
    })),
    slot,
  };
}

/** The job that a name stands for; null when a table is not there. */
export function jobOf(program: Program, ref: JobRef): ExporterJob | null {
  const table = tableOf(program, ref.table);
  const via = ref.via && tableOf(program, ref.via);
  if (!table || (ref.via && !via)) return null;
  const bindings = [];
  for (const { home, fields } of ref.bindings) {
    const bound = new Map();
    for (const [field, one] of fields) {
      const t = tableOf(program, one);
      if (!t) return null;
      bound.set(field, { k: 'table', table: t });
    }
    bindings.push({ home, fields: bound });
  }
  return { table, via, bindings, slot: ref.slot };
}
