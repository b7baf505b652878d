// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the C files of a tree define: functions, tables, structs and macros by name, and which of
 * several definitions a use means. Headers are looked into when a name is asked for.
 */
import {
  type Expr,
  eachIn,
  eachStmt,
  type Field,
  type Param,
  type Stmt,
  type Type,
} from './ast.ts';
import type { Conditions } from './conditions.ts';
import { lex } from './lex.ts';
import { Parser } from './parse.ts';
import {
  type FunctionAt,
  type MacroAt,
  type SourceFile,
  type StructAt,
  skeletonOf,
  type TableAt,
} from './skeleton.ts';
import { type Token, tokensOf } from './tokens.ts';
import { dirOf, distance, type Sources } from './tree.ts';

/** A place in the source. */
export interface Place {
  readonly path: string;
  readonly line: number;
}

export class FunctionDef {
  private parsed: { body: Stmt; lost: readonly { at: number; text: string }[] } | undefined;
  private signature: { params: readonly Param[]; returns: Type } | undefined;
  constructor(
    readonly file: SourceFile,
    readonly where: FunctionAt,
    private readonly conditions: Conditions,
  ) {}

  get name(): string {
    return this.where.name;
  }
  get id(): string {
    return `${this.file.path}:${this.where.at}`;
  }
  get line(): number {
    return this.file.lines.at(this.where.at);
  }
  /** From the declaration to the closing brace. */
  get text(): string {
    return this.file.text.slice(this.where.declared, this.where.end);
  }
  get head(): string {
    return this.file.text.slice(this.where.declared, this.where.close + 1);
  }

  get params(): readonly Param[] {
    return this.sign().params;
  }
  get returns(): Type {
    return this.sign().returns;
  }

  private sign(): { params: readonly Param[]; returns: Type } {
    if (this.signature) return this.signature;
    const { file, where } = this;
    const inner = tokensOf(file.text, where.open + 1, where.close, this.conditions);
    const before = file.text.slice(where.declared, where.at).replace(/^\s*#.*$/gm, ' ');
    const words = before.match(/[A-Za-z_]\w*|\*/g) ?? [];
    const base = words.filter(
      (w) => w !== '*' && !/^(static|inline|extern|const|struct|__\w+|noinline)$/.test(w),
    );
    const returns = { base: base.at(-1) ?? 'int', stars: words.filter((w) => w === '*').length };
    return (this.signature = { params: new Parser(inner).params(), returns });
  }

  private parse() {
    if (this.parsed) return this.parsed;
    const parser = new Parser(
      tokensOf(this.file.text, this.where.body, this.where.end, this.conditions),
    );
    const body = parser.body();
    return (this.parsed = { body, lost: parser.lost });
  }
  get body(): Stmt {
    return this.parse().body;
  }
  get lost(): readonly { at: number; text: string }[] {
    return this.parse().lost;
  }
}

/** A struct with an initialiser: fields by name, nested tables by the path to them. */
export interface Table {
  readonly name: string;
  readonly type: string;
  readonly file: SourceFile;
  /** Offset of the table's name; for a nested table that of the outer one's. */
  readonly at: number;
  readonly line: number;
  readonly isStatic: boolean;
  readonly fields: ReadonlyMap<string, Expr>;
  readonly when: readonly string[];
}

export interface Macro {
  readonly file: SourceFile;
  readonly where: MacroAt;
}

export interface Member {
  readonly type: Type;
  readonly isFunction: boolean;
}

type Members = ReadonlyMap<string, Member>;

function into<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

export class Program {
  readonly functions = new Map<string, FunctionDef[]>();
  /** By the struct's tag. */
  readonly tables = new Map<string, Table[]>();
  readonly tablesByName = new Map<string, Table[]>();
  private readonly rawTables = new Map<string, { file: SourceFile; where: TableAt }[]>();
  private readonly structs = new Map<string, { file: SourceFile; where: StructAt }[]>();
  private readonly macros = new Map<string, Macro[]>();
  private readonly indexed = new Set<SourceFile>();
  private readonly members = new Map<string, Members | null>();
  private readonly closures = new Map<SourceFile, SourceFile[]>();
  readonly files: SourceFile[] = [];

  constructor(
    readonly sources: Sources,
    readonly conditions: Conditions,
    paths: readonly string[],
  ) {
    for (const path of paths) {
      const file = sources.get(path);
      if (file) this.add(file);
    }
    this.makeTables();
  }

  private add(file: SourceFile): void {
    if (this.indexed.has(file)) return;
    this.indexed.add(file);
    this.files.push(file);
    const { skeleton } = file;
    for (const f of skeleton.functions)
      into(this.functions, f.name, new FunctionDef(file, f, this.conditions));
    for (const s of skeleton.structs) into(this.structs, s.name, { file, where: s });
    for (const m of skeleton.macros) into(this.macros, m.name, { file, where: m });
    for (const t of skeleton.tables) into(this.rawTables, t.type, { file, where: t });
  }

  /** Parses the initialisers of one struct type; asked for by type, as most are of no concern. */
  private makeTables(): void {
    for (const [type, list] of this.rawTables) {
      if (
        !/ops|funcs|driver|operations|helper|_impl|_type|template|desc|_data|_info|config/i.test(
          type,
        )
      )
        continue;
      for (const { file, where } of list) this.makeTable(type, file, where);
    }
    // Macros at the top level that make tables or functions.
    for (const file of [...this.files]) {
      for (const use of file.skeleton.uses) {
        if (
          /^(MODULE_|EXPORT_|DEFINE_(MUTEX|SPINLOCK|IDA|IDR|PER_CPU|STATIC|RATE|RAW)|DECLARE_|module_|late_|early_|__setup|subsys_|arch_|core_|fs_|device_|TRACE_)/.test(
            use.name,
          )
        )
          continue;
        const macro = this.findMacro(use.name, file);
        if (!macro || macro.where.params === null || !/\{/.test(macro.where.body)) continue;
        const args = splitArguments(file.text.slice(use.open + 1, use.close));
        const text = substitute(macro.where, args);
        const made = skeletonOf(text);
        const line = file.lines.at(use.at);
        for (const t of made.tables) {
          if (t.body < 0) continue;
          const parser = new Parser(
            tokensOf(text, t.body, t.end, this.conditions).map((k) => ({ ...k, at: use.at })),
          );
          const init = this.safeInit(parser);
          if (init) this.keep(t.name, t.type, file, use.at, line, t.isStatic, init, []);
        }
        for (const f of made.functions) {
          const synthetic = new MacroFile(file, text, use.at);
          into(
            this.functions,
            f.name,
            new FunctionDef(synthetic as unknown as SourceFile, f, this.conditions),
          );
        }
      }
    }
  }

  private safeInit(parser: Parser): Expr | null {
    try {
      return parser.initialiser(null);
    } catch {
      return null;
    }
  }

  private makeTable(type: string, file: SourceFile, where: TableAt): void {
    const line = file.lines.at(where.at);
    if (where.body < 0) {
      this.keep(
        where.name,
        type,
        file,
        where.at,
        line,
        where.isStatic,
        { k: 'init', type: null, fields: [], at: where.at },
        where.when,
      );
      return;
    }
    const parser = new Parser(tokensOf(file.text, where.body, where.end, this.conditions));
    const init = this.safeInit(parser);
    if (init) this.keep(where.name, type, file, where.at, line, where.isStatic, init, where.when);
  }

  private keep(
    name: string,
    type: string,
    file: SourceFile,
    at: number,
    line: number,
    isStatic: boolean,
    init: Expr,
    when: readonly string[],
  ): void {
    // Tables in tables, but not without end: a macro may stand for itself.
    if (init.k !== 'init' || name.split(/[.[]/).length > 6) return;
    if (this.conditions.all(when) === false) return;
    const flat = this.expandFields(init.fields, file, 0);
    const fields = new Map<string, Expr>();
    const nested: { path: string; init: Expr }[] = [];
    let elements = 0;
    for (const f of flat) {
      const path = f.path.filter((p) => p !== '[]').join('.');
      if (path === '' && f.value.k === 'init') {
        // An array of tables.
        this.keep(`${name}[${elements++}]`, type, file, at, line, isStatic, f.value, when);
        continue;
      }
      if (path === '') continue;
      fields.set(path, f.value);
      if (f.value.k === 'init') nested.push({ path, init: f.value });
    }
    for (const n of nested) {
      const member = this.memberOf(type, n.path.split('.').at(-1)!, file);
      if (member?.type.base) {
        this.keep(`${name}.${n.path}`, member.type.base, file, at, line, isStatic, n.init, when);
      }
    }
    // `.ops.mmap = f` belongs to the nested table as well.
    const dotted = new Map<string, Field[]>();
    for (const f of flat)
      if (f.path.length > 1 && f.path[0] !== '[]')
        into(dotted, f.path[0]!, { ...f, path: f.path.slice(1) });
    for (const [head, list] of dotted) {
      const member = this.memberOf(type, head, file);
      if (member?.type.base) {
        this.keep(
          `${name}.${head}`,
          member.type.base,
          file,
          at,
          line,
          isStatic,
          { k: 'init', type: null, fields: list, at },
          when,
        );
      }
    }
    const table: Table = { name, type, file, at, line, isStatic, fields, when };
    into(this.tables, type, table);
    into(this.tablesByName, name, table);
  }

  /** Fields with macros that stand for several fields written out. */
  private expandFields(fields: readonly Field[], file: SourceFile, depth: number): Field[] {
    const out: Field[] = [];
    for (const f of fields) {
      const v = f.value;
      const name = f.path.length
        ? null
        : v.k === 'id'
          ? v.name
          : v.k === 'call' && v.fn.k === 'id'
            ? v.fn.name
            : null;
      const macro = name && depth < 5 ? this.findMacro(name, file) : null;
      if (!macro) {
        out.push(f);
        continue;
      }
      const args =
        v.k === 'call'
          ? v.args.map((a) => file.text.slice(a.at, a.at + 80).match(/^[\w&.>-]+/)?.[0] ?? '')
          : [];
      const text = `{${substitute(macro.where, args)}}`;
      const tokens = tokensOf(text, 0, text.length, this.conditions).map((k) => ({
        ...k,
        at: f.at,
      }));
      const init = this.safeInit(new Parser(tokens));
      if (init?.k === 'init') out.push(...this.expandFields(init.fields, file, depth + 1));
    }
    return out;
  }

  /** Definitions of a function that a use in `from` may mean, static ones of the same file first. */
  findFunctions(name: string, from: SourceFile): readonly FunctionDef[] {
    let all: readonly FunctionDef[] | undefined = this.functions.get(name);
    if (all && all.length > 1) {
      // The empty twin of something that is configured out.
      const real = all.filter((f) => !f.where.when.some((w) => /^!.*\bCONFIG_/.test(w)));
      if (real.length) all = real;
    }
    const here = all?.filter(
      (f) => f.file === from || (f.file as unknown as MacroFile).outer === from,
    );
    if (here?.length) return this.compiled(here);
    // An inline function of an included header hides a global one of another part of the kernel.
    const inline = all?.filter((f) => f.where.isStatic && f.file.path.endsWith('.h'));
    if (inline?.length && all!.length > inline.length) {
      const included = new Set(this.closure(from));
      const near = inline.filter((f) => included.has(f.file));
      if (near.length) return this.compiled(this.nearest(near, from));
    }
    const global = all?.filter((f) => !f.where.isStatic);
    if (!global?.length) {
      // An inline function of a header that `from` includes.
      const headers = all?.filter((f) => f.file.path.endsWith('.h'));
      const near = headers?.length ? headers : this.inHeaders(name, from);
      if (near.length === 0) return [];
      const included = new Set(this.closure(from));
      const reached = near.filter((f) => included.has(f.file));
      return this.compiled(this.nearest(reached.length ? reached : near, from));
    }
    all = this.compiled(global);
    return all.length > 1 ? this.nearest(all, from) : all;
  }

  /** Looks through the headers that `from` reaches for a function of that name. */
  private inHeaders(name: string, from: SourceFile): FunctionDef[] {
    for (const file of this.closure(from)) {
      if (this.indexed.has(file) || !file.text.includes(name)) continue;
      this.add(file);
    }
    return (this.functions.get(name) ?? []).filter((f) => f.file.path.endsWith('.h'));
  }

  /** Without definitions that a known condition leaves out. */
  private compiled(list: readonly FunctionDef[]): readonly FunctionDef[] {
    if (list.length < 2) return list;
    const kept = list.filter(
      (f) =>
        this.conditions.all(f.where.when) !== false && !/\/nommu|-nommu|_nommu/.test(f.file.path),
    );
    return kept.length ? kept : list;
  }

  /** Of several definitions in different places the closest ones. Other architectures come last. */
  private nearest(list: readonly FunctionDef[], from: SourceFile): readonly FunctionDef[] {
    if (list.length < 2) return list;
    const here = dirOf(from.path);
    const cost = (f: FunctionDef) => {
      const path = f.file.path;
      const foreign =
        /^arch\/(?!x86\/)/.test(path) && !here.startsWith(path.split('/').slice(0, 2).join('/'));
      const aside =
        /^(tools|samples|Documentation|scripts)\//.test(path) &&
        !here.startsWith(path.split('/')[0]!);
      return distance(here, dirOf(path)) + (foreign ? 50 : 0) + (aside ? 100 : 0);
    };
    const least = Math.min(...list.map(cost));
    return list.filter((f) => cost(f) === least);
  }

  /** The files that `from` includes, directly or not, nearest first. */
  closure(from: SourceFile): readonly SourceFile[] {
    const known = this.closures.get(from);
    if (known) return known;
    const seen = new Set<SourceFile>([from]);
    const queue = [from];
    for (let i = 0; i < queue.length && i < 1500; i++) {
      const file = queue[i]!;
      for (const { name, local } of includesOf(file)) {
        const found = this.sources.include(file, name, local);
        if (found && !seen.has(found)) {
          seen.add(found);
          queue.push(found);
        }
      }
    }
    queue.shift();
    this.closures.set(from, queue);
    return queue;
  }

  findMacro(name: string, from: SourceFile): Macro | null {
    const local = from.skeleton.macros.filter((m) => m.name === name).at(-1);
    if (local) return { file: from, where: local };
    const all = this.macros.get(name);
    if (all) {
      const included = new Set(this.closure(from));
      const reached = all.find((m) => included.has(m.file));
      return (
        reached ??
        (all.every((m) => m.file.path.endsWith('.h')) && all.length === 1 ? all[0]! : null)
      );
    }
    return null;
  }

  /** Like findMacro(), also in headers not looked at yet. */
  searchMacro(name: string, from: SourceFile): Macro | null {
    const known = this.findMacro(name, from);
    if (known) return known;
    for (const file of this.closure(from)) {
      if (this.indexed.has(file) || !file.text.includes(name)) continue;
      this.add(file);
      const found = file.skeleton.macros.find((m) => m.name === name);
      if (found) return { file, where: found };
    }
    return null;
  }

  /** Bodies of all macros of that name that have been seen. */
  macroBodies(name: string): string[] {
    return (this.macros.get(name) ?? []).map((m) => m.where.body);
  }

  /** Macros that do nothing but call a function: macro and function. */
  aliases(): [string, string][] {
    const out: [string, string][] = [];
    for (const [name, list] of this.macros) {
      const body = list[0]!.where.body.trim();
      const m = /^\(?\s*(\w+)\s*\([^;]*\)\s*\)?$/.exec(body);
      if (m && list[0]!.where.params !== null && list[0]!.file.path.startsWith('include/'))
        out.push([name, m[1]!]);
    }
    return out;
  }

  /** Whether a function or macro of that name has been seen. */
  defines(name: string): boolean {
    return this.functions.has(name) || this.macros.has(name);
  }

  /** The members of a struct; null when no definition is in reach. */
  private membersOf(struct: string, from: SourceFile): Members | null {
    const all = this.structs.get(struct);
    const best = all?.find((s) => s.file === from) ?? all?.[0];
    if (all && best && all.length > 1) {
      const here = dirOf(from.path);
      const sorted = [...all].sort(
        (a, b) => distance(here, dirOf(a.file.path)) - distance(here, dirOf(b.file.path)),
      );
      return this.readMembers(sorted[0]!.file, sorted[0]!.where);
    }
    if (best) return this.readMembers(best.file, best.where);
    const key = `?${struct} ${from.path}`;
    if (this.members.has(key)) return null;
    const wanted = `struct ${struct} {`;
    for (const file of this.closure(from)) {
      if (this.indexed.has(file) || !file.text.includes(wanted)) continue;
      this.add(file);
      const found = file.skeleton.structs.find((s) => s.name === struct);
      if (found) return this.readMembers(file, found);
    }
    this.members.set(key, null);
    return null;
  }

  private readMembers(file: SourceFile, where: StructAt): Members {
    const key = `${file.path}:${where.at}`;
    const known = this.members.get(key);
    if (known) return known;
    const tokens: Token[] = tokensOf(file.text, where.body + 1, where.end - 1, this.conditions);
    const map = new Map<string, Member>();
    for (const m of new Parser(tokens).members()) if (!map.has(m.name)) map.set(m.name, m);
    this.members.set(key, map);
    return map;
  }

  memberOf(struct: string, field: string, from: SourceFile): Member | null {
    if (!struct) return null;
    return this.membersOf(struct, from)?.get(field) ?? null;
  }

  /** The type of an expression in a function, from declarations alone. */
  typeIn(fn: FunctionDef, e: Expr): Type {
    const none: Type = { base: '', stars: 0 };
    switch (e.k) {
      case 'id': {
        const param = fn.params.find((p) => p.name === e.name);
        if (param) return param.type;
        let found: Type | null = null;
        eachStmt(fn.body, (s) => {
          if (s.k === 'decl' && s.name === e.name) found ??= s.type;
        });
        if (found) return found;
        const table = this.findTable(e.name, fn.file);
        return table ? { base: table.type, stars: 0 } : none;
      }
      case 'member':
        return this.memberOf(this.typeIn(fn, e.of).base, e.name, fn.file)?.type ?? none;
      case 'cast':
        return e.type;
      case 'unary':
      case 'index':
        return this.typeIn(fn, e.k === 'unary' ? e.e : e.of);
      case 'call':
        return e.fn.k === 'id' ? (this.functions.get(e.fn.name)?.[0]?.returns ?? none) : none;
      case 'binary':
      case 'assign':
        return this.typeIn(fn, e.l);
      default:
        return none;
    }
  }

  /** The table that a name used in `from` means. */
  findTable(name: string, from: SourceFile): Table | null {
    const all = this.tablesByName.get(name);
    if (!all) return null;
    // A tentative definition is not the table.
    const here =
      all.find((t) => t.file === from && t.fields.size > 0) ?? all.find((t) => t.file === from);
    if (here) return here;
    const whole = all.filter((t) => !t.isStatic && t.fields.size > 0);
    const global = whole.length ? whole : all.filter((t) => !t.isStatic);
    if (global.length < 2) return global[0] ?? null;
    const from_ = dirOf(from.path);
    return [...global].sort(
      (a, b) => distance(from_, dirOf(a.file.path)) - distance(from_, dirOf(b.file.path)),
    )[0]!;
  }

  /** Assignments `x->field = ...` in the given files: the function they are in and the expressions. */
  assignments(
    field: string,
    files: readonly SourceFile[],
  ): { fn: FunctionDef; left: Expr; right: Expr }[] {
    const pattern = new RegExp(`(?:->|\\.)\\s*${field}\\s*=[^=]`);
    const out: { fn: FunctionDef; left: Expr; right: Expr }[] = [];
    for (const file of files) {
      if (!file.text.includes(field) || !pattern.test(file.text)) continue;
      for (const where of file.skeleton.functions) {
        if (!pattern.test(file.text.slice(where.body, where.end))) continue;
        const fn = (this.functions.get(where.name) ?? []).find(
          (f) => f.file === file && f.where === where,
        );
        if (!fn) continue;
        visitAssignments(fn.body, (left, right) => {
          if (left.k === 'member' && left.name === field) out.push({ fn, left, right });
        });
      }
    }
    return out;
  }
}

/** A text made by a macro, standing for the file that uses it. */
class MacroFile {
  constructor(
    readonly outer: SourceFile,
    readonly text: string,
    private readonly use: number,
  ) {}
  get path(): string {
    return this.outer.path;
  }
  readonly lines = {
    at: () => this.outer.lines.at(this.use),
    textOf: (line: number) => this.outer.lines.textOf(line),
  };
  get skeleton() {
    return this.outer.skeleton;
  }
}

function visitAssignments(body: Stmt, visit: (left: Expr, right: Expr) => void): void {
  eachIn(body, (e) => {
    if (e.k === 'assign' && e.op === '') visit(e.l, e.r);
  });
}

/** #include lines found without a full skeleton. */
const includeCache = new WeakMap<SourceFile, readonly { name: string; local: boolean }[]>();
function includesOf(file: SourceFile): readonly { name: string; local: boolean }[] {
  let list = includeCache.get(file);
  if (!list) {
    const found: { name: string; local: boolean }[] = [];
    const pattern = /^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)/gm;
    for (let m = pattern.exec(file.text); m; m = pattern.exec(file.text)) {
      found.push({ name: (m[1] ?? m[2])!, local: m[1] !== undefined });
    }
    includeCache.set(file, (list = found));
  }
  return list;
}

/** Splits the text between the brackets of a macro's use at its commas. */
export function splitArguments(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  const t = lex(text);
  for (let i = 0; i < t.n; i++) {
    const s = text.slice(t.start[i]!, t.end[i]!);
    if (s === '(' || s === '{' || s === '[') depth++;
    else if (s === ')' || s === '}' || s === ']') depth--;
    else if (s === ',' && depth === 0) {
      out.push(text.slice(from, t.start[i]!).trim());
      from = t.end[i]!;
    }
  }
  const last = text.slice(from).trim();
  if (last || out.length) out.push(last);
  return out;
}

/** A macro's body with arguments put in, `##` and `#` done. */
export function substitute(macro: MacroAt, args: readonly string[]): string {
  let body = macro.body;
  const params = macro.params ?? [];
  if (params.length) {
    const variadic = params.at(-1)!.endsWith('...');
    const value = new Map<string, string>();
    for (const [i, p] of params.entries()) {
      const name = p === '...' ? '__VA_ARGS__' : p.replace(/\.\.\.$/, '');
      value.set(
        name,
        variadic && i === params.length - 1 ? args.slice(i).join(', ') : (args[i] ?? ''),
      );
    }
    body = body.replace(/[A-Za-z_]\w*/g, (word) => value.get(word) ?? word);
  }
  return body.replace(/\s*##\s*/g, '');
}
