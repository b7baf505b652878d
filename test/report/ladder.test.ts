// SPDX-License-Identifier: GPL-2.0-or-later
/** Ladders: what they look like, and that they can be pasted in a mail. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  again,
  CATALOGUE,
  CellRun,
  type Counterexample,
  explore,
  LockClass,
  LockTable,
  ladder,
  lockSteps,
  Memory,
  matrixCells,
  routine,
  type System,
  step,
} from '../../src/index.ts';
import { parseAddress } from '../../src/report/address.ts';
import { cellAddress } from '../../src/report/json.ts';
import { LADDER_WIDTH, replayLine } from '../../src/report/ladder.ts';

function found(make: () => System): Counterexample {
  const { counterexample } = explore(make).run()!;
  expect(counterexample).not.toBe(null);
  return counterexample!;
}

function cell(id: string): Counterexample {
  const one = matrixCells().find((c) => c.id === id)!;
  return new CellRun(one, '6.12').run()!.counterexample!;
}

const story = (id: string) => found(CATALOGUE.find((s) => s.id === id)!.prepare('6.12'));
const golden = (name: string) => `../golden/ladder-${name}.txt`;

/** What any mail and any terminal takes. */
function expectPasteable(text: string): void {
  for (const line of text.split('\n')) {
    expect(line.length, line).toBeLessThanOrEqual(LADDER_WIDTH);
    expect(line).toMatch(/^([\x20-\x7e]*[\x21-\x7e])?$/);
  }
}

describe('in the kernel', () => {
  for (const id of ['follow-and-keep', 'notifier-no-retry', 'follow-with-ref']) {
    test(`ttm/${id}`, async () => {
      await expect(ladder(cell(`ttm/${id}`))).toMatchFileSnapshot(golden(`ttm-${id}`));
    });
  }
  test('the one in the README is what the command prints', () => {
    const printed = ladder(cell('ttm/follow-and-keep'));
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(printed.slice(0, printed.indexOf('\nRule R8')).trimEnd());
  });

  test('system-heap/follow-and-keep', async () => {
    const text = ladder(cell('system-heap/follow-and-keep'));
    await expect(text).toMatchFileSnapshot(golden('system-heap-follow-and-keep'));
  });
  for (const id of ['ttm/looks-before-locking', 'ttm/move-forgets-zap', 'gup/insert-page-pin']) {
    test(id, async () => {
      const { source } = CATALOGUE.find((s) => s.id === id)!;
      const text = ladder(story(id), { mail: source });
      await expect(text).toMatchFileSnapshot(golden(id.replace('/', '-')));
    });
  }

  test('of every real exporter can be pasted', () => {
    let ladders = 0;
    for (const one of matrixCells().filter((c) => c.exporter.status === 'real')) {
      const result = new CellRun(one, '6.12').run()!;
      if (!result.counterexample) continue;
      const schedule = cellAddress(result);
      const text = ladder(result.counterexample, { schedule, mail: one.consumer.source });
      expectPasteable(text);
      expect(text.split('\n').length, one.id).toBeLessThan(70);
      expect(parseAddress(schedule)).toMatchObject({
        name: one.id,
        face: result.face,
      });
      ladders++;
    }
    expect(ladders).toBeGreaterThan(10);
  });

  test('of every story can be pasted', () => {
    for (const s of CATALOGUE.filter(({ expected }) => expected === 'violated')) {
      expectPasteable(ladder(story(s.id), { schedule: `${s.id}@6.12:${'x'.repeat(300)}` }));
    }
  });
});

/** Each of n threads takes its own lock, then its neighbour's. */
function philosophers(n: number): () => System {
  type World = { forks: LockClass[] };
  const forks = Array.from({ length: n }, (_, i) =>
    lockSteps<World>([`lock_fork${i}`, `unlock_fork${i}`], (w) => w.forks[i]),
  );
  const runs = forks.map((mine, i) =>
    routine('eat', function* () {
      const other = forks[(i + 1) % n];
      yield* mine.lock(0);
      yield* other.lock(0);
      yield* other.unlock(0);
      yield* mine.unlock(0);
    }),
  );
  return () => {
    const mem = new Memory();
    const locks = new LockTable();
    const world = { forks: runs.map((_, i) => new LockClass(mem, `fork${i}`, 1, locks)) };
    mem.seal();
    const threads = runs.map((run, i) => ({ name: `thinker${i}`, run }));
    return { mem, locks, world, threads };
  };
}

/** Each of n threads adds one, in two steps. */
function counters(n: number): () => System {
  const load = step('load', (x: Memory['arrays'][number]) => x.get());
  const store = step('store', (x: Memory['arrays'][number], v: number) => x.set(0, v));
  const run = routine('increment', function* () {
    yield* store((yield* load()) + 1);
  });
  return () => {
    const mem = new Memory();
    const x = mem.array('x', 1);
    mem.seal();
    const final = () => {
      if (x.get() === n) return;
      mem.report({ severity: 'corrupts', rule: 'count', text: `x is ${x.get()}, not ${n}` });
    };
    const threads = Array.from({ length: n }, (_, i) => ({ name: `t${i}`, run }));
    return { mem, locks: new LockTable(), world: x, threads, final };
  };
}

describe('of any program', () => {
  for (const n of [2, 3, 4]) {
    test(`a deadlock of ${n} threads`, async () => {
      const text = ladder(found(philosophers(n)));
      expectPasteable(text);
      await expect(text).toMatchFileSnapshot(golden(`deadlock-${n}`));
    });
  }

  test('three columns', async () => {
    await expect(ladder(found(counters(3)))).toMatchFileSnapshot(golden('counters-3'));
  });

  test('from four threads on a list', async () => {
    const text = ladder(found(counters(5)));
    expect(text).toMatch(/^ CPU4: /m);
    await expect(text).toMatchFileSnapshot(golden('counters-5'));
  });

  test('a livelock says where it goes round', async () => {
    type World = { flag: Memory['arrays'][number] };
    const run = [0, 1].map((me) => {
      const raise = step('raise', (w: World) => w.flag.set(me, 1));
      const lower = step('lower', (w: World) => w.flag.set(me, 0));
      const look = step('look', (w: World) => w.flag.get(1 - me), {
        text: (_, v) => `flag[${1 - me}] is ${v}`,
      });
      return routine('enter', function* () {
        for (;;) {
          yield* again('try');
          yield* raise();
          if (!(yield* look())) return;
          yield* lower();
        }
      });
    });
    const make = () => {
      const mem = new Memory();
      const world = { flag: mem.array('flag', 2, { show: String }) };
      mem.seal();
      const threads = run.map((r, i) => ({ name: `t${i}`, run: r }));
      return { mem, locks: new LockTable(), world, threads };
    };
    const text = ladder(found(make));
    expect(text).toContain('--- from here on over and over ---');
    await expect(text).toMatchFileSnapshot(golden('livelock'));
  });

  test('what falls before the first step', () => {
    const violation = { severity: 'breaks', rule: 'R1', text: 'no VM_PFNMAP' } as const;
    const text = ladder({ trace: [], violation, roundFrom: null });
    expect(text).toMatch(/before any thread\s+takes a step\.\)\n\n=> no VM_PFNMAP\n\nRule R1,/);
    expectPasteable(text);
  });

  test('a narrow one keeps to its width', () => {
    const text = ladder(cell('vgem/follow-and-keep'), { width: 60 });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  });
});

test('a long schedule goes on in words that join to it', () => {
  const schedule = `ttm/cpu@6.12,move:${'A3.abc-B12.0123456789ab-'.repeat(9)}C1.x`;
  const lines = replayLine(schedule, 75);
  expect(lines.slice(0, -1).every((l) => l.endsWith(' \\') && l.length <= 75)).toBe(true);
  const words = lines
    .join('\n')
    .split(/[\s\\]+/)
    .slice(2);
  expect(words.join('')).toBe(schedule);
});
