// SPDX-License-Identifier: GPL-2.0-or-later
/** What the engine says about programs that are wrong, and about systems that hang. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Exploration, type ExploreOptions, explore } from '../../src/explore/explore.ts';
import { LockClass, LockTable, lockSteps } from '../../src/explore/locks.ts';
import type { System } from '../../src/explore/machine.ts';
import { Memory } from '../../src/explore/memory.ts';
import { again, BLOCKED, choice, type Run, routine, step } from '../../src/explore/program.ts';
import { decode, encode, replay } from '../../src/explore/schedule.ts';
import { Search } from '../../src/explore/search.ts';

class World {
  readonly mem = new Memory();
  readonly locks = new LockTable();
  readonly x = this.mem.array('x', 2, { show: String });
  readonly lock = new LockClass(this.mem, 'lock', 2, this.locks);
  readonly other = new LockClass(this.mem, 'other', 1, this.locks);
  constructor() {
    this.mem.seal();
  }
}

const get = step('get', (w: World, i: number) => w.x.get(i));
const set = step('set', (w: World, i: number, v: number) => w.x.set(i, v));
const locks = lockSteps<World>(['lock', 'unlock'], (w) => w.lock);
const others = lockSteps<World>(['lock_other', 'unlock_other'], (w) => w.other);

type Body = () => Run<number | boolean | void>;

function system(...bodies: Body[]): () => System {
  const threads = bodies.map((body, i) => {
    const main = routine(`main${i}`, body);
    return { name: `t${i}`, run: () => main() };
  });
  return () => {
    const world = new World();
    return { mem: world.mem, locks: world.locks, world, threads };
  };
}

function run(make: () => System, options?: ExploreOptions): Exploration {
  return explore(make, options).run() as Exploration;
}

/** What an exploration throws, in strict mode. */
function error(make: () => System): string {
  try {
    run(make, { strict: true });
  } catch (e) {
    return String(e);
  }
  return 'nothing';
}

const here = /messages\.test\.ts:\d+/;

describe('a broken promise', () => {
  const forgetful = () =>
    system(function* () {
      for (let k = 0; ; k++) {
        yield* again('top');
        if ((yield* get(0)) === 1 || k === 2) return;
        yield* set(1, 0);
      }
    });

  test('is reported with the line of the `again` and what differs', () => {
    const text = error(forgetful());
    expect(text).toMatch(
      /^ProgramError: main0: again\('top'\) \(.*messages\.test\.ts:\d+\) promises/,
    );
    expect(text).toMatch(/Name the local that makes the difference/);
    const line = Number(/again\('top'\) \(.*?:(\d+)\)/.exec(text)?.[1]);
    const source = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
    expect(source[line - 1]).toContain("yield* again('top');");
  });

  test('is kept when the local is named', () => {
    const named = system(function* () {
      for (let k = 0; k < 3; k++) {
        yield* again('top', k);
        if ((yield* get(0)) === 1) return;
      }
    });
    expect(run(named, { strict: true }).outcome).toBe('safe');
  });

  test('is reported when the next promise is what differs', () => {
    const text = error(
      system(function* () {
        for (let k = 0; k < 3; k++) {
          yield* again('outer');
          yield* get(0);
          yield* again('inner', k);
          yield* get(1);
        }
      }),
    );
    expect(text).toMatch(/again\('outer'\).*again\('inner', \d\)/);
  });
});

describe('hidden input', () => {
  test.each<[string, () => number]>([
    ['Math.random', () => Math.random()],
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date().getFullYear()],
    ['performance.now', () => performance.now()],
    ['crypto.randomUUID', () => crypto.randomUUID().length],
  ])('%s in a routine or a step is refused, with the line', (name, use) => {
    const inRoutine = error(
      system(function* () {
        if (use() > 0.5) yield* set(0, 1);
      }),
    );
    expect(inRoutine).toContain(`${name} is used`);
    expect(inRoutine).toMatch(here);
    const stamp = step('stamp', (w: World) => w.x.set(0, use()));
    const inStep = error(
      system(function* () {
        yield* stamp();
      }),
    );
    expect(inStep).toContain(`${name} is used`);
    expect(inStep).toMatch(here);
  });

  test('the clock works again afterwards, whatever happened', () => {
    error(
      system(function* () {
        if (Math.random() > 2) yield* set(0, 1);
      }),
    );
    expect(Math.random()).toBeLessThan(1);
    expect(Number(new Date(2020, 0))).toBeGreaterThan(0);
    expect(Date.now()).toBeGreaterThan(0);
  });

  test('a routine that counts its runs is not deterministic', () => {
    let runs = 0;
    const text = error(
      system(function* () {
        yield* set(0, runs++);
        yield* get(0);
      }),
    );
    expect(text).toMatch(/main0.*is not deterministic/);
  });

  test('a step that counts its runs is not deterministic', () => {
    let runs = 0;
    const counting = step('counting', (w: World) => w.x.set(0, runs++));
    const text = error(
      system(function* () {
        yield* counting();
      }),
    );
    expect(text).toMatch(/main0 > counting.*is not deterministic/);
    expect(text).toMatch(here);
  });

  test('the second look at every state goes on in slices as the first one does', () => {
    let steps = 0;
    const counted = step('counted', (w: World, v: number) => {
      steps++;
      w.x.set(0, v);
    });
    const make = system(...[1, 2, 3].map((v) => () => counts(v)));
    function* counts(v: number): Run<void> {
      for (let i = 0; i < 12; i++) yield* counted(4 * i + v);
    }
    const slices: number[] = [];
    const search = new Search(make, { strict: true, stopAt: 'never', symmetry: false });
    for (let result = null; !result; slices.push(steps)) {
      steps = 0;
      result = search.run(200);
    }
    expect(search.result?.complete).toBe(true);
    expect(slices.length).toBeGreaterThan(20);
    // A batch of states is looked up before the budget is.
    expect(Math.max(...slices)).toBeLessThan(2 * 200 + 1000);
  });

  test('a flag that is no slot is noticed', () => {
    let flag = 0;
    const raise = step('raise', () => {
      flag = 1;
    });
    const look = step('look', () => flag);
    const text = error(
      system(
        function* () {
          if (yield* look()) yield* set(0, 1);
        },
        function* () {
          yield* raise();
        },
      ),
    );
    expect(text).toMatch(/look.*is not deterministic.*not in a slot/);
  });
});

describe('a program that is wrong', () => {
  test('throws: the message has the routine and the line', () => {
    const text = error(
      system(function* () {
        yield* get(0);
        throw new Error('oops');
      }),
    );
    expect(text).toMatch(/main0 throws: oops/);
    expect(text).toMatch(here);
  });

  test('throws in a step', () => {
    const text = error(
      system(function* () {
        yield* get(7);
      }),
    );
    expect(text).toMatch(/main0 > get throws: x\[7\]: no such slot/);
  });

  test('forgets the asterisk', () => {
    const text = error(
      system(function* () {
        yield get(0) as never;
      }),
    );
    expect(text).toMatch(/write yield\* before steps and routines/);
  });

  test('returns what is no integer from a step', () => {
    const half = step('half', () => 0.5);
    const text = error(
      system(function* () {
        yield* half();
      }),
    );
    expect(text).toMatch(/main0 > half .*returns 0\.5: a step returns a 32-bit integer/);
    expect(text).toMatch(here);
  });

  test('goes on for ever without forgetting', () => {
    const text = error(
      system(function* () {
        for (;;) yield* set(0, 1 - (yield* get(0)));
      }),
    );
    expect(text).toMatch(/a loop remembers its whole history; put `yield\* again/);
    expect(text).toMatch(here);
  });

  test('is no routine', () => {
    const make = system(function* () {});
    const broken = () => ({ ...make(), threads: [{ name: 't', run: () => get(0) }] });
    expect(error(broken)).toMatch(/a thread must be a routine/);
  });

  test('changes memory and then blocks', () => {
    const bad = step('bad', (w: World) => {
      w.x.set(0, 1);
      return BLOCKED;
    });
    const text = error(
      system(function* () {
        yield* bad();
      }),
    );
    expect(text).toMatch(/main0 > bad changed memory and then said BLOCKED/);
  });

  test('ends with a lock held', () => {
    const text = error(
      system(function* () {
        yield* locks.lock(0);
      }),
    );
    expect(text).toMatch(/main0 ends while holding lock\[0\]/);
  });
});

describe('systems that hang', () => {
  const rules = (e: Exploration) => [...new Set(e.findings.map((v) => v.rule))];

  test('deadlock and lock order: two locks taken both ways', () => {
    const both = (a: typeof locks, b: typeof locks): Body =>
      function* () {
        yield* a.lock(0);
        yield* b.lock(0);
        yield* b.unlock(0);
        yield* a.unlock(0);
      };
    const e = run(system(both(locks, others), both(others, locks)));
    expect(rules(e)).toEqual(['deadlock', 'lock-order']);
    expect(e.findings[1].text).toMatch(/possible circular locking: .* takes \w+ under \w+/);
    expect(e.counterexample?.violation.rule).toBe('deadlock');
    expect(e.counterexample).toMatchObject({ threads: 2, switches: 1, steps: 2, minimal: true });
  });

  test('lock order alone is reported with the way to it', () => {
    const e = run(
      system(function* () {
        yield* locks.lock(1);
        yield* locks.lock(0);
        yield* locks.unlock(0);
        yield* locks.unlock(1);
      }),
    );
    expect(rules(e)).toEqual(['lock-order']);
    expect(e.counterexample?.trace.map((s) => s.def.name)).toEqual(['lock']);
  });

  const waitsFor = (slot: number): Body =>
    function* () {
      for (;;) {
        yield* again('wait');
        if (yield* get(slot)) return;
      }
    };

  test('waiting in a loop for what another thread will do is no livelock', () => {
    const e = run(
      system(waitsFor(0), function* () {
        yield* locks.lock(0);
        yield* set(0, 1);
        yield* locks.unlock(0);
      }),
    );
    expect(e.outcome).toBe('safe');
  });

  test('so it is when the other needs a lock that the loop takes and releases', () => {
    const e = run(
      system(
        function* () {
          for (;;) {
            yield* again('wait');
            yield* locks.lock(0);
            const done = yield* get(0);
            yield* get(1);
            yield* get(1);
            yield* locks.unlock(0);
            if (done) return;
          }
        },
        function* () {
          yield* set(1, 1);
          yield* locks.lock(0);
          yield* set(0, 1);
          yield* locks.unlock(0);
        },
      ),
    );
    expect(e.outcome).toBe('safe');
  });

  test('two threads that wait for each other in loops are a livelock', () => {
    const e = run(system(waitsFor(0), waitsFor(1)));
    expect(rules(e)).toEqual(['livelock']);
    expect(e.findings[0].text).toMatch(/t0 and t1 can go round for ever/);
  });

  test('two threads that undo each other are a livelock, shown once round', () => {
    const undo = (mine: number): Body =>
      function* () {
        for (;;) {
          yield* again('try');
          if ((yield* get(0)) === 2) return;
          yield* set(0, mine);
        }
      };
    const e = run(system(undo(0), undo(1)));
    expect(rules(e)).toEqual(['livelock']);
    const { trace, roundFrom } = e.counterexample as NonNullable<Exploration['counterexample']>;
    const round = trace.slice(roundFrom as number);
    expect(new Set(round.map((s) => s.thread))).toEqual(new Set([0, 1]));
  });

  test('livelock is found among identical threads too', () => {
    const main = routine('spin', waitsFor(0));
    const same = () => main();
    const make = () => ({
      ...system()(),
      threads: [
        { name: 'a', run: same },
        { name: 'b', run: same },
      ],
    });
    const e = run(make);
    expect(rules(e)).toEqual(['livelock']);
  });

  test('a daemon may go round for ever, and waiting for work is its job', () => {
    const make = system(
      function* () {
        yield* set(0, 1);
      },
      function* () {
        for (;;) {
          yield* again('serve');
          yield* get(0);
        }
      },
    );
    const daemon = () => {
      const s = make();
      return { ...s, threads: s.threads.map((t, i) => ({ ...t, daemon: i === 1 })) };
    };
    expect(rules(run(make))).toEqual(['livelock']);
    expect(run(daemon).outcome).toBe('safe');
  });
});

describe('limits', () => {
  const counter: Body = function* () {
    for (let i = 0; i < 20; i++) yield* set(0, yield* pick());
  };
  const pick = choice('pick', () => 4);

  test('beyond the limit the outcome is unknown, and says so', () => {
    const e = run(system(counter, counter), { maxStates: 500 });
    expect(e.outcome).toBe('unknown');
    expect(e.bound).toBe('gave up at 500 states');
  });

  test('runs in slices, shows progress, and can be stopped', () => {
    const e = explore(system(counter, counter));
    expect(e.run(100)).toBeNull();
    const early = e.progress;
    expect(early.phase).toBe('search');
    expect(e.run(100)).toBeNull();
    expect(e.progress.states).toBeGreaterThan(early.states);
    const r = e.stop();
    expect(r.outcome).toBe('unknown');
    expect(r.bound).toMatch(/^interrupted at [\d,]+ states$/);
    expect(e.run()).toBe(r);
  });
});

describe('schedules', () => {
  const race = (name = 'store') => {
    const store = step(name, (w: World, v: number) => w.x.set(0, v));
    const add: Body = function* () {
      yield* store((yield* get(0)) + 1);
    };
    const make = system(add, add);
    return (): System => {
      const s = make();
      const { x } = s.world as World;
      const final = () => {
        if (x.get(0) !== 2) {
          s.mem.report({ severity: 'corrupts', rule: 'sum', text: 'an update is lost' });
        }
      };
      return { ...s, final };
    };
  };
  const found = run(race()).counterexample as NonNullable<Exploration['counterexample']>;

  test('replay, with names and values for a reader', () => {
    const r = replay(race()(), found.schedule);
    if (r.diverged) throw new Error(r.text);
    expect(r.violations.map((v) => v.text)).toEqual(['an update is lost']);
    expect(encode(r.trace)).toBe(found.schedule);
    expect(r.trace.at(-1)?.changes).toEqual([]);
    expect(r.trace[2].changes).toMatchObject([{ name: 'x[0]', beforeText: '0', afterText: '1' }]);
    expect(r.trace[0].routines.map((d) => d.name)).toEqual(['main0']);
    expect(found.schedule).toMatch(/^[\w.-]+$/);
  });

  test('say where another version parts', () => {
    const r = replay(race('write')(), found.schedule);
    expect(r.diverged && [r.segment, r.step]).toEqual([2, 2]);
    expect(r.diverged && r.text).toMatch(
      /parts at segment 2 of 3, step 2 of 2: expected another step of t1, but it is at main1 > write/,
    );
    expect(r.trace).toHaveLength(2);
  });

  test('say when a thread has finished, waits, or does not exist', () => {
    const [a] = found.schedule.split('-');
    const one = system(function* () {});
    expect(replay(one(), a)).toMatchObject({ found: 't0 has finished' });
    expect(replay(one(), a.replace('A', 'C'))).toMatchObject({ found: 'there are only 1 threads' });
    const locked: Body = function* () {
      yield* locks.lock(0);
      yield* get(0);
      yield* locks.unlock(0);
    };
    const s = run(
      system(function* () {
        yield* locks.lock(0);
        yield* check();
        yield* locks.unlock(0);
      }),
    ).counterexample?.schedule.slice(3, 4);
    const text = `A1.${s}-B1.${s}`;
    expect(replay(system(locked, locked)(), text)).toMatchObject({
      segment: 2,
      found: expect.stringMatching(/it must wait in main1 > lock/),
    });
  });
  const check = step('check', (w: World) =>
    w.mem.report({ severity: 'breaks', rule: 'r', text: 'always' }),
  );

  test.each([
    ['hello', /segment 1 \('hello'\) should be a letter/],
    ['A2.x', /says 2 steps and describes 1: part of it is missing/],
    ['A1.x-', /segment 2 \(''\)/],
    ['A1.x.1.2', /more choices than steps/],
  ])('that are garbage are refused: %s', (text, message) => {
    expect(() => decode(text)).toThrow(message);
  });
});

describe('the granularity rule', () => {
  const swap = step('swap', (w: World) => {
    const v = w.x.get(0);
    w.x.set(0, w.x.get(1));
    w.x.set(1, v);
  });
  const wide = (body: Body) => {
    const search = new Search(system(body, body), { testMode: true });
    search.run();
    return [...search.machine.wide].map(([def, slots]) => `${def.name}: ${[...slots].join()}`);
  };

  test('reports a step that touches two slots which no common lock covers', () => {
    expect(
      wide(function* () {
        yield* swap();
      }),
    ).toEqual(['swap: x[0] + x[1]']);
  });

  test('accepts it under a lock', () => {
    expect(
      wide(function* () {
        yield* locks.lock(0);
        yield* swap();
        yield* locks.unlock(0);
      }),
    ).toEqual([]);
  });
});
