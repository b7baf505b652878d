// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The code of one driver and of the helpers that its faults run through: its functions, who calls
 * whom, and how the rest of the kernel gets at it.
 */
import { type Expr, eachIn, eachStmt } from '../c/ast.ts';
import { type FunctionDef, type Program, writtenIn } from '../c/program.ts';
import { saying } from '../c/saying.ts';
import type { SourceFile } from '../c/skeleton.ts';
import { dirOf, type Wanted } from '../c/tree.ts';
import { Kept, Keys } from '../index/asked.ts';
import { Part } from '../index/names.ts';

export type Call = Expr & { readonly k: 'call' };

/** A call of a function, or its address given away. */
export interface Use {
  readonly in: FunctionDef | null;
  readonly at: number;
  readonly call: Call | null;
  /** Which table's field holds it, or to which function it was passed. */
  readonly slot: { readonly struct: string; readonly field: string } | null;
  readonly passedTo: string | null;
}

/** How a driver is entered: through a slot, as a callback, or by name from elsewhere. */
export interface Root {
  readonly def: FunctionDef;
  readonly slot: { readonly struct: string; readonly field: string } | null;
  readonly passedTo: string | null;
}

/** What a file adds to a scope: its functions, and which table's field holds which function. */
interface Contents {
  readonly defs: readonly FunctionDef[];
  readonly slots: readonly { name: string; struct: string; field: string }[];
}

const calls = new WeakMap<FunctionDef, readonly Call[]>();
const contents = new WeakMap<Program, Kept<SourceFile, Contents>>();

function contentsOf(program: Program, file: SourceFile): Contents {
  let all = contents.get(program);
  if (!all) contents.set(program, (all = new Kept(() => program.index.asked)));
  return all.get(file, () => {
    const defs = program
      .functionsOf(file)
      .filter((def) => program.conditions.all(def.where.when) !== false);
    const slots = program.tablesIn(file).flatMap((t) =>
      [...t.fields].flatMap(([field, e]) => {
        const name = nameIn(e);
        if (!name || !program.functions.has(name)) return [];
        return [{ name, struct: t.type, field: field.split('.').at(-1)! }];
      }),
    );
    return { defs, slots };
  });
}

export class Scope {
  readonly files: readonly SourceFile[];
  readonly functions: FunctionDef[] = [];
  /** Its files. */
  readonly area: Wanted;
  /** What was asked of it, by whomever: what one has found the others use. */
  readonly asked = new Keys();
  private readonly byFile = new Map<SourceFile, readonly FunctionDef[]>();
  private readonly slots = new Map<string, { struct: string; field: string; file: SourceFile }[]>();
  private readonly known = new Map<string, readonly Use[]>();
  private readonly own: ReadonlySet<FunctionDef>;
  /** By struct and field. */
  private readonly held: ReadonlyMap<string, readonly string[]>;
  private readonly fieldCalls = new Map<string, { def: FunctionDef; call: Call; base: string }[]>();

  constructor(
    readonly program: Program,
    files: Iterable<SourceFile>,
    name: string,
  ) {
    const mine = new Set(files);
    this.files = [...mine];
    const paths = new Set(this.files.map((f) => f.path));
    this.area = { name, has: (path) => paths.has(path) };
    for (const file of mine) {
      const { defs, slots } = contentsOf(program, file);
      this.byFile.set(file, defs);
      this.functions.push(...defs);
      for (const { name, struct, field } of slots) {
        const list = this.slots.get(name) ?? [];
        list.push({ struct, field, file });
        this.slots.set(name, list);
      }
    }
    this.own = new Set(this.functions);
    const held = new Map<string, string[]>();
    for (const [name, list] of this.slots) {
      for (const slot of new Set(list.map(({ struct, field }) => `${struct}.${field}`))) {
        const names = held.get(slot);
        if (names) names.push(name);
        else held.set(slot, [name]);
      }
    }
    this.held = held;
  }

  /** Functions in whose text a pattern is found. */
  *mentioning(pattern: RegExp): Generator<FunctionDef> {
    for (const file of this.byFile.keys())
      if (pattern.test(file.text)) yield* this.mentioningIn(file, pattern);
  }

  /** Those of one file. */
  mentioningIn(file: SourceFile, pattern: RegExp): readonly FunctionDef[] {
    return (this.byFile.get(file) ?? []).filter((def) => pattern.test(def.text));
  }

  has(def: FunctionDef): boolean {
    return this.own.has(def);
  }

  /** The function of this scope, or an inline one of a header, that a name used in a file means. */
  find(name: string, from: SourceFile): FunctionDef | null {
    return this.program.findFunctions(name, from)[0] ?? null;
  }

  /** The function that holds an offset of a file. */
  at(file: SourceFile, at: number): FunctionDef | null {
    const all = this.byFile.get(writtenIn(file)) ?? [];
    return all.find((d) => d.file === file && d.where.declared <= at && at < d.where.end) ?? null;
  }

  /** The calls in a body, in program order. */
  callsIn(def: FunctionDef): readonly Call[] {
    let list = calls.get(def);
    if (!list) {
      const out: Call[] = [];
      eachIn(def.body, (e) => {
        if (e.k === 'call') out.push(e);
      });
      calls.set(def, (list = out.sort((a, b) => a.at - b.at)));
    }
    return list;
  }

  /** Where a function is called or its address is given away. */
  usesOf(def: FunctionDef): readonly Use[] {
    const done = this.known.get(def.id);
    if (done) return done;
    const out: Use[] = [];
    this.known.set(def.id, out);
    const files =
      def.where.isStatic && !def.file.path.endsWith('.h') ? [writtenIn(def.file)] : this.files;
    for (const file of files) {
      const all = saying(file, this.byFile.get(file) ?? [], def.name, 'word', 'declared');
      const callers = all.filter((caller) => caller !== def);
      if (callers.length === 0 || this.find(def.name, file) !== def) continue;
      for (const caller of callers) this.usesIn(caller, def.name, out);
    }
    for (const s of this.slots.get(def.name) ?? []) {
      if (def.where.isStatic && s.file !== writtenIn(def.file)) continue;
      out.push(...this.throughSlot(s.struct, s.field, out));
    }
    return out;
  }

  private usesIn(caller: FunctionDef, name: string, out: Use[]): void {
    eachIn(caller.body, (e) => {
      const base = { in: caller, at: e.at, slot: null, passedTo: null };
      if (e.k === 'call') {
        if (e.fn.k === 'id' && e.fn.name === name) out.push({ ...base, call: e });
        const to = e.fn.k === 'id' ? e.fn.name : '';
        if (e.args.some((a) => nameIn(a) === name))
          out.push({ ...base, call: null, passedTo: to || 'a pointer' });
      } else if (e.k === 'assign' && nameIn(e.r) === name && e.l.k === 'member') {
        const struct = this.program.typeIn(caller, e.l.of).base;
        out.push(...this.throughSlot(struct, e.l.name, []));
      }
    });
  }

  /** The functions that tables of a struct hold in a field. */
  heldIn(struct: string, field: string): readonly string[] {
    return struct ? (this.held.get(`${struct}.${field}`) ?? []) : [];
  }

  /** Calls through a driver's own table, or the slot itself when the kernel makes them. */
  private throughSlot(struct: string, field: string, already: readonly Use[]): Use[] {
    const slot = { struct, field };
    const out = this.callsOf(field)
      .filter(({ base }) => !base || !struct || base === struct)
      .filter(({ def, call }) => !already.some((u) => u.in === def && u.at === call.at))
      .map(({ def, call }): Use => ({ in: def, at: call.at, call, slot, passedTo: null }));
    return out.length ? out : [{ in: null, at: 0, call: null, slot, passedTo: null }];
  }

  /**
   * The struct that an expression is of; '' where that is not known. One that stands in another without a
   * name of its own has that of its place.
   */
  structOf(def: FunctionDef, e: Expr): string {
    const { base } = this.program.typeIn(def, e);
    if (base) return base;
    if (e.k === 'index') return this.structOf(def, e.of);
    if (e.k === 'unary') return this.structOf(def, e.e);
    if (e.k !== 'member') return '';
    const outer = this.structOf(def, e.of);
    return this.program.memberOf(outer, e.name, def.file) ? `${outer}.${e.name}` : '';
  }

  /** Calls of a field, with the type of the struct that it is in; '' where that is not known. */
  private callsOf(field: string): { def: FunctionDef; call: Call; base: string }[] {
    let known = this.fieldCalls.get(field);
    if (known) return known;
    known = [];
    const calling = new Set(this.program.index.filesWith(Part.Call, field));
    for (const [file, defs] of this.byFile) {
      // What macros make comes last, and what it calls is in the index of no file.
      if (!calling.has(file.path) && (defs.at(-1)?.file ?? file) === file) continue;
      for (const def of saying(file, defs, field, 'member call', 'declared')) {
        for (const call of this.callsIn(def)) {
          if (call.fn.k !== 'member' || call.fn.name !== field) continue;
          known.push({ def, call, base: this.program.typeIn(def, call.fn.of).base });
        }
      }
    }
    this.fieldCalls.set(field, known);
    return known;
  }

  /** Every function that a call from these leads to, within the scope. */
  reach(starts: readonly FunctionDef[]): Set<FunctionDef> {
    const seen = new Set<FunctionDef>(starts);
    const queue = [...starts];
    for (let def = queue.pop(); def; def = queue.pop()) {
      for (const c of this.callsIn(def)) {
        if (c.fn.k !== 'id') continue;
        const to = this.find(c.fn.name, def.file);
        if (to && !seen.has(to) && this.has(to)) {
          seen.add(to);
          queue.push(to);
        }
      }
    }
    return seen;
  }
}

/** `f`, `&f`, `(type)f` */
function nameIn(e: Expr): string | null {
  if (e.k === 'id') return e.name;
  if (e.k === 'cast' || (e.k === 'unary' && e.op === '&')) return nameIn(e.e);
  return null;
}

const given = new WeakMap<FunctionDef, ReadonlyMap<string, readonly Expr[]>>();

/** What a local is ever given, in one function. */
export function valuesOf(def: FunctionDef, name: string): readonly Expr[] {
  let all = given.get(def);
  if (!all) given.set(def, (all = assignedIn(def)));
  return all.get(name) ?? [];
}

/** What all locals of a function are given. */
function assignedIn(def: FunctionDef): ReadonlyMap<string, readonly Expr[]> {
  const out = new Map<string, Expr[]>();
  const put = (name: string, e: Expr) => {
    const list = out.get(name);
    if (list) list.push(e);
    else out.set(name, [e]);
  };
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init) put(s.name, s.init);
    // for_each_sg(sgt->sgl, sg, n, i): sg is one of what is walked.
    if (s.k === 'loop' && s.kind === 'macro' && s.c?.k === 'call') {
      const two = s.c.args.slice(0, 2);
      for (const name of new Set(two.map(nameIn)))
        if (name !== null) for (const a of two) if (nameIn(a) !== name) put(name, a);
    }
  });
  eachIn(def.body, (e) => {
    if (e.k === 'assign' && e.l.k === 'id') put(e.l.name, e.r);
  });
  return out;
}

/** The variable that an expression starts from: `buf` of `&buf->mem.pages[i]`. */
export function rootOf(e: Expr): string | null {
  switch (e.k) {
    case 'id':
      return e.name;
    case 'member':
    case 'index':
      return rootOf(e.of);
    case 'unary':
    case 'cast':
      return rootOf(e.e);
    default:
      return null;
  }
}

/** Whether a directory is a driver's own: not those of others below that of a subsystem. */
export const belongs = (home: string, dir: string) =>
  dir === home || (home.split('/').length > 3 && dir.startsWith(`${home}/`));

/** The files of a kernel that belong to a driver: its directory and those below, and helpers' own. */
export function inDirectories(
  program: Program,
  home: string,
  helpers: readonly string[],
): SourceFile[] {
  return program.files.filter((f) => inScope(dirOf(f.path), home, helpers));
}

/** Whether a directory is one of those. */
export function inScope(dir: string, home: string, helpers: readonly string[]): boolean {
  // drivers/gpu/drm/x/gem/ is a part of drivers/gpu/drm/x/.
  const above = home.split('/').length > 4 ? dirOf(home) : home;
  return dir === above || belongs(home, dir) || helpers.includes(dir);
}
