// SPDX-License-Identifier: GPL-2.0-or-later
/** All ops of a program, by name. */
import type { OpHandler, OpRoutine } from './guest.ts';
import { CALL_OPS } from './ops-calls.ts';
import { FD_OPS } from './ops-fd.ts';
import { MEMORY_OPS } from './ops-memory.ts';
import { RACING_OPS } from './ops-racing.ts';

/** An op that others might interrupt, straight through. */
const straight =
  (op: OpRoutine): OpHandler =>
  (g, proc, args) =>
    g.run(proc, () => op(g, proc, args));

const fork: OpHandler = (g, proc, args) => {
  const answer = straight(RACING_OPS.fork)(g, proc, args);
  if (answer === 'ok') g.alive[1] = true;
  return answer;
};

/** Every op that the model implements. */
export const OPS: ReadonlyMap<string, OpHandler> = new Map([
  ...Object.entries({ ...MEMORY_OPS, ...CALL_OPS, ...FD_OPS }),
  ...Object.entries(RACING_OPS).map(([name, op]) => [name, straight(op)] as const),
  ['fork', fork],
]);
