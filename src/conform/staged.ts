// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A translated interleaving as lines for the agent, and what the model answers to each. Where no thread
 * has to be stopped inside a call, one process does all of it, op after op. Else the thread that is
 * stopped is the child: it is asked in the background to run its op, and waits at an armed sync point
 * until it is told to go on.
 */
import { Player } from '../explore/player.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { runOps } from './model.ts';
import { DEAD, parseOp } from './program.ts';
import { type Race, raceSystem } from './race.ts';
import { NoStandIn } from './stand-ins.ts';
import { type Point, pointBetween, type Stretch, stopped, type Translation } from './translate.ts';

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
function looks(done: readonly string[]): string[] {
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
  return ['0 dr 0 0 8', '0 r 0 8', ...kept];
}

/** The lines of a translation, for a kernel of this version. */
export function linesOf(translation: Translation, linux: LinuxVersion): Line[] {
  const [thread] = stopped(translation.stretches);
  if (thread === undefined) return oneAfterAnother(translation, linux);
  if (translation.procs.some((proc) => proc !== 0)) {
    throw new NoStandIn('a thread would have to be stopped, and there are two processes already');
  }
  return withStops(translation, thread, linux);
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
  texts.push(...looks(texts.slice(setup.length)));
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

function withStops(translation: Translation, stopped: number, linux: LinuxVersion): Line[] {
  const { ops, stretches } = translation;
  const setup = [...translation.setup, 'fork'].map((op) => `0 ${op}`);
  const done = ops.map(() => 0);
  const lists: [string[], string[]] = [[], []];
  const lines: { text: string; source: Source }[] = [];
  const legs: Leg[] = [];
  let waitsAt: Point | null = null;
  const say = (text: string) => lines.push({ text, source: null });
  const joins = () => {
    say(`0 go ${waitsAt}`);
    lines.push({ text: '1 join', source: [1, lists[1].length - 1] });
    done[stopped]++;
    waitsAt = null;
  };
  const stops = (point: Point) => {
    if (waitsAt) {
      say(`0 arm ${point}`);
      say(`0 go ${waitsAt}`);
    } else {
      const op = `1 ${ops[stopped][done[stopped]]}`;
      lists[1].push(op);
      say(`0 arm ${point}`);
      say(op.replace('1 ', '1 bg '));
    }
    say(`0 reached ${point}`);
    waitsAt = point;
  };
  const stretch = ({ thread, ops: until, point }: Stretch) => {
    const list = thread === stopped ? 1 : 0;
    if (list === 1 && waitsAt && done[stopped] < until) joins();
    for (; done[thread] < until; done[thread]++) {
      const text = `${list} ${ops[thread][done[thread]]}`;
      lines.push({ text, source: [list, lists[list].push(text) - 1] });
    }
    if (point) stops(point);
    legs.push({ list, ops: lists[list].length - (list === 1 && waitsAt ? 1 : 0), point });
  };
  for (const one of stretches) stretch(one);
  if (waitsAt) joins();
  const end = looks([...lists[0], ...lists[1]]);
  const parse = (texts: readonly string[]) => texts.map((text) => parseOp(text));
  const race: Race = {
    id: 'reproduce',
    setup: parse(setup),
    lists: [parse(lists[0]), parse(lists[1])],
    end: parse(end),
  };
  const answers = predict(linux, race, legs);
  return [
    ...setup.map((text) => ({ text, model: 'ok' })),
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
  for (const { list, ops, point } of legs) {
    while (answered[list] < ops) step(list);
    for (;;) {
      if (!point) break;
      const before = player.trace.filter((s) => s.thread === list).at(-1);
      const here = before && pointBetween(before, player.stand(list));
      if (here === point) break;
      if (answered[list] > ops) throw new NoStandIn(`no ${point} is passed in the model`);
      step(list);
    }
  }
  for (const list of [1, 0]) while (player.stand(list).state !== 'finished') step(list);
  return answers;
}
