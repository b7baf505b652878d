// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Guards: the parts of a program that are there to protect something, and so could be left out to see
 * what happens. They are declared where they stand (the `guard` of a step or a routine, and the test
 * `guard()`; lock steps are guards by themselves) and found by running; nothing lists them.
 */
import type { System } from './machine.ts';
import type { Met } from './stacks.ts';

/** One guard of a program. */
export interface Guard {
  /** What a person calls it: `dma_resv_lock`, `TLB flush`, `the sequence test`. */
  readonly what: string;
  /** The routine that it stands in; a lock goes with every release of it, wherever that is. */
  readonly where: string;
}

/** As a person reads it: `TLB flush in unmap_mapping_range`. */
export const guardText = ({ what, where }: Guard): string => `${what} in ${where}`;

/** What one search met of guards, and which of them the program does without. */
export class Guards {
  /** By text, in the order in which they were met; true once it did something. */
  readonly met = new Map<string, { readonly guard: Guard; acts: boolean }>();
  private readonly keys = new Map<string, number>();

  constructor(readonly without: readonly Guard[] = []) {}

  isOut(what: string, where: string): boolean {
    return this.without.some((out) => out.what === what && out.where === where);
  }

  /** The program comes to a guard. */
  meet({ guard, text, acts }: Met): void {
    const known = this.met.get(text);
    if (!known) this.met.set(text, { guard, acts });
    else if (acts) known.acts = true;
  }

  /** Without a lock the same line may be reached with other locks held; those are two nodes then. */
  keyOf(
    line: number,
    locks: { readonly held: readonly number[]; readonly unheld: readonly number[] },
  ) {
    const text = `${line}|${locks.held}|${locks.unheld}`;
    let key = this.keys.get(text);
    if (key === undefined) this.keys.set(text, (key = this.keys.size));
    return key;
  }
}

/** The mutant of a system: the same, without a guard, or several. Its set-up is not changed. */
export function withoutGuard(make: () => System, ...without: readonly Guard[]): () => System {
  return () => ({ ...make(), without });
}
