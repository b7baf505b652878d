// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Exporters: every table through which a dma-buf is mapped, followed from its mmap callback to the
 * entries that it and its fault handlers make, and judged by what holds when they return.
 */

import { type Expr, textOf } from './c/ast.ts';
import type { FunctionDef, Program, Table } from './c/program.ts';
import { dirOf, distance, near, type Wanted } from './c/tree.ts';
import { HANDLERS, tableField } from './flow/lookup.ts';
import { type Binding, Machine, Memory, type Outcome, type Recorded } from './flow/machine.ts';
import { type Recalled, Relevance } from './flow/relevance.ts';
import { type Fact, mayBeCow, State } from './flow/state.ts';
import {
  diesOfPfnmap,
  type Event,
  eventKey,
  keyOf,
  primitiveOf,
  type Site,
  type Value,
  VM,
  ZERO,
} from './flow/values.ts';
import { withOps } from './flow/vmops.ts';
import { Kept, type Keys, whole } from './index/asked.ts';
import type { Mark } from './index/names.ts';
import { isLeftBehind } from './reach.ts';

/** How often something holds at the end of the paths that succeed. */
export type Often = 'always' | 'never' | 'some-paths' | 'depends';

export interface Entry {
  readonly event: Event;
  /** vm_flags known when the callback that made it returned. */
  readonly set: number;
  readonly clear: number;
  /** In mmap itself, or in which handler. */
  readonly by: string;
  /** What the path rests on that the configuration or the platform decides. */
  readonly depends: string | null;
  /** What else it rests on. */
  readonly when: readonly string[];
}

/** One successful way through mmap, with what its fault handlers may do. */
export interface Path {
  readonly set: number;
  readonly clear: number;
  readonly cow: boolean;
  readonly entries: readonly Entry[];
  readonly forwards: boolean;
  readonly unknown: readonly Event[];
  readonly depends: string | null;
  readonly when: readonly string[];
  readonly flags: readonly Event[];
  readonly vmOps: Table | null;
}

export interface Exporter {
  readonly name: string;
  readonly table: Table;
  /** How the table is named in an audit. */
  readonly struct: string;
  /** The function in the mmap slot; null when there is none. */
  readonly mmap: FunctionDef | null;
  /** What the mmap slot names, with or without source. */
  readonly slot: string | null;
  /** Where the walk began when that is a shared dispatcher. */
  readonly through: FunctionDef | null;
  readonly paths: readonly Path[];
  readonly machine: Machine;
  readonly refused: boolean;
  /** Its objects are all imported: PRIME hands out the buffer that they came from. */
  readonly imports: boolean;
  /** No code leads to the table. */
  readonly unused: boolean;
}

/** Of a file in which a table of operations may be filled. */
export const MAY_EXPORT: Mark = { pattern: /dma_buf/, words: ['dma_buf'] };

/** Directories that hold no code of the running kernel. */
const ASIDE = /(^|\/)(tools|Documentation|scripts)\//;

/** A table to be followed, and what is bound for it. */
export interface ExporterJob {
  readonly table: Table;
  /** The dispatcher through which it is reached. */
  readonly via: Table | null;
  /** Several: its objects have one of several tables. */
  readonly bindings: readonly Binding[];
  /** The mmap slot that stands in for dma_buf_ops.mmap; null: that itself. */
  readonly slot: string | null;
}

/** What all exporters of a program have in common. */
export interface Means {
  readonly program: Program;
  readonly relevance: Relevance;
  readonly core: Kept<string, readonly Outcome[]>;
  readonly memories: Memories;
  readonly recorded: Recorded | null;
}

export const meansOf = (
  program: Program,
  recorded: Recorded | null,
  recalled?: Recalled,
): Means => ({
  program,
  relevance: new Relevance(program, recorded !== null, recalled),
  core: new Kept(() => program.index.asked),
  memories: new Memories(),
  recorded,
});

/** Follows the exporter that a job stands for. */
export function exporterOf(means: Means, { table, via, bindings, slot }: ExporterJob): Exporter {
  const e = slot ? table.fields.get(slot) : undefined;
  const t = e ? { ...table, fields: new Map([...table.fields, ['mmap', e]]) } : table;
  return merge(bindings.map((b) => judge(means, t, table.type, via, b)));
}

/** What was asked to tell whether a table's mmap asks the object's own, and the answer. */
export interface Dispatching {
  readonly table: Table;
  readonly keys: Keys;
  readonly yes: boolean;
}

function dispatches(program: Program, table: Table, questions: Dispatching[]): boolean {
  const { asked } = program.index;
  const [yes, keys] = asked.aside(() => asked.during(() => isDispatcher(program, table)));
  questions.push({ table, keys, yes });
  return yes;
}

/**
 * The exporters of a program, to be followed one by one.
 * @param questions gets what was asked to sort them, beside what was asked to find them
 */
export function exporterJobs(
  { program, recorded }: Means,
  questions: Dispatching[] = [],
): ExporterJob[] {
  const out: ExporterJob[] = [];
  const named = (type: string) =>
    (program.tables.get(type) ?? []).filter((t) => t.fields.size > 0 && !ASIDE.test(t.file.path));
  const buffers = [...named('dma_buf_ops'), ...assembled(program, 'dma_buf_ops')];
  const dispatchers = buffers.filter((t) => dispatches(program, t, questions));
  // Without the dispatcher's source, the tables of the objects are judged in its stead.
  const forwarded = buffers.filter((t) => {
    const e = t.fields.get('mmap');
    return (
      recorded &&
      e?.k === 'id' &&
      !program.functions.has(e.name) &&
      /^drm_gem_(dmabuf|prime)_mmap$/.test(e.name)
    );
  });
  const gems = named('drm_gem_object_funcs');
  for (const t of buffers) {
    if (dispatchers.includes(t) || forwarded.includes(t)) continue;
    const home = dirOf(t.file.path);
    const own = gems.filter((g) => dirOf(g.file.path) === home);
    const bindings =
      own.length > 1 ? own.map((g) => bindingFor(program, t, [g])) : [bindingFor(program, t, gems)];
    out.push({ table: t, via: null, bindings, slot: null });
  }
  for (const t of gems) {
    const own = nearestTable(buffers, t, 1);
    const via =
      own?.fields.has('mmap') && !forwarded.includes(own) ? own : (dispatchers[0] ?? null);
    out.push({ table: t, via, bindings: [bindingFor(program, t, [t])], slot: null });
  }
  // Until 6.6 a driver could map all its objects alike: drm_driver.gem_prime_mmap.
  for (const t of named('drm_driver')) {
    const e = t.fields.get('gem_prime_mmap');
    if (e?.k !== 'id' || e.name === 'drm_gem_prime_mmap') continue;
    if (gems.some((g) => dirOf(g.file.path) === dirOf(t.file.path))) continue;
    const bindings = [bindingFor(program, t, [])];
    out.push({ table: t, via: null, bindings, slot: 'gem_prime_mmap' });
  }
  return out;
}

/** Tables that are filled at run time, field by field: `ops->mmap = f`. */
export function assembled(
  program: Program,
  type: string,
  wanted: Wanted = mayExport(program),
): Table[] {
  const out = new Map<string, Table>();
  for (const field of ['mmap', 'map_dma_buf', 'release']) {
    for (const { fn, left, right } of program.assignments(field, wanted)) {
      if (left.k !== 'member' || program.typeIn(fn, left.of).base !== type) continue;
      const name = textOf(left.of);
      const id = `${fn.file.path} ${name}`;
      // A table with an initialiser is there already; a field of it may be set later.
      const whole = program.tablesByName
        .get(name)
        ?.find((t) => t.file === fn.file && t.fields.size > 0);
      if (whole) continue;
      const table = out.get(id) ?? {
        name: name.replace(/^&/, ''),
        type,
        file: fn.file,
        at: left.at,
        line: fn.file.lines.at(left.at),
        isStatic: true,
        fields: new Map<string, Expr>(),
        when: [],
      };
      (table.fields as Map<string, Expr>).set(field, right);
      out.set(id, table);
    }
  }
  return [...out.values()];
}

const mayExport = (program: Program): Wanted => ({
  name: 'exporting',
  has: (path) => !ASIDE.test(path) && program.index.isMarked(path, MAY_EXPORT),
});

/** dma_buf_ops whose mmap asks the object's own table. */
export function isDispatcher(program: Program, t: Table): boolean {
  const e = t.fields.get('mmap');
  if (e?.k !== 'id') return false;
  const def = program.findFunctions(e.name, t.file)[0];
  if (!def || def.file !== t.file) return false;
  if (!/funcs->mmap\s*\(|gem_prime_mmap\s*\(/.test(def.text)) return false;
  program.index.asked.note(whole.file(def.file.path));
  return /funcs->mmap\s*\(/.test(def.file.text);
}

function nearestTable(list: readonly Table[], to: Table, within: number): Table | null {
  const home = dirOf(to.file.path);
  let best: Table | null = null;
  let least = within + 1;
  for (const t of list) {
    const there = dirOf(t.file.path);
    if (!there.startsWith(parentModule(home)) && !home.startsWith(there)) continue;
    const d = distance(home, there);
    if (d < least) [best, least] = [t, d];
  }
  return best;
}

/** The directory that a driver's parts share: the one of the file, for now. */
function parentModule(dir: string): string {
  return dir;
}

function bindingFor(program: Program, t: Table, gems: readonly Table[]): Binding {
  const home = dirOf(t.file.path);
  const fields = new Map<string, Value>();
  const bind = (field: string, list: readonly Table[], within: number) => {
    const around = list.filter(
      (x) =>
        x.fields.size > 0 &&
        distance(dirOf(x.file.path), home) <= within &&
        related(dirOf(x.file.path), home),
    );
    const sameFile = around.filter((x) => x.file === t.file);
    const chosen = sameFile.length ? sameFile : around;
    const least = Math.min(...chosen.map((x) => distance(dirOf(x.file.path), home)));
    const best = chosen.filter((x) => distance(dirOf(x.file.path), home) === least);
    if (best[0] && (best.length === 1 || field === 'drm_device.driver'))
      fields.set(field, { k: 'table', table: best[0] });
  };
  if (t.type === 'drm_gem_object_funcs')
    fields.set('drm_gem_object.funcs', { k: 'table', table: t });
  else bind('drm_gem_object.funcs', gems, 1);
  const drivers = (program.tables.get('drm_driver') ?? []).filter((d) => d.fields.size > 0);
  const helper = drivers.every(
    (d) => dirOf(d.file.path) !== home && !related(dirOf(d.file.path), home),
  );
  if (!helper) bind('drm_device.driver', drivers, 1);
  return { home, fields };
}

function related(a: string, b: string): boolean {
  return (
    a === b ||
    ((a.startsWith(`${b}/`) || b.startsWith(`${a}/`)) &&
      Math.min(a.split('/').length, b.split('/').length) >= 4)
  );
}

/** One exporter whose objects have one of several tables. */
function merge(list: readonly Exporter[]): Exporter {
  const first = list[0]!;
  if (list.length === 1) return first;
  return { ...first, paths: list.flatMap((e) => e.paths), refused: list.every((e) => e.refused) };
}

/** Judges a table; whatever goes wrong in doing so is told and spoils no other finding. */
function judge(
  means: Means,
  table: Table,
  struct: string,
  via: Table | null,
  binding: Binding,
): Exporter {
  try {
    return follow(means, table, struct, via, binding);
  } catch (error) {
    const machine = machineOf(means, binding);
    const site: Site = {
      file: table.file,
      at: table.at,
      fn: table.name,
      callee: 'mmap',
      calleePath: '',
    };
    machine.gap(site, `given up: ${error instanceof Error ? error.message : error}`);
    return {
      name: table.name,
      table,
      struct,
      machine,
      mmap: null,
      slot: 'mmap',
      through: null,
      paths: [],
      refused: false,
      imports: false,
      unused: false,
    };
  }
}

/** What was found for exporters bound alike, under the same assumptions, by what binds them. */
class Memories {
  private readonly known = new Map<string, Memory>();
  private readonly numbers = new Map<Table, number>();

  of(program: Program, binding: Binding, assumed: Assumed = new Map()): Memory {
    const bound = [...binding.fields].map(([field, v]) => [field, this.told(v)]);
    const key = JSON.stringify([binding.home, bound, [...assumed]]);
    let memory = this.known.get(key);
    if (!memory) this.known.set(key, (memory = new Memory(program, binding, assumed)));
    return memory;
  }

  private told(v: Value): string | number {
    if (v.k !== 'table') return keyOf(v);
    let n = this.numbers.get(v.table);
    if (n === undefined) this.numbers.set(v.table, (n = this.numbers.size));
    return n;
  }
}

const machineOf = (
  { program, memories, relevance, core, recorded }: Means,
  binding: Binding,
  assumed?: Assumed,
) => new Machine(program, memories.of(program, binding, assumed), relevance, core, recorded);

function follow(
  means: Means,
  table: Table,
  struct: string,
  via: Table | null,
  binding: Binding,
): Exporter {
  const machine = machineOf(means, binding);
  const slot = tableField(machine, table, 'mmap');
  const own = slot.k === 'fn' ? slot.def : null;
  const entry = via ? tableField(machine, via, 'mmap') : slot;
  const start = entry.k === 'fn' ? entry.def : null;
  const gem = table.type === 'drm_gem_object_funcs';
  const imports = gem && onlyImports(means.program, table);
  // Asked again of a table whose file a patch changes.
  const unused = means.program.index.asked.aside(() => isLeftBehind(means.program, table));
  const base = { name: table.name, table, struct, machine, imports, unused };
  if ((imports || unused) && own)
    return { ...base, mmap: own, slot: nameOf(slot), through: null, paths: [], refused: false };
  if (gem && !via) return withoutDispatcher(means, base, slot, binding);
  const idle =
    via !== null && !own && !table.fields.has('vm_ops') && !binding.fields.has('drm_device.driver');
  const known = start !== null || (entry.k === 'sym' && means.recorded?.has(entry.key));
  if (!known || (!via && slot.k === 'num') || idle) {
    return { ...base, mmap: own, slot: nameOf(slot), through: null, paths: [], refused: false };
  }
  const enter: Enter = (m) => enterAny(m, entry, table, fresh);
  return {
    ...base,
    mmap: own ?? start,
    slot: nameOf(slot),
    through: via ? start : null,
    ...judged(machine, start, enter, (assumed) => machineOf(means, binding, assumed)),
  };
}

/**
 * Whether objects get a table only where they are made of another dma-buf. Exporting such an object
 * gives that buffer (6.12 drivers/gpu/drm/drm_prime.c:457), so nobody comes to this mmap by one.
 */
function onlyImports(program: Program, table: Table): boolean {
  const home = dirOf(table.file.path);
  const given = program
    .assignments('funcs', near(home, 1))
    .filter(({ right }) => textOf(right) === `&${table.name}`);
  return given.length > 0 && given.every(({ fn }) => /\bdma_buf_attachment\b/.test(fn.head));
}

/** A table of GEM functions where no dispatcher is at hand: what drm_gem_mmap_obj() does with it. */
function withoutDispatcher(
  means: Means,
  base: Pick<Exporter, 'name' | 'table' | 'struct' | 'machine' | 'imports' | 'unused'>,
  slot: Value,
  binding: Binding,
): Exporter {
  const { machine, table } = base;
  const under = (assumed: Assumed) => machineOf(means, binding, assumed);
  const own = slot.k === 'fn' ? slot.def : null;
  const ops = tableField(machine, table, 'vm_ops');
  const rest = { ...base, mmap: own, slot: nameOf(slot), through: null };
  const prepare = (st: State) => {
    fresh(st);
    if (ops.k !== 'num') st.mem.set('vma->vm_ops', ops);
  };
  if (slot.k === 'num') {
    if (ops.k === 'num') return { ...rest, paths: [], refused: false };
    // 6.12 drivers/gpu/drm/drm_prime.c:783: without a callback the device's own mmap is called.
    const device = deviceMmap(machine, binding);
    if (device) {
      const enter: Enter = (m) => {
        const outcomes = enterAny(m, device, table, prepare);
        for (const { st } of outcomes)
          if (st.mem.get('vma->vm_ops')?.k !== 'table') st.mem.set('vma->vm_ops', ops);
        return outcomes;
      };
      const its = judged(machine, device.def, enter, under);
      if (its.paths.length && its.paths.every((p) => p.unknown.length === 0))
        return { ...rest, mmap: device.def, slot: device.def.name, ...its };
    }
    // 6.12 drivers/gpu/drm/drm_gem.c:1105: without a callback it sets the flags itself.
    const st = new State();
    prepare(st);
    st.setBits(VM.VM_IO! | VM.VM_PFNMAP! | VM.VM_DONTEXPAND! | VM.VM_DONTDUMP!);
    const end: Enter = () => [{ value: ZERO, st }];
    return { ...rest, slot: 'drm_gem_mmap_obj', ...judged(machine, null, end, under) };
  }
  return { ...rest, ...judged(machine, own, (m) => enterAny(m, slot, table, prepare), under) };
}

/** What a driver of this binding has in `fops->mmap`, if that is a function of its own. */
function deviceMmap(machine: Machine, { fields }: Binding): (Value & { readonly k: 'fn' }) | null {
  const driver = fields.get('drm_device.driver');
  const fops = driver?.k === 'table' ? tableField(machine, driver.table, 'fops') : null;
  const mmap = fops?.k === 'table' ? tableField(machine, fops.table, 'mmap') : null;
  return mmap?.k === 'fn' ? mmap : null;
}

/** Runs mmap; and a machine that takes something for granted. */
type Enter = (machine: Machine) => readonly Outcome[];
type Assumed = ReadonlyMap<string, Fact>;

function judged(
  machine: Machine,
  start: FunctionDef | null,
  enter: Enter,
  under: (assumed: Assumed) => Machine,
) {
  const returns = start?.returns.base ?? 'int';
  const outcomes = enter(machine);
  const good = outcomes.filter((o) => succeeds(o, returns) || o.st.events.some(diesOfPfnmap));
  /** Whether mmap may end as it does on this path when what a handler rests on was so then. */
  const possible = (st: State, assumed: Assumed) =>
    enter(under(assumed)).some(
      (o) =>
        succeeds(o, returns) &&
        (o.st.set & JUDGED) === (st.set & JUDGED) &&
        keyOf(o.st.mem.get('vma->vm_ops') ?? ZERO) === keyOf(st.mem.get('vma->vm_ops') ?? ZERO),
    );
  const ends = good.flatMap((o) => withOps(machine, o));
  const paths = alike(ends.map((o) => pathOf(machine, o, ends.length > 1 ? possible : null)));
  return { paths, refused: outcomes.length > 0 && good.length === 0 };
}

const nameOf = (v: Value) => (v.k === 'fn' ? v.def.name : v.k === 'sym' ? v.key : null);

/** Runs a function whose source is at hand, or one that is recorded. */
function enterAny(
  machine: Machine,
  f: Value,
  table: Table,
  prepare: (st: State) => void,
): readonly Outcome[] {
  if (f.k === 'fn') return machine.enter(f.def, prepare);
  if (f.k !== 'sym' || !machine.recorded?.has(f.key)) return [];
  const st = new State();
  prepare(st);
  const at = table.fields.get('mmap')?.at ?? table.at;
  return machine.recorded.call(f.key, st, {
    file: table.file,
    at,
    fn: f.key,
    callee: f.key,
    calleePath: '',
  });
}

/** A VMA as mmap gets it: none of the flags that only drivers set. */
function fresh(st: State): void {
  st.clearBits(VM.VM_PFNMAP! | VM.VM_MIXEDMAP! | VM.VM_IO!);
}

/** Whether a path may end well. */
function succeeds(o: Outcome, returns: string): boolean {
  const v = o.value;
  if (v.k === 'err') return false;
  if (v.k === 'num') return v.n === 0 || returns === 'bool';
  if (v.k === 'fault') return !v.bad;
  if (v.k === 'sym') {
    const fact = o.st.facts.get(v.key);
    return fact !== 'nz' && fact !== 'neg';
  }
  return true;
}

/** What a path rests on: choices of platform and configuration, and the rest. */
function conditionsOf(st: State): { depends: string | null; when: string[] } {
  const depends: string[] = [];
  const when: string[] = [];
  for (const [key, fact] of st.facts) {
    const yes = fact !== 'z';
    if (/^platform: /.test(key)) {
      if (!key.includes('=')) depends.push(`${yes ? '' : '!'}${ofDevice(key.slice(10))}`);
      else if (yes) depends.push(key.slice(10));
    } else if (/^config: /.test(key)) {
      if (!key.includes('=') || yes) depends.push(`${yes ? '' : '!'}${key.slice(8)}`);
    } else if (!key.includes('@') || /^via /.test(key)) {
      if (!/^via /.test(key) || yes) when.push(`${yes ? '' : '!'}${key}`);
    }
  }
  return { depends: depends.length ? depends.join(', ') : null, when };
}

/** `use_dma_iommu(obj->base.dev->dev)` as `use_dma_iommu(dev)`: which device is told by the chain. */
const ofDevice = (question: string) => question.replace(/^(\w+)\(.*\)(->\w+)?$/, '$1(dev)$2');

const JUDGED = VM.VM_PFNMAP! | VM.VM_MIXEDMAP! | VM.VM_IO!;

/** One of each kind: paths that differ in nothing that is judged are told once. */
function alike(paths: readonly Path[]): Path[] {
  const kinds = new Map<string, Path>();
  for (const p of paths) {
    const key = [
      p.set & JUDGED,
      p.cow,
      p.forwards,
      p.vmOps?.name,
      p.depends,
      ...p.entries.map((e) => `${e.by} ${eventKey(e.event)} ${e.set & JUDGED} ${e.depends}`),
      ...p.unknown.map((u) => u.what),
    ].join('|');
    const other = kinds.get(key);
    if (!other || p.when.length < other.when.length) kinds.set(key, p);
  }
  return [...kinds.values()];
}

/**
 * Whether a handler rests on a field being what it is not where mmap took this path: what mmap and handler
 * call the object differs, so fields go by their names.
 */
function contradict(mmap: readonly string[], handler: readonly string[]): boolean {
  const field = (fact: string) =>
    /^!?/.exec(fact)![0] + (/(?:->|\.)(\w+)$/.exec(fact)?.[1] ?? fact.replace(/^!/, ''));
  const known = new Set(mmap.map(field));
  return handler.map(field).some((f) => known.has(f.startsWith('!') ? f.slice(1) : `!${f}`));
}

/** Whether mmap and handler rest on different configurations: a kernel has one. */
const configuredElse = (mmap: State, handler: State) =>
  [...mmap.facts].some(([key, fact]) => {
    const other = key.startsWith('config: ') ? handler.facts.get(key) : undefined;
    return other !== undefined && (other === 'z') !== (fact === 'z');
  });

/**
 * What a handler rests on that mmap may have rested on too: its configuration, and fields of what both
 * reach by the VMA.
 */
const restsOn = (st: State): Assumed =>
  new Map([...st.facts].filter(([key]) => /^config: /.test(key) || /^[\w.>()&-]+$/.test(key)));

/** @param possible whether mmap may leave the VMA so where something holds; null: it leaves it in one way */
function pathOf(
  machine: Machine,
  o: Outcome,
  possible: ((st: State, assumed: Assumed) => boolean) | null,
): Path {
  const { st } = o;
  const here = conditionsOf(st);
  const entries: Entry[] = [];
  const unknown = st.events.filter((e) => e.kind === 'unknown');
  const put = (
    e: Event,
    by: string,
    s: State,
    also: { depends: string | null; when: string[] },
  ) => {
    const depends = [here.depends, also.depends].filter(Boolean).join(', ') || null;
    entries.push({
      event: e,
      set: s.set,
      clear: s.clear,
      by,
      depends,
      when: [...here.when, ...also.when],
    });
  };
  for (const e of st.events)
    if (e.kind === 'entry' || diesOfPfnmap(e)) put(e, 'mmap', st, { depends: null, when: [] });
  let forwards = st.events.some((e) => e.kind === 'forward');
  const ops = st.mem.get('vma->vm_ops');
  const vmOps = ops?.k === 'table' ? ops.table : null;
  const seen = new Set<string>();
  if (vmOps) {
    for (const handler of HANDLERS) {
      const f = tableField(machine, vmOps, handler);
      if (f.k === 'sym' && !machine.recorded?.has(f.key) && handler === 'fault') {
        unknown.push({
          kind: 'unknown',
          special: false,
          ref: false,
          level: '',
          what: `${vmOps.name}.fault`,
          chain: [],
        });
      }
      if (f.k !== 'fn' && f.k !== 'sym') continue;
      const outcomes = enterAny(machine, f, vmOps, (s) => {
        s.set = st.set;
        s.clear = st.clear;
        for (const [k, v] of st.mem) if (k.startsWith('vma->')) s.mem.set(k, v);
      });
      const site: Site = {
        file: vmOps.file,
        at: vmOps.fields.get(handler)?.at ?? vmOps.at,
        fn: nameOf(f) ?? handler,
        callee: nameOf(f) ?? handler,
        calleePath: f.k === 'fn' ? f.def.file.path : '',
      };
      for (const one of outcomes) {
        if (configuredElse(st, one.st)) continue;
        const also = conditionsOf(one.st);
        // A struct page, where the VMA says that there are none: is it the VMA of another object?
        const odd = one.st.page !== null || one.st.events.some((e) => diesOfPfnmap(e) || e.ref);
        if (odd && st.set & VM.VM_PFNMAP! && possible) {
          const assumed = restsOn(one.st);
          if (assumed.size > 0 && !possible(st, assumed)) continue;
        }
        for (const e of one.st.events) {
          const event = { ...e, chain: [site, ...e.chain] };
          const key = `${handler} ${eventKey(event)} ${also.depends}`;
          if (e.kind === 'unknown') {
            if (!seen.has(key)) unknown.push(event);
          } else if (e.kind === 'forward') forwards = true;
          else if (diesOfPfnmap(e) && contradict(here.when, also.when)) continue;
          else if (e.kind === 'entry' || e.kind === 'bug') {
            if (!seen.has(key)) put(event, handler, one.st, also);
          }
          seen.add(key);
        }
        if (one.st.page && handler === 'fault' && succeeds(one, 'vm_fault_t')) {
          const event: Event = {
            kind: 'entry',
            special: false,
            ref: true,
            level: 'pte',
            what: 'vmf->page',
            chain: [site, one.st.page],
          };
          const key = eventKey(event);
          if (!seen.has(key)) put(event, handler, one.st, also);
          seen.add(key);
        }
      }
    }
  } else if (ops && ops.k === 'sym') {
    unknown.push({
      kind: 'unknown',
      special: false,
      ref: false,
      level: '',
      what: `vma->vm_ops = ${ops.key}`,
      chain: [],
    });
  }
  return {
    set: st.set,
    clear: st.clear,
    cow: mayBeCow(st),
    entries,
    forwards,
    unknown,
    depends: here.depends,
    when: here.when,
    flags: st.events.filter((e) => e.kind === 'flags'),
    vmOps,
  };
}

/** The places of a chain as `path:line function -> callee`. */
export function chainText(chain: readonly Site[]): string {
  return chain
    .map((s) => `${s.file.path}:${s.file.lines.at(s.at)} ${s.fn} -> ${s.callee}`)
    .join('\n    ');
}

export { primitiveOf };
