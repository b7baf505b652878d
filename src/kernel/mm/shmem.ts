// SPDX-License-Identifier: GPL-2.0-or-later
/** Files of shared memory: memfd, shared anonymous memory, the pages behind GEM objects. mm/shmem.c */
import { type Run, routine, step } from '../../explore/program.ts';
import type { FileOperations, Kernel, VmOperations } from '../kernel.ts';
import { VM_FAULT_OOM, VM_FAULT_PAGE_SHIFT, VM_FAULT_SIGBUS } from './flags.ts';
import { alloc_page, get_page, OWNER_FILE, put_page } from './page.ts';
import { set_vm_ops, vm_file, vm_pgoff, vm_start } from './vma.ts';

const file_page = step('filemap_get_folio', (k: Kernel, file: number, index: number) =>
  k.file_page.get(file * k.config.bufferPages + index),
);
const add_file_page = step(
  'filemap_add_folio',
  (k: Kernel, file: number, index: number, pfn: number) => {
    const i = file * k.config.bufferPages + index;
    const there = k.file_page.get(i);
    if (there) return there;
    k.file_page.set(i, pfn);
    k.page_mapping.set(pfn, file + 1);
    return pfn;
  },
  { atomic: 'under the xarray lock of the mapping (mm/filemap.c)' },
);
const in_file = step('i_size_read', (k: Kernel, file: number, index: number) =>
  index < k.file_size.get(file) ? 1 : 0,
);

/**
 * The page of a file of shared memory, allocated if it is not there; the page cache holds one
 * reference. Returns its pfn without a reference of the caller's, or -ENOMEM.
 */
export const shmem_get_folio = routine(
  'shmem_get_folio',
  function* (file: number, index: number): Run<number> {
    const there = yield* file_page(file, index);
    if (there) return there;
    const pfn = yield* alloc_page(OWNER_FILE);
    if (pfn < 0) return pfn;
    const won = yield* add_file_page(file, index, pfn);
    if (won !== pfn) yield* put_page(pfn, 1);
    return won;
  },
  'mm/shmem.c',
);

const shmem_fault = routine(
  'shmem_fault',
  function* (_mm: number, vma: number, addr: number): Run<number> {
    const file = (yield* vm_file(vma)) - 1;
    const index = (yield* vm_pgoff(vma)) + addr - (yield* vm_start(vma));
    if (!(yield* in_file(file, index))) return VM_FAULT_SIGBUS;
    const pfn = yield* shmem_get_folio(file, index);
    if (pfn < 0) return VM_FAULT_OOM;
    yield* get_page(pfn, 1);
    return pfn << VM_FAULT_PAGE_SHIFT;
  },
  'mm/shmem.c',
);

export const shmem_vm_ops: VmOperations = { name: 'shmem_vm_ops', fault: shmem_fault };

const shmem_mmap = routine(
  'shmem_mmap',
  function* (_mm: number, vma: number, _file: number): Run<number> {
    yield* set_vm_ops(vma, shmem_vm_ops, 0);
    return 0;
  },
  'mm/shmem.c',
);

const take_file_page = step('filemap_remove_folio', (k: Kernel, file: number, index: number) => {
  const i = file * k.config.bufferPages + index;
  const pfn = k.file_page.get(i);
  k.file_page.set(i, 0);
  if (pfn) k.page_mapping.set(pfn, 0);
  return pfn;
});
const file_pages = step('i_size_read', (k: Kernel, file: number) =>
  Math.min(k.file_size.get(file), k.config.bufferPages),
);

/** Truncates pages [first, last) out of the file. mm/shmem.c shmem_undo_range */
export const shmem_truncate_range = routine(
  'shmem_truncate_range',
  function* (file: number, first: number, last: number): Run<void> {
    for (let i = first; i < last; i++) {
      const pfn = yield* take_file_page(file, i);
      if (pfn) yield* put_page(pfn, 1);
    }
  },
  'mm/shmem.c',
);

const shmem_release = routine(
  'shmem_evict_inode',
  function* (file: number): Run<number> {
    yield* shmem_truncate_range(file, 0, yield* file_pages(file));
    return 0;
  },
  'mm/shmem.c',
);

export const shmem_file_operations: FileOperations = {
  name: 'shmem_file_operations',
  mmap: shmem_mmap,
  release: shmem_release,
};
