// SPDX-License-Identifier: GPL-2.0-or-later
/** Runs recorded functions of a kernel as if their source were at hand. */
import type { Expr } from './c/ast.ts';
import type { Table } from './c/program.ts';
import { SourceFile } from './c/skeleton.ts';
import type { Outcome, Recorded } from './flow/machine.ts';
import type { State } from './flow/state.ts';
import { ERROR, type Event, type Site, sym, type Value, VM, ZERO } from './flow/values.ts';
import { entryStates, type RecordedEnd, type RecordedKernel, statesOf } from './recorded.ts';

export class RecordedCalls implements Recorded {
  private calls = 0;
  private readonly made = new Map<string, Table>();
  constructor(private readonly kernel: RecordedKernel) {}

  has(name: string): boolean {
    return Object.hasOwn(this.kernel.functions, name);
  }

  /** Whether a function gets a VMA and does nothing to it that counts. */
  isInert(name: string): boolean {
    return this.kernel.inert.includes(name);
  }

  /** Functions outside mm that remove entries. */
  get zaps(): readonly string[] {
    return this.kernel.zaps;
  }

  /** The file of a recorded function, without its text. */
  private file(path: string): SourceFile {
    return new SourceFile(path, '');
  }

  table(name: string): Table | null {
    const known = this.made.get(name);
    if (known) return known;
    if (!Object.hasOwn(this.kernel.tables, name)) return null;
    const t = this.kernel.tables[name]!;
    const fields = new Map<string, Expr>();
    for (const [field, fn] of Object.entries(t.fields))
      fields.set(field, { k: 'id', name: fn, at: 0 });
    const table: Table = {
      name,
      type: 'vm_operations_struct',
      file: this.file(t.path),
      at: 0,
      line: t.line,
      isStatic: false,
      fields,
      when: [],
    };
    this.made.set(name, table);
    return table;
  }

  call(name: string, st: State, site: Site): Outcome[] {
    const fn = this.kernel.functions[name]!;
    const entries = entryStates();
    const possible = statesOf(st);
    const kinds = new Set(possible.map((i) => fn.at[i]!));
    const out: Outcome[] = [];
    for (const kind of kinds) {
      // States of one kind that differ in nothing else stay together.
      const of = possible.filter((i) => fn.at[i] === kind);
      const states = kinds.size === 1 ? [st.clone()] : of.map((i) => narrowed(st, entries[i]!));
      for (const s of states) {
        for (const end of fn.ends[kind]!)
          out.push(this.end(end, s.clone(), { ...site, calleePath: fn.path }));
      }
    }
    return out;
  }

  private end(end: RecordedEnd, st: State, site: Site): Outcome {
    if (end.s) st.setBits(end.s);
    if (end.c) st.clearBits(end.c);
    if (end.ops) {
      const table = this.table(end.ops);
      st.mem.set('vma->vm_ops', table ? { k: 'table', table } : sym(end.ops));
    }
    if (end.page) st.page = site;
    for (const [kind, special, ref, level, what] of end.e ?? []) {
      const chain: Site[] = [site];
      if (what && what !== site.callee && kind === 'entry')
        chain.push({
          ...site,
          file: this.file(site.calleePath),
          at: 0,
          fn: site.callee,
          callee: what,
          calleePath: 'mm/',
        });
      st.add({
        kind: kind as Event['kind'],
        special: special === 1,
        ref: ref === 1,
        level: level as Event['level'],
        what: kind === 'entry' ? '' : what,
        chain,
      });
    }
    if (end.f) {
      st.setBits(VM.VM_PFNMAP!);
      st.add({ kind: 'forward', special: false, ref: false, level: '', what: '', chain: [site] });
    }
    for (const on of end.on ?? [])
      st.learn(`platform: ${on.replace(/^!/, '')}`, on.startsWith('!') ? 'z' : 'nz');
    return { value: this.value(end.v), st };
  }

  private value(code: string): Value {
    if (code === '0') return ZERO;
    if (code === 'E') return ERROR;
    if (code === 'V') return sym(`recorded@${this.calls++}`);
    return { k: 'fault', bad: !/^(NOPAGE|LOCKED|MAJOR)$/.test(code), name: code };
  }
}

function narrowed(st: State, entry: { set: number; clear: number }): State {
  const s = st.clone();
  s.set |= entry.set & ~st.clear;
  s.clear |= entry.clear & ~st.set;
  return s;
}
