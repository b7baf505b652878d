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
import type { System, TraceStep } from './machine.ts';
import type { Violation } from './memory.ts';
import { Player, type Step } from './player.ts';
import type { Move } from './space.ts';
import type { Graphs } from './stacks.ts';

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
export function encode(trace: readonly Pick<TraceStep, 'thread' | 'def' | 'way'>[]): string {
  const segments: { thread: number; checks: string; choices: number[] }[] = [];
  for (const { thread, def, way } of trace) {
    let last = segments.at(-1);
    if (last?.thread !== thread) segments.push((last = { thread, checks: '', choices: [] }));
    last.checks += checkOf(def.name);
    if (def.kind === 'choice') last.choices.push(way);
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

/** What became of an interleaving. */
function finished(player: Player): Replay {
  const { trace } = player;
  const violations = trace.flatMap((s) => s.violations);
  const deadlock = player.ended ? null : player.deadlock();
  return {
    diverged: false,
    trace,
    violations: deadlock ? [...violations, deadlock] : violations,
    threads: new Set(trace.map((s) => s.thread)).size,
    switches: trace.filter((s, i) => i > 0 && s.thread !== trace[i - 1].thread).length,
    schedule: encode(trace),
  };
}

/**
 * Replays moves that a search returned, one for each single step.
 * @param graphs what that search found out of the programs
 */
export function replayMoves(system: System, moves: readonly Move[], graphs?: Graphs): Replay {
  const player = new Player(system, graphs);
  for (const { thread, way } of moves) player.step(thread, way);
  return finished(player);
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
  return finished(player);
}

/** Names of steps seen so far that a character may stand for, for a message. */
function guess(player: Player, check: string): string {
  const names = player.stepNames().filter((name) => checkOf(name) === check);
  return names.length ? ` (${names.slice(0, 3).join(' or ')})` : '';
}
