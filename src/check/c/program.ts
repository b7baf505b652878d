// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the C files of a tree define: functions, tables, structs and macros by name, and which of
 * several definitions a use means. Headers are looked into when a name is asked for.
 */

import { type Asked, Kept, Keys, whole } from '../index/asked.ts';
import type { Index } from '../index/index.ts';
import { numberOf, Part } from '../index/names.ts';
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
import { Kind, Lines, lex } from './lex.ts';
import { Parser } from './parse.ts';
import { saying } from './saying.ts';
import {
  type FunctionAt,
  type MacroAt,
  type Skeleton,
  SourceFile,
  type StructAt,
  skeletonOf,
  type TableAt,
} from './skeleton.ts';
import { type Token, tokensOf } from './tokens.ts';
import { dirOf, distance, type Sources, type Wanted } from './tree.ts';
import type { Typedefs } from './typedefs.ts';

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
  ) {
    this.id = `${file.path}:${file instanceof MacroFile ? `${file.use}.` : ''}${where.at}`;
  }

  /** Another one for each function. */
  readonly id: string;

  get name(): string {
    return this.where.name;
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
    return (this.signature = { params: this.withTypes(new Parser(inner).params()), returns });
  }

  /** Parameters with the types that K&R give them between `)` and `{`. */
  private withTypes(params: Param[]): Param[] {
    const { file, where } = this;
    if (!file.text.slice(where.close + 1, where.body).includes(';')) return params;
    const between = tokensOf(file.text, where.close + 1, where.body, this.conditions);
    const types = new Map(new Parser(between).members().map((m) => [m.name, m.type]));
    return params.map((p) => {
      const name = p.name || p.type.base;
      return { name, type: types.get(name) ?? { base: 'int', stars: 0 } };
    });
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

  private locals: Map<string, Type> | undefined;

  /** Locals by name; of several declarations the first. */
  get declared(): ReadonlyMap<string, Type> {
    if (this.locals) return this.locals;
    const all = (this.locals = new Map<string, Type>());
    eachStmt(this.body, (s) => {
      if (s.k === 'decl' && !all.has(s.name)) all.set(s.name, s.type);
    });
    return all;
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

/** `left = right`, and in which function. */
export interface Assignment {
  readonly fn: FunctionDef;
  readonly left: Expr;
  readonly right: Expr;
}

function into<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** What a name stands for, found when it is first asked for. */
class Names<T> {
  private readonly known: Kept<string, readonly T[]>;
  constructor(
    asked: () => Asked,
    private readonly find: (name: string) => readonly T[],
  ) {
    this.known = new Kept(asked);
  }

  /** undefined: nothing. */
  get(name: string): readonly T[] | undefined {
    const list = this.known.get(name, this.find);
    return list.length ? list : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }
}

/** Macros that use macros at the top level. */
const MACROS_DEEP = 4;

/** A function pointer, a table of some, or a pointer to one, in a struct. */
const HOLDS =
  /\(\s*\*\s*(?:const\s+)?\w+\s*\)\s*\(|\b\w*(?:ops|func|operations|_fn|_cb|callback|hook|map|fault)\w*\b/;

/** Types of structs that hold functions by their names. */
const TABLES = /ops|funcs|driver|operations|helper|_impl|_type|template|desc|_data|_info|config/i;

/** Types of numbers, of which arrays may be long. */
const SCALARS =
  /^(unsigned|signed|char|short|int|long|bool|float|double|size_t|(__)?[usbl]e?(8|16|32|64)|u?int(8|16|32|64)_t|unsigned_\w+)$/;

/** A name of what macros make in a file, and the part that it plays. */
export type MadeName = readonly [Part, string];

/** What the macros that a file uses at its top level make. */
interface Made {
  readonly tables: Table[];
  readonly functions: FunctionDef[];
}

export class Program {
  private readonly members = new Map<string, Members>();
  private readonly functionsIn = new Map<SourceFile, Map<string, FunctionDef[]>>();
  private readonly built = new Map<TableAt, { readonly tables: Table[]; keys: Keys }>();
  private readonly made = new Map<SourceFile, Made>();
  private readonly inOrder = new Map<SourceFile, readonly FunctionDef[]>();
  private readonly assigned = new Map<SourceFile, Kept<string, readonly Assignment[]>>();

  constructor(
    readonly sources: Sources,
    readonly conditions: Conditions,
    readonly index: Index,
    private readonly typedefs: Typedefs = new Map(),
  ) {}

  private mattering: readonly SourceFile[] | undefined;

  /** The files that matter. */
  get files(): readonly SourceFile[] {
    return (this.mattering ??= this.index.files.map((path) => this.sources.get(path)!));
  }

  /** Tells the index what macros make in each file, if it does not know yet. */
  noteAll(): void {
    if (!this.index.complete) for (const path of this.index.files) this.noteMade(path);
    this.index.complete = true;
  }

  /** Tells the index what macros make in a file, and gives the names. */
  noteMade(path: string): MadeName[] {
    const { index } = this;
    if (!index.knownOf(path)?.uses.some((name) => this.makesThings(name))) return [];
    const { tables, functions } = this.madeIn(this.sources.get(path)!);
    const names: MadeName[] = [];
    for (const f of functions) names.push([Part.Function, f.name]);
    for (const t of tables) names.push([Part.Table, t.name], [Part.TableType, t.type]);
    for (const [part, name] of names) index.add(part, name, path);
    return names;
  }

  /** The files with a name in a part; those that matter come first. */
  private filesWith(part: Part, name: string): SourceFile[] {
    return this.index.filesWith(part, name).map((path) => this.sources.get(path)!);
  }

  /** Functions by name, in the files that matter and the headers that they reach. */
  private readonly asked = () => this.index.asked;

  readonly functions = new Names(this.asked, (name: string) =>
    this.filesWith(Part.Function, name).flatMap((f) => this.definedIn(f).get(name) ?? []),
  );

  private readonly macros = new Names(this.asked, (name: string) =>
    this.filesWith(Part.Macro, name).flatMap((file): Macro[] => {
      const where = file.macro(name);
      return where ? [{ file, where }] : [];
    }),
  );

  private readonly structs = new Names(this.asked, (name: string) =>
    this.filesWith(Part.Struct, name).flatMap((file) =>
      file.skeleton.structs.filter((s) => s.name === name).map((where) => ({ file, where })),
    ),
  );

  /** Tables by the struct's tag, nested ones and those that macros make among them. */
  readonly tables = new Names(this.asked, (type: string) => {
    // A table of the type may be part of one of another type.
    const types = new Set([type, ...this.aliasesOf(type)]);
    for (const inner of types) {
      for (const file of this.filesWith(Part.MemberType, inner)) {
        for (const where of file.skeleton.structs) {
          if (types.has(where.name) || !this.holdsFunctions(where.name)) continue;
          for (const m of this.readMembers(file, where).values())
            if (m.type.base === inner && m.type.stars === 0 && !m.isFunction) types.add(where.name);
        }
      }
    }
    const out: Table[] = [];
    for (const one of types) {
      for (const file of this.filesWith(Part.TableType, one)) {
        if (!this.index.matters(file.path)) continue;
        const raw = file.skeleton.tables.filter((t) => t.type === one);
        for (const t of [...raw.flatMap((r) => this.build(file, r)), ...this.madeIn(file).tables])
          if (t.type === type && !out.includes(t)) out.push(t);
      }
    }
    return out;
  });

  readonly tablesByName = new Names(this.asked, (name: string) => {
    const outer = name.split(/[.[]/)[0]!;
    return this.filesWith(Part.Table, outer)
      .filter((file) => this.index.matters(file.path))
      .flatMap((file) => [
        ...file.skeleton.tables.filter((t) => t.name === outer).flatMap((t) => this.build(file, t)),
        ...this.madeIn(file).tables,
      ])
      .filter((t) => t.name === name);
  });

  /** All tables of a file. */
  tablesIn(file: SourceFile): Table[] {
    return [
      ...file.skeleton.tables.flatMap((t) => this.build(file, t)),
      ...this.madeIn(file).tables,
    ];
  }

  /** All functions of the files that matter. */
  *everyFunction(): Generator<FunctionDef> {
    for (const file of this.files) for (const list of this.definedIn(file).values()) yield* list;
  }

  private definedIn(file: SourceFile): Map<string, FunctionDef[]> {
    let defs = this.functionsIn.get(file);
    if (!defs) {
      defs = new Map();
      for (const f of file.skeleton.functions)
        into(defs, f.name, new FunctionDef(file, f, this.conditions));
      this.functionsIn.set(file, defs);
      if (this.index.matters(file.path))
        for (const f of this.madeIn(file).functions) into(defs, f.name, f);
    }
    return defs;
  }

  /** Whether some macro of that name makes a table or a function, itself or by what it uses. */
  private makesThings(name: string, depth = 0): boolean {
    return (
      this.macros
        .get(name)
        ?.some(
          ({ where: { params, body } }) =>
            params !== null &&
            (body.includes('{') || (depth < MACROS_DEEP && this.makesByUse(params, body, depth))),
        ) ?? false
    );
  }

  /** A list that hands its items to a macro it is given, or one that begins with the use of another. */
  private makesByUse(params: readonly string[], body: string, depth: number): boolean {
    const first = /^\s*(\w+)\s*\(/.exec(body)?.[1];
    return first !== undefined && (params.includes(first) || this.makesThings(first, depth + 1));
  }

  /** What a macro stands for, with the macros used at the top level of that. */
  private expanded(macro: Macro, args: readonly string[], from: SourceFile, depth: number): string {
    const text = substitute(macro.where, args);
    if (depth >= MACROS_DEEP) return text;
    let out = '';
    let done = 0;
    for (const { name, at, open, close } of usesIn(text)) {
      const inner = this.makesThings(name) ? this.findMacro(name, from) : null;
      if (!inner || inner.where.params === null) continue;
      const given = splitArguments(text.slice(open + 1, close));
      out += `${text.slice(done, at)}${this.expanded(inner, given, from, depth + 1)};`;
      done = close + 1;
    }
    return out + text.slice(done);
  }

  private madeIn(file: SourceFile): Made {
    let made = this.made.get(file);
    if (made) return made;
    made = { tables: [], functions: [] };
    this.made.set(file, made);
    const uses = new Set(this.index.knownOf(file.path)?.uses);
    for (const use of file.skeleton.uses) {
      if (!uses.has(use.name) || !this.makesThings(use.name)) continue;
      const macro = this.findMacro(use.name, file);
      if (!macro || macro.where.params === null) continue;
      const args = splitArguments(file.text.slice(use.open + 1, use.close));
      const text = this.expanded(macro, args, file, 0);
      const { tables, functions } = skeletonOf(text);
      const line = file.lines.at(use.at);
      for (const t of tables) {
        if (t.body < 0) continue;
        const parser = new Parser(
          tokensOf(text, t.body, t.end, this.conditions).map((k) => ({ ...k, at: use.at })),
        );
        const init = this.safeInit(parser);
        const array = isArray(text, t.at, t.name);
        if (init)
          this.keep(t.name, t.type, file, use.at, line, t.isStatic, init, [], made.tables, array);
      }
      for (const f of functions) {
        const { conditions } = this;
        made.functions.push(new FunctionDef(new MacroFile(file, text, use.at), f, conditions));
      }
    }
    return made;
  }

  private safeInit(parser: Parser): Expr | null {
    try {
      return parser.initialiser(null);
    } catch {
      return null;
    }
  }

  /** Whether a struct may hold functions, by its name or by what it is declared to hold. */
  private holdsFunctions(type: string): boolean {
    if (SCALARS.test(type)) return false;
    if (TABLES.test(type)) return true;
    const all = this.structs.get(type);
    return (
      !all || all.some(({ file, where }) => HOLDS.test(file.text.slice(where.body, where.end)))
    );
  }

  /** An initialiser that a macro stands for. */
  private macroInit(file: SourceFile, where: TableAt): Expr | null {
    const text = file.text.slice(where.body, where.end);
    const use = /^(\w+)\s*(?:\(([\s\S]*)\))?$/.exec(text);
    const macro = use && this.findMacro(use[1]!, file);
    if (!macro || (macro.where.params === null) !== (use[2] === undefined)) return null;
    const body = substitute(macro.where, splitArguments(use[2] ?? ''));
    const from = body.indexOf('{');
    if (from < 0 || !/^\s*(\([^()]*\)\s*)?$/.test(body.slice(0, from))) return null;
    const tokens = tokensOf(body, from, body.length, this.conditions);
    return this.safeInit(new Parser(tokens.map((k) => ({ ...k, at: where.body }))));
  }

  /** A variable's table and those nested in it. */
  private build(file: SourceFile, where: TableAt): readonly Table[] {
    const known = this.built.get(where);
    if (known) {
      this.asked().noteAll(known.keys);
      return known.tables;
    }
    // Known before it is done: a macro may lead back to it.
    const built = { tables: [] as Table[], keys: new Keys() };
    this.built.set(where, built);
    if (this.holdsFunctions(this.meant(where.type)))
      [, built.keys] = this.asked().during(() => this.read(file, where, built.tables));
    return built.tables;
  }

  private read(file: SourceFile, where: TableAt, out: Table[]): void {
    const { name, type, at, isStatic, when } = where;
    const line = file.lines.at(at);
    const init: Expr | null =
      where.body < 0
        ? { k: 'init', type: null, fields: [], at }
        : file.text[where.body] === '{'
          ? this.safeInit(new Parser(tokensOf(file.text, where.body, where.end, this.conditions)))
          : this.macroInit(file, where);
    const array = isArray(file.text, at, name);
    if (init) this.keep(name, type, file, at, line, isStatic, init, when, out, array);
  }

  /** Other names of a struct, itself and not a pointer to it. */
  private aliasesOf(struct: string): string[] {
    return [...this.typedefs].flatMap(([name, to]) =>
      to.base === struct && to.stars === 0 ? [name] : [],
    );
  }

  private keep(
    name: string,
    written: string,
    file: SourceFile,
    at: number,
    line: number,
    isStatic: boolean,
    init: Expr,
    when: readonly string[],
    out: Table[],
    array: boolean,
  ): void {
    const type = this.meant(written);
    // Tables in tables, but not without end: a macro may stand for itself.
    if (init.k !== 'init' || name.split(/[.[]/).length > 6) return;
    if (this.conditions.all(when) === false) return;
    const flat = this.expandFields(init.fields, file, 0);
    const fields = new Map<string, Expr>();
    const nested: { path: string; init: Expr }[] = [];
    let elements = 0;
    // { "name", f, g }: by the order of the members.
    let order: readonly string[] | null = null;
    let position = 0;
    let named = '';
    for (const f of flat) {
      let path = f.path.filter((p) => p !== '[]').join('.');
      if (path) named = f.path[0]!;
      else {
        order ??= [...(this.membersOf(type, file)?.keys() ?? [])];
        if (named) position = order.indexOf(named) + 1;
        named = '';
      }
      if (path === '' && f.value.k === 'init' && (array || f.path.length || !order?.length)) {
        // An array of tables.
        const element = `${name}[${elements++}]`;
        this.keep(element, type, file, at, line, isStatic, f.value, when, out, false);
        continue;
      }
      if (path === '' && !array) path = order?.[position++] ?? '';
      if (path === '') continue;
      fields.set(path, f.value);
      if (f.value.k === 'init') nested.push({ path, init: f.value });
    }
    for (const n of nested) {
      const member = this.memberOf(type, n.path.split('.').at(-1)!, file);
      if (member?.type.base) {
        const inner = `${name}.${n.path}`;
        const list = member.type.stars > 0;
        this.keep(inner, member.type.base, file, at, line, isStatic, n.init, when, out, list);
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
          out,
          false,
        );
      }
    }
    out.push({ name, type, file, at, line, isStatic, fields, when });
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

  /** What matters, or what `from` includes. */
  private visible<T extends { readonly file: SourceFile }>(
    list: readonly T[] | undefined,
    from: SourceFile,
  ): readonly T[] {
    if (!list || list.every((one) => this.index.matters(one.file.path))) return list ?? [];
    const reached = new Set(this.reached(list, from));
    return list.filter((one) => this.index.matters(one.file.path) || reached.has(one));
  }

  /** What is in headers that `from` includes, nearest first. */
  private reached<T extends { readonly file: SourceFile }>(
    list: readonly T[],
    from: SourceFile,
  ): T[] {
    return this.index.reachedOf(from.path, list, (one) => one.file.path);
  }

  /** Definitions of a function that a use in `from` may mean, static ones of the same file first. */
  findFunctions(name: string, from: SourceFile): readonly FunctionDef[] {
    from = writtenIn(from);
    if (this.index.matters(from.path)) {
      const own = this.definedIn(from)
        .get(name)
        ?.filter((f) => this.conditions.all(f.where.when) !== false && !isTwin(f));
      if (own?.length) {
        // What others have is not looked at, but who comes to have it matters.
        this.index.asked.note(numberOf(Part.Function, name));
        return this.compiled(own);
      }
    }
    let all = this.visible(this.functions.get(name), from);
    // One that is left out, for a macro or for what the kernel has, is none.
    all = all.filter((f) => this.conditions.all(f.where.when) !== false);
    if (all.length === 0) return [];
    if (all.length > 1) {
      const real = all.filter((f) => !isTwin(f));
      if (real.length) all = real;
    }
    const here = all.filter((f) => writtenIn(f.file) === from);
    if (here.length) return this.compiled(here);
    // An inline function of an included header hides a global one of another part of the kernel.
    const inline = all.filter((f) => f.where.isStatic && f.file.path.endsWith('.h'));
    if (inline.length && all.length > inline.length) {
      const near = this.reached(inline, from);
      if (near.length) return this.compiled(this.nearest(near, from));
    }
    const global = all.filter((f) => !f.where.isStatic);
    if (!global.length) {
      // An inline function of a header that `from` includes.
      const headers = all.filter((f) => f.file.path.endsWith('.h'));
      if (headers.length === 0) return [];
      const reached = this.reached(headers, from);
      return this.compiled(this.nearest(reached.length ? reached : headers, from));
    }
    all = this.compiled(global);
    return all.length > 1 ? this.nearest(all, from) : all;
  }

  /** Those of them in a directory; where it has none, the others are not looked into. */
  findNear(name: string, from: SourceFile, home = dirOf(from.path)): readonly FunctionDef[] {
    if (!this.index.filesWith(Part.Function, name).some((path) => dirOf(path) === home)) return [];
    return this.findFunctions(name, from).filter((f) => dirOf(f.file.path) === home);
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

  /** The macro that a use in `from` means: its own, an included one, or the only one there is. */
  findMacro(name: string, from: SourceFile): Macro | null {
    const local = from.macro(name);
    if (local) return { file: from, where: local };
    const all = this.macros.get(name);
    if (!all) return null;
    const reached = this.reached(all, from)[0];
    if (reached) return reached;
    const known = all.filter((m) => this.index.matters(m.file.path));
    return known.length === 1 && known[0]!.file.path.endsWith('.h') ? known[0]! : null;
  }

  /** Bodies of all macros of that name that have been seen. */
  macroBodies(name: string): string[] {
    return (this.macros.get(name) ?? []).map((m) => m.where.body);
  }

  /** Macros that do nothing but call a function: macro and function. */
  aliases(): [string, string][] {
    const out: [string, string][] = [];
    for (const { path, skeleton } of this.files) {
      if (!path.startsWith('include/')) continue;
      for (const { name, params, body } of skeleton.macros) {
        const m = /^\(?\s*(\w+)\s*\([^;]*\)\s*\)?$/.exec(body.trim());
        if (m && params !== null) out.push([name, m[1]!]);
      }
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
    if (!all) return null;
    const here = dirOf(from.path);
    const reached = this.reached(all, from);
    const known = all.filter((s) => this.index.matters(s.file.path));
    const best =
      all.find((s) => s.file.path === from.path) ??
      [...(reached.length ? reached : known)].sort(
        (a, b) => distance(here, dirOf(a.file.path)) - distance(here, dirOf(b.file.path)),
      )[0];
    return best ? this.readMembers(best.file, best.where) : null;
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
    return this.membersOf(this.meant(struct), from)?.get(field) ?? null;
  }

  /** The tag of a struct that has another name too. */
  meant(struct: string): string {
    return this.typedefs.get(struct)?.base ?? struct;
  }

  /** The type of an expression in a function, from declarations alone; of a struct by its tag. */
  typeIn(fn: FunctionDef, e: Expr): Type {
    const type = this.declaredIn(fn, e);
    const meant = this.typedefs.get(type.base);
    return meant ? { base: meant.base, stars: meant.stars + type.stars } : type;
  }

  private declaredIn(fn: FunctionDef, e: Expr): Type {
    const none: Type = { base: '', stars: 0 };
    switch (e.k) {
      case 'id': {
        const param = fn.params.find((p) => p.name === e.name);
        if (param) return param.type;
        const declared = fn.declared.get(e.name);
        if (declared) return declared;
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
    from = writtenIn(from);
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

  /**
   * Assignments `x->field = ...` in the files that matter and are wanted: the function they are in and
   * the expressions.
   */
  assignments(field: string, wanted: Wanted): Assignment[] {
    const out: Assignment[] = [];
    const { asked } = this.index;
    asked.note(whole.assigned(field, wanted.name));
    for (const file of asked.aside(() => this.filesWith(Part.Field, field))) {
      if (!this.index.matters(file.path) || !wanted.has(file.path)) continue;
      out.push(...this.assignmentsIn(file, field));
    }
    return out;
  }

  private assignmentsIn(file: SourceFile, field: string): readonly Assignment[] {
    let known = this.assigned.get(file);
    if (!known) this.assigned.set(file, (known = new Kept(this.asked)));
    return known.get(field, () => {
      const out: Assignment[] = [];
      for (const fn of saying(file, this.functionsOf(file), field, 'assigned', 'body')) {
        visitAssignments(fn.body, (left, right) => {
          if (left.k === 'member' && left.name === field) out.push({ fn, left, right });
        });
      }
      return out;
    });
  }

  /** Functions that call a name, in the files that matter. */
  calling(name: string): FunctionDef[] {
    return this.filesWith(Part.Call, name)
      .filter((file) => this.index.matters(file.path))
      .flatMap((file) => saying(file, this.functionsOf(file), name, 'call', 'body'));
  }

  /**
   * The functions of a file whose text a pattern fits. Where the file's own does not, and no macro makes
   * functions in it, it need not be taken apart.
   */
  functionsSaying(file: SourceFile, pattern: RegExp): readonly FunctionDef[] {
    const uses = () => this.index.knownOf(file.path)?.uses;
    if (!pattern.test(file.text) && !uses()?.some((name) => this.makesThings(name))) return [];
    return this.functionsOf(file).filter((def) => pattern.test(def.text));
  }

  /** The functions written in a file, in order, and those that macros make in it. */
  functionsOf(file: SourceFile): readonly FunctionDef[] {
    let all = this.inOrder.get(file);
    if (!all) {
      const defs = this.definedIn(file);
      const written = file.skeleton.functions.flatMap(
        (where) => defs.get(where.name)!.find((f) => f.where === where) ?? [],
      );
      const made = this.index.matters(file.path) ? this.madeIn(file).functions : [];
      this.inOrder.set(file, (all = made.length ? [...written, ...made] : written));
    }
    return all;
  }
}

/** Lines of a text that a macro makes: all of it stands where the macro is used. */
class UseLines extends Lines {
  constructor(
    private readonly outer: Lines,
    private readonly use: number,
  ) {
    super('');
  }
  override at(): number {
    return this.outer.at(this.use);
  }
  override textOf(line: number): string {
    return this.outer.textOf(line);
  }
}

/** A text made by a macro, standing for the file that uses it. */
class MacroFile extends SourceFile {
  private place: Lines | undefined;
  constructor(
    readonly outer: SourceFile,
    text: string,
    /** Where it is used. */
    readonly use: number,
  ) {
    super(outer.path, text);
  }
  override get lines(): Lines {
    return (this.place ??= new UseLines(this.outer.lines, this.use));
  }
  override get skeleton(): Skeleton {
    return this.outer.skeleton;
  }
}

/** The file in which a text is written, by hand or through a macro. */
export const writtenIn = (file: SourceFile): SourceFile =>
  file instanceof MacroFile ? file.outer : file;

/** The empty twin of something that is configured out. */
const isTwin = ({ where }: FunctionDef) => where.when.some((w) => /^!.*\bCONFIG_/.test(w));

function visitAssignments(body: Stmt, visit: (left: Expr, right: Expr) => void): void {
  eachIn(body, (e) => {
    if (e.k === 'assign' && e.op === '') visit(e.l, e.r);
  });
}

/** Whether the variable whose name stands at an offset is an array. */
const isArray = (text: string, at: number, name: string) =>
  /^\s*\[/.test(text.slice(at + name.length, at + name.length + 20));

/** `NAME(...)` outside of all brackets, whatever stands between one and the next. */
function usesIn(text: string): { name: string; at: number; open: number; close: number }[] {
  const out: { name: string; at: number; open: number; close: number }[] = [];
  const t = lex(text);
  let depth = 0;
  let first = -1;
  for (let i = 0; i < t.n; i++) {
    const c = t.end[i]! - t.start[i]! === 1 ? text[t.start[i]!]! : '';
    if ('([{'.includes(c) && c) {
      if (depth++ === 0 && c === '(') first = i - 1;
    } else if (')]}'.includes(c) && c && --depth === 0 && first >= 0 && c === ')') {
      if (t.kind[first] === Kind.Ident) {
        const name = text.slice(t.start[first]!, t.end[first]!);
        out.push({ name, at: t.start[first]!, open: t.start[first + 1]!, close: t.start[i]! });
      }
      first = -1;
    }
  }
  return out;
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
