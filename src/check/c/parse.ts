// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A tolerant parser of statements and expressions. A statement that it cannot parse becomes `opaque`
 * and is skipped to its end; the others are not affected.
 */
import type { Expr, Field, Param, Stmt, Type } from './ast.ts';
import { Kind } from './lex.ts';
import { CHOICE, type Token } from './tokens.ts';

/** No Error: where it was thrown is of no interest, and finding that out takes longer than the parsing. */
class Unparsed {
  constructor(readonly message: string) {}
}

const QUALIFIER = new Set(
  (
    'const volatile static extern register inline __inline __inline__ __always_inline restrict auto ' +
    '__user __iomem __kernel __force __percpu __rcu __maybe_unused __always_unused __unused __read_mostly ' +
    '__initdata __init __exit noinline __must_check __cold __refdata __ro_after_init __private signed ' +
    '__randomize_layout __packed __deprecated asmlinkage __le __nocast __bitwise __safe noinline_for_stack ' +
    '__attribute_const__ __pure __weak __ref __sched __kprobes'
  ).split(' '),
);
const BUILTIN = new Set(
  (
    'void char short int long float double unsigned bool _Bool u8 u16 u32 u64 s8 s16 s32 s64 __u8 __u16 ' +
    '__u32 __u64 __s32 __s64 size_t ssize_t loff_t off_t pgoff_t pgprot_t pfn_t pte_t pmd_t pud_t p4d_t pgd_t ' +
    'spinlock_t phys_addr_t dma_addr_t resource_size_t vm_fault_t vm_flags_t gfp_t uintptr_t uint32_t ' +
    'uint64_t int32_t int64_t uint8_t uint16_t ulong uint kvm_pfn_t gfn_t gpa_t hva_t hpa_t atomic_t'
  ).split(' '),
);
const STATEMENT = new Set(
  'if else while do for switch case default goto return break continue asm __asm__'.split(' '),
);

const BINARY: Readonly<Record<string, number>> = {
  '*': 10,
  '/': 10,
  '%': 10,
  '+': 9,
  '-': 9,
  '<<': 8,
  '>>': 8,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '==': 6,
  '!=': 6,
  '&': 5,
  '^': 4,
  '|': 3,
  '&&': 2,
  '||': 1,
};
const ASSIGN = new Set('= += -= *= /= %= &= |= ^= <<= >>='.split(' '));

const MAX_DEPTH = 200;

export class Parser {
  private i = 0;
  private depth = 0;
  /** Statements that were given up on: offset and text. */
  readonly lost: { at: number; text: string }[] = [];

  constructor(private readonly t: readonly Token[]) {}

  private get s(): string {
    return this.t[this.i]?.s ?? '';
  }
  private peek(n = 1): string {
    return this.t[this.i + n]?.s ?? '';
  }
  private get kind(): Kind | undefined {
    return this.t[this.i]?.kind;
  }
  private get at(): number {
    return this.t[this.i]?.at ?? this.t.at(-1)?.at ?? 0;
  }
  private get ended(): boolean {
    return this.i >= this.t.length;
  }
  private is(s: string): boolean {
    return this.s === s;
  }
  private isKind(k: Kind): boolean {
    return this.kind === k;
  }
  private eat(s: string): boolean {
    if (this.s !== s || this.kind === Kind.String) return false;
    this.i++;
    return true;
  }
  private need(s: string): void {
    if (!this.eat(s)) throw new Unparsed(`${s} expected, found ${this.s || 'the end'}`);
  }

  /** A whole body with its braces. */
  body(): Stmt {
    return this.statement();
  }

  /** A whole text as one expression; null when it is none. */
  expression(): Expr | null {
    try {
      const e = this.comma();
      return this.ended ? e : null;
    } catch (error) {
      if (error instanceof Unparsed) return null;
      throw error;
    }
  }

  /** A text as statements, with or without a final semicolon. */
  statements(): Stmt {
    const at = this.at;
    const body: Stmt[] = [];
    while (!this.ended) body.push(...this.guarded());
    return { k: 'block', body, at };
  }

  private statement(): Stmt {
    const at = this.at;
    const all = this.guarded();
    return all.length === 1 ? all[0]! : { k: 'block', body: all, at };
  }

  /** One statement, or opaque up to its `;`. */
  private guarded(): Stmt[] {
    const begin = this.i;
    const at = this.at;
    if (++this.depth > MAX_DEPTH) {
      this.depth--;
      this.skipStatement();
      return [{ k: 'opaque', text: '', at }];
    }
    try {
      return this.one();
    } catch (error) {
      if (!(error instanceof Unparsed)) throw error;
      this.i = begin;
      this.skipStatement();
      const text = this.t
        .slice(begin, Math.min(this.i, begin + 200))
        .map((t) => t.s)
        .join(' ');
      this.lost.push({ at, text });
      return [{ k: 'opaque', text, at }];
    } finally {
      this.depth--;
    }
  }

  private skipStatement(): void {
    let depth = 0;
    const begin = this.i;
    while (!this.ended) {
      const s = this.s;
      const quoted = this.kind === Kind.String || this.kind === Kind.Char;
      if (!quoted) {
        if (s === '{' || s === '(' || s === '[') depth++;
        else if (s === '}' || s === ')' || s === ']') {
          if (depth === 0 && this.i > begin && s === '}') return;
          depth = Math.max(0, depth - 1);
          if (depth === 0 && s === '}') {
            this.i++;
            return;
          }
        } else if (s === ';' && depth === 0) {
          this.i++;
          return;
        }
      }
      this.i++;
    }
  }

  private one(): Stmt[] {
    const at = this.at;
    const s = this.s;
    if (this.kind === Kind.Punct) {
      if (s === '{') {
        this.i++;
        const body: Stmt[] = [];
        while (!this.ended && !this.is('}')) body.push(...this.guarded());
        this.i++;
        return [{ k: 'block', body, at }];
      }
      if (s === ';') {
        this.i++;
        return [{ k: 'block', body: [], at }];
      }
      if (s === '}') {
        // One too many.
        this.i++;
        return [];
      }
    }
    if (this.kind === Kind.Ident) {
      switch (s) {
        case 'if': {
          this.i++;
          this.need('(');
          const c = this.comma();
          this.need(')');
          const t = this.statement();
          const f = this.eat('else') ? this.statement() : null;
          return [{ k: 'if', c, t, f, at }];
        }
        case CHOICE: {
          this.i++;
          const when = this.s;
          this.i++;
          const t = this.statement();
          const f = this.eat('else') ? this.statement() : null;
          return [{ k: 'choice', when, t, f, at }];
        }
        case 'while': {
          this.i++;
          this.need('(');
          const c = this.comma();
          this.need(')');
          return [
            { k: 'loop', kind: 'while', init: null, c, step: null, body: this.statement(), at },
          ];
        }
        case 'do': {
          this.i++;
          const body = this.statement();
          this.need('while');
          this.need('(');
          const c = this.comma();
          this.need(')');
          this.eat(';');
          return [{ k: 'loop', kind: 'do', init: null, c, step: null, body, at }];
        }
        case 'for': {
          this.i++;
          this.need('(');
          const init = this.eat(';') ? null : this.forInit();
          const c = this.is(';') ? null : this.comma();
          this.need(';');
          const step = this.is(')') ? null : this.comma();
          this.need(')');
          return [{ k: 'loop', kind: 'for', init, c, step, body: this.statement(), at }];
        }
        case 'switch': {
          this.i++;
          this.need('(');
          const e = this.comma();
          this.need(')');
          return [{ k: 'switch', e, body: this.statement(), at }];
        }
        case 'case': {
          this.i++;
          const e = this.ternary();
          if (this.eat('...')) this.ternary();
          this.need(':');
          return [{ k: 'case', e, at }];
        }
        case 'default':
          if (this.peek() === ':') {
            this.i += 2;
            return [{ k: 'case', e: null, at }];
          }
          break;
        case 'goto': {
          this.i++;
          const name = this.s;
          this.i++;
          this.need(';');
          return [{ k: 'goto', name, at }];
        }
        case 'return': {
          this.i++;
          const e = this.is(';') ? null : this.comma();
          this.need(';');
          return [{ k: 'return', e, at }];
        }
        case 'break':
        case 'continue':
          this.i++;
          this.need(';');
          return [{ k: s, at }];
        case 'else':
          // Its `if` was lost in an #if.
          this.i++;
          return [this.statement()];
        case 'asm':
        case '__asm__':
          this.skipStatement();
          return [];
      }
      if (this.peek() === ':' && this.peek(2) !== ':' && !STATEMENT.has(s)) {
        this.i += 2;
        return [{ k: 'label', name: s, at }];
      }
      if (this.startsDeclaration()) return this.declaration();
    }
    const e = this.comma();
    if (this.eat(';')) return [{ k: 'expr', e, at }];
    if (this.ended || this.is('}')) return [{ k: 'expr', e, at }];
    if (e.k === 'call') {
      // for_each_thing(...) { }, or a macro that brings its own semicolon.
      if (
        this.is('{') ||
        /^(for_each|.*_for_each|.*foreach|scoped|list_for|hlist|.*_each_|.*ITER|.*FOR_EACH)/.test(
          textOfCall(e),
        )
      ) {
        return [
          { k: 'loop', kind: 'macro', init: null, c: e, step: null, body: this.statement(), at },
        ];
      }
      return [{ k: 'expr', e, at }];
    }
    throw new Unparsed(`; expected, found ${this.s}`);
  }

  private forInit(): Stmt {
    const at = this.at;
    if (this.kind === Kind.Ident && this.startsDeclaration()) {
      return { k: 'block', body: this.declaration(), at };
    }
    const e = this.comma();
    this.need(';');
    return { k: 'expr', e, at };
  }

  /** Whether a declaration begins here: `type name`, `type *name`, `struct ...`. */
  private startsDeclaration(): boolean {
    const s = this.s;
    if (s === 'struct' || s === 'union' || s === 'enum') return true;
    if (QUALIFIER.has(s) || s === 'typeof' || s === '__typeof__' || s === 'DECLARE_BITMAP')
      return s !== 'DECLARE_BITMAP';
    if (BUILTIN.has(s)) return this.peek() !== '(' || this.peek(2) === '*';
    if (STATEMENT.has(s)) return false;
    const n = this.t[this.i + 1];
    if (n?.kind === Kind.Ident && !STATEMENT.has(n.s)) {
      const after = this.peek(2);
      return (
        /^[=;,[)]$/.test(after) || /^__\w+$/.test(n.s) || /^__\w+$/.test(after) || after === ':'
      );
    }
    if (n?.s !== '*') return false;
    let j = this.i + 1;
    while (this.t[j]?.s === '*' || QUALIFIER.has(this.t[j]?.s ?? '')) j++;
    return this.t[j]?.kind === Kind.Ident && /^[=;,[]$/.test(this.t[j + 1]?.s ?? '');
  }

  /** Words of a type up to where a declarator may begin. */
  private typeWords(): string {
    let base = '';
    for (;;) {
      const s = this.s;
      if (this.kind !== Kind.Ident) break;
      if (QUALIFIER.has(s)) {
        this.i++;
        continue;
      }
      if (
        s === '__attribute__' ||
        s === '__aligned' ||
        s === '__cleanup' ||
        s === '__free' ||
        s === '__counted_by'
      ) {
        this.i++;
        if (this.is('(')) this.skipGroup();
        continue;
      }
      if (s === 'typeof' || s === '__typeof__') {
        this.i++;
        if (this.is('(')) this.skipGroup();
        base = 'typeof';
        continue;
      }
      if (s === 'struct' || s === 'union' || s === 'enum') {
        this.i++;
        if (this.kind === Kind.Ident) {
          base = this.s;
          this.i++;
        }
        if (this.is('{')) {
          this.skipGroup();
          base ||= 'struct';
        }
        continue;
      }
      if (BUILTIN.has(s)) {
        if (s !== 'unsigned' || !base) base = base && BUILTIN.has(base) ? base : s;
        this.i++;
        continue;
      }
      if (base) break;
      base = s;
      this.i++;
    }
    if (!base) throw new Unparsed('a type expected');
    return base;
  }

  private skipGroup(): void {
    let depth = 0;
    while (!this.ended) {
      const s = this.s;
      const quoted = this.kind === Kind.String || this.kind === Kind.Char;
      this.i++;
      if (quoted) continue;
      if (s === '{' || s === '(' || s === '[') depth++;
      else if (s === '}' || s === ')' || s === ']') if (--depth <= 0) return;
    }
  }

  private stars(): number {
    let n = 0;
    for (;;) {
      if (this.is('*') && this.kind === Kind.Punct) n++;
      else if (!(this.kind === Kind.Ident && QUALIFIER.has(this.s))) return n;
      this.i++;
    }
  }

  private declaration(): Stmt[] {
    const out: Stmt[] = [];
    const base = this.typeWords();
    if (this.eat(';')) return out;
    if (this.is('(') && this.peek() !== '*') {
      // static DEFINE_MUTEX(name);
      this.skipGroup();
      this.eat(';');
      return out;
    }
    for (;;) {
      const at = this.at;
      let stars = this.stars();
      let name = '';
      if (this.is('(') && this.peek() === '*') {
        // A pointer to a function, or to an array.
        this.i += 2;
        this.stars();
        name = this.s;
        this.i++;
        if (this.is('[')) this.skipGroup();
        this.need(')');
        if (this.is('(') || this.is('[')) this.skipGroup();
        stars++;
      } else {
        if (this.kind !== Kind.Ident) throw new Unparsed('a name expected');
        name = this.s;
        this.i++;
        if (this.is('(')) {
          // A prototype, or MACRO(x) that only looked like a declaration.
          this.skipGroup();
        }
        while (this.is('[')) {
          this.skipGroup();
          stars++;
        }
      }
      while (this.kind === Kind.Ident && (QUALIFIER.has(this.s) || /^__\w+$/.test(this.s))) {
        this.i++;
        if (this.is('(')) this.skipGroup();
      }
      if (this.eat(':')) this.ternary();
      const init = this.eat('=')
        ? this.is('{')
          ? this.initialiser({ base, stars })
          : this.assignment()
        : null;
      out.push({ k: 'decl', name, type: { base, stars }, init, at });
      if (this.eat(',')) continue;
      this.need(';');
      return out;
    }
  }

  private comma(): Expr {
    let e = this.assignment();
    while (this.is(',') && this.kind === Kind.Punct) {
      const at = this.at;
      this.i++;
      e = { k: 'binary', op: ',', l: e, r: this.assignment(), at };
    }
    return e;
  }

  private assignment(): Expr {
    if (++this.depth > MAX_DEPTH * 4) throw new Unparsed('nested too deeply');
    try {
      const l = this.ternary();
      if (this.kind === Kind.Punct && ASSIGN.has(this.s)) {
        const { at, s } = this;
        this.i++;
        const r = this.is('{') ? this.initialiser(null) : this.assignment();
        return { k: 'assign', op: s.slice(0, -1), l, r, at };
      }
      return l;
    } finally {
      this.depth--;
    }
  }

  private ternary(): Expr {
    const c = this.binary(1);
    if (!this.is('?') || this.kind !== Kind.Punct) return c;
    const at = this.at;
    this.i++;
    const t = this.is(':') ? null : this.comma();
    this.need(':');
    const f = this.assignment();
    return { k: 'cond', c, t, f, at };
  }

  private binary(min: number): Expr {
    let l = this.unary();
    for (;;) {
      const level = this.kind === Kind.Punct ? BINARY[this.s] : undefined;
      if (level === undefined || level < min) return l;
      const { at, s } = this;
      this.i++;
      l = { k: 'binary', op: s, l, r: this.binary(level + 1), at };
    }
  }

  private unary(): Expr {
    const { at, s } = this;
    if (++this.depth > MAX_DEPTH * 4) throw new Unparsed('nested too deeply');
    try {
      if (this.kind === Kind.Punct) {
        if (
          s === '!' ||
          s === '~' ||
          s === '-' ||
          s === '+' ||
          s === '*' ||
          s === '&' ||
          s === '++' ||
          s === '--'
        ) {
          this.i++;
          return { k: 'unary', op: s, e: this.unary(), at };
        }
        if (s === '&&') {
          // The address of a label.
          this.i += 2;
          return { k: 'num', value: 1, at };
        }
        if (s === '(' && this.isCast()) {
          this.i++;
          const type = this.typeName();
          this.need(')');
          if (this.is('{')) return this.postfix(this.initialiser(type));
          return { k: 'cast', type, e: this.unary(), at };
        }
      }
      if (s === 'sizeof' || s === '__alignof__' || s === '_Alignof') {
        this.i++;
        if (this.is('(')) this.skipGroup();
        else this.unary();
        return { k: 'id', name: 'sizeof', at };
      }
      return this.postfix(this.primary());
    } finally {
      this.depth--;
    }
  }

  private isCast(): boolean {
    const a = this.t[this.i + 1];
    if (a?.kind !== Kind.Ident) return false;
    const s = a.s;
    if (s === 'struct' || s === 'union' || s === 'enum' || QUALIFIER.has(s)) return true;
    if (s === 'typeof' || s === '__typeof__') return true;
    let j = this.i + 2;
    if (BUILTIN.has(s)) {
      while (
        BUILTIN.has(this.t[j]?.s ?? '') ||
        QUALIFIER.has(this.t[j]?.s ?? '') ||
        this.t[j]?.s === '*'
      )
        j++;
      return this.t[j]?.s === ')' || this.t[j]?.s === '(';
    }
    if (this.t[j]?.s === ')' && (this.t[j + 1]?.kind === Kind.Ident || this.t[j + 1]?.s === '{')) {
      return !STATEMENT.has(this.t[j + 1]!.s);
    }
    if (!/_t$/.test(s) && this.t[j]?.s !== '*') return false;
    let stars = 0;
    while (this.t[j]?.s === '*' || QUALIFIER.has(this.t[j]?.s ?? '')) {
      j++;
      stars++;
    }
    if (this.t[j]?.s !== ')') return false;
    if (stars) return true;
    const after = this.t[j + 1];
    return after?.kind === Kind.Ident || after?.kind === Kind.Number || after?.s === '(';
  }

  private typeName(): Type {
    const base = this.typeWords();
    let stars = this.stars();
    if (this.is('(')) {
      this.skipGroup();
      if (this.is('(')) this.skipGroup();
      stars++;
    }
    while (this.is('[')) {
      this.skipGroup();
      stars++;
    }
    return { base, stars };
  }

  private primary(): Expr {
    const { at, s, kind } = this;
    if (kind === Kind.Ident) {
      this.i++;
      if (this.kind !== Kind.String) return { k: 'id', name: s, at };
      // KERN_ERR "text", _T("text"): words among the parts of a string.
    }
    if (kind === Kind.Number) {
      this.i++;
      const n = Number(s.replace(/[uUlL]+$/, ''));
      return {
        k: 'num',
        value: Number.isNaN(n) ? 0 : /^0[0-7]+$/.test(s) ? Number.parseInt(s, 8) : n,
        at,
      };
    }
    if (kind === Kind.String || (kind === Kind.Ident && this.isKind(Kind.String))) {
      while (
        this.kind === Kind.String ||
        (this.kind === Kind.Ident && /^[A-Z][A-Za-z_0-9]*$/.test(this.s) && this.peek() !== '(')
      )
        this.i++;
      return { k: 'str', at };
    }
    if (kind === Kind.Char) {
      this.i++;
      return { k: 'num', value: s.charCodeAt(1) || 0, at };
    }
    if (s === '(') {
      this.i++;
      if (this.is('{')) {
        this.i++;
        const body: Stmt[] = [];
        while (!this.ended && !this.is('}')) body.push(...this.guarded());
        this.need('}');
        this.need(')');
        return { k: 'block', body, at };
      }
      const e = this.comma();
      this.need(')');
      return e;
    }
    throw new Unparsed(`an expression expected, found ${s || 'the end'}`);
  }

  private postfix(e: Expr): Expr {
    for (;;) {
      const { at, s } = this;
      if (this.kind !== Kind.Punct) return e;
      if (s === '(') {
        this.i++;
        const args: Expr[] = [];
        while (!this.ended && !this.is(')')) {
          args.push(this.argument());
          if (!this.eat(',')) break;
        }
        this.need(')');
        e = { k: 'call', fn: e, args, at: e.at };
      } else if (s === '[') {
        this.i++;
        const by = this.comma();
        this.need(']');
        e = { k: 'index', of: e, by, at };
      } else if (s === '.' || s === '->') {
        this.i++;
        if (!this.isKind(Kind.Ident)) throw new Unparsed('a field expected');
        e = { k: 'member', of: e, name: this.s, arrow: s === '->', at: this.at };
        this.i++;
      } else if (s === '++' || s === '--') {
        this.i++;
        e = { k: 'unary', op: `post${s}`, e, at };
      } else return e;
    }
  }

  /** An argument: an expression, or a type name for macros such as container_of(). */
  private argument(): Expr {
    const { at } = this;
    if (this.is(',') || this.is(')')) return { k: 'num', value: 0, at };
    if (this.is('{')) return this.initialiser(null);
    const typeLike =
      this.is('struct') ||
      this.is('union') ||
      this.is('const') ||
      this.is('enum') ||
      (BUILTIN.has(this.s) && this.peek() !== '(');
    if (typeLike) return { k: 'type', type: this.typeName(), at };
    const begin = this.i;
    try {
      return this.assignment();
    } catch (error) {
      if (!(error instanceof Unparsed)) throw error;
      // Operators as arguments, type names, whatever a macro takes.
      this.i = begin;
      let depth = 0;
      while (!this.ended) {
        const s = this.s;
        if (s === '(' || s === '{' || s === '[') depth++;
        else if (s === ')' || s === '}' || s === ']') {
          if (depth === 0) break;
          depth--;
        } else if (s === ',' && depth === 0) break;
        else if (s === ';' && depth === 0) throw error;
        this.i++;
      }
      return {
        k: 'id',
        name: this.t
          .slice(begin, this.i)
          .map((t) => t.s)
          .join(' '),
        at,
      };
    }
  }

  /** `{ .a = x, [1] = y, z }` */
  initialiser(type: Type | null): Expr {
    const at = this.at;
    this.need('{');
    const fields: Field[] = [];
    while (!this.ended && !this.is('}')) {
      const fieldAt = this.at;
      const path: string[] = [];
      for (;;) {
        if (this.is('.') && this.t[this.i + 1]?.kind === Kind.Ident) {
          path.push(this.peek());
          this.i += 2;
        } else if (this.is('[') && this.kind === Kind.Punct) {
          this.skipGroup();
          path.push('[]');
        } else break;
      }
      if (path.length === 0 && this.kind === Kind.Ident && this.peek() === ':') {
        // The old GNU way: field: value
        path.push(this.s);
        this.i += 2;
      } else if (path.length) this.eat('=');
      const begin = this.i;
      try {
        const value = this.is('{') ? this.initialiser(null) : this.assignment();
        fields.push({ path, value, at: fieldAt });
      } catch (error) {
        if (!(error instanceof Unparsed)) throw error;
        this.i = begin;
        this.lost.push({ at: fieldAt, text: path.join('.') });
        let depth = 0;
        while (!this.ended) {
          const s = this.s;
          if (s === '(' || s === '{' || s === '[') depth++;
          else if (s === ')' || s === '}' || s === ']') {
            if (depth === 0) break;
            depth--;
          } else if (s === ',' && depth === 0) break;
          this.i++;
        }
      }
      if (!this.eat(',')) {
        // A macro that brought its own fields and comma, or nothing more.
        if (!this.is('}') && this.i === begin) this.i++;
      }
    }
    this.need('}');
    return { k: 'init', type, fields, at };
  }

  /** `(type name, type name)` of a function definition, without the brackets. */
  params(): Param[] {
    const out: Param[] = [];
    while (!this.ended) {
      try {
        let base = this.typeWords();
        let stars = this.stars();
        let name = '';
        if (this.is('(') && this.peek() === '*') {
          this.i += 2;
          name = this.s;
          this.i++;
          this.eat(')');
          if (this.is('(')) this.skipGroup();
          stars++;
        }
        // INOUT type name: what was no type is a macro for people to read.
        while (name === '' ? this.kind === Kind.Ident : stars === 0 && this.kind === Kind.Ident) {
          if (name !== '') base = name;
          name = this.s;
          this.i++;
          if (this.is('*')) {
            base = name;
            name = '';
            stars += this.stars();
          }
        }
        while (this.is('[')) {
          this.skipGroup();
          stars++;
        }
        out.push({ name, type: { base, stars } });
      } catch (error) {
        if (!(error instanceof Unparsed)) throw error;
        out.push({ name: '', type: { base: '', stars: 0 } });
      }
      while (!this.ended && !this.is(',')) {
        if (this.is('(')) this.skipGroup();
        else this.i++;
      }
      this.eat(',');
    }
    return out;
  }

  /** `type name;` members of a struct, nested anonymous ones laid flat. Without the brackets. */
  members(): { name: string; type: Type; isFunction: boolean }[] {
    const out: { name: string; type: Type; isFunction: boolean }[] = [];
    while (!this.ended) {
      const begin = this.i;
      try {
        const nested = this.nestedStruct();
        if (nested) {
          out.push(...nested);
          continue;
        }
        const base = this.typeWords();
        for (;;) {
          const stars = this.stars();
          if (this.is('(') && this.peek() === '*') {
            this.i += 2;
            this.stars();
            out.push({ name: this.s, type: { base, stars: stars + 1 }, isFunction: true });
            this.i++;
            if (this.is('[')) this.skipGroup();
            this.eat(')');
            if (this.is('(')) this.skipGroup();
          } else if (this.kind === Kind.Ident) {
            const name = this.s;
            this.i++;
            let array = 0;
            while (this.is('[')) {
              this.skipGroup();
              array++;
            }
            out.push({ name, type: { base, stars: stars + array }, isFunction: false });
          }
          if (!this.eat(',')) break;
        }
      } catch (error) {
        if (!(error instanceof Unparsed)) throw error;
      }
      while (!this.ended && !this.is(';')) {
        if (this.is('{') || this.is('(')) this.skipGroup();
        else this.i++;
      }
      this.eat(';');
      if (this.i === begin) this.i++;
    }
    return out;
  }

  /** `struct { ... } name;` and `struct tag { ... } name;` inside a struct. */
  private nestedStruct(): { name: string; type: Type; isFunction: boolean }[] | null {
    let j = this.i;
    while (QUALIFIER.has(this.t[j]?.s ?? '')) j++;
    if (this.t[j]?.s !== 'struct' && this.t[j]?.s !== 'union') return null;
    j++;
    let tag = '';
    if (this.t[j]?.kind === Kind.Ident) tag = this.t[j++]!.s;
    if (this.t[j]?.s !== '{') return null;
    this.i = j;
    const from = j + 1;
    this.skipGroup();
    const inner = new Parser(this.t.slice(from, this.i - 1)).members();
    const names: { name: string; type: Type; isFunction: boolean }[] = [];
    while (!this.ended && !this.is(';')) {
      if (this.kind === Kind.Ident && !/^__/.test(this.s)) {
        names.push({ name: this.s, type: { base: tag, stars: 0 }, isFunction: false });
      }
      this.i++;
    }
    this.eat(';');
    // Members of a named nested struct are found by their own name as well.
    return [...names, ...inner];
  }
}

function textOfCall(e: Expr): string {
  return e.k === 'call' && e.fn.k === 'id' ? e.fn.name : '';
}
