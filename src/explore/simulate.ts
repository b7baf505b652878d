// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs a routine straight through: the same steps that a search interleaves, one thread, no stops.
 */
import type { Memory } from './memory.ts';
import {
  BLOCKED,
  ProgramError,
  type Request,
  type Run,
  resume,
  straight,
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
 * Runs to the end and returns the routine's result.
 * @throws WouldBlock when a step must wait
 */
export function simulate<T>(sim: Simulation, run: Run<T>): T {
  const { on, world, value } = straight;
  straight.on = true;
  straight.world = sim.world;
  straight.value = stepValue(sim);
  try {
    return drive(run);
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

/** Answers the requests of generators that were made before the straight run began. */
function drive<T>(run: Run<T>): T {
  const stack: Run<unknown>[] = [];
  let gen: Run<unknown> = run;
  let send = 0;
  for (;;) {
    const r = resume(gen, send) as IteratorResult<Request, number | boolean | undefined>;
    if (r.done) {
      const up = stack.pop();
      if (!up) return r.value as T;
      send = r.value === undefined ? 0 : Number(r.value);
      gen = up;
      continue;
    }
    const request = r.value;
    if (request.type === 'step') {
      const { def, args } = request;
      const returned = def.run(
        straight.world,
        args[0],
        args[1],
        args[2],
        args[3],
        args[4],
        args[5],
      );
      send = straight.value(def, returned);
      if (def.take) send = taken(def, straight.world, send, args);
    } else if (request.type === 'call') {
      stack.push(gen);
      gen = (request.def.body as (...a: unknown[]) => Run<unknown>)(...request.args);
      send = 0;
    } else send = request.type === 'guard' ? request.value : 0;
  }
}
