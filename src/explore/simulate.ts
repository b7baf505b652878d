// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs a routine straight through: the same steps that a search interleaves, one thread, no stops.
 */
import type { Memory } from './memory.ts';
import {
  type Arg,
  BLOCKED,
  ProgramError,
  type Request,
  type Run,
  resume,
  type StepDef,
  taken,
} from './program.ts';

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
 * @param begin calls the routine (in a straight build, straight.ts, that runs it)
 * @throws WouldBlock when a step must wait
 */
export function simulate<T>(sim: Simulation, begin: () => Run<T>): T {
  const callers: Run<unknown>[] = [];
  let run: Run<unknown> = begin();
  let send = 0;
  for (;;) {
    const { done, value } = resume(run, send) as IteratorResult<Request, unknown>;
    if (done) {
      const caller = callers.pop();
      if (!caller) return value as T;
      run = caller;
      // What the caller is given is the routine's result as it is: a text, in the ops of conform.
      send = value as number;
    } else if (value.type === 'call') {
      callers.push(run);
      run = (value.def.body as (...args: unknown[]) => Run<unknown>)(...value.args);
      send = 0;
    } else if (value.type === 'step') send = stepValue(sim, value.def, value.args);
    else send = value.type === 'guard' ? value.value : 0;
  }
}

/** Runs a step and says what its value is. */
function stepValue({ world, policy }: Simulation, def: StepDef, args: readonly Arg[]): number {
  const [a, b, c, d, e, f] = args;
  const value = Number(def.run(world, a, b, c, d, e, f) ?? 0);
  if (value === BLOCKED) throw new WouldBlock(`${def.name} would wait for ever`);
  if (def.kind !== 'choice') return value;
  const way = value > 1 && policy ? policy(def.name, value) : 0;
  return def.take ? taken(def, world, way, args) : way;
}
