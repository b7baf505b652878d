// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Compaction, KSM and NUMA balancing on ordinary memory: they do move and merge it, whoever uses it
 * meanwhile loses nothing, and what keeps it so is each of their tests.
 */
import { describe, expect, it } from 'vitest';
import { explore } from '../../src/explore/explore.ts';
import type { System, Thread } from '../../src/explore/machine.ts';
import { type Mutant, MutantRun } from '../../src/explore/mutants.ts';
import { type Run, routine, step } from '../../src/explore/program.ts';
import { simulate } from '../../src/explore/simulate.ts';
import { alloc_file, fd_install } from '../../src/kernel/fs/file.ts';
import { blkdev_direct_IO } from '../../src/kernel/io/direct-io.ts';
import { Kernel, MARK_TRANSLATED, PAGE_USED } from '../../src/kernel/kernel.ts';
import { user_access } from '../../src/kernel/mm/access.ts';
import { compact_page } from '../../src/kernel/mm/compaction.ts';
import { PTE_PRESENT, pte_pfn } from '../../src/kernel/mm/flags.ts';
import { ksm_scan_page } from '../../src/kernel/mm/ksm.ts';
import { sys_madvise } from '../../src/kernel/mm/madvise.ts';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
  sys_munmap,
} from '../../src/kernel/mm/mmap.ts';
import { task_numa_work } from '../../src/kernel/mm/numa.ts';
import { shmem_file_operations } from '../../src/kernel/mm/shmem.ts';
import { CELL_SIZES } from '../../src/scenarios/cell.ts';

const MM = 0;
const DATA = 5;
const DISK = 2;

const wrong = step('check', (k: Kernel, got: number, wanted: number) => {
  if (got === wanted) return;
  k.mem.report({ severity: 'corrupts', rule: 'data', text: `reads ${got}, stored ${wanted}` });
});

/** Stores and reads back; between the two everything may move. */
const user = routine('user', function* (): Run<void> {
  yield* user_access(MM, 0, 1, 0, DATA, null);
  yield* wrong(yield* user_access(MM, 0, 0, 0, 0, null), DATA);
});
/** A device stores into the page, by direct I/O; then the program looks. */
const reader = routine('reader', function* (): Run<void> {
  const got = yield* blkdev_direct_IO(MM, 0, 1, 1, null, '');
  if (got > 0) yield* wrong(yield* user_access(MM, 0, 0, 0, 0, null), DISK);
});
const unmaps = routine('munmap', function* (): Run<void> {
  yield* sys_munmap(MM, 0, 1);
});

const MOVERS: Readonly<Record<string, () => Run<void>>> = {
  compaction: routine('compaction', function* (): Run<void> {
    const pfn = yield* page_now();
    if (pfn) yield* compact_page(pfn);
  }),
  ksm: routine('ksm', function* (): Run<void> {
    yield* sys_madvise(MM, 0, 1, 'MERGEABLE');
    yield* ksm_scan_page(MM, 0);
  }),
  'numa-balancing': routine('numa-balancing', function* (): Run<void> {
    yield* task_numa_work(MM, 0);
    yield* user_access(MM, 0, 0, 0, 0, null);
  }),
};
const page_now = step(
  'pageblock',
  (k: Kernel) => (k.pte.get(0) & PTE_PRESENT ? pte_pfn(k.pte.get(0)) : 0),
  { atomic: 'bookkeeping' },
);

/** All pages are where the page table and the page cache say, with no reference too many. */
function accounts(k: Kernel): void {
  for (let pfn = 1; pfn < k.config.pages; pfn++) {
    if (k.page_state.get(pfn) !== PAGE_USED) continue;
    let held = 0;
    for (let a = 0; a < k.config.vpages; a++) {
      const pte = k.pte.get(a);
      if (pte & PTE_PRESENT && pte_pfn(pte) === pfn) held++;
    }
    for (let i = 0; i < k.file_page.length; i++) if (k.file_page.get(i) === pfn) held++;
    const refs = k.page_refcount.get(pfn);
    if (refs !== held) {
      k.mem.report({ severity: 'breaks', rule: 'leak', text: `page${pfn}: ${refs} for ${held}` });
    }
  }
}

function system(memory: 'anon' | 'memfd', threads: readonly Thread[], linux: '6.1' | '6.12') {
  return (): System => {
    const k = new Kernel({ ...CELL_SIZES, linux, checkContents: false });
    const sim = { mem: k.mem, world: k };
    if (memory === 'memfd') {
      const file = simulate(sim, () => alloc_file(shmem_file_operations, 0, 1));
      simulate(sim, () => fd_install(MM, 0, file));
    }
    const how = memory === 'anon' ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    simulate(sim, () => sys_mmap(MM, 0, 1, PROT_READ | PROT_WRITE, how, mmapTarget(0, 0)));
    simulate(sim, () => user_access(MM, 0, 1, 0, DATA, null));
    const found = k.mem.reports.splice(0);
    return {
      mem: k.mem,
      locks: k.locks,
      world: k,
      threads: [...threads],
      found,
      final: () => accounts(k),
    };
  };
}

describe('movers of ordinary memory', () => {
  for (const linux of ['6.1', '6.12'] as const) {
    for (const memory of ['anon', 'memfd'] as const) {
      for (const id of Object.keys(MOVERS)) {
        it(`${linux}: ${id} of ${memory} loses nothing`, () => {
          for (const other of [user, reader, unmaps]) {
            const threads = [
              { name: 'other', run: other },
              { name: id, run: MOVERS[id] },
            ];
            const r = explore(system(memory, threads, linux)).run();
            expect([r?.outcome, r?.findings.map((f) => f.text)]).toEqual(['safe', []]);
            // KSM wants private memory; the others take both.
            const takes = id !== 'ksm' || memory === 'anon';
            expect((r?.marks ?? 0) & MARK_TRANSLATED).toBe(takes ? MARK_TRANSLATED : 0);
          }
        });
      }
    }
  }

  it('two processors and a mover', () => {
    const threads = [
      { name: 'user', run: user },
      { name: 'reader', run: reader },
      { name: 'compaction', run: MOVERS.compaction },
    ];
    // The disk's word and the program's may come in either order: only the accounts must be right.
    const r = explore(system('memfd', threads, '6.12'), { stopAt: 'never' }).run();
    expect(r?.findings.filter((f) => f.rule !== 'data')).toEqual([]);
  });
});

describe('what keeps direct I/O safe from movers', () => {
  const caught = (memory: 'anon' | 'memfd', id: string) => {
    const threads = [
      { name: 'reader', run: reader },
      { name: id, run: MOVERS[id] },
    ];
    const make = system(memory, threads, '6.1');
    const run = explore(make);
    run.run();
    const mutants = new MutantRun([{ make, knowledge: run.knowledge }]).run() ?? [];
    return mutants.filter((m: Mutant) => m.outcome === 'caught').map((m: Mutant) => m.removed);
  };

  it('is the reference count', () => {
    expect(caught('memfd', 'compaction').join()).toContain('frozen reference count');
    expect(caught('anon', 'ksm').join()).toContain('reference count test in write_protect_page');
  });
});
