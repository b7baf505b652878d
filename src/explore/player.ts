// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * One interleaving, single step by single step: whoever asks says which thread goes next, and is told
 * what the step did, where every thread stands, and who waits for what.
 */
import { DONE } from './control.ts';
import { Machine, Moved, type System, type TraceStep } from './machine.ts';
import type { Violation } from './memory.ts';
import type { Arg, RoutineDef, StepDef } from './program.ts';
import { deadlockOf } from './search.ts';
import type { Graphs } from './stacks.ts';

/** The change of one slot, with its name and values as a person reads them. */
export interface Change {
  readonly slot: number;
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly beforeText: string;
  readonly afterText: string;
  /** Whether the array says how to show its values; traces leave the others out. */
  readonly shown: boolean;
}

/** One single step of a replay. */
export interface Step extends TraceStep {
  readonly threadName: string;
  readonly args: readonly Arg[];
  /** The routines that the thread is in, outermost first. */
  readonly routines: readonly RoutineDef[];
  /** The step's own text, or its name. */
  readonly text: string;
  readonly changes: readonly Change[];
}

/** Where a thread stands. */
export interface Stand {
  readonly state: 'ready' | 'waits' | 'finished';
  /** The routines that it is in, outermost first; none when it has finished. */
  readonly routines: readonly RoutineDef[];
  /** The step that it takes next, or waits in. */
  readonly def: StepDef | null;
  /** In how many ways that can go: 1 for all but choices, 0 when it cannot. */
  readonly ways: number;
  /** The lock that it waits for, by its number; null when it waits for something else. */
  readonly wants: number | null;
  /** Numbers of the locks that it holds. */
  readonly holds: readonly number[];
}

/** Lets single steps happen, and keeps what a reader wants to know of them. */
export class Player {
  private readonly machine: Machine;
  readonly trace: Step[] = [];
  private readonly recorded: TraceStep[] = [];

  /** @param graphs what may be known already of what the threads do */
  constructor(
    private readonly system: System,
    graphs?: Graphs,
  ) {
    this.machine = new Machine(system, { reduce: false, graphs });
    this.machine.trace = this.recorded;
  }

  /** The last step ended the path. */
  get ended(): boolean {
    return this.trace.at(-1)?.violations.some((v) => v.severity === 'corrupts') ?? false;
  }

  /** The step that a thread would take next. */
  next(thread: number): { name: string; where: string; choice: boolean } | null {
    const { control, at } = this.machine;
    const node = at[thread];
    if (node === DONE) return null;
    const def = control.def[node];
    return { name: def.name, where: control.where(node), choice: def.kind === 'choice' };
  }

  ways(thread: number): number {
    return this.machine.ways(thread);
  }

  /** Names of all steps that were come across. */
  stepNames(): string[] {
    const { def } = this.machine.control;
    return [...new Set(def.flatMap((d) => (d ? [d.name] : [])))];
  }

  /** False when the thread must wait. */
  step(thread: number, way: number): boolean {
    const { machine, system } = this;
    const { control, mem } = machine;
    machine.ways(thread);
    if (machine.transition(thread, way) === Moved.No) return false;
    const step = this.recorded[this.recorded.length - 1];
    const { def, node, value } = step;
    const args = control.args[node];
    this.trace.push({
      ...step,
      threadName: system.threads[thread].name,
      args,
      routines: control.stack(node),
      text: def.text ? def.text(args, value, system.world as never) : def.name,
      changes: step.changes.map(({ slot, before, after }) => {
        const { array, index } = mem.describe(slot);
        const { show } = array.options;
        return {
          slot,
          name: array.label(index),
          before,
          after,
          beforeText: show ? show(before, index) : String(before),
          afterText: show ? show(after, index) : String(after),
          shown: show !== undefined,
        };
      }),
      violations: [...machine.violations],
    });
    return true;
  }

  /** Where a thread stands now. */
  stand(thread: number): Stand {
    const { machine } = this;
    const { control } = machine;
    const node = machine.at[thread];
    if (node === DONE) {
      return { state: 'finished', routines: [], def: null, ways: 0, wants: null, holds: [] };
    }
    const def = control.def[node];
    const ways = this.canMove(thread) ? machine.ways(thread) : 0;
    const lockOf = def.lock as ((world: unknown, ...args: readonly Arg[]) => number) | undefined;
    const waits = ways === 0;
    return {
      state: waits ? 'waits' : 'ready',
      routines: control.stack(node),
      def,
      ways,
      wants: waits && lockOf ? lockOf(this.system.world, ...control.args[node]) : null,
      // The control graph keeps a lock with whether it is held for writing.
      holds: control.held[node].map((h) => h >> 1),
    };
  }

  private canMove(thread: number): boolean {
    const { machine } = this;
    if (!machine.ways(thread) || machine.transition(thread, 0) === Moved.No) return false;
    this.recorded.pop();
    machine.undo();
    return true;
  }

  /** The deadlock that there is now, or null: nobody can move, and somebody should. */
  deadlock(): Violation | null {
    const stuck = this.system.threads.every((_, t) => !this.canMove(t));
    return stuck && !this.machine.allDone() ? deadlockOf(this.machine) : null;
  }
}
