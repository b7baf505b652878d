// SPDX-License-Identifier: GPL-2.0-or-later
/** The syntax tree of a function body, as far as the checker reads C. */

/** A type as far as it matters: the struct's tag, typedef or builtin name, and how many `*`. */
export interface Type {
  readonly base: string;
  readonly stars: number;
}

export type Expr =
  | { readonly k: 'id'; readonly name: string; readonly at: number }
  | { readonly k: 'num'; readonly value: number; readonly at: number }
  | { readonly k: 'str'; readonly at: number }
  | { readonly k: 'call'; readonly fn: Expr; readonly args: readonly Expr[]; readonly at: number }
  | {
      readonly k: 'member';
      readonly of: Expr;
      readonly name: string;
      readonly arrow: boolean;
      readonly at: number;
    }
  | { readonly k: 'index'; readonly of: Expr; readonly by: Expr; readonly at: number }
  | { readonly k: 'unary'; readonly op: string; readonly e: Expr; readonly at: number }
  | {
      readonly k: 'binary';
      readonly op: string;
      readonly l: Expr;
      readonly r: Expr;
      readonly at: number;
    }
  /** `op` is '' for plain assignment, else the operator before `=`. */
  | {
      readonly k: 'assign';
      readonly op: string;
      readonly l: Expr;
      readonly r: Expr;
      readonly at: number;
    }
  | {
      readonly k: 'cond';
      readonly c: Expr;
      readonly t: Expr | null;
      readonly f: Expr;
      readonly at: number;
    }
  | { readonly k: 'cast'; readonly type: Type; readonly e: Expr; readonly at: number }
  | {
      readonly k: 'init';
      readonly type: Type | null;
      readonly fields: readonly Field[];
      readonly at: number;
    }
  | { readonly k: 'block'; readonly body: readonly Stmt[]; readonly at: number }
  | { readonly k: 'type'; readonly type: Type; readonly at: number };

/** `.a.b = e`, `[3] = e`, or just `e`. */
export interface Field {
  readonly path: readonly string[];
  readonly value: Expr;
  readonly at: number;
}

export type Stmt =
  | { readonly k: 'expr'; readonly e: Expr; readonly at: number }
  | {
      readonly k: 'decl';
      readonly name: string;
      readonly type: Type;
      readonly init: Expr | null;
      readonly at: number;
    }
  | {
      readonly k: 'if';
      readonly c: Expr;
      readonly t: Stmt;
      readonly f: Stmt | null;
      readonly at: number;
    }
  /** `config`: one branch of an #if, both are possible. */
  | {
      readonly k: 'choice';
      readonly when: string;
      readonly t: Stmt;
      readonly f: Stmt | null;
      readonly at: number;
    }
  | {
      readonly k: 'loop';
      readonly kind: 'while' | 'do' | 'for' | 'macro';
      readonly init: Stmt | null;
      readonly c: Expr | null;
      readonly step: Expr | null;
      readonly body: Stmt;
      readonly at: number;
    }
  | { readonly k: 'switch'; readonly e: Expr; readonly body: Stmt; readonly at: number }
  | { readonly k: 'case'; readonly e: Expr | null; readonly at: number }
  | { readonly k: 'label'; readonly name: string; readonly at: number }
  | { readonly k: 'goto'; readonly name: string; readonly at: number }
  | { readonly k: 'return'; readonly e: Expr | null; readonly at: number }
  | { readonly k: 'break' | 'continue'; readonly at: number }
  | { readonly k: 'block'; readonly body: readonly Stmt[]; readonly at: number }
  /** Could not be parsed. */
  | { readonly k: 'opaque'; readonly text: string; readonly at: number };

export interface Param {
  readonly name: string;
  readonly type: Type;
}

/** Calls `visit` for an expression and everything in it. */
export function eachExpr(e: Expr, visit: (e: Expr) => void): void {
  visit(e);
  switch (e.k) {
    case 'call':
      eachExpr(e.fn, visit);
      for (const a of e.args) eachExpr(a, visit);
      break;
    case 'member':
      eachExpr(e.of, visit);
      break;
    case 'index':
      eachExpr(e.of, visit);
      eachExpr(e.by, visit);
      break;
    case 'unary':
    case 'cast':
      eachExpr(e.e, visit);
      break;
    case 'binary':
    case 'assign':
      eachExpr(e.l, visit);
      eachExpr(e.r, visit);
      break;
    case 'cond':
      eachExpr(e.c, visit);
      if (e.t) eachExpr(e.t, visit);
      eachExpr(e.f, visit);
      break;
    case 'init':
      for (const f of e.fields) eachExpr(f.value, visit);
      break;
    case 'block':
      for (const s of e.body) eachIn(s, visit);
      break;
  }
}

/** Calls `visit` for every expression of a statement, in program order. */
export function eachIn(s: Stmt, visit: (e: Expr) => void): void {
  eachStmt(s, (one) => {
    switch (one.k) {
      case 'expr':
        eachExpr(one.e, visit);
        break;
      case 'decl':
        if (one.init) eachExpr(one.init, visit);
        break;
      case 'if':
      case 'switch':
        eachExpr(one.k === 'if' ? one.c : one.e, visit);
        break;
      case 'loop':
        if (one.c) eachExpr(one.c, visit);
        if (one.step) eachExpr(one.step, visit);
        break;
      case 'return':
        if (one.e) eachExpr(one.e, visit);
        break;
    }
  });
}

/** Calls `visit` for a statement and all statements in it, in program order. */
export function eachStmt(s: Stmt, visit: (s: Stmt) => void): void {
  visit(s);
  switch (s.k) {
    case 'if':
    case 'choice':
      eachStmt(s.t, visit);
      if (s.f) eachStmt(s.f, visit);
      break;
    case 'loop':
      if (s.init) eachStmt(s.init, visit);
      eachStmt(s.body, visit);
      break;
    case 'switch':
      eachStmt(s.body, visit);
      break;
    case 'block':
      for (const b of s.body) eachStmt(b, visit);
      break;
  }
}

/** The expression as canonical text: what two mentions of one thing have in common. */
export function textOf(e: Expr): string {
  switch (e.k) {
    case 'id':
      return e.name;
    case 'num':
      return String(e.value);
    case 'str':
      return '""';
    case 'call':
      return `${textOf(e.fn)}(${e.args.map(textOf).join(',')})`;
    case 'member':
      return e.arrow || e.of.k !== 'unary' || e.of.op !== '*'
        ? `${textOf(e.of)}${e.arrow ? '->' : '.'}${e.name}`
        : `${textOf(e.of.e)}->${e.name}`;
    case 'index':
      return `${textOf(e.of)}[${textOf(e.by)}]`;
    case 'unary':
      return `${e.op}${textOf(e.e)}`;
    case 'binary':
      return `(${textOf(e.l)}${e.op}${textOf(e.r)})`;
    case 'assign':
      return `(${textOf(e.l)}${e.op}=${textOf(e.r)})`;
    case 'cond':
      return `(${textOf(e.c)}?${e.t ? textOf(e.t) : ''}:${textOf(e.f)})`;
    case 'cast':
      return textOf(e.e);
    case 'init':
      return '{}';
    case 'block':
      return '({})';
    case 'type':
      return e.type.base + '*'.repeat(e.type.stars);
  }
}
