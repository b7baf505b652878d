// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Schedules: an interleaving as a short string, safe in links and shells, which replays.
 *
 *     A7.kq3fd9x-B2.0g-A3.kfx.1
 *
 * Segments are parted by `-`. Each says which thread runs (A is the first), how many single steps it
 * makes, one character for each of these steps, derived from the step's name, and after further dots
 * which way each choice went. The characters are there for the day when the scenario has changed:
 * replaying then says at which step it no longer is the interleaving that was meant. Names of
 * routines and values do not count, so a schedule survives what does not change the steps.
 */
import { DONE } from './control.ts';
import { Machine, Moved, type System, type TraceStep } from './machine.ts';
import type { Violation } from './memory.ts';
import type { Arg, RoutineDef } from './program.ts';
import { deadlockOf } from './search.ts';
import type { Move } from './space.ts';

/** One stretch of steps by one thread. */
export interface Segment {
  readonly thread: number;
  /** One character a step. */
  readonly checks: string;
  /** The ways that the choices among the steps went, in order. */
  readonly choices: readonly number[];
}

/** A schedule that cannot be read. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

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

/** A replay that went through to the end. */
export interface Replay {
  readonly diverged: false;
  readonly trace: readonly Step[];
  /** Everything that went wrong on the way, and a deadlock at the end. */
  readonly violations: readonly Violation[];
  readonly threads: number;
  readonly switches: number;
  readonly schedule: string;
}

/** A replay that could not go on: the scenario is not the one that the schedule was made from. */
export interface Divergence {
  readonly diverged: true;
  /** Segment, and step within it, both counted from one. */
  readonly segment: number;
  readonly step: number;
  /** What the schedule asks for and what there is instead. */
  readonly expected: string;
  readonly found: string;
  /** The whole in one sentence. */
  readonly text: string;
  /** What could be replayed. */
  readonly trace: readonly Step[];
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DIGITS = `0123456789${LETTERS}`;

/** The character that stands for a step. */
function checkOf(name: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return DIGITS[(h >>> 0) % DIGITS.length];
}

function letterOf(thread: number): string {
  if (thread >= LETTERS.length) {
    throw new ScheduleError(`a schedule has letters for ${LETTERS.length} threads, not more`);
  }
  return LETTERS[thread];
}

/** The schedule of a trace of single steps. */
export function encode(trace: readonly Pick<TraceStep, 'thread' | 'def' | 'value'>[]): string {
  const segments: { thread: number; checks: string; choices: number[] }[] = [];
  for (const { thread, def, value } of trace) {
    let last = segments.at(-1);
    if (last?.thread !== thread) segments.push((last = { thread, checks: '', choices: [] }));
    last.checks += checkOf(def.name);
    if (def.kind === 'choice') last.choices.push(value);
  }
  return segments
    .map(({ thread, checks, choices }) =>
      [`${letterOf(thread)}${checks.length}`, checks, ...choices].join('.'),
    )
    .join('-');
}

/**
 * Reads a schedule.
 * @throws ScheduleError saying which part is wrong
 */
export function decode(schedule: string): Segment[] {
  const text = schedule.trim();
  if (text === '') return [];
  return text.split('-').map((part, i) => {
    const bad = (why: string) =>
      new ScheduleError(`not a schedule: segment ${i + 1} ('${part.slice(0, 40)}') ${why}`);
    const match = /^([A-Za-z])(\d+)\.([0-9A-Za-z]*)((?:\.\d+)*)$/.exec(part);
    if (!match) {
      throw bad(
        'should be a letter, a number of steps, a dot and a character for each step, as in A3.k9x',
      );
    }
    const [, letter, count, checks, ways] = match;
    if (Number(count) !== checks.length || checks.length === 0) {
      throw bad(`says ${count} steps and describes ${checks.length}: part of it is missing`);
    }
    const choices = ways === '' ? [] : ways.slice(1).split('.').map(Number);
    if (choices.length > checks.length) throw bad('has more choices than steps');
    return { thread: LETTERS.indexOf(letter), checks, choices };
  });
}

/** Replays moves that a search returned, one for each single step. */
export function replayMoves(system: System, moves: readonly Move[]): Replay {
  const player = new Player(system);
  for (const { thread, way } of moves) player.step(thread, way);
  return player.end();
}

/**
 * Replays a schedule on a fresh system.
 * @throws ScheduleError when it cannot be read
 */
export function replay(system: System, schedule: string): Replay | Divergence {
  const segments = decode(schedule);
  const player = new Player(system);
  for (const [i, { thread, checks, choices }] of segments.entries()) {
    let choice = 0;
    for (let s = 0; s < checks.length; s++) {
      const diverge = (expected: string, found: string): Divergence => ({
        diverged: true,
        segment: i + 1,
        step: s + 1,
        expected,
        found,
        text:
          'this schedule is of another version of the scenario: it parts at ' +
          `segment ${i + 1} of ${segments.length}, step ${s + 1} of ${checks.length}: ` +
          `expected ${expected}, but ${found}`,
        trace: player.trace,
      });
      if (thread >= system.threads.length) {
        return diverge(
          `a thread ${LETTERS[thread]}`,
          `there are only ${system.threads.length} threads`,
        );
      }
      const name = system.threads[thread].name;
      const next = player.next(thread);
      if (!next) {
        return diverge(`${name} to take a step${guess(player, checks[s])}`, `${name} has finished`);
      }
      if (checkOf(next.name) !== checks[s]) {
        return diverge(
          `another step of ${name}${guess(player, checks[s])}`,
          `it is at ${next.where}`,
        );
      }
      const ways = player.ways(thread);
      const way = next.choice ? (choices[choice++] ?? 0) : 0;
      if (next.choice && way >= ways) {
        return diverge(`${next.name} to have a way number ${way}`, `it has ${ways} (from 0)`);
      }
      if (!player.step(thread, way)) {
        return diverge(`${name} to go on with ${next.name}`, `it must wait in ${next.where}`);
      }
      if (player.ended && (s + 1 < checks.length || i + 1 < segments.length)) {
        const { violations } = player.trace[player.trace.length - 1];
        return diverge('more steps after this one', `it ends here: ${violations[0].text}`);
      }
    }
    if (choice !== choices.length) {
      return {
        diverged: true,
        segment: i + 1,
        step: checks.length,
        expected: `${choices.length} choices in it`,
        found: `there were ${choice}`,
        text:
          'this schedule is of another version of the scenario: segment ' +
          `${i + 1} of ${segments.length} makes ${choice} choices, not ${choices.length}`,
        trace: player.trace,
      };
    }
  }
  return player.end();
}

/** Names of steps seen so far that a character may stand for, for a message. */
function guess(player: Player, check: string): string {
  const names = player.stepNames().filter((name) => checkOf(name) === check);
  return names.length ? ` (${names.slice(0, 3).join(' or ')})` : '';
}

/** Lets single steps happen, and keeps what a reader wants to know of them. */
class Player {
  private readonly machine: Machine;
  readonly trace: Step[] = [];
  private readonly recorded: TraceStep[] = [];

  constructor(private readonly system: System) {
    this.machine = new Machine(system, { reduce: false });
    this.machine.trace = this.recorded;
  }

  /** The last step ended the path. */
  get ended(): boolean {
    return this.machine.ended();
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
      text: def.text ? def.text(args, value) : def.name,
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

  end(): Replay {
    const { machine, trace, system, ended } = this;
    const violations = trace.flatMap((s) => s.violations);
    const stuck = system.threads.every((_, t) => {
      if (!machine.ways(t) || machine.transition(t, 0) === Moved.No) return true;
      machine.undo();
      return false;
    });
    if (stuck && !ended && !machine.allDone()) violations.push(deadlockOf(machine));
    return {
      diverged: false,
      trace,
      violations,
      threads: new Set(trace.map((s) => s.thread)).size,
      switches: trace.filter((s, i) => i > 0 && s.thread !== trace[i - 1].thread).length,
      schedule: encode(trace),
    };
  }
}
