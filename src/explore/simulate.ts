// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs a routine straight through: the same steps that a search interleaves, one thread, no stops.
 */
import type { Memory } from './memory.ts';
import { BLOCKED, finish, ProgramError, type Run, straight } from './program.ts';

export interface Simulation {
  readonly mem: Memory;
  readonly world: unknown;
  /** Takes the choices of hardware and allocator; default: always the first. */
  readonly policy?: (name: string, ways: number) => number;
}

/** A step had to wait in a straight run, where nobody else can ever make it go on. */
export class WouldBlock extends ProgramError {}

/**
 * Runs a routine to its end and returns its result.
 * @param begin calls the routine: steps run where they are asked for, so it is called when `sim` is set up
 * @throws WouldBlock when a step must wait
 */
export function simulate<T>(sim: Simulation, begin: () => Run<T>): T {
  const { on, world, value } = straight;
  straight.on = true;
  straight.world = sim.world;
  straight.value = stepValue(sim);
  try {
    return finish(begin());
  } finally {
    straight.on = on;
    straight.world = world;
    straight.value = value;
  }
}

/** What a step's value is in a straight run, from what it returned. */
function stepValue({ policy }: Simulation): typeof straight.value {
  return (def, returned) => {
    const value = Number(returned ?? 0);
    if (value === BLOCKED) throw new WouldBlock(`${def.name} would wait for ever`);
    if (def.kind !== 'choice') return value;
    return value > 1 && policy ? policy(def.name, value) : 0;
  };
}
