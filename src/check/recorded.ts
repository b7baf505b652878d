// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What functions of a kernel do to a VMA, as this tool found it in that kernel's source, for checking
 * modules where no kernel is at hand. Each function is recorded for every combination of the flags
 * that its paths test.
 */
import type { FunctionDef, Program, Table } from './c/program.ts';
import { HANDLERS, tableField } from './flow/lookup.ts';
import { Machine, Memory, type Outcome } from './flow/machine.ts';
import { Relevance } from './flow/relevance.ts';
import { mayBeCow, type State } from './flow/state.ts';
import { primitiveOf, VM } from './flow/values.ts';
import { LOOKUP } from './follow/words.ts';
import { Kept } from './index/asked.ts';
import { Scope } from './moves/scope.ts';
import { Zaps } from './moves/zaps.ts';

/** How a call ended: value, bits set and cleared, vm_ops, page, entries, what it rests on. */
export interface RecordedEnd {
  /** `0`, `E`, `V` (anything), or a name of VM_FAULT_. */
  readonly v: string;
  readonly s?: number;
  readonly c?: number;
  readonly ops?: string;
  readonly page?: 1;
  /** kind, special, ref, level, what */
  readonly e?: readonly (readonly [string, number, number, string, string])[];
  readonly f?: 1;
  readonly on?: readonly string[];
}

export interface RecordedFunction {
  readonly path: string;
  readonly line: number;
  /** By the state of flags on entry, see {@link entryStates}; equal ones share an index. */
  readonly at: readonly number[];
  readonly ends: readonly (readonly RecordedEnd[])[];
}

export interface RecordedKernel {
  readonly version: string;
  readonly functions: Readonly<Record<string, RecordedFunction>>;
  /** Functions that get a VMA or a fault and do nothing to them that counts. */
  readonly inert: readonly string[];
  /** Functions that drivers may call which remove the entries of mappings. */
  readonly zaps: readonly string[];
  /** Functions that give a translation out of a page table, as far as it has them. */
  readonly lookups: readonly string[];
  /** Tables of vm_operations_struct: handler to function. */
  readonly tables: Readonly<
    Record<
      string,
      {
        readonly path: string;
        readonly line: number;
        readonly fields: Readonly<Record<string, string>>;
      }
    >
  >;
}

const FLAGS = [VM.VM_PFNMAP!, VM.VM_MIXEDMAP!, VM.VM_IO!];
const TOLD =
  VM.VM_PFNMAP! |
  VM.VM_MIXEDMAP! |
  VM.VM_IO! |
  VM.VM_DONTEXPAND! |
  VM.VM_DONTDUMP! |
  VM.VM_MAYWRITE!;

/** The flags on entry: every combination of three flags, for a shared and for a private mapping. */
export function entryStates(): { readonly set: number; readonly clear: number }[] {
  const out: { set: number; clear: number }[] = [];
  const cow = [
    { set: VM.VM_SHARED! | VM.VM_MAYSHARE!, clear: 0 },
    { set: VM.VM_MAYWRITE!, clear: VM.VM_SHARED! | VM.VM_MAYSHARE! },
  ];
  for (const c of cow) {
    for (let n = 0; n < 8; n++) {
      let [set, clear] = [c.set, c.clear];
      for (const [i, bit] of FLAGS.entries()) {
        if (n & (1 << i)) set |= bit;
        else clear |= bit;
      }
      out.push({ set, clear });
    }
  }
  return out;
}

/** The entry states that a state may be in. */
export function statesOf(st: State): number[] {
  const out: number[] = [];
  const shared = VM.VM_SHARED! | VM.VM_MAYSHARE!;
  // A private mapping that may never be written is no COW mapping: to mm it is as a shared one.
  const clear = mayBeCow(st) ? st.clear : st.clear & ~shared;
  for (const [i, e] of entryStates().entries()) {
    if (e.set & clear || e.clear & st.set) continue;
    out.push(i);
  }
  return out;
}

const HOME =
  /^(mm|kernel\/dma|include|drivers\/gpu\/drm\/(ttm\/)?[^/]+\.c|drivers\/iommu\/dma-iommu\.c|drivers\/dma-buf\/[^/]+\.c|drivers\/media\/(common\/videobuf2|v4l2-core)|fs\/[^/]+\.c)/;

/** Parts of mm that no exporter calls. */
const BEYOND =
  /^(handle_mm_fault|_*split_|vma_adjust|ksm_|madvise_|dax_|mlock_|xen_|backing_file|vma_init|vma_close|mmap_file)/;

/** What drivers that are part of the kernel call of mm, exported or not. */
const BUILT_IN = /^(remap|vm_insert|vmf_insert|vm_map|vm_iomap|io_remap)_/;

/** Names of what maps or handles faults: nothing seen there is no proof that nothing is done. */
const DOES = /mmap|fault|insert|remap|vm_flags|mkwrite|follow/;

/** Records a kernel. */
export function recordKernel(program: Program, version: string): RecordedKernel {
  const relevance = new Relevance(program);
  const shared = new Kept<string, readonly Outcome[]>(() => program.index.asked);
  const functions: Record<string, RecordedFunction> = {};
  const tables: RecordedKernel['tables'] & Record<string, unknown> = {};
  const wanted = new Map<string, FunctionDef>();
  const inert = new Set<string>();
  const kept = new Map<string, Table>();
  for (const def of program.everyFunction()) {
    if (
      !HOME.test(def.file.path) ||
      /nommu/.test(def.file.path) ||
      !/\b(vm_area_struct|vm_fault)\b/.test(def.head)
    )
      continue;
    const inline = def.file.path.endsWith('.h');
    if (def.where.isStatic && !inline) continue;
    const forModules = new RegExp(`EXPORT_SYMBOL\\w*\\(${def.name}\\b`).test(def.file.text);
    if (!inline && !forModules && !(/^mm\//.test(def.file.path) && BUILT_IN.test(def.name)))
      continue;
    if (BEYOND.test(def.name)) continue;
    if (!relevance.matters(def.name)) {
      inert.add(def.name);
      continue;
    }
    const best = program.findFunctions(def.name, def.file)[0];
    if (best) wanted.set(def.name, best);
  }
  for (const t of program.tables.get('vm_operations_struct') ?? []) {
    if (t.isStatic || !HOME.test(t.file.path)) continue;
    kept.set(t.name, t);
  }
  const queue = [...wanted.values()];
  const unbound = () => new Memory(program, { home: '', fields: new Map() });
  const addTable = (t: Table) => {
    const fields: Record<string, string> = {};
    const machine = new Machine(program, unbound(), relevance, shared);
    for (const field of HANDLERS) {
      const f = tableField(machine, t, field);
      if (f.k !== 'fn') continue;
      fields[field] = f.def.name;
      if (!wanted.has(f.def.name)) {
        wanted.set(f.def.name, f.def);
        queue.push(f.def);
      }
    }
    (tables as Record<string, unknown>)[t.name] = { path: t.file.path, line: t.line, fields };
  };
  for (const t of kept.values()) addTable(t);
  for (let def = queue.shift(); def; def = queue.shift()) {
    const machine = new Machine(program, unbound(), relevance, shared);
    const ends: RecordedEnd[][] = [];
    const index = new Map<string, number>();
    const at = entryStates().map((entry) => {
      const outcomes = machine.enter(def!, (s) => {
        s.set = entry.set;
        s.clear = entry.clear;
      });
      const list = new Map<string, RecordedEnd>();
      for (const o of outcomes) {
        const end = endOf(o, entry, (t) => {
          if (!kept.has(t.name)) {
            kept.set(t.name, t);
            addTable(t);
          }
        });
        list.set(JSON.stringify(end), end);
      }
      const key = [...list.keys()].sort().join();
      let n = index.get(key);
      if (n === undefined) {
        n = ends.length;
        ends.push([...list.values()]);
        index.set(key, n);
      }
      return n;
    });
    const nothing = ends.every((list) =>
      list.every((e) => !e.s && !e.c && !e.e && !e.page && !e.ops && !e.f),
    );
    if (nothing) inert.add(def.name);
    else functions[def.name] = { path: def.file.path, line: def.line, at, ends };
  }
  // Macros that are calls of these.
  for (const [name, callee] of program.aliases()) {
    const same = functions[callee];
    if (same && !functions[name]) functions[name] = same;
  }
  return {
    version,
    functions,
    inert: [...inert].filter((name) => !DOES.test(name)).sort(),
    zaps: zapsOf(program),
    lookups: lookupsOf(program),
    tables,
  };
}

function lookupsOf(program: Program): string[] {
  const found = new Set<string>();
  for (const { name, where, file } of program.everyFunction())
    if (LOOKUP.test(name) && !where.isStatic && /^mm\//.test(file.path)) found.add(name);
  return [...found].sort();
}

/** Exported and inline functions beside mm that zap, by themselves or in what they call. */
function zapsOf(program: Program): string[] {
  // What mm does when an insertion fails is no zap of a driver's.
  const files = program.files.filter((f) => /^(include|drivers\/gpu\/drm)\//.test(f.path));
  const zaps = new Zaps(new Scope(program, files, 'helpers'), new Set());
  const found = new Set<string>();
  for (const def of program.everyFunction()) {
    const { path, text } = def.file;
    const inline = path.startsWith('include/');
    if (!inline && !/^drivers\/gpu\/drm\/(ttm\/)?[^/]+\.c$/.test(path)) continue;
    if (!inline && !new RegExp(`EXPORT_SYMBOL\\w*\\(${def.name}\\b`).test(text)) continue;
    if (zaps.reaches(def.name, def)) found.add(def.name);
  }
  return [...found].sort();
}

function endOf(
  o: Outcome,
  entry: { set: number; clear: number },
  table: (t: Table) => void,
): RecordedEnd {
  const { value: v, st } = o;
  const code =
    v.k === 'err' ? 'E' : v.k === 'num' ? (v.n === 0 ? '0' : 'V') : v.k === 'fault' ? v.name : 'V';
  const s = st.set & ~entry.set & TOLD;
  const c = st.clear & ~entry.clear & TOLD;
  const ops = st.mem.get('vma->vm_ops');
  if (ops?.k === 'table') table(ops.table);
  const events = st.events
    .filter((e) => e.kind === 'entry' || e.kind === 'bug' || e.kind === 'unknown')
    .map(
      (e) =>
        [
          e.kind,
          e.special ? 1 : 0,
          e.ref ? 1 : 0,
          e.level,
          e.what || (primitiveOf(e)?.callee ?? ''),
        ] as const,
    );
  const on: string[] = [];
  for (const [k, fact] of st.facts) {
    if (!k.startsWith('platform: ') || k.includes('@')) continue;
    const name = /^platform: (\w+)\(/.exec(k)?.[1];
    if (name) on.push(`${fact === 'z' ? '!' : ''}${name}(dev)`);
  }
  return {
    v: code,
    ...(s ? { s } : {}),
    ...(c ? { c } : {}),
    ...(ops?.k === 'table' ? { ops: ops.table.name } : {}),
    ...(st.page ? { page: 1 as const } : {}),
    ...(events.length ? { e: events } : {}),
    ...(st.events.some((e) => e.kind === 'forward') ? { f: 1 as const } : {}),
    ...(on.length ? { on: [...new Set(on)] } : {}),
  };
}
