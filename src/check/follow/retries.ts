// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Whether a function asks again before it relies on a translation: by the sequence of an MMU notifier,
 * or by a counter of its own that its notifier's callbacks raise.
 */
import { type Expr, eachExpr, eachIn } from '../c/ast.ts';
import type { FunctionDef, Program } from '../c/program.ts';
import { dirOf } from '../c/tree.ts';
import { whole } from '../index/asked.ts';
import { callsIn, RETRY } from './words.ts';

/** Calls from a callback to where the counter is raised. */
const DEEP = 3;

export class Retries {
  private readonly counters = new Map<string, ReadonlySet<string>>();
  private readonly known = new Map<string, boolean>();
  constructor(private readonly program: Program) {}

  /** Whether the function itself tests a sequence. */
  in(def: FunctionDef): boolean {
    let yes = this.known.get(def.id);
    if (yes === undefined)
      this.known.set(def.id, (yes = RETRY.test(def.text) || this.compares(def)));
    return yes;
  }

  /** Whether the function, or one that it calls in its own directory, tests a sequence. */
  within(def: FunctionDef): boolean {
    if (this.in(def)) return true;
    return callsIn(def.body).some(({ name }) => {
      const callee = this.near(name, def);
      return (
        callee !== null &&
        this.in(callee) &&
        callee.params.length < 12 &&
        /seq|range/.test(callee.head)
      );
    });
  }

  private near(name: string, from: FunctionDef): FunctionDef | null {
    return this.program.findNear(name, from.file)[0] ?? null;
  }

  /** `if (ctx->seq != seq)`, seq being what a notifier raises. */
  private compares(def: FunctionDef): boolean {
    const counters = this.countersOf(dirOf(def.file.path));
    if (counters.size === 0) return false;
    const counts = (e: Expr) => {
      let yes = false;
      eachExpr(e, (x) => {
        yes ||= x.k === 'member' && counters.has(x.name);
      });
      return yes;
    };
    let yes = false;
    eachIn(def.body, (e) => {
      if (e.k === 'binary' && /^[=!]=$/.test(e.op) && (counts(e.l) || counts(e.r))) yes = true;
      if (e.k === 'call' && e.fn.k === 'id' && /^read_seq\w*_retry$/.test(e.fn.name))
        yes ||= e.args.some(counts);
    });
    return yes;
  }

  /** Fields that the notifier callbacks of a directory raise. */
  private countersOf(dir: string): ReadonlySet<string> {
    let found = this.counters.get(dir);
    if (found) return found;
    this.program.index.asked.note(whole.scope(dir, []));
    const out = new Set<string>();
    this.counters.set(dir, (found = out));
    const look = (def: FunctionDef, depth: number): void => {
      eachIn(def.body, (e) => {
        if (e.k === 'unary' && /\+\+/.test(e.op) && e.e.k === 'member') out.add(e.e.name);
        if (e.k === 'assign' && e.op === '+' && e.l.k === 'member') out.add(e.l.name);
        if (e.k !== 'call' || e.fn.k !== 'id') return;
        if (/^(atomic(64|_long)?_(inc|add)|write_seq)/.test(e.fn.name))
          for (const a of e.args) if (a.k === 'unary' && a.e.k === 'member') out.add(a.e.name);
        const callee = depth < DEEP ? this.near(e.fn.name, def) : null;
        if (callee && callee !== def) look(callee, depth + 1);
      });
    };
    for (const type of ['mmu_notifier_ops', 'mmu_interval_notifier_ops']) {
      for (const t of this.program.tables.get(type) ?? []) {
        if (dirOf(t.file.path) !== dir) continue;
        for (const e of t.fields.values()) {
          const name = e.k === 'id' ? e.name : e.k === 'unary' && e.e.k === 'id' ? e.e.name : '';
          const def = name && this.program.findFunctions(name, t.file)[0];
          if (def) look(def, 0);
        }
      }
    }
    return found;
  }
}
