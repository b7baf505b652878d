// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Mutants: is a "safe" worth anything? A safe system is explored again without each of its guards in
 * turn (guards.ts). Where a rule falls then, the guard is what kept it, and the exploration has shown
 * that it would have noticed.
 */

import { type Control, DONE } from './control.ts';
import { type Exploration, type Explorer, explore } from './explore.ts';
import { type Guard, guardText, withoutGuard } from './guards.ts';
import type { System } from './machine.ts';
import type { Violation } from './memory.ts';
import { ProgramError } from './program.ts';
import { TAKEN } from './races.ts';
import type { Knowledge } from './space.ts';

/**
 * What came of leaving a guard out. `caught`: a rule fell. `not-needed`: every interleaving was covered
 * and none fell. `not-reached`: no thread comes to the guard; only a mutant did. `unknown`: a limit was
 * reached, or the program does not work without it.
 */
export type MutantOutcome = 'caught' | 'not-needed' | 'not-reached' | 'unknown';

export interface Mutant {
  readonly guard: Guard;
  /** The guard as a person reads it. */
  readonly removed: string;
  readonly outcome: MutantOutcome;
  /** The rule that fell first, if one did. */
  readonly rules: readonly string[];
  /** What fell, or why nothing is known, in words; else null. */
  readonly text: string | null;
  readonly states: number;
  /**
   * Where no guard is needed alone: with which other it is, and what falls without both that fell in no
   * pair before; null if nothing does. Absent where that was not asked.
   */
  readonly together?: Together | null;
}

export interface Together {
  /** The other guard. */
  readonly with: string;
  readonly rules: readonly string[];
  readonly text: string;
}

/** A system whose own exploration is complete, and what that found out. */
export interface Subject {
  readonly make: () => System;
  readonly knowledge: Knowledge;
}

export interface MutantOptions {
  /** Give up on a mutant beyond this many states. Default 4 million. */
  readonly maxStates?: number;
}

/** Why a guard need not be left out to see that nothing changes. */
/** States of all pairs of guards after which no more are tried. */
const PAIRS = 200_000;

const NEVER_HOLDS = 'the test never holds';
const NOBODY_WAITS = 'no other thread takes the lock';

/** Lock balance and order say that something was left out, not that it was needed. */
const COUNTS = ({ rule }: Violation): boolean => rule !== 'lock-order';

/**
 * Runs the mutants of a system, or of several that make up one claim: then a guard is caught when it
 * is in one of them. Call {@link run} until it gives the result.
 */
export class MutantRun {
  result: readonly Mutant[] | null = null;
  private readonly subjects: readonly Subject[];
  private readonly guards = new Map<string, Guard>();
  private readonly onlyMutants = new Map<string, Guard>();
  private readonly done: Mutant[] = [];
  /** By a guard that was left out: those that do something then. */
  private readonly acting = new Map<string, readonly Guard[]>();
  private readonly work: Generator<void, void>;
  private current: Explorer | null = null;
  private budget = 0;

  constructor(
    subjects: readonly Subject[],
    private readonly options: MutantOptions = {},
  ) {
    this.subjects = subjects.map(({ make, knowledge }) => ({ make: rewinding(make), knowledge }));
    for (const { knowledge } of subjects) {
      for (const [text, { guard }] of knowledge.guards) this.guards.set(text, guard);
    }
    this.work = this.all();
  }

  /** How many mutants there are, how many are done, and which one is being explored. */
  get progress(): { readonly done: number; readonly of: number; readonly states: number } {
    const states = this.current?.progress.states ?? 0;
    return { done: this.done.length, of: this.guards.size, states };
  }

  /**
   * Goes on for about `budget` transitions.
   * @returns the mutants, in the order in which the guards were met, once all are done; else null
   */
  run(budget = Number.POSITIVE_INFINITY): readonly Mutant[] | null {
    this.budget = budget;
    if (!this.result && this.work.next().done) this.result = this.done;
    return this.result;
  }

  private *all(): Generator<void, void> {
    let spent = 0;
    for (const guard of this.guards.values()) {
      const mutant = yield* this.without(guard);
      this.done.push(mutant);
      spent += mutant.states;
      if (spent < this.budget) continue;
      yield;
      spent = 0;
    }
    yield* this.inPairs();
    for (const guard of this.onlyMutants.values()) {
      this.done.push(told(guard, 'not-reached', null, 0));
    }
  }

  /**
   * Of a system in which no guard is needed alone: is one of two that do the same? A guard that never
   * does anything may do something when another is gone.
   */
  private *inPairs(): Generator<void, void> {
    const [subject, ...more] = this.subjects;
    if (!subject || more.length || this.done.some((m) => m.outcome !== 'not-needed')) return;
    const tried = new Set<string>();
    const rules = new Set<string>();
    let states = 0;
    for (const [i, mutant] of this.done.entries()) {
      if (!mutant.states) continue;
      let together: Together | null = null;
      for (const other of this.acting.get(mutant.removed) ?? []) {
        const both = [mutant.removed, guardText(other)].sort().join();
        if (guardText(other) === mutant.removed || tried.has(both)) continue;
        tried.add(both);
        // One pair for each rule says enough, and one for each mutant.
        if (together) continue;
        const make = withoutGuard(subject.make, mutant.guard, other);
        let result: Exploration;
        try {
          result = yield* this.explored(make, subject.knowledge);
        } catch (error) {
          // Without both the program does not work: that says nothing.
          if (!(error instanceof ProgramError)) throw error;
          continue;
        }
        states += result.states;
        const [fallen] = result.findings.filter(COUNTS);
        if (fallen && !rules.has(fallen.rule)) {
          const { rule, text } = fallen;
          rules.add(rule);
          together = { with: guardText(other), rules: [rule], text };
        }
        if (states > PAIRS) break;
      }
      this.done[i] = { ...mutant, together };
      if (states > PAIRS) return;
    }
  }

  private *without(guard: Guard): Generator<void, Mutant> {
    let states = 0;
    let why: string | null = null;
    let idle: string | null = null;
    for (const { make, knowledge } of this.subjects) {
      const met = knowledge.guards.get(guardText(guard));
      if (!met) continue;
      idle = met.acts ? idlerOf(guard, knowledge) : NEVER_HOLDS;
      if (idle) continue;
      try {
        const result = yield* this.explored(withoutGuard(make, guard), knowledge);
        states += result.states;
        const [fallen] = result.findings.filter(COUNTS);
        if (fallen) return told(guard, 'caught', fallen, states);
        why ??= result.bound;
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        why ??= error.message;
      }
    }
    const text = why ?? (states ? null : idle);
    return { ...told(guard, why ? 'unknown' : 'not-needed', null, states), text };
  }

  private *explored(make: () => System, base: Knowledge): Generator<void, Exploration> {
    const { maxStates } = this.options;
    const knowledge = base.forMutant();
    const explorer = explore(make, {
      knowledge,
      maxStates,
      stopAt: 'breaks',
      counterexample: false,
    });
    this.current = explorer;
    let result = explorer.run(this.budget);
    while (!result) {
      yield;
      result = explorer.run(this.budget);
    }
    this.current = null;
    const left = make().without ?? [];
    if (left.length === 1) {
      const acting = [...knowledge.guards.values()].filter((met) => met.acts);
      this.acting.set(
        guardText(left[0]),
        acting.map((met) => met.guard),
      );
    }
    for (const [text, { guard }] of knowledge.guards) {
      if (left.length === 1 && !this.guards.has(text)) this.onlyMutants.set(text, guard);
    }
    return result;
  }
}

/**
 * A lock that no other thread takes, or only shared as this one does, keeps nobody out: a run without
 * it differs from all runs with it only after two threads have held it at once, which needs a second
 * one that takes it.
 */
function idlerOf(guard: Guard, { control, accesses }: Knowledge): string | null {
  if (!control) return null;
  const takers = control.starts.map((start) => locksTaken(control, start));
  const { locks } = control;
  let lock = false;
  for (const [thread, taken] of takers.entries()) {
    for (const { entry, text } of taken) {
      if (text !== guardText(guard)) continue;
      lock = true;
      const number = entry >> 1;
      const { word, first } = locks.classOf(number);
      // Somebody looks at the word itself.
      const slot = word.base + number - first;
      if (accesses.some(({ locks }) => locks.some(([l, used]) => l === slot && used !== TAKEN))) {
        return null;
      }
      for (const [other, theirs] of takers.entries()) {
        if (other === thread) continue;
        if (theirs.some((t) => t.entry >> 1 === number && (t.entry | entry) & 1)) return null;
      }
    }
  }
  return lock ? NOBODY_WAITS : null;
}

/** The locks that a thread takes in any interleaving, and in which guards. */
function locksTaken(control: Control, start: number): { entry: number; text: string }[] {
  const taken: { entry: number; text: string }[] = [];
  const seen = new Set([start]);
  for (const node of seen) {
    const def = node === DONE ? null : control.def[node];
    if (def?.lock && (def.kind === 'acquire' || def.kind === 'try')) {
      const where = control.stack(node).at(-1)?.name ?? '';
      const entry = control.entryOf(def, control.args[node]);
      taken.push({ entry, text: guardText({ what: def.guard ?? '', where }) });
    }
    control.successors(node, (next) => seen.add(next));
  }
  return taken;
}

function told(
  guard: Guard,
  outcome: MutantOutcome,
  fallen: Violation | null,
  states: number,
): Mutant {
  const rules = fallen ? [fallen.rule] : [];
  return { guard, removed: guardText(guard), outcome, rules, text: fallen?.text ?? null, states };
}

/** Gives the same system each time, as it was at first: to set it up may take longer than to explore it. */
function rewinding(make: () => System): () => System {
  let system: System | null = null;
  let words: Int32Array | null = null;
  return () => {
    if (system && words) {
      system.mem.words.set(words);
      system.mem.forget();
    } else {
      system = make();
      words = system.mem.words.slice();
    }
    return system;
  };
}
