// SPDX-License-Identifier: GPL-2.0-or-later
/** The engine as a library: see docs/engine.md. */

export {
  type Counted,
  type CountedOrder,
  type CountOptions,
  ScheduleCount,
  schedulesIn,
} from './count.ts';
export {
  type Counterexample,
  type Exploration,
  type ExploreOptions,
  Explorer,
  explore,
  type Progress,
} from './explore.ts';
export { type Guard, guardText, withoutGuard } from './guards.ts';
export { LockClass, type LockSteps, LockTable, lockSteps } from './locks.ts';
export type { System, Thread } from './machine.ts';
export { Memory, type SlotOptions, type Slots, type Violation } from './memory.ts';
export {
  type Mutant,
  type MutantOptions,
  type MutantOutcome,
  MutantRun,
  type Subject,
} from './mutants.ts';
export { type Change, Player, type Stand, type Step } from './player.ts';
export {
  again,
  BLOCKED,
  choice,
  guard,
  ProgramError,
  type Run,
  routine,
  type StepOptions,
  step,
} from './program.ts';
export {
  type Divergence,
  decode,
  encode,
  type Replay,
  replay,
  ScheduleError,
  type Segment,
} from './schedule.ts';
export { type Simulation, simulate, WouldBlock } from './simulate.ts';
