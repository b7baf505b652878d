// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What may still come of a state: for every single step that can be taken in it, whether some
 * continuation breaks a rule. This is for a person who drives.
 *
 * Each step is followed breadth first until something falls, nothing is left, or a limit is reached.
 * What follows the step is explored in transactions (machine.ts): the rest of a transaction is one
 * too, so they may begin in the middle. What was found out serves the states that come after: a state
 * from which nothing can fall is never looked at again.
 */
import { type Machine, Moved, type System } from './machine.ts';
import type { Violation } from './memory.ts';
import { deadlockOf } from './search.ts';
import { Knowledge, type Move, Space } from './space.ts';

export type Prospect =
  /** The step itself breaks a rule, or some continuation does. */
  | { readonly kind: 'falls'; readonly now: boolean; readonly violation: Violation }
  /** Every continuation was covered, and nothing falls. */
  | { readonly kind: 'clean' }
  /** The limit was reached before either was known. */
  | { readonly kind: 'unknown' };

export interface Choice extends Move {
  readonly prospect: Prospect;
}

const NONE = -1;

export class Outlook {
  private readonly space: Space;
  /** States from which nothing can fall. */
  private readonly clean = new Set<number>();

  /**
   * @param make builds the system from nothing, the same each time
   * @param knowledge what an exploration of the same system found out; saves finding it out again
   * @param worst violations that are less severe are not looked for
   * @param limit of states to be looked at for one step
   */
  constructor(
    make: () => System,
    knowledge = new Knowledge(),
    private readonly worst: Violation['severity'] = 'breaks',
    private readonly limit = 200_000,
  ) {
    this.space = new Space(make, {}, knowledge);
  }

  private get machine(): Machine {
    return this.space.machine;
  }

  /** All steps that can be taken after `moves`, each with what may come of it. */
  after(moves: readonly Move[]): Choice[] {
    for (;;) {
      try {
        return this.choices(moves);
      } catch (error) {
        this.space.restart(error);
        this.clean.clear();
      }
    }
  }

  private choices(moves: readonly Move[]): Choice[] {
    const { machine } = this;
    machine.toInitial();
    for (const move of moves) {
      if (!this.step(move)) throw new RangeError(`thread ${move.thread} cannot take this step`);
    }
    const here = this.here();
    const choices: Choice[] = [];
    for (let thread = 0; thread < machine.nThreads; thread++) {
      this.load(here);
      const ways = machine.ways(thread);
      for (let way = 0; way < ways; way++) {
        this.load(here);
        if (!this.step({ thread, way })) break;
        choices.push({ thread, way, prospect: this.prospect() });
      }
    }
    return choices;
  }

  /** One single step, not a transaction. */
  private step({ thread, way }: Move): boolean {
    const { machine } = this;
    machine.reduce = false;
    machine.ways(thread);
    const moved = machine.transition(thread, way);
    machine.reduce = true;
    return moved === Moved.Yes;
  }

  private here(): number {
    return this.space.store.add(this.machine.row32);
  }

  private load(state: number): void {
    this.machine.load(this.space.store, state);
  }

  private worstOf(violations: readonly Violation[]): Violation | null {
    const bad = violations.find((v) => v.severity === 'corrupts');
    return bad ?? (this.worst === 'breaks' ? (violations[0] ?? null) : null);
  }

  /** Of the transition that the machine has just made. */
  private prospect(): Prospect {
    const { machine, clean } = this;
    const at = this.worstOf(machine.violations);
    if (at) return { kind: 'falls', now: true, violation: at };
    const first = this.here();
    if (clean.has(first)) return { kind: 'clean' };
    const queue = [first];
    const seen = new Set(queue);
    for (let i = 0; i < queue.length; i++) {
      if (queue.length > this.limit) return { kind: 'unknown' };
      const violation = this.expand(queue[i], (next) => {
        if (clean.has(next) || seen.has(next)) return;
        seen.add(next);
        queue.push(next);
      });
      if (violation) return { kind: 'falls', now: false, violation };
    }
    for (const state of queue) clean.add(state);
    return { kind: 'clean' };
  }

  /** @returns what falls in a step out of a state, or null */
  private expand(state: number, found: (next: number) => void): Violation | null {
    const { machine } = this;
    this.load(state);
    let moved = false;
    for (let t = 0; t < machine.nThreads; t++) {
      const ways = machine.ways(t);
      for (let way = 0; way < ways; way++) {
        if (machine.transition(t, way) === Moved.No) break;
        moved = true;
        const violation = this.worstOf(machine.violations);
        const ended = machine.ended();
        const next = violation || ended ? NONE : this.here();
        machine.undo();
        if (violation) return violation;
        if (next !== NONE) found(next);
      }
    }
    return !moved && this.worst === 'breaks' && !machine.allDone() ? deadlockOf(machine) : null;
  }
}
