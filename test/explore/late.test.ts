// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Races that are found late: what was learned of transitions that read or write the word, in whatever way,
 * must be forgotten, for they were taken for longer than they are.
 */
import { expect, test } from 'vitest';
import {
  choice,
  explore,
  LockTable,
  Memory,
  type Run,
  routine,
  type System,
  step,
} from '../../src/explore/index.ts';
import { Search } from '../../src/explore/search.ts';
import { Knowledge } from '../../src/explore/space.ts';
import { type Block, makeSystem, type Stmt } from './programs.ts';

class World {
  readonly mem = new Memory();
  readonly x = this.mem.array('x', 1);
  readonly y = this.mem.array('y', 1);
  constructor() {
    this.mem.seal();
  }
}

const compare = (w: World, x: number, y: number) => {
  if (x !== y) w.mem.report({ severity: 'corrupts', rule: 'torn', text: 'x and y differ' });
};
const setX = step('set x', (w: World, x: number) => w.x.set(0, x));
const setY = step('set y', (w: World, y: number) => w.y.set(0, y));
const readX = step('read x', (w: World) => w.x.get());
const readY = step('read y', (w: World) => w.y.get());
const differ = step('differ', compare);
/** What is late does it in one step: only the other one can be torn. */
const setBoth = step('set both', (w: World, value: number) => {
  w.x.set(0, value);
  w.y.set(0, value);
});
const differNow = step('differ now', (w: World) => compare(w, w.x.get(), w.y.get()));
/** A choice begins a transition. */
const pause = choice('pause', () => 1);

function* write(value: number): Run<void> {
  yield* setX(value);
  yield* setY(value);
}

function* read(): Run<void> {
  yield* differ(yield* readX(), yield* readY());
}

/** What it does is found out after all that others have done before. */
function* late(then: () => Run<number>): Run<void> {
  for (let i = 0; i < 5; i++) yield* pause();
  yield* then();
}

const none = { sets: [], rows: new Int32Array(0), exchanged: false, locks: [] };

/** The rules that fall in a search that knows of no race when it begins. */
function fallen(...programs: (() => Run<void>)[]): string[] {
  const threads = programs.map((body, i) => ({ name: `t${i}`, run: routine(`t${i}`, body) }));
  const make = (): System => {
    const world = new World();
    return { mem: world.mem, locks: new LockTable(), world, threads };
  };
  const knowledge = new Knowledge();
  knowledge.accesses = [none];
  const search = new Search(make, { stopAt: 'never', knowledge });
  const result = search.run();
  expect(search.restarts).toBeGreaterThan(0);
  return (result?.findings ?? []).map(({ violation }) => violation.rule);
}

test('a transition that read words which had not changed yet', () => {
  expect(fallen(read, () => late(() => setBoth(1)))).toEqual(['torn']);
});

test('a transition that read words, and wrote nothing', () => {
  const setsThenReads = function* (): Run<void> {
    yield* setBoth(1);
    yield* pause();
    yield* read();
  };
  expect(fallen(setsThenReads, () => late(() => setBoth(2)))).toEqual(['torn']);
});

test('a transition that wrote words, and read nothing', () => {
  expect(
    fallen(
      () => write(1),
      () => late(differNow),
    ),
  ).toEqual(['torn']);
});

test('a race that the last step of a search found, and that then waited', () => {
  const tries = (...body: Block): Stmt => ({ do: 'try', lock: 0, body });
  const waits = tries({ do: 'await', lock: 0 });
  const knowledge = new Knowledge();
  knowledge.accesses = [none];
  const make = makeSystem({ threads: [0], bodies: [[tries(), waits]], severity: 'breaks' });
  const result = explore(make, { knowledge }).run();
  expect(result?.counterexample?.violation.rule).toBe('deadlock');
});

test('a transition that an earlier search over the same memory made, without the others', () => {
  const world = new World();
  const named = (body: () => Run<void>, i: number) => ({ name: `t${i}`, run: routine('t', body) });
  // What changes a word for the first time is not kept: the other one gives it the time to do so again.
  const pauses = () => late(pause);
  const looks = function* (): Run<void> {
    yield* differNow();
  };
  const [writer, reader, other] = [() => write(1), looks, pauses].map(named);
  const over = (w: World, ...threads: (typeof writer)[]) => {
    const fresh = w.mem.words.slice();
    return (): System => {
      w.mem.words.set(fresh);
      return { mem: w.mem, locks: new LockTable(), world: w, threads };
    };
  };
  const elsewhere = new Knowledge();
  new Search(over(new World(), writer, reader), { knowledge: elsewhere }).run();
  const knowledge = new Knowledge();
  const rules = (make: () => System, accesses: Knowledge['accesses']) => {
    knowledge.accesses = accesses;
    const result = explore(make, { knowledge, keep: true, stopAt: 'never' }).run();
    return result?.findings.map(({ rule }) => rule);
  };
  expect(rules(over(world, writer, other), [none])).toEqual([]);
  expect(rules(over(world, writer, reader), elsewhere.accesses)).toEqual(['torn']);
});
