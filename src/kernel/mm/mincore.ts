// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * mincore(2): mm/mincore.c. A VM_PFNMAP mapping is not walked at all (mm/pagewalk.c
 * walk_page_test): the answer then is about the file's page cache, which a dma-buf has not.
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { ENOMEM } from '../errno.ts';
import { file_mapping } from '../fs/file.ts';
import type { Kernel } from '../kernel.ts';
import { PTE_PRESENT, VM_PFNMAP } from './flags.ts';
import { pte_lock, pte_unlock } from './insert.ts';
import { lookup_entry } from './pgtable.ts';
import {
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_file,
  vm_flags,
  vm_pgoff,
  vm_start,
  vma_lookup,
} from './vma.ts';

/** mm/mincore.c mincore_page: is the page of the file in memory? */
const mincore_page = step('mincore_page', (k: Kernel, mapping: number, index: number) => {
  const n = k.config.bufferPages;
  return index >= 0 && index < n && k.file_page.get(mapping * n + index) ? 1 : 0;
});

const mincore_unmapped = routine(
  '__mincore_unmapped_range',
  function* (vma: number, addr: number): Run<number> {
    const file = yield* vm_file(vma);
    if (!file) return 0;
    const index = (yield* vm_pgoff(vma)) + addr - (yield* vm_start(vma));
    return yield* mincore_page(yield* file_mapping(file - 1), index);
  },
  'mm/mincore.c',
);

/** mincore(2) of one page: 1, 0, or -ENOMEM. */
export const sys_mincore = routine(
  'mincore',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let ret = -ENOMEM;
    if (vma !== NO_VMA) {
      let entry = 0;
      if (!((yield* vm_flags(vma)) & VM_PFNMAP)) {
        yield* pte_lock(mm);
        entry = yield* lookup_entry(mm, addr);
        yield* pte_unlock(mm);
      }
      ret = entry & PTE_PRESENT ? 1 : yield* mincore_unmapped(vma, addr);
    }
    yield* mmap_read_unlock(mm);
    return ret;
  },
  'mm/mincore.c',
);
