// SPDX-License-Identifier: GPL-2.0-or-later
/** R16: checks of the flags after a dma-buf mmap callback that do not ask whether it succeeded. */
import { type Expr, eachExpr, eachIn, eachStmt, type Stmt, textOf } from './c/ast.ts';
import type { FunctionDef, Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import type { FollowerFall } from './followers.ts';

export interface FlagCheck {
  readonly def: FunctionDef;
  readonly fall: FollowerFall;
}

const WARNS = /^(WARN\w*|VM_WARN\w*|dev_WARN\w*|drm_WARN\w*|BUG_ON|pr_warn\w*|pr_err\w*)$/;

/** Checks in a file that calls an mmap callback. */
export function flagChecksIn(program: Program, file: SourceFile): FlagCheck[] {
  if (/^(tools|Documentation)\//.test(file.path)) return [];
  const out: FlagCheck[] = [];
  for (const def of program.functionsSaying(file, /VM_PFNMAP/)) {
    if (!/mmap\s*\(/.test(def.text)) continue;
    const call = callback(program, def);
    if (!call) continue;
    const at = unasked(def, call);
    if (at === null) continue;
    const why = 'warns of a mapping without VM_PFNMAP though the callback may have refused it';
    out.push({
      def,
      fall: { rule: 'R16', at, why, chain: [{ def, at: call.at, callee: call.callee }] },
    });
  }
  return out;
}

interface Callback {
  readonly at: number;
  readonly callee: string;
  readonly result: string;
}

/** The call of dma_buf_ops.mmap, or of what calls it, and the variable that gets its result. */
function callback(program: Program, def: FunctionDef): Callback | null {
  let found: Callback | null = null;
  const isCallback = (e: Expr): e is Expr & { k: 'call' } =>
    e.k === 'call' && (textOf(e.fn) === 'dma_buf_mmap' || isSlot(e.fn));
  const put = (e: Expr & { k: 'call' }, result: string) => {
    found = { at: e.at, callee: e.fn.k === 'id' ? e.fn.name : 'mmap', result };
  };
  const isSlot = (e: Expr) =>
    e.k === 'member' &&
    e.name === 'mmap' &&
    (program.typeIn(def, e.of).base === 'dma_buf_ops' ||
      (e.of.k === 'member' &&
        e.of.name === 'ops' &&
        program.typeIn(def, e.of.of).base === 'dma_buf') ||
      /(dma_?buf|dbuf|dmabuf)->ops$/.test(textOf(e.of)));
  eachIn(def.body, (e) => {
    if (!found && isCallback(e)) put(e, '');
    if (e.k === 'assign' && isCallback(e.r)) put(e.r, textOf(e.l));
  });
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init && isCallback(s.init)) put(s.init, s.name);
  });
  return found;
}

/** Where VM_PFNMAP is demanded without a look at the result; null: nowhere. */
function unasked(def: FunctionDef, call: { at: number; result: string }): number | null {
  let at: number | null = null;
  const asks = (e: Expr) => {
    let yes = false;
    eachExpr(e, (x) => {
      yes ||= call.result !== '' && textOf(x) === call.result;
    });
    return yes;
  };
  const demands = (e: Expr) => /VM_PFNMAP/.test(textOf(e)) && !asks(e);
  const go = (s: Stmt, asked: boolean): boolean => {
    switch (s.k) {
      case 'block':
        for (const one of s.body) asked = go(one, asked);
        return asked;
      case 'if': {
        const after = s.at > call.at;
        if (after && !asked && demands(s.c) && warns(s.t)) at ??= s.at;
        const here = asked || (after && asks(s.c));
        go(s.t, here);
        if (s.f) go(s.f, here);
        // if (ret) return ret;
        return asked || (after && asks(s.c) && leaves(s.t));
      }
      case 'expr':
        eachExpr(s.e, (e) => {
          if (e.k !== 'call' || e.fn.k !== 'id' || !WARNS.test(e.fn.name)) return;
          if (!asked && e.at > call.at && e.args.some(demands)) at ??= e.at;
        });
        return asked;
      case 'loop':
        go(s.body, asked);
        return asked;
      default:
        return asked;
    }
  };
  go(def.body, false);
  return at;
}

function warns(s: Stmt): boolean {
  let yes = false;
  eachIn(s, (e) => {
    yes ||= e.k === 'call' && e.fn.k === 'id' && WARNS.test(e.fn.name);
  });
  return yes;
}

function leaves(s: Stmt): boolean {
  if (s.k === 'block') return s.body.length > 0 && leaves(s.body.at(-1)!);
  return s.k === 'return' || s.k === 'goto';
}
