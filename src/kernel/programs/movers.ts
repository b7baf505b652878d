// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * mm's own movers, met by a mapping: each acts once on the user's page. What the verdict calls a
 * translation is, for them, that they moved or merged the page; migration and KSM note it themselves.
 */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { again, type Run, routine, step } from '../../explore/program.ts';
import type { Kernel } from '../kernel.ts';
import { type UserPage, user_access } from '../mm/access.ts';
import { compact_page } from '../mm/compaction.ts';
import { PTE_PRESENT, pte_pfn } from '../mm/flags.ts';
import { ksm_scan_page } from '../mm/ksm.ts';
import { sys_madvise } from '../mm/madvise.ts';
import { task_numa_work } from '../mm/numa.ts';
import { pages_of_mm } from '../mm/rmap.ts';
import { type ConsumerProgram, note_lookup } from './lookup.ts';

/** Whether the page that a mapping leads to now is one that the scanner can come to; else 0. */
const page_behind = step(
  'pageblock',
  (k: Kernel, mm: number, addr: number) => {
    const { vpages, ptrsPerPmd } = k.config;
    const pmd = k.pmd.get(mm * Math.ceil(vpages / ptrsPerPmd) + Math.floor(addr / ptrsPerPmd));
    if (pmd & PTE_PRESENT) return pte_pfn(pmd) + (addr % ptrsPerPmd);
    const pte = k.pte.get(mm * vpages + addr);
    return pte & PTE_PRESENT ? pte_pfn(pte) : 0;
  },
  {
    atomic: 'the scanner walks physical memory; where that is mapped is known to the search alone',
    text: (_, v) => (v ? `the scanner comes to page${v}` : 'the scanner finds nothing'),
  },
);

/** kcompactd comes to the physical page that is mapped here. */
export function movesPages(traits: ConsumerTraits): ConsumerProgram {
  return routine(traits.id, function* (mm: number, addr: number): Run<void> {
    const pfn = yield* page_behind(mm, addr);
    if (!pfn) return;
    const moved = yield* compact_page(pfn);
    if (!moved) yield* note_lookup(mm, addr, 0);
  });
}

/** The program offers all of its memory from there on to KSM, and ksmd comes by. */
export function mergesPages(traits: ConsumerTraits): ConsumerProgram {
  return routine(traits.id, function* (mm: number, addr: number): Run<void> {
    yield* sys_madvise(mm, addr, (yield* pages_of_mm()) - addr, 'MERGEABLE');
    if (!(yield* ksm_scan_page(mm, addr))) yield* note_lookup(mm, addr, 0);
  });
}

/** The task scans its own memory for NUMA balancing, then touches it. */
export function hintsPages(traits: ConsumerTraits): ConsumerProgram {
  return routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      yield* task_numa_work(mm, addr);
      yield* user_access(mm, addr, 0, 0, 0, user);
      yield* again('touched');
      yield* note_lookup(mm, addr, 0);
    },
  );
}
