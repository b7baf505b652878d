// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Steps and routines where nobody comes between: what program.ts and simulate.ts are in a straight
 * build (scripts/straight.mjs). There a routine is a plain function, and a step runs where it is
 * called and gives its value; so what is written `yield* load()` for an explorer to stop at is
 * `load()`. The types are those of program.ts, which speak of generators: whoever imports this has
 * been compiled against them.
 */
import type * as program from './program.ts';
import { type Arg, BLOCKED, type StepDef, type Take } from './program.ts';
import { type Simulation, type simulate as simulateGenerators, WouldBlock } from './simulate.ts';

export { BLOCKED, ProgramError } from './program.ts';
export { WouldBlock };

let world: unknown;
let policy: Simulation['policy'];

/** What a step's value is, from what it returned. */
function settled(name: string, returned: ReturnType<StepDef['run']>): number {
  const value = Number(returned ?? 0);
  if (value === BLOCKED) throw new WouldBlock(`${name} would wait for ever`);
  return value;
}

export const step = ((name: string, run: StepDef['run']) =>
  (a?: Arg, b?: Arg, c?: Arg, d?: Arg, e?: Arg, f?: Arg): number => {
    const v = run(world, a, b, c, d, e, f);
    return typeof v === 'number' && v !== BLOCKED ? v : settled(name, v);
  }) as unknown as typeof program.step;

export const choice = ((name: string, count: StepDef['run'], _options: unknown, take?: Take) =>
  (a?: Arg, b?: Arg, c?: Arg, d?: Arg, e?: Arg, f?: Arg): number => {
    const ways = settled(name, count(world, a, b, c, d, e, f));
    const way = ways > 1 && policy ? policy(name, ways) : 0;
    if (!take) return way;
    const taken = (take as (...args: unknown[]) => ReturnType<Take>)(world, way, a, b, c, d, e, f);
    return Number(taken ?? 0);
  }) as unknown as typeof program.choice;

export const routine = ((_name: string, body: unknown) => body) as typeof program.routine;

export const again = (() => undefined) as unknown as typeof program.again;

export const guard = ((_what: string, holds: number | boolean) =>
  holds ? 1 : 0) as unknown as typeof program.guard;

export const simulate = (<T>(sim: Simulation, begin: () => T): T => {
  const before = { world, policy };
  world = sim.world;
  policy = sim.policy;
  try {
    return begin();
  } finally {
    ({ world, policy } = before);
  }
}) as unknown as typeof simulateGenerators;
