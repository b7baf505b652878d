// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The library: what `import 'pfnmap'` gives.
 *
 * The engine explores any system of threads over slots; `kernel` is the model of Linux; drivers are
 * described by traits, and every exporter meets every consumer in the matrix.
 */

// The contract.
export { RULES, type Rule, type RuleId } from './contract/rules.ts';
export {
  type ConsumerTraits,
  type ExporterTraits,
  FOLLOWS_CORRECTLY,
  type Insertion,
  KEEPS_CONTRACT,
  type Keeps,
  type Lookup,
  type Zap,
} from './contract/traits.ts';
export { MEANING, type Verdict } from './contract/words.ts';
// The engine.
export {
  type Counted,
  type CountedOrder,
  type CountOptions,
  ScheduleCount,
  schedulesIn,
} from './explore/count.ts';
export {
  type Counterexample,
  type Exploration,
  type ExploreOptions,
  type Explorer,
  explore,
  type Progress,
} from './explore/explore.ts';
export { type Guard, guardText, withoutGuard } from './explore/guards.ts';
export { LockClass, type LockSteps, LockTable, lockSteps } from './explore/locks.ts';
export type { System, Thread } from './explore/machine.ts';
export { Memory, type SlotOptions, type Slots, type Violation } from './explore/memory.ts';
export {
  type Mutant,
  type MutantOptions,
  type MutantOutcome,
  MutantRun,
  type Subject,
} from './explore/mutants.ts';
export { type Change, Player, type Stand, type Step } from './explore/player.ts';
export {
  type Arg,
  again,
  BLOCKED,
  choice,
  guard,
  ProgramError,
  type Run,
  routine,
  type StepOptions,
  step,
} from './explore/program.ts';
export {
  type Divergence,
  type Replay,
  replay,
  ScheduleError,
} from './explore/schedule.ts';
export { simulate } from './explore/simulate.ts';
// The model of Linux, as a whole and by the names that a story calls.
export * from './kernel/index.ts';
export * as kernel from './kernel/index.ts';
// Output.
export { type LadderOptions, ladder } from './report/ladder.ts';
// Stories and the matrix. A story of the catalogue is written with what is exported here and nothing else.
export { consumerLike, consumerOf, exporterOf, like } from './scenarios/cast.ts';
export { CATALOGUE } from './scenarios/catalogue/index.ts';
export { CELL_SIZES, cellSystems, type Face, facesOf, type Way } from './scenarios/cell.ts';
export { CellMutants } from './scenarios/cell-mutants.ts';
export {
  type Cell,
  type CellResult,
  CellRun,
  type MatrixFilter,
  makeCell,
  matrixCells,
} from './scenarios/matrix.ts';
export { type Driver, driver, type Scenario, scenario } from './scenarios/scenario.ts';
export {
  type Act,
  allReleased,
  BUFFER,
  type Elsewhere,
  FD,
  inProcess,
  install_ops,
  MM,
  type Play,
  type Role,
  type Story,
  story,
  touch,
} from './scenarios/stage.ts';
