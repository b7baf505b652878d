// SPDX-License-Identifier: GPL-2.0-or-later
/** The engine as a library: see docs/engine.md. */

export {
  type Counterexample,
  type Exploration,
  type ExploreOptions,
  Explorer,
  explore,
  type Progress,
} from './explore.ts';
export { LockClass, type LockSteps, LockTable, lockSteps } from './locks.ts';
export type { System, Thread } from './machine.ts';
export { Memory, type SlotOptions, type Slots, type Violation } from './memory.ts';
export { type Change, Player, type Stand, type Step } from './player.ts';
export {
  again,
  BLOCKED,
  choice,
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
