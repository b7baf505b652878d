// SPDX-License-Identifier: GPL-2.0-or-later
/** Who uses what a follower hands on, and how many of them test a notifier's sequence. */
import type { Expr } from '../c/ast.ts';
import type { FunctionDef, Program } from '../c/program.ts';
import type { Callers } from '../callers.ts';
import type { Retries } from './retries.ts';
import { type Spread, spread } from './spread.ts';
import { callsIn, type Named } from './words.ts';

export type Step = { def: FunctionDef; at: number; callee: string };

export interface Users {
  /** Those that keep what they got without a retry, with the calls in between. */
  readonly users: { user: FunctionDef; chain: Step[] }[];
  /** How many test a notifier's sequence. */
  readonly good: number;
  /** Everybody who gets it is known, and looks at it only: compares it, prints it, puts the page. */
  readonly idle: boolean;
}

/** @param handed how the translation leaves the follower */
export function usersOf(
  root: FunctionDef,
  handed: Spread,
  callers: Callers,
  retries: Retries,
): Users {
  const users: Users['users'] = [];
  const seen = new Set<string>();
  let good = 0;
  let idle = true;
  const up = (def: FunctionDef, out: Spread, below: Step[]): void => {
    if (seen.has(def.id) || below.length > 8) return;
    seen.add(def.id);
    const list = callers.of(def);
    if (list.length === 0) idle = false;
    for (const caller of list) {
      if (retries.within(caller)) {
        good++;
        continue;
      }
      const calls = callers.calls(caller, def);
      const first = calls[0];
      if (!first) {
        idle = false;
        continue;
      }
      const to = through(callers.program, caller, calls, out);
      const chain: Step[] = [{ def: caller, at: first.e.at, callee: def.name }, ...below];
      if (neverReaches(chain, root)) continue;
      // One or two levels up may hold the test: `fault()` around `map()`.
      if (!leaves(to) && retriedAbove(caller, callers, retries, 0)) good++;
      else if (to.kept !== null) users.push({ user: caller, chain });
      else if (leaves(to)) up(caller, to, chain);
    }
  };
  up(root, handed, []);
  return { users, good, idle: idle && good === 0 && users.length === 0 };
}

const leaves = (s: Spread) => s.returned || s.params.size > 0;

/** What a caller does with what it gets by one of its calls. */
function through(
  program: Program,
  caller: FunctionDef,
  calls: readonly Named[],
  out: Spread,
): Spread {
  const filled = calls.flatMap(({ e }) => [...out.params].flatMap((i) => e.args[i] ?? []));
  const is = (x: Expr) => out.returned && calls.some(({ e }) => e === x);
  return spread(caller, { is, filled, from: 0, until: calls[0]!.e.at }, program, false);
}

function retriedAbove(
  def: FunctionDef,
  callers: Callers,
  retries: Retries,
  depth: number,
): boolean {
  const above = callers.of(def);
  return (
    above.length > 0 &&
    above.every((a) => retries.in(a) || (depth < 2 && retriedAbove(a, callers, retries, depth + 1)))
  );
}

/**
 * Whether a flag passed as `true` on the way down makes a function return before it goes on:
 * `if (atomic) return ...;`
 */
function neverReaches(chain: readonly Step[], root: FunctionDef): boolean {
  let sure = new Set<string>();
  for (const [i, step] of chain.entries()) {
    const body = step.def.body.k === 'block' ? step.def.body.body : [];
    for (const s of body) {
      if (s.at > step.at) break;
      if (s.k !== 'if' || s.c.k !== 'id' || !sure.has(s.c.name)) continue;
      const then = s.t.k === 'block' ? s.t.body.at(-1) : s.t;
      if (then?.k === 'return') return true;
    }
    const next = chain[i + 1]?.def ?? root;
    const call = callsIn(step.def.body).find((c) => c.e.at === step.at);
    const passed = new Set<string>();
    for (const [k, a] of (call?.e.args ?? []).entries()) {
      const yes = a.k === 'id' && (a.name === 'true' || sure.has(a.name));
      if (yes && next.params[k]?.name) passed.add(next.params[k]!.name);
    }
    sure = passed;
  }
  return false;
}
