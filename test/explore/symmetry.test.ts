// SPDX-License-Identifier: GPL-2.0-or-later
/** Threads with the same program are interchangeable only if nobody tells them apart. */
import { describe, expect, it } from 'vitest';
import { LockTable } from '../../src/explore/locks.ts';
import type { System } from '../../src/explore/machine.ts';
import { Memory, type Slots } from '../../src/explore/memory.ts';
import { again, type Run, routine, step } from '../../src/explore/program.ts';
import { Search } from '../../src/explore/search.ts';

interface World {
  readonly mem: Memory;
  readonly tlb: Slots;
}

const fill = step('fill', (w: World) => w.tlb.set(w.mem.self, 1));
const flushOne = step('flush_one', (w: World, cpu: number) => w.tlb.set(cpu, 0));
const wait = step('wait', () => 0);
const flushAll = step('flush_all', (w: World) => {
  for (let cpu = 0; cpu < 2; cpu++) w.tlb.set(cpu, 0);
});

const user = routine('user', function* (): Run<void> {
  yield* fill();
  yield* fill();
});
const counter = routine('counter', function* (): Run<void> {
  for (let i = 0; i < 30; i++) {
    yield* again('count', i);
    yield* wait();
  }
});
const oneByOne = routine('one_by_one', function* (): Run<void> {
  yield* flushOne(0);
  yield* flushOne(1);
});
/** Each user has counted up and down by then, and there are thousands of states. */
const lateOneByOne = routine('late_one_by_one', function* (): Run<void> {
  for (let i = 0; i < 60; i++) {
    yield* again('wait', i);
    yield* wait();
  }
  yield* oneByOne();
});
const atOnce = routine('at_once', function* (): Run<void> {
  yield* flushAll();
});

function system(flusher: () => Run<void>, program = user): () => System {
  const threads = [
    { name: 'user 0', run: program },
    { name: 'user 1', run: program },
    { name: 'flusher', run: flusher },
  ];
  return () => {
    const mem = new Memory();
    const tlb = mem.array('tlb', 3, { perThread: 1 });
    mem.seal();
    return { mem, locks: new LockTable(), world: { mem, tlb }, threads };
  };
}

function run(flusher: () => Run<void>, symmetry: boolean, program = user): Search {
  const search = new Search(system(flusher, program), { symmetry, reduce: false, stopAt: 'never' });
  search.run();
  return search;
}

describe('symmetry', () => {
  it('merges states when a step treats identical threads alike', () => {
    const merged = run(atOnce, true);
    expect(merged.machine.symmetric).toBe(true);
    expect(merged.store.count).toBeLessThan(run(atOnce, false).store.count);
  });

  it('is given up when a step touches the slots of one of them alone', () => {
    const search = run(oneByOne, true);
    expect(search.machine.symmetric).toBe(false);
    expect(search.store.count).toBe(run(oneByOne, false).store.count);
  });

  it('is given up late, and the search that begins again has room for edges', () => {
    const search = run(lateOneByOne, true, counter);
    expect(search.restarts).toBe(1);
    const plain = run(lateOneByOne, false, counter);
    expect(search.result).toEqual(plain.result);
    const startsOf = ({ store }: Search) => [...store.edgeStart.subarray(0, store.count)];
    const edgesOf = (of: Search) => [...of.store.edges.subarray(0, startsOf(of).at(-1))];
    expect(startsOf(search)).toEqual(startsOf(plain));
    expect(edgesOf(search).length).toBeGreaterThan(10_000);
    expect(edgesOf(search)).toEqual(edgesOf(plain));
  });
});
