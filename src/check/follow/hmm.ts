// SPDX-License-Identifier: GPL-2.0-or-later
/** Users of hmm_range_fault(): whether somebody tests the sequence before what it found is used. */
import type { Expr } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import type { Callers } from '../callers.ts';
import type { Follower, FollowerFall } from '../followers.ts';
import type { Retries } from './retries.ts';

export function hmm(
  def: FunctionDef,
  lookup: { name: string; e: Expr },
  callers: Callers,
  asking: Retries,
  calls: readonly string[],
): Follower[] {
  const base = { def, calls };
  const retries = (d: FunctionDef, depth: number): boolean =>
    asking.within(d) ||
    (depth < 3 && callers.of(d).length > 0 && callers.of(d).every((c) => retries(c, depth + 1)));
  if (retries(def, 0))
    return [
      { ...base, verdict: 'keeps', falls: [], why: 'tests the sequence after hmm_range_fault()' },
    ];
  // Some hand the sequence out in a struct: whoever calls through a table cannot be followed.
  // A range of its own whose sequence it gives to nobody is not handed on.
  const local = /\bstruct\s+hmm_range\s+\w+\s*[=;{]/.test(def.text);
  const given = /(->|\*)\s*\w*seq\w*\s*=[^=]/.test(
    def.text.replace(/\w+(\.|->)notifier_seq\s*=/g, ''),
  );
  const handed =
    /\brange\b/.test(def.head) ||
    (callers.of(def).length === 0 && !(local && !given)) ||
    callers.of(def).some((c) => retries(c, 1));
  if (handed)
    return [{ ...base, verdict: 'keeps', falls: [], why: 'hands the range on, sequence included' }];
  const fall: FollowerFall = {
    rule: 'R8',
    at: lookup.e.at,
    why: 'the sequence is never tested after hmm_range_fault()',
    chain: [{ def, at: lookup.e.at, callee: lookup.name }],
  };
  return [{ ...base, verdict: 'violates', falls: [fall], why: fall.why }];
}
