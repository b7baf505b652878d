// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A translated interleaving as lines for the agent, and what the model answers to each. Where no thread
 * has to be stopped inside a call, one process does all of it, op after op. Else the thread that is
 * stopped is the child, or another thread of the agent: it is asked in the background to run its op, and
 * waits at an armed sync point until it is told to go on.
 */
import { Player } from '../explore/player.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { runOps } from './model.ts';
import { DEAD, parseOp } from './program.ts';
import { type Race, raceSystem } from './race.ts';
import { NoStandIn } from './stand-ins.ts';
import { type Point, pointAfter, type Stretch, stopped, type Translation } from './translate.ts';

export interface Line {
  readonly text: string;
  /** What the model answers. */
  readonly model: string;
}

/** Where the answer to a line comes from: a list of ops and a place in it; null: it is only `ok`. */
type Source = readonly [list: number, at: number] | null;

/**
 * What is left is looked at: the device's view and the CPU's, and what the consumer still knows, unless
 * the page is nobody's any more. If it was only mapped: what the patch would have seen, and the entry.
 */
function looks(done: readonly string[], anonymous: boolean): string[] {
  if (anonymous) return ['0 r 0 8'];
  if (done.every((text) => text.slice(2).startsWith('map')))
    return ['0 pwarn', '0 r 0 8', '0 pte 0'];
  const at = (op: string) => done.findIndex((text) => text.slice(2).startsWith(op));
  const closed = at('bclose');
  if (closed >= 0) {
    if (at('hr') > closed) {
      throw new NoStandIn('it reads a page that is free, and what is there nobody knows');
    }
    return ['0 r 0 8'];
  }
  // `P hold S ...`: whose it is, and where.
  const [who, , slot, method] =
    done
      .filter((text) => text.slice(2).startsWith('hold'))
      .at(-1)
      ?.split(' ') ?? [];
  // What lies behind a PFN that is no page of the buffer nobody knows.
  const looksBack = at('hput') < 0 && at('hr') < 0 && method !== 'pgoff';
  const kept = who && looksBack ? [`${who} hr ${slot} 8`] : [];
  const wrote = done.some((text) => text.startsWith('1 w ')) ? ['1 r 0 8'] : [];
  return ['0 dr 0 0 8', '0 r 0 8', ...wrote, ...kept];
}

/** The lines of a translation, for a kernel of this version. */
export function linesOf(translation: Translation, linux: LinuxVersion): Line[] {
  const waiting = stopped(translation.stretches);
  if (waiting.length === 0) return oneAfterAnother(translation, linux);
  if (translation.procs.some((proc) => proc !== 0)) {
    throw new NoStandIn('a thread would have to be stopped, and there are two processes already');
  }
  return withStops(translation, waiting, linux);
}

function oneAfterAnother(translation: Translation, linux: LinuxVersion): Line[] {
  const { setup, ops, procs, stretches } = translation;
  const done = ops.map(() => 0);
  const texts = setup.map((op) => `0 ${op}`);
  for (const { thread, ops: until } of stretches) {
    for (; done[thread] < until; done[thread]++) {
      for (const op of ops[thread][done[thread]].split('; ')) texts.push(`${procs[thread]} ${op}`);
    }
  }
  texts.push(...looks(texts.slice(setup.length), translation.anonymous));
  const model = runOps(
    linux,
    texts.map((text) => parseOp(text)),
  );
  // Of a kernel that has died nobody asks more.
  const died = model.findIndex((answer) => answer.startsWith(DEAD));
  const asked = died < 0 ? texts : texts.slice(0, died + 1);
  return asked.map((text, i) => ({ text, model: model[i] ?? '' }));
}

/** One thread of the two, on the model: until so many ops are done, and on to a point in the next. */
interface Leg {
  readonly list: 0 | 1;
  readonly ops: number;
  readonly point: Point | null;
}

/** Who runs a thread: the agent's process of that number, and one of the two lists of a race. */
interface Runner {
  readonly proc: 0 | 1 | 2;
  readonly list: 0 | 1;
  /** Ops that are done. */
  done: number;
  /** Where it is stopped in the next, if it is. */
  waitsAt: Point | null;
}

/**
 * The agent itself tells the others when to go on, so whoever is stopped is its child, or, where memory is
 * shared by threads only or the child is stopped already, another thread of it.
 */
function runnersOf({ ops, anonymous }: Translation, waiting: readonly number[]): Runner[] {
  return ops.map((_, thread) => {
    const nth = waiting.indexOf(thread);
    const [proc, list] =
      nth < 0 ? ([0, 0] as const) : nth > 0 ? ([2, 0] as const) : BESIDE[+anonymous];
    return { proc, list, done: 0, waitsAt: null };
  });
}
const BESIDE = [[1, 1] as const, [2, 1] as const];

function withStops(
  translation: Translation,
  waiting: readonly number[],
  linux: LinuxVersion,
): Line[] {
  const { ops, stretches, anonymous } = translation;
  const runners = runnersOf(translation, waiting);
  if (anonymous && waiting.length > 1) {
    throw new NoStandIn('two threads of one process would have to be stopped at once');
  }
  const setup = [...translation.setup, ...(anonymous ? [] : ['fork'])].map((op) => `0 ${op}`);
  const threads = runners.some(({ proc }) => proc === 2) ? ['0 thread'] : [];
  const lists: [string[], string[]] = [[], []];
  const lines: { text: string; source: Source }[] = [];
  const legs: Leg[] = [];
  const say = (text: string) => lines.push({ text, source: null });
  /** The op as the model has it: a thread's is its process's. */
  const toModel = ({ proc, list }: Runner, op: string): Source => [
    list,
    lists[list].push(`${proc === 2 ? 0 : proc} ${op}`) - 1,
  ];
  const joins = (runner: Runner) => {
    say(`0 go ${runner.waitsAt}`);
    lines.push({
      text: `${runner.proc} join`,
      source: [runner.list, lists[runner.list].length - 1],
    });
    runner.done++;
    runner.waitsAt = null;
  };
  const stops = (runner: Runner, op: string, point: Point) => {
    say(`0 arm ${point}`);
    if (runner.waitsAt) {
      say(`0 go ${runner.waitsAt}`);
    } else {
      toModel(runner, op);
      say(`${runner.proc} bg ${op}`);
    }
    say(`0 reached ${point}`);
    runner.waitsAt = point;
  };
  const stretch = ({ thread, ops: until, point }: Stretch) => {
    const runner = runners[thread];
    if (runner.waitsAt && runner.done < until) joins(runner);
    for (; runner.done < until; runner.done++) {
      const op = ops[thread][runner.done];
      lines.push({ text: `${runner.proc} ${op}`, source: toModel(runner, op) });
    }
    if (point) stops(runner, ops[thread][runner.done], point);
    const { list, waitsAt } = runner;
    legs.push({ list, ops: lists[list].length - (waitsAt ? 1 : 0), point });
  };
  for (const one of stretches) stretch(one);
  for (const runner of runners) if (runner.waitsAt) joins(runner);
  const end = looks([...lists[0], ...lists[1]], anonymous);
  const parse = (texts: readonly string[]) => texts.map((text) => parseOp(text));
  const race: Race = {
    id: 'reproduce',
    setup: parse(setup),
    lists: [parse(lists[0]), parse(lists[1])],
    end: parse(end),
  };
  const answers = predict(linux, race, legs);
  return [
    ...[...setup, ...threads].map((text) => ({ text, model: 'ok' })),
    ...lines.map(({ text, source }) => ({
      text,
      model: source ? answers[source[0]][source[1]] : 'ok',
    })),
    ...end.map((text, i) => ({ text, model: answers[2][i] })),
  ];
}

/** What the model answers when its threads are stopped where the kernel's are. */
function predict(
  linux: LinuxVersion,
  race: Race,
  legs: readonly Leg[],
): readonly (readonly string[])[] {
  let answers: readonly (readonly string[])[] = [];
  const system = raceSystem(linux, race, (all) => {
    answers = all;
  });
  const player = new Player(system);
  const answered = [0, 0];
  const step = (list: number) => {
    if (!player.step(list, 0))
      throw new NoStandIn('in the model a thread waits for the other here');
    if (player.trace[player.trace.length - 1].def.name === 'answer') answered[list]++;
  };
  /** The steps of the op that a list is in. */
  const callOf = (list: number) => {
    const steps = player.trace.filter((s) => s.thread === list);
    return steps.slice(steps.map(({ def }) => def.name).lastIndexOf('answer') + 1);
  };
  for (const { list, ops, point } of legs) {
    while (answered[list] < ops) step(list);
    for (;;) {
      if (!point) break;
      const call = callOf(list);
      if (call.length && pointAfter(call, player.stand(list)) === point) break;
      if (answered[list] > ops) throw new NoStandIn(`no ${point} is passed in the model`);
      step(list);
    }
  }
  for (const list of [1, 0]) while (player.stand(list).state !== 'finished') step(list);
  return answers;
}
