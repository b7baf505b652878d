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
  type StepDef,
  straight,
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
 * Runs to the end and returns the routine's result.
 * @throws WouldBlock when a step must wait
 */
export function simulate<T>(sim: Simulation, run: Run<T>): T {
  const outer = straight.run;
  straight.run = stepper(sim);
  try {
    return drive(run, straight.run);
  } finally {
    straight.run = outer;
  }
}

/** How a straight run executes a step. */
function stepper({ world, policy }: Simulation): (def: StepDef, args: readonly Arg[]) => number {
  return (def, args) => {
    const v = def.run(world, args[0], args[1], args[2], args[3], args[4], args[5]);
    const value = v === undefined ? 0 : typeof v === 'number' ? v : v ? 1 : 0;
    if (value === BLOCKED) throw new WouldBlock(`${def.name} would wait for ever`);
    if (def.kind !== 'choice') return value;
    return value > 1 && policy ? policy(def.name, value) : 0;
  };
}

/** Answers the requests of generators that were made before the straight run began. */
function drive<T>(run: Run<T>, step: (def: StepDef, args: readonly Arg[]) => number): T {
  const stack: Run<unknown>[] = [];
  let gen: Run<unknown> = run;
  let send = 0;
  for (;;) {
    const r = gen.next(send) as IteratorResult<Request, number | boolean | undefined>;
    if (r.done) {
      const up = stack.pop();
      if (!up) return r.value as T;
      send = r.value === undefined ? 0 : Number(r.value);
      gen = up;
      continue;
    }
    const request = r.value;
    if (request.type === 'step') send = step(request.def, request.args);
    else if (request.type === 'call') {
      stack.push(gen);
      gen = (request.def.body as (...a: unknown[]) => Run<unknown>)(...request.args);
      send = 0;
    } else send = request.type === 'guard' ? request.value : 0;
  }
}
