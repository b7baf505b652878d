// SPDX-License-Identifier: GPL-2.0-or-later
/** Page references that are taken of a translation outside of the function that looked it up. */
import { type Expr, eachIn } from '../c/ast.ts';
import type { FunctionDef, Program } from '../c/program.ts';
import { dirOf } from '../c/tree.ts';
import { type Callers, nameIn } from '../callers.ts';
import { type Spread, spread } from './spread.ts';
import type { Step } from './users.ts';
import { REFERENCE } from './words.ts';

/** Calls down to whoever takes the reference, and up to whoever asks for it. */
const DEEP = 3;

/**
 * The first reference that is taken of what a function hands on, or gives to those it calls.
 * @returns the calls on the way, the one that leads to the follower last; null: none is taken
 */
export function referenceOf(def: FunctionDef, handed: Spread, callers: Callers): Step[] | null {
  const { program } = callers;
  const seen = new Set([def.id]);
  const up = (of: FunctionDef, out: Spread, below: Step[]): Step[] | null => {
    const here = taken(program, of, out.derives, 0);
    if (here) return [...here, ...below];
    if (below.length >= DEEP || (!out.returned && out.params.size === 0)) return null;
    for (const caller of callers.of(of)) {
      if (seen.has(caller.id)) continue;
      seen.add(caller.id);
      const calls = callers.calls(caller, of);
      if (calls.length === 0) continue;
      const filled = calls.flatMap(({ e }) => [...out.params].flatMap((i) => e.args[i] ?? []));
      const is = (x: Expr) => out.returned && calls.some(({ e }) => e === x);
      const to = spread(caller, { is, filled, from: 0, until: calls[0]!.e.at }, program, false);
      const step = { def: caller, at: calls[0]!.e.at, callee: of.name };
      const found = up(caller, to, [step, ...below]);
      if (found) return found;
    }
    return null;
  };
  return up(def, handed, []);
}

/** Where a function, or one of its directory that it calls, takes a reference of what is a translation. */
function taken(
  program: Program,
  def: FunctionDef,
  derives: (e: Expr) => boolean,
  depth: number,
): Step[] | null {
  let found: Step[] | null = null;
  eachIn(def.body, (e) => {
    if (found || e.k !== 'call') return;
    const given = e.args.flatMap((a, i) => (derives(a) ? [i] : []));
    if (given.length === 0) return;
    if (e.fn.k === 'id' && REFERENCE.test(`${e.fn.name}(`)) {
      found = [{ def, at: e.at, callee: e.fn.name }];
      return;
    }
    if (depth >= DEEP) return;
    for (const callee of calleesOf(program, def, e.fn)) {
      const names = given.flatMap((i) => callee.params[i]?.name ?? []);
      const is = (x: Expr) => x.k === 'id' && names.includes(x.name);
      const inner = spread(callee, { is, filled: [], from: 0, until: 0 }, program, false);
      const below = taken(program, callee, inner.derives, depth + 1);
      if (below) found ??= [...below, { def, at: e.at, callee: callee.name }];
    }
  });
  return found;
}

/** What a call may lead to in the same directory, by name or through a field of its tables. */
function calleesOf(program: Program, from: FunctionDef, fn: Expr): FunctionDef[] {
  const home = dirOf(from.file.path);
  if (fn.k === 'id') return program.findNear(fn.name, from.file).slice(0, 1);
  if (fn.k === 'unary') return calleesOf(program, from, fn.e);
  if (fn.k !== 'member') return [];
  const { base } = program.typeIn(from, fn.of);
  return (base ? (program.tables.get(base) ?? []) : []).flatMap((t) => {
    const e = t.fields.get(fn.name);
    return e ? program.findNear(nameIn(e), t.file, home) : [];
  });
}
