// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * move_pages(2) on a machine of one node: mm/migrate.c. Nothing ever moves; what shows is which
 * entries count as a page.
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EFAULT, ENOENT } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { vma_ops } from './fault.ts';
import { PTE_NONE, PTE_PRESENT, PTE_SPECIAL, pte_pfn, VM_IO, VM_PFNMAP } from './flags.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import { lookup_entry } from './pgtable.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vm_flags, vma_lookup } from './vma.ts';

const walks_folios = step('folio_walk_start', (k: Kernel) =>
  k.linux.move_pages_walks_folios ? 1 : 0,
);

/** The node of the page that is mapped here, which is 0; or what is wrong. */
const node_of = routine(
  'folio_walk_start',
  function* (mm: number, vma: number, addr: number): Run<number> {
    yield* pte_lock(mm);
    const entry = yield* lookup_entry(mm, addr);
    yield* pte_unlock(mm);
    const special = (entry & PTE_SPECIAL) !== 0;
    if (yield* walks_folios()) {
      if (!(entry & PTE_PRESENT)) return -ENOENT;
      if (special) return pte_pfn(entry) === 0 ? -EFAULT : -ENOENT;
      return 0;
    }
    // 6.1 asks GUP's follow_page with FOLL_DUMP, which tells of holes that a core dump would skip.
    if (!(entry & PTE_PRESENT)) {
      const ops = yield* vma_ops(vma);
      return ops?.fault ? -ENOENT : -EFAULT;
    }
    // gup_can_follow_protnone
    if (entry & PTE_NONE) return -ENOENT;
    return special ? -EFAULT : 0;
  },
  'mm/migrate.c',
);

/** move_pages(2) of one page without nodes: where is it? */
export const do_pages_stat = routine(
  'do_pages_stat',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    const ret = vma === NO_VMA ? -EFAULT : yield* node_of(mm, vma, addr);
    yield* mmap_read_unlock(mm);
    return ret;
  },
  'mm/migrate.c',
);

/** move_pages(2) of one page to node 0, where it is already. */
export const do_pages_move = routine(
  'do_pages_move',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let ret = -EFAULT;
    // vma_migratable
    if (vma !== NO_VMA && !((yield* vm_flags(vma)) & (VM_IO | VM_PFNMAP))) {
      ret = yield* node_of(mm, vma, addr);
    }
    yield* mmap_read_unlock(mm);
    return ret;
  },
  'mm/migrate.c',
);
