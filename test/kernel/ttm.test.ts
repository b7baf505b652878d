// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * TTM's memory: what goes to swap and comes back, the pool that pages wait in for their next buffer, and
 * the worker that frees later. First one after the other, then beside a program that uses the buffer.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExporterTraits } from '../../src/contract/traits.ts';
import { explore } from '../../src/explore/explore.ts';
import { MutantRun } from '../../src/explore/mutants.ts';
import { type Run, routine, step } from '../../src/explore/program.ts';
import { simulate } from '../../src/explore/simulate.ts';
import { exporter } from '../../src/kernel/dma-buf/exporter.ts';
import { EBUSY, ENOENT, ENOMEM } from '../../src/kernel/errno.ts';
import { ttm } from '../../src/kernel/exporters/ttm.ts';
import { sys_close } from '../../src/kernel/fs/file.ts';
import { Kernel, type KernelConfig, PAGE_FREED, PAGE_USED } from '../../src/kernel/kernel.ts';
import { user_access } from '../../src/kernel/mm/access.ts';
import { PROT_READ, PROT_WRITE, sys_munmap } from '../../src/kernel/mm/mmap.ts';
import {
  alloc_page,
  get_page,
  OWNER_ANON,
  OWNER_LATER,
  OWNER_POOL,
  put_page,
} from '../../src/kernel/mm/page.ts';
import { CELL_SIZES, checkPages } from '../../src/scenarios/cell.ts';

const MM = 0;
const FD = 0;
const PAGES = 2;

/** A buffer of two pages, mapped; page `i` holds 10 + i. */
function mapped(but: Partial<ExporterTraits> = {}, sizes: Partial<KernelConfig> = {}) {
  const built = exporter({ ...ttm, id: 'ttm', ...but });
  const k = new Kernel({ ...CELL_SIZES, linux: '6.12', ...sizes });
  const run = <T>(what: () => Run<T>): T => simulate({ mem: k.mem, world: k }, what);
  const write = (page: number, v: number) => run(() => user_access(MM, page, 1, 0, v, USER[page]));
  const read = (page: number) => run(() => user_access(MM, page, 0, 0, 0, USER[page]));
  run(() => built.create(MM, FD, PAGES));
  run(() => built.map(MM, FD, PAGES, PROT_READ | PROT_WRITE));
  for (let i = 0; i < PAGES; i++) write(i, 10 + i);
  const page = (i: number) => k.buf_page.get(i);
  const used = () =>
    Array.from({ length: k.config.pages }, (_, p) => p).filter(
      (p) => p && k.page_state.get(p) === PAGE_USED,
    );
  const close = () => {
    run(() => sys_munmap(MM, 0, PAGES));
    run(() => sys_close(MM, FD));
  };
  const fell = () => {
    checkPages(k);
    return k.mem.reports.map((r) => r.text);
  };
  return { k, built, run, write, read, page, used, close, fell };
}
const USER = [0, 1].map((page) => ({ buffer: 0, page, mm: MM, addr: page, who: 'the user' }));

describe('swap', () => {
  it('takes the contents, frees the pages, and a fault brings them back', () => {
    const { k, built, run, read, write, page, used, fell } = mapped();
    expect(run(() => built.evict(0, 0, PAGES))).toBe(0);
    expect([page(0), page(1), used()]).toEqual([0, 0, []]);
    expect([k.pte.get(0), k.pte.get(1)]).toEqual([0, 0]);
    expect([read(0), page(1)]).toEqual([10, 0]);
    write(1, 21);
    expect([read(0), read(1), used().length]).toEqual([10, 21, 2]);
    expect(fell()).toEqual([]);
  });

  it('takes part of a buffer, and the rest stays mapped', () => {
    const { k, built, run, read, page, fell } = mapped();
    const entry = k.pte.get(0);
    run(() => built.evict(0, 1, 1));
    expect([page(1), k.pte.get(1), k.pte.get(0)]).toEqual([0, 0, entry]);
    expect([read(0), read(1)]).toEqual([10, 11]);
    expect(fell()).toEqual([]);
  });

  it('is left alone by a move, and taken a second time changes nothing', () => {
    const { built, run, read, page, used, fell } = mapped();
    run(() => built.evict(0, 0, 1));
    expect(run(() => built.move(0, 0, PAGES))).toBe(0);
    expect([page(0), used().length]).toEqual([0, 1]);
    run(() => built.evict(0, 0, PAGES));
    run(() => built.evict(0, 0, PAGES));
    expect([read(0), read(1)]).toEqual([10, 11]);
    expect(fell()).toEqual([]);
  });

  it('takes nothing of a buffer that is pinned, or was released', () => {
    const { k, built, run, read, page, close } = mapped();
    run(() => built.ops.attach?.(0) as Run<number>);
    expect(run(() => built.evict(0, 0, PAGES))).toBe(-EBUSY);
    expect([page(0) > 0, read(0)]).toEqual([true, 10]);
    run(() => built.ops.detach?.(0) as Run<void>);
    expect(run(() => built.evict(0, 0, PAGES))).toBe(0);
    close();
    expect(run(() => built.evict(0, 0, PAGES))).toBe(-ENOENT);
    expect([k.buf_swap.get(0), k.buf_swap.get(1)]).toEqual([0, 0]);
  });

  it('is there still when a move finds no page to go to', () => {
    const { k, built, run, read, page, used } = mapped();
    run(() => built.evict(0, 1, 1));
    while (used().length < k.config.pages - 1) run(() => alloc_page(OWNER_ANON));
    const before = page(0);
    expect(run(() => built.move(0, 0, PAGES))).toBe(-ENOMEM);
    expect([page(0), read(0), page(1), k.buf_swap.get(1) > 0]).toEqual([before, 10, 0, true]);
  });

  it('whatever moves, goes and is used in any order: every page reads as it was written', () => {
    const act = fc.tuple(
      fc.constantFrom('evict', 'move', 'write', 'read'),
      fc.nat(PAGES - 1),
      fc.integer({ min: 1, max: 9 }),
    );
    const way = fc.constantFrom('freed', 'pooled', 'worker', 'kept');
    fc.assert(
      fc.property(fc.array(act, { maxLength: 12 }), way, (acts, oldPage) => {
        // Pages that nobody gives back must last for all moves.
        const { built, run, read, write, fell } = mapped({ oldPage }, { pages: 40 });
        const holds = [10, 11];
        for (const [what, i, v] of acts) {
          if (what === 'write') write(i, (holds[i] = v));
          else if (what === 'read') expect(read(i)).toBe(holds[i]);
          else run(() => built[what as 'evict' | 'move'](0, i, 1));
        }
        expect([read(0), read(1)]).toEqual(holds);
        if (oldPage !== 'kept') expect(fell()).toEqual([]);
      }),
    );
  });
});

describe('the pool', () => {
  it('gets what a move leaves behind, cleared, and the next move takes it out again', () => {
    const { k, built, run, page, read, used, fell } = mapped({ oldPage: 'pooled' });
    const first = [page(0), page(1)];
    run(() => built.move(0, 0, PAGES));
    expect(first.map((p) => [k.page_owner.get(p), k.page_word.get(p)])).toEqual([
      [OWNER_POOL, 0],
      [OWNER_POOL, 0],
    ]);
    expect(first.map((p) => k.page_refcount.get(p))).toEqual([1, 1]);
    run(() => built.move(0, 0, PAGES));
    expect([page(0), page(1)].sort()).toEqual([...first].sort());
    expect([read(0), read(1), used().length]).toEqual([10, 11, 4]);
    expect(fell()).toEqual([]);
  });

  it('gets what is swapped out and what is released, and gives none of it to the allocator', () => {
    const { k, built, run, used, close, fell } = mapped({ oldPage: 'pooled' });
    run(() => built.evict(0, 0, 1));
    close();
    expect(used().map((p) => [k.page_owner.get(p), k.page_word.get(p)])).toEqual([
      [OWNER_POOL, 0],
      [OWNER_POOL, 0],
    ]);
    expect(fell()).toEqual([]);
  });

  it('asks nobody whether a page is still referred to', () => {
    const { k, built, run, page, fell } = mapped({ oldPage: 'pooled', checksRefs: 'at-free' });
    const held = page(0);
    run(() => get_page(held, 1));
    run(() => built.move(0, 0, PAGES));
    run(() => built.move(0, 0, PAGES));
    expect([page(0), page(1)]).toContain(held);
    expect(k.mem.reports).toEqual([]);
    expect(fell()).toEqual([`page${held} has 1 reference too many at the end`]);
  });
});

describe('the worker', () => {
  it('frees what waits, once, and nothing else', () => {
    const { k, built, run, page, read, used, fell } = mapped({ oldPage: 'worker' });
    const old = [page(0), page(1)];
    run(() => built.move(0, 0, PAGES));
    expect(old.map((p) => (k.page_owner.get(p) & OWNER_LATER) !== 0)).toEqual([true, true]);
    expect(used().length).toBe(4);
    run(() => built.worker());
    expect(old.map((p) => k.page_state.get(p))).toEqual([PAGE_FREED, PAGE_FREED]);
    run(() => built.worker());
    expect([read(0), read(1), used()]).toEqual([10, 11, [page(0), page(1)]]);
    expect(fell()).toEqual([]);
  });

  it('finds a reference that is still held when it looks, and none that was dropped before', () => {
    for (const dropped of [false, true]) {
      const { k, built, run, page } = mapped({ oldPage: 'worker', checksRefs: 'at-free' });
      const held = page(0);
      run(() => get_page(held, 1));
      run(() => built.move(0, 0, PAGES));
      if (dropped) run(() => put_page(held, 1));
      run(() => built.worker());
      expect(k.mem.reports.map((r) => r.rule)).toEqual(dropped ? [] : ['R10']);
      expect(k.page_state.get(held)).toBe(dropped ? PAGE_FREED : PAGE_USED);
    }
  });

  it('frees what waits of a buffer that is gone by then', () => {
    const { built, run, used, close, fell } = mapped({ oldPage: 'worker' });
    run(() => built.move(0, 0, PAGES));
    close();
    expect(used().length).toBe(2);
    run(() => built.worker());
    expect([used(), fell()]).toEqual([[], []]);
  });
});

describe('beside a program', () => {
  const wrong = step('check', (k: Kernel, got: number, wanted: number) => {
    if (got === wanted) return;
    k.mem.report({ severity: 'corrupts', rule: 'data', text: `reads ${got}, stored ${wanted}` });
  });
  const user = routine('user', function* (): Run<void> {
    yield* user_access(MM, 0, 1, 0, 5, USER[0]);
    yield* wrong(yield* user_access(MM, 0, 0, 0, 0, USER[0]), 5);
  });
  /** All interleavings of the program with what TTM does to its buffer, and which guards it needs. */
  function beside(
    but: Partial<ExporterTraits>,
    act: (built: ReturnType<typeof exporter>) => Run<void>,
  ) {
    const built = exporter({ ...ttm, id: 'ttm', ...but });
    const threads = [
      { name: 'user', run: user },
      { name: 'ttm', run: routine('ttm', () => act(built)) },
      ...(but.oldPage === 'worker' ? [{ name: 'worker', run: built.worker }] : []),
    ];
    const make = () => {
      const { k } = mapped(but, { cpus: threads.length, cpuMm: threads.map(() => MM), pages: 6 });
      return { mem: k.mem, locks: k.locks, world: k, threads, final: () => checkPages(k) };
    };
    const run = explore(make);
    const result = run.run();
    const safe = result?.outcome === 'safe';
    const mutants = safe ? (new MutantRun([{ make, knowledge: run.knowledge }]).run() ?? []) : [];
    return {
      outcome: result?.outcome,
      rules: [...new Set(result?.findings.map((f) => f.rule))],
      caught: mutants.filter((m) => m.outcome === 'caught').map((m) => m.removed),
    };
  }
  const evicts = function* (built: ReturnType<typeof exporter>): Run<void> {
    yield* built.evict(0, 0, 1);
  };
  const moves = function* (built: ReturnType<typeof exporter>): Run<void> {
    yield* built.move(0, 0, 1);
    yield* built.move(0, 0, 1);
  };

  it('swap loses nothing, by its lock and its flush', () => {
    const { outcome, caught } = beside({}, evicts);
    expect(outcome).toBe('safe');
    expect(caught.join()).toMatch(/dma_resv_lock/);
    expect(caught.join()).toMatch(/TLB flush/);
  });

  it('swap that does not zap, or too late, loses a write', () => {
    for (const zap of ['never', 'after-switch'] as const) {
      expect(beside({ zap }, evicts)).toMatchObject({ outcome: 'violated', rules: ['R4'] });
    }
  });

  it('a pool whose pages come back at once, and a worker beside all, lose nothing either', () => {
    for (const oldPage of ['pooled', 'worker'] as const) {
      const { outcome, caught } = beside({ oldPage }, moves);
      expect([oldPage, outcome]).toEqual([oldPage, 'safe']);
      expect(caught.join()).toMatch(/TLB flush/);
    }
  });
});
