// SPDX-License-Identifier: GPL-2.0-or-later
/** remap_file_pages(2), which only emulates itself by an mmap over the old range. mm/mmap.c */
import { type Run, routine } from '../../explore/program.ts';
import { EINVAL } from '../errno.ts';
import { fput, get_file } from '../fs/file.ts';
import { VM_ACCESS_FLAGS, VM_LOCKED, VM_SHARED } from './flags.ts';
import { mm_populate } from './gup.ts';
import { do_mmap, MAP_FIXED, MAP_LOCKED, MAP_SHARED } from './mmap.ts';
import {
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  vm_end,
  vm_file,
  vm_flags,
  vma_lookup,
} from './vma.ts';

/** Whether VMAs of the same file and flags go on to `end`. */
const same_file_to = routine(
  'remap_file_pages',
  function* (mm: number, vma: number, end: number): Run<number> {
    const file = yield* vm_file(vma);
    const flags = yield* vm_flags(vma);
    for (let at = yield* vm_end(vma); at < end; ) {
      const next = yield* vma_lookup(mm, at);
      if (next === NO_VMA) return 0;
      if ((yield* vm_file(next)) !== file || (yield* vm_flags(next)) !== flags) return 0;
      at = yield* vm_end(next);
    }
    return 1;
  },
  'mm/mmap.c',
);

const remap = routine(
  'remap_file_pages',
  function* (mm: number, addr: number, n: number, pgoff: number): Run<number> {
    const vma = yield* vma_lookup(mm, addr);
    if (vma === NO_VMA) return -EINVAL;
    const flags = yield* vm_flags(vma);
    if (!(flags & VM_SHARED)) return -EINVAL;
    if (!(yield* same_file_to(mm, vma, addr + n))) return -EINVAL;
    const file = (yield* vm_file(vma)) - 1;
    const how = MAP_SHARED | MAP_FIXED | (flags & VM_LOCKED ? MAP_LOCKED : 0);
    // The old mapping may be the last that holds the file.
    yield* get_file(file);
    const ret = yield* do_mmap(mm, addr, n, flags & VM_ACCESS_FLAGS, how, file + pgoff * 0x100);
    yield* fput(file);
    return ret;
  },
  'mm/mmap.c',
);

/** remap_file_pages(2) */
export const sys_remap_file_pages = routine(
  'remap_file_pages',
  function* (mm: number, addr: number, n: number, pgoff: number): Run<number> {
    if (n <= 0 || pgoff < 0) return -EINVAL;
    yield* mmap_write_lock(mm);
    const ret = yield* remap(mm, addr, n, pgoff);
    yield* mmap_write_unlock(mm);
    if (ret < 0) return ret;
    yield* mm_populate(mm, addr, addr + n, 1);
    return 0;
  },
  'mm/mmap.c',
);
