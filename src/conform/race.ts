// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A race: two lists of ops that run at once, by two processes or by two threads of one, without any
 * sync point; ops before them that set up, and ops after them that look at what is left. What the
 * ops answer is the outcome. Here every outcome that is possible is found, by every interleaving of
 * the kernel's routines; on a real kernel the same lists run many times (real/races.ts).
 */
import type { System } from '../explore/machine.ts';
import { type Run, routine, step } from '../explore/program.ts';
import { Search } from '../explore/search.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { Guest, machineConfig } from './guest.ts';
import { OPS } from './ops.ts';
import { RACING_OPS } from './ops-racing.ts';
import { CorpusError, type Op, parseOp } from './program.ts';

export interface Race {
  readonly id: string;
  readonly setup: readonly Op[];
  /** The first list is process 0's; the second is process 1's, or another thread's of process 0. */
  readonly lists: readonly [readonly Op[], readonly Op[]];
  readonly end: readonly Op[];
}

/** What can come out of a race. */
export interface Possible {
  readonly outcomes: ReadonlySet<string>;
  /** Every interleaving was covered; else there may be more outcomes. */
  readonly complete: boolean;
  readonly states: number;
  /** What goes wrong in an interleaving, which then has no outcome: a BUG, a deadlock. */
  readonly wrong: readonly string[];
}

/** The answers of the two lists and of the ops at the end, as one text. */
export const outcomeOf = (answers: readonly (readonly string[])[]): string =>
  comparable(answers.map((list) => list.join('; ')).join(' | '));

/**
 * An outcome without the references that a lookup takes to a page of nobody's buffer. The agent tells
 * them from what is left when it has let go; but such a page may wait in an LRU batch, with a reference,
 * and the CPU whose batch that is drains it when it zaps (lru_add_drain, 6.1 mm/memory.c:1750, 6.12 :1922)
 * or breaks COW. Races know no batches; programs without races are held to the count.
 */
export const comparable = (outcome: string): string => outcome.replace(/ - d-?\d+/g, ' -');

/**
 * Reads `setup | list | list | end`, ops parted by `;`.
 * @throws CorpusError saying what is wrong
 */
export function parseRace(id: string, text: string): Race {
  const parts = text.split('|').map((part) =>
    part
      .split(';')
      .map((op) => op.trim())
      .filter((op) => op !== '')
      .map((op) => parseOp(op, id)),
  );
  if (parts.length !== 4) throw new CorpusError(id, 'a race is: setup | list | list | end');
  const [setup, one, other, end] = parts;
  const bad = [...one, ...other].find((op) => !Object.hasOwn(RACING_OPS, op.name));
  if (bad) throw new CorpusError(id, `'${bad.text}' cannot race`);
  if (one.some((op) => op.proc !== 0)) throw new CorpusError(id, 'the first list is process 0');
  if (new Set(other.map((op) => op.proc)).size > 1) {
    throw new CorpusError(id, 'the second list is of one process');
  }
  if (hasTwoProcesses({ lists: [one, other] }) && !setup.some((op) => op.name === 'fork')) {
    throw new CorpusError(id, 'the second list is of process 1, and the setup does not fork');
  }
  const named = (list: readonly Op[], name: string) => list.find((op) => op.name === name);
  const second = named(other, 'fork');
  if (second) throw new CorpusError(id, `'${second.text}': only the first list may fork`);
  const forks = [...setup, ...one].filter((op) => op.name === 'fork');
  if (forks.length > 1) throw new CorpusError(id, 'there are two processes at most: one fork');
  const closed = named([...one, ...other], 'bclose');
  const drm = setup.find((op) => op.name === 'buf' && op.args[1].startsWith('vgemdrm'));
  if (closed && drm) {
    // Where its object lies in the device is known to the agent alone.
    throw new CorpusError(id, `'${closed.text}' cannot race beside '${drm.text}'`);
  }
  return { id, setup, lists: [one, other], end };
}

/** The race as {@link parseRace} reads it. */
export const raceText = ({ setup, lists, end }: Race): string =>
  [setup, ...lists, end].map((ops) => ops.map((op) => op.text).join('; ')).join(' | ');

/** Is the second process made while the lists run? */
const forksMeanwhile = ({ lists }: Race): boolean => lists[0].some((op) => op.name === 'fork');

/** Does the second list run in a process of its own? */
export const hasTwoProcesses = ({ lists }: Pick<Race, 'lists'>): boolean =>
  lists[1].some((op) => op.proc === 1);

const answer = step('answer', (k: Kernel, i: number, id: number) => k.notes.set(i, id));

/** Numbers for texts: state holds the number. */
class Texts {
  private readonly list: string[] = [''];
  private readonly numbers = new Map<string, number>();

  number(text: string): number {
    let n = this.numbers.get(text);
    if (n === undefined) {
      n = this.list.push(text) - 1;
      this.numbers.set(text, n);
    }
    return n;
  }

  at(n: number): string {
    return this.list[n];
  }
}

/**
 * A race as a system to explore, set up and about to begin.
 * @param onEnd called at the end of each interleaving, with the answers of the lists and of the end
 */
export function raceSystem(
  linux: LinuxVersion,
  race: Race,
  onEnd: (answers: readonly (readonly string[])[]) => void,
): System {
  const { setup, lists, end } = race;
  const racing = lists.flat();
  const all = [...setup, ...racing, ...end];
  const guest = new Guest(linux, all, undefined, (version, sizes) => {
    const config = machineConfig(version, sizes);
    return new Kernel({
      ...config,
      // A child that is made meanwhile runs when the lists are through, and not where they ran.
      ...(forksMeanwhile(race)
        ? { cpus: 3, cpuMm: [0, 0, 1] }
        : { cpuMm: [0, hasTwoProcesses(race) ? 1 : 0] }),
      // Nobody looks at a page that was freed, nor at what reclaim keeps of one. (Statistics are kept:
      // what a page is called has its generation.)
      keepFreedContents: false,
      pageFlags: false,
      notes: racing.map((op) => op.text),
    });
  });
  const { k } = guest;
  if (forksMeanwhile(race)) guest.cpuOf[1] = 2;
  for (const op of setup) {
    const said = guest.exec(op, OPS);
    if (said !== 'ok' && op.name !== 'r') {
      throw new CorpusError(race.id, `'${op.text}' of the setup answers ${said}`);
    }
  }
  const texts = new Texts();
  const threads = lists.map((list, t) => {
    const first = t === 0 ? 0 : lists[0].length;
    const ops = list.map(({ name, text, proc, args }) =>
      routine(text, function* (): Run<number> {
        return texts.number(yield* RACING_OPS[name](guest, proc, args));
      }),
    );
    const run = routine(`list ${t}`, function* (): Run<void> {
      for (const [i, op] of ops.entries()) yield* answer(first + i, yield* op());
    });
    return { name: `list ${t}`, run };
  });
  const final = () => {
    const said = racing.map((_, i) => texts.at(k.notes.get(i)));
    if (forksMeanwhile(race)) {
      guest.alive[1] = racing.some((op, i) => op.name === 'fork' && said[i] === 'ok');
    }
    const last = end.map((op) => guest.exec(op, OPS));
    const [one] = lists;
    onEnd([said.slice(0, one.length), said.slice(one.length), last]);
  };
  return { mem: k.mem, locks: k.locks, world: k, threads, final };
}

/** Beyond this many states a race is given up. */
const MAX_STATES = 300_000;

/**
 * Finds every outcome of a race.
 * @param reduce whether steps that nobody can tell apart are joined (docs/engine.md)
 */
export function possibleOutcomes(linux: LinuxVersion, race: Race, reduce = true): Possible {
  const outcomes = new Set<string>();
  const onEnd: Parameters<typeof raceSystem>[2] = (answers) => outcomes.add(outcomeOf(answers));
  const search = new Search(() => raceSystem(linux, race, onEnd), {
    stopAt: 'never',
    livelock: false,
    maxStates: MAX_STATES,
    reduce,
  });
  const result = search.run();
  // Where memory is corrupted a path ends, and so do programs where the kernel does.
  const wrong = (result?.findings ?? []).filter(({ violation: { severity, rule, text } }) => {
    const dies = rule === 'deadlock' || rule === 'R14' || text.startsWith('kernel BUG');
    return dies || severity === 'corrupts';
  });
  return {
    outcomes,
    complete: result?.complete ?? false,
    states: result?.states ?? 0,
    wrong: wrong.map(({ violation }) => violation.text),
  };
}
