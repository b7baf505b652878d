// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The skeleton of a C file: where its functions, tables, structs and macros are. Bodies are not
 * looked into. Both branches of every #if are seen; braces are counted per branch.
 */
import { Kind, Lines, lex, outline, type Tokens } from './lex.ts';

export interface FunctionAt {
  readonly kind: 'function';
  readonly name: string;
  /** Offset of the name. */
  readonly at: number;
  /**
   * Offsets of the declaration's start, of `(` and `)`, of `{` and of what follows `}`. What K&R
   * declare of parameters stands between `)` and `{`.
   */
  readonly declared: number;
  readonly open: number;
  readonly close: number;
  readonly body: number;
  readonly end: number;
  readonly isStatic: boolean;
  /** The #if conditions around it, outermost first. */
  readonly when: readonly string[];
}

export interface TableAt {
  readonly kind: 'table';
  readonly name: string;
  /** The struct's tag or the typedef's name. */
  readonly type: string;
  readonly at: number;
  /** Offsets of the initialiser, `{` or a macro, and of what follows; -1 for a variable without one. */
  readonly body: number;
  readonly end: number;
  readonly isStatic: boolean;
  readonly when: readonly string[];
}

export interface StructAt {
  readonly kind: 'struct';
  readonly name: string;
  readonly at: number;
  readonly body: number;
  readonly end: number;
}

export interface MacroAt {
  readonly kind: 'macro';
  readonly name: string;
  readonly at: number;
  /** Parameter names; null for an object-like macro. */
  readonly params: readonly string[] | null;
  readonly body: string;
  /** Offset of the body. */
  readonly bodyAt: number;
}

/** `NAME(arguments)` at the top level: perhaps a macro that makes a table or a function. */
export interface UseAt {
  readonly kind: 'use';
  readonly name: string;
  readonly at: number;
  readonly open: number;
  readonly close: number;
}

export interface Skeleton {
  readonly functions: readonly FunctionAt[];
  readonly tables: readonly TableAt[];
  readonly structs: readonly StructAt[];
  readonly macros: readonly MacroAt[];
  readonly uses: readonly UseAt[];
  readonly includes: readonly { readonly name: string; readonly local: boolean }[];
  /** What could not be made out. */
  readonly lost: readonly { readonly at: number; readonly why: string }[];
}

const DIRECTIVE = /^#\s*(\w+)\s*([\s\S]*)$/;

/** A #define taken apart. */
export function macroOf(line: string, at: number): MacroAt | null {
  const m = /^#\s*define\s+([A-Za-z_]\w*)(\(([^)]*)\))?/.exec(line);
  if (!m) return null;
  const body = line.slice(m[0].length);
  return {
    kind: 'macro',
    name: m[1]!,
    at: at + line.indexOf(m[1]!, 7),
    params:
      m[2] === undefined
        ? null
        : m[3]!
            .split(',')
            .map((p) => p.replace(/[\\\s]/g, ''))
            .filter(Boolean),
    body: body.includes('\\') ? body.replace(/\\\r?\n/g, '  ') : body,
    bodyAt: at + m[0].length,
  };
}

/** Words between `)` and `{` of a function definition, or after a declarator. */
export const ATTRIBUTE = /^(__\w+|[A-Z_]+|asm|noinline|notrace|nokprobe\w*)$/;

/** Words before a type that are none. */
const STORAGE = /^(static|const|volatile)$/;

/** Those of them that a bracket may follow. */
export const TAKES_ARGUMENTS =
  /^__(attribute__|printf|acquires|releases|must_hold|counted_by|alloc_size|section|aligned|cond_acquires|no_sanitize\w*|cold|init|initconst|malloc|assume_aligned)$/;

/** Branches that begin one body; more are taken for something else. */
const MAX_HEADS = 4;
/** Tokens of what K&R declare between `)` and `{`. */
const MAX_DECLARED = 200;

/** Where a function's head is, as tokens. */
interface Head {
  readonly from: number;
  readonly name: number;
  readonly open: number;
  readonly close: number;
  readonly when: string[];
}

/** Types of tables that are looked for in functions, too. */
const INNER_TYPES = 'dma_buf_ops|drm_gem_object_funcs|vm_operations_struct';
const ANY_INNER = INNER_TYPES.split('|');
const INNER_TABLE = new RegExp(
  `\\(\\s*(?:const\\s+)?struct\\s+(${INNER_TYPES})\\s*\\)\\s*(?=\\{)|` +
    `\\bstruct\\s+(${INNER_TYPES})\\s+(\\w+)\\s*=\\s*(?=\\{)`,
  'g',
);
const HELD = new RegExp(
  `\\(\\s*(?:const\\s+)?struct\\s+(?:${INNER_TYPES})\\s*\\)\\s*\\{|` +
    `^[ \\t][^\\n]*\\bstruct\\s+(?:${INNER_TYPES})\\s+\\w+\\s*=\\s*\\{`,
  'm',
);

class Walker {
  readonly functions: FunctionAt[] = [];
  readonly tables: TableAt[] = [];
  readonly structs: StructAt[] = [];
  readonly macros: MacroAt[] = [];
  readonly uses: UseAt[] = [];
  readonly includes: { name: string; local: boolean }[] = [];
  readonly lost: { at: number; why: string }[] = [];
  private i = 0;
  private when: string[] = [];
  private readonly text: string;
  /** Tokens after an #else or #elif that a bracket being skipped began before, and its condition. */
  private others: { at: number; when: string[] }[] = [];

  constructor(
    private readonly t: Tokens,
    private readonly inner: boolean,
  ) {
    this.text = t.text;
  }

  /**
   * Tables of operations that a function holds: local ones, and compound literals by what is given them,
   * `ops of f()`. Other variables of a function are no tables.
   */
  private innerTables(): void {
    const { text, t } = this;
    for (const f of this.functions) {
      const body = text.slice(f.body, f.end);
      for (const m of body.matchAll(INNER_TABLE)) {
        const at = f.body + m.index;
        const brace = f.body + m.index + m[0].length;
        const first = this.tokenAt(brace);
        if (t.start[first] !== brace || t.kind[this.tokenAt(at)] === Kind.Directive) continue;
        const [, literal, type, name] = m;
        const to = /(\w+)\s*=\s*&?\s*$/.exec(body.slice(0, m.index))?.[1] ?? 'a table';
        this.tables.push({
          kind: 'table',
          name: name ?? `${to} of ${f.name}()`,
          type: (literal ?? type)!,
          at,
          body: brace,
          end: t.end[this.closing(first)]!,
          isStatic: false,
          when: f.when,
        });
      }
    }
  }

  /** The `}` that closes a brace of an initialiser. */
  private closing(i: number): number {
    for (let depth = 0; i < this.t.n - 1; i++) {
      if (this.is(i, '{')) depth++;
      else if (this.is(i, '}') && --depth === 0) break;
    }
    return i;
  }

  /** The token at an offset, or the last one before it. */
  private tokenAt(offset: number): number {
    const { start, n } = this.t;
    let [lo, hi] = [0, n - 1];
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (start[mid]! <= offset) lo = mid;
      else hi = mid - 1;
    }
    return lo;
  }

  private str(i: number): string {
    return i < this.t.n ? this.text.slice(this.t.start[i]!, this.t.end[i]!) : '';
  }

  private is(i: number, s: string): boolean {
    const a = this.t.start[i]!;
    return i < this.t.n && this.t.end[i]! - a === s.length && this.text.startsWith(s, a);
  }

  private directive(i: number): void {
    const at = this.t.start[i]!;
    const line = this.text.slice(at, this.t.end[i]!);
    const macro = macroOf(line, at);
    if (macro) {
      this.macros.push(macro);
      return;
    }
    const m = DIRECTIVE.exec(line);
    if (!m) return;
    const rest = m[2]!.trim();
    switch (m[1]) {
      case 'include': {
        const inc = /^(?:"([^"]+)"|<([^>]+)>)/.exec(rest);
        if (inc) this.includes.push({ name: (inc[1] ?? inc[2])!, local: inc[1] !== undefined });
        break;
      }
      case 'if':
        this.when.push(rest);
        break;
      case 'ifdef':
        this.when.push(`defined(${rest})`);
        break;
      case 'ifndef':
        this.when.push(`!defined(${rest})`);
        break;
      case 'elif':
        if (this.when.length) this.when.push(`!(${this.when.pop()}) && (${rest})`);
        break;
      case 'else':
        if (this.when.length) this.when.push(`!(${this.when.pop()})`);
        break;
      case 'endif':
        this.when.pop();
        break;
    }
  }

  /**
   * From an opening bracket at token i to the token after its partner. Each branch of an #if starts
   * at the depth that the #if had; after #endif the first branch counts.
   */
  private skip(i: number): number {
    let depth = 0;
    const stack: { before: number; first: number | null }[] = [];
    for (; i < this.t.n; i++) {
      const kind = this.t.kind[i];
      if (kind === Kind.Directive) {
        const m = /^#\s*(\w+)/.exec(this.text.slice(this.t.start[i]!, this.t.start[i]! + 20));
        const word = m?.[1] ?? '';
        const top = stack.at(-1);
        if (word.startsWith('if')) stack.push({ before: depth, first: null });
        else if ((word === 'else' || word === 'elif') && top) {
          top.first ??= depth;
          depth = top.before;
        } else if (word === 'else' || word === 'elif') {
          // The #if was before the bracket: this branch is another beginning of the same thing.
          const outer = [...this.when];
          this.directive(i);
          this.others.push({ at: i + 1, when: [...this.when] });
          this.when = outer;
          i = this.skipBranch(i + 1);
        } else if (word === 'endif' && top) {
          stack.pop();
          if (top.first !== null) depth = top.first;
        } else if (word === 'define') this.directive(i);
        continue;
      }
      if (kind !== Kind.Punct) continue;
      const c = this.text.charCodeAt(this.t.start[i]!);
      if (c === 123 || c === 40 || c === 91) depth++;
      else if (c === 125 || c === 41 || c === 93) {
        depth--;
        if (depth <= 0) return i + 1;
      }
    }
    return this.t.n;
  }

  /** From inside a branch of an #if to its #endif. */
  private skipBranch(i: number): number {
    let depth = 0;
    for (; i < this.t.n; i++) {
      if (this.t.kind[i] !== Kind.Directive) continue;
      const at = this.t.start[i]!;
      const word = /^#\s*(\w+)/.exec(this.text.slice(at, at + 20))?.[1] ?? '';
      if (word.startsWith('if')) depth++;
      else if (word === 'endif' && depth-- === 0) {
        this.when.pop();
        return i;
      }
    }
    return i;
  }

  walk(): Skeleton {
    const { t } = this;
    while (this.i < t.n) {
      if (t.kind[this.i] === Kind.Directive) {
        this.directive(this.i++);
        continue;
      }
      this.item();
    }
    if (this.inner) this.innerTables();
    const { functions, tables, structs, macros, uses, includes, lost } = this;
    return { functions, tables, structs, macros, uses, includes, lost };
  }

  /** One external declaration, from the current token to its `;` or `}`. */
  private item(): void {
    const { t } = this;
    const first = this.i;
    /** The last `(`...`)` group at this level, and the identifier before it. */
    let open = -1;
    let close = -1;
    let name = -1;
    let attributes = true;
    let assigned = false;
    /** The #if lines around the group, and heads of the same body in branches before. */
    let when: string[] = [];
    const heads: (() => void)[] = [];
    let from = first;
    while (this.i < t.n) {
      const i = this.i;
      const kind = t.kind[i];
      if (kind === Kind.Directive) {
        // #if .. int f(a) .. #else .. int f(b) .. #endif .. { }
        const next = open >= 0 && !assigned && when.length > 0 && when.length === this.when.length;
        if (next && /^#\s*el/.test(this.str(i).slice(0, 20))) {
          const head = { from, name, open, close, when };
          heads.push(() => this.addFunction(head, this.bodyAt, this.bodyEnd));
          from = i + 1;
          open = close = name = -1;
          attributes = true;
        }
        this.directive(i);
        this.i++;
        continue;
      }
      if (kind === Kind.Ident) {
        if (open >= 0 && !ATTRIBUTE.test(this.str(i))) attributes = false;
        this.i++;
        continue;
      }
      if (kind !== Kind.Punct) {
        this.i++;
        continue;
      }
      const c = this.text.charCodeAt(t.start[i]!);
      if (c === 59) {
        // ;
        if (!assigned && open >= 0 && this.oldStyle(open, close, i)) {
          this.i = this.bodyOf(close);
          continue;
        }
        if (!assigned && open < 0) this.variable(first, i, -1, -1);
        else if (!assigned && name === first) this.use(name, open, close);
        this.i++;
        return;
      }
      if (c === 61 && t.end[i]! - t.start[i]! === 1) {
        assigned = true;
        this.i++;
        if (this.is(this.i, '{')) {
          const end = this.skip(this.i);
          this.variable(first, i, t.start[this.i]!, t.end[end - 1] ?? this.text.length);
          this.i = end;
        } else if (open < 0 && t.kind[this.i] === Kind.Ident && !this.is(i - 1, '*')) {
          // = MACRO, = MACRO(arguments): a table if the macro is one.
          const end = this.is(this.i + 1, '(') ? this.skip(this.i + 1) : this.i + 1;
          const named = this.hasWord(first, i, 'struct') && /^[A-Z]/.test(this.str(this.i));
          if (named && this.is(end, ';'))
            this.variable(first, i, t.start[this.i]!, t.end[end - 1] ?? this.text.length);
        }
        continue;
      }
      if (c === 40) {
        const end = this.skip(i);
        const previous = i > first && t.kind[i - 1] === Kind.Ident ? i - 1 : -1;
        const word = previous >= 0 ? this.str(previous) : '';
        const isAttribute = TAKES_ARGUMENTS.test(word);
        if (previous >= 0 && !isAttribute && !assigned && open < 0) {
          name = previous;
          open = i;
          close = end - 1;
          when = [...this.when];
        } else if (!isAttribute && open >= 0 && previous === close + 1 && !assigned && attributes) {
          // MACRO(x) type name(args): the later group is the parameter list.
          name = previous;
          open = i;
          close = end - 1;
        } else if (!isAttribute && open >= 0 && previous > close && !assigned) {
          name = previous;
          open = i;
          close = end - 1;
        }
        this.i = end;
        // A use of a macro on a line of its own, without a semicolon.
        if (name === first && this.i < t.n && this.ownLine(first, this.i)) {
          const next = this.str(this.i);
          if (next !== '{' && next !== ';' && next !== '=' && next !== ',') {
            this.use(name, open, close);
            return;
          }
        }
        continue;
      }
      if (c === 91) {
        this.i = this.skip(i);
        continue;
      }
      if (c === 123) {
        if (open >= 0 && !assigned) {
          this.others = [];
          const here = heads.length ? when : [...this.when];
          const end = this.skip(i);
          this.bodyAt = i;
          this.bodyEnd = end;
          for (const add of heads) add();
          this.addFunction({ from, name, open, close, when: here }, i, end);
          this.otherHeads(this.others.splice(0));
          this.i = end;
          return;
        }
        const end = this.skip(i);
        this.struct(first, i, end);
        this.i = end;
        // `extern "C" {`, or a struct followed by declarators.
        continue;
      }
      if (c === 125) {
        this.i++;
        return;
      }
      this.i++;
    }
    if (open >= 0 && name === first) this.use(name, open, close);
  }

  private bodyAt = 0;
  private bodyEnd = 0;

  /** Functions whose heads and first lines stand in other branches, with the rest of the body. */
  private otherHeads(list: readonly { at: number; when: string[] }[]): void {
    for (const { at, when } of list.slice(0, MAX_HEADS)) {
      const other = new Walker(this.t, false);
      other.i = at;
      other.when = when;
      other.item();
      this.functions.push(...other.functions.slice(0, 1));
    }
  }

  /** Whether what ends at a semicolon declares parameters as K&R do: `f(a, b) int a; char *b; {`. */
  private oldStyle(open: number, close: number, at: number): boolean {
    const { t } = this;
    const names = new Set<string>();
    for (let i = open + 1; i < close; i++) {
      if (t.kind[i] === Kind.Ident) names.add(this.str(i));
      else if (!this.is(i, ',')) return false;
    }
    if (names.size === 0 || close + 2 >= at || this.bodyOf(close) < 0) return false;
    return t.kind[at - 1] === Kind.Ident && names.has(this.str(at - 1));
  }

  /** The brace after declarations without any other bracket than those of arrays; -1: none. */
  private bodyOf(close: number): number {
    for (let i = close + 1; i < Math.min(this.t.n, close + MAX_DECLARED); i++) {
      if (this.is(i, '{')) return this.is(i - 1, ';') ? i : -1;
      const fine = this.t.kind[i] === Kind.Ident || /^[*,;[\]]$|^\d/.test(this.str(i));
      if (!fine) return -1;
    }
    return -1;
  }

  private ownLine(first: number, next: number): boolean {
    const from = this.t.end[next - 1]!;
    return (
      this.text.slice(from, this.t.start[next]!).includes('\n') &&
      (first === 0 || this.text.slice(this.t.end[first - 1]!, this.t.start[first]!).includes('\n'))
    );
  }

  private use(name: number, open: number, close: number): void {
    this.uses.push({
      kind: 'use',
      name: this.str(name),
      at: this.t.start[name]!,
      open: this.t.start[open]!,
      close: this.t.start[close]!,
    });
  }

  private hasWord(from: number, to: number, word: string): boolean {
    for (let i = from; i < to; i++)
      if (this.t.kind[i] === Kind.Ident && this.is(i, word)) return true;
    return false;
  }

  private addFunction(head: Head, body: number, end: number): void {
    const { t } = this;
    const { from: first, name, open, close, when } = head;
    if (name < 0) return;
    let called = this.str(name);
    let at = t.start[name]!;
    const syscall = /^(COMPAT_)?SYSCALL_DEFINE\d$/.exec(called);
    if (syscall && t.kind[open + 1] === Kind.Ident) {
      called = `${syscall[1] ? 'compat_' : ''}sys_${this.str(open + 1)}`;
      at = t.start[open + 1]!;
    }
    const closed = this.text[t.end[end - 1]! - 1] === '}';
    if (!closed) this.lost.push({ at, why: `no end of ${called}() found` });
    this.functions.push({
      kind: 'function',
      name: called,
      at,
      declared: t.start[first]!,
      open: t.start[open]!,
      close: t.start[close]!,
      body: t.start[body]!,
      end: t.end[end - 1]!,
      isStatic: this.hasWord(first, name, 'static'),
      when,
    });
  }

  private struct(first: number, body: number, end: number): void {
    const { t } = this;
    for (let i = body - 1; i >= first && i >= body - 4; i--) {
      if (!this.is(i, 'struct') && !this.is(i, 'union')) continue;
      const tag = i + 1 < body && t.kind[i + 1] === Kind.Ident ? i + 1 : -1;
      // typedef struct { ... } name;
      const name =
        tag >= 0
          ? this.str(tag)
          : this.is(first, 'typedef') && t.kind[end] === Kind.Ident
            ? this.str(end)
            : '';
      if (name) {
        this.structs.push({
          kind: 'struct',
          name,
          at: t.start[tag >= 0 ? tag : end]!,
          body: t.start[body]!,
          end: t.end[end - 1]!,
        });
      }
      return;
    }
  }

  /** A variable of a struct type, with or without an initialiser. */
  private variable(first: number, stop: number, body: number, end: number): void {
    const { t } = this;
    let name = -1;
    let type = '';
    for (let i = first; i < stop; i++) {
      if (this.is(i, '[') || this.is(i, '{')) {
        i = this.skip(i) - 1;
        continue;
      }
      if (t.kind[i] !== Kind.Ident) continue;
      if (this.is(i, 'extern') || this.is(i, 'typedef')) return;
      if ((this.is(i, 'struct') || this.is(i, 'union')) && t.kind[i + 1] === Kind.Ident) {
        type = this.str(i + 1);
        name = -1;
        i++;
      } else if (!ATTRIBUTE.test(this.str(i)) && !STORAGE.test(this.str(i))) {
        if (!type && name >= 0) type = this.str(name);
        name = i;
      }
    }
    if (name < 0 || !type) return;
    const pointer = name > first && this.is(name - 1, '*');
    if (pointer && (body < 0 || this.text[body] !== '{')) return;
    this.tables.push({
      kind: 'table',
      name: this.str(name),
      type,
      at: t.start[name]!,
      body,
      end,
      isStatic: this.hasWord(first, name, 'static'),
      when: [...this.when],
    });
  }
}

/** Whether functions of a text may hold tables that are looked for. */
export const mayHoldTables = (text: string): boolean =>
  text.includes('dma_buf') && ANY_INNER.some((type) => text.includes(type)) && HELD.test(text);

/**
 * The skeleton of a text.
 * @param tokens all tokens of it, where they are at hand
 */
export function skeletonOf(text: string, tokens?: Tokens): Skeleton {
  const inner = mayHoldTables(text);
  // What is in braces is skipped, but for tables in functions.
  const t = tokens ?? (inner ? null : outline(text)) ?? lex(text);
  return new Walker(t, inner).walk();
}

/** `#define` at the end, and whether something stands before it on the line. */
const DEFINE = /^(.*)#\s*define\s+$/s;

/** The last definition of a macro in a text that is not taken apart; undefined where that cannot be told. */
function macroIn(text: string, name: string): MacroAt | null | undefined {
  let found: MacroAt | null = null;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const start = text.lastIndexOf('\n', at - 1) + 1;
    if (/\w/.test(text.charAt(at + name.length))) continue;
    const before = text.slice(start, at);
    const m = DEFINE.exec(before);
    if (!m) continue;
    if (m[1]!.trim()) return undefined;
    const open = text.lastIndexOf('/*', start);
    const inComment = open >= 0 && !isWithin(text.indexOf('*/', open), start);
    if (inComment || /\\\r?\n$/.test(text.slice(Math.max(0, start - 3), start))) return undefined;
    let end = text.indexOf('\n', at);
    while (end >= 0 && /\\\r?$/.test(text.slice(end - 2, end))) end = text.indexOf('\n', end + 1);
    const hash = text.indexOf('#', start);
    const line = text.slice(hash, end < 0 ? text.length : end);
    if (line.lastIndexOf('/*') > line.lastIndexOf('*/')) return undefined;
    found = macroOf(line, hash);
  }
  return found;
}

const isWithin = (at: number, end: number) => at >= 0 && at < end;

/** A file's text with its skeleton and lines, made when first asked for. */
export class SourceFile {
  private read: string | null = null;
  private made: Skeleton | undefined;
  private numbered: Lines | undefined;
  private named: ReadonlyMap<string, MacroAt> | undefined;
  constructor(
    /** Relative to the tree, with `/`. */
    readonly path: string,
    private readonly source: string | (() => string),
  ) {}

  get text(): string {
    return (this.read ??= typeof this.source === 'string' ? this.source : this.source());
  }

  get lines(): Lines {
    return (this.numbered ??= new Lines(this.text));
  }

  get skeleton(): Skeleton {
    return (this.made ??= skeletonOf(this.text));
  }

  /** A macro by its name, of several the last. A file need not be taken apart for that. */
  macro(name: string): MacroAt | null {
    const found = this.made ? undefined : macroIn(this.text, name);
    if (found !== undefined) return found;
    this.named ??= new Map(this.skeleton.macros.map((m) => [m.name, m]));
    return this.named.get(name) ?? null;
  }

  /** Takes a skeleton that was made elsewhere. */
  keep(skeleton: Skeleton): void {
    this.made = skeleton;
    this.named = undefined;
  }
}
