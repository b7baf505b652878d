// SPDX-License-Identifier: GPL-2.0-or-later
/** Files of shared memory: memfd, shared anonymous memory, the pages behind GEM objects. mm/shmem.c */
import { again, BLOCKED, type Run, routine, step } from '../../explore/program.ts';
import { EINVAL, ENXIO, EPERM } from '../errno.ts';
import { file_mapping, file_size, set_file_size } from '../fs/file.ts';
import type { FileOperations, Kernel, VmOperations } from '../kernel.ts';
import { access_page } from './access.ts';
import { VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_PAGE_SHIFT, VM_FAULT_SIGBUS } from './flags.ts';
import { mk_pte, pte_lock, pte_unlock } from './insert.ts';
import {
  alloc_page,
  folio_mark_dirty,
  OWNER_FILE,
  PG_DIRTY,
  page_add_rmap,
  put_page,
} from './page.ts';
import { ptep_get, set_pte_at } from './pgtable.ts';
import { folio_add_lru, lru_add_drain } from './swap.ts';
import { NO_VMA, set_vm_ops, vm_end, vm_file, vm_page_prot, vm_pgoff, vm_start } from './vma.ts';
import { unmap_mapping_pages } from './zap.ts';

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
 * reference. `vma` is where a fault asks for it, or NO_VMA. Returns its pfn without a reference of the
 * caller's, or -ENOMEM.
 */
export const shmem_get_folio = routine(
  'shmem_get_folio',
  function* (file: number, index: number, vma: number): Run<number> {
    const there = yield* file_page(file, index);
    if (there) return there;
    const pfn = yield* alloc_page(OWNER_FILE);
    if (pfn < 0) return pfn;
    const won = yield* add_file_page(file, index, pfn);
    if (won !== pfn) yield* put_page(pfn, 1);
    else yield* folio_add_lru(pfn, vma);
    return won;
  },
  'mm/shmem.c',
);

/**
 * mm/filemap.c filemap_get_entry and folio_lock: the page in the cache with a reference, once nobody
 * migrates it; 0 if there is none. The lock itself is dropped again at once: the model needs it for
 * nothing else.
 */
const filemap_lock_folio = step(
  'filemap_lock_folio',
  (k: Kernel, file: number, index: number) => {
    const pfn = k.file_page.get(file * k.config.bufferPages + index);
    if (!pfn) return 0;
    if (k.page_locked.get(pfn)) return BLOCKED;
    k.page_refcount.add(pfn, 1);
    return pfn;
  },
  {
    atomic:
      'a page that left the cache before the reference or the lock was taken is let go and looked up again (mm/filemap.c)',
  },
);

const shmem_fault = routine(
  'shmem_fault',
  function* (_mm: number, vma: number, addr: number): Run<number> {
    const file = (yield* vm_file(vma)) - 1;
    const index = (yield* vm_pgoff(vma)) + addr - (yield* vm_start(vma));
    if (!(yield* in_file(file, index))) return VM_FAULT_SIGBUS;
    for (;;) {
      yield* again('repeat');
      const pfn = yield* filemap_lock_folio(file, index);
      if (pfn) return pfn << VM_FAULT_PAGE_SHIFT;
      if ((yield* shmem_get_folio(file, index, vma)) < 0) return VM_FAULT_OOM;
    }
  },
  'mm/shmem.c',
);

/** Pages around a read fault that are mapped too if they are there: fault_around_bytes. */
const FAULT_AROUND = 16;
const ptes_of_table = step('PTRS_PER_PTE', (k: Kernel) => k.config.ptrsPerPmd);

/**
 * mm/memory.c do_fault_around and mm/filemap.c filemap_map_pages: maps what the page cache has in
 * the aligned window around the fault, inside the VMA.
 * @returns VM_FAULT_NOPAGE when the page itself was among it
 */
const filemap_map_pages = routine(
  'filemap_map_pages',
  function* (mm: number, vma: number, addr: number): Run<number> {
    const file = (yield* vm_file(vma)) - 1;
    const start = yield* vm_start(vma);
    const shift = (yield* vm_pgoff(vma)) - start;
    const table = yield* ptes_of_table();
    const pte_off = addr % table;
    const from = addr - pte_off + Math.floor(pte_off / FAULT_AROUND) * FAULT_AROUND;
    const first = Math.max(from, start);
    const end = Math.min(first + FAULT_AROUND, addr - pte_off + table, yield* vm_end(vma));
    const prot = yield* vm_page_prot(vma);
    let mapped = 0;
    yield* pte_lock(mm);
    for (let a = first; a < end; a++) {
      if (!(yield* in_file(file, a + shift))) break;
      if (yield* ptep_get(mm, a)) continue;
      const pfn = yield* next_uptodate_folio(file, a + shift);
      if (!pfn) continue;
      yield* page_add_rmap(pfn);
      yield* set_pte_at(mm, a, mk_pte(pfn, prot));
      if (a === addr) mapped = VM_FAULT_NOPAGE;
    }
    yield* pte_unlock(mm);
    return mapped;
  },
  'mm/filemap.c',
);
/** The page in the cache with a reference, unless it is locked; 0 if there is none. */
const next_uptodate_folio = step(
  'next_uptodate_folio',
  (k: Kernel, file: number, index: number) => {
    const { bufferPages } = k.config;
    const pfn = index < bufferPages ? k.file_page.get(file * bufferPages + index) : 0;
    if (!pfn || k.page_locked.get(pfn)) return 0;
    k.page_refcount.add(pfn, 1);
    return pfn;
  },
  { atomic: 'folio_try_get, folio_trylock, and a second look at the cache (mm/filemap.c)' },
);

export const shmem_vm_ops: VmOperations = {
  name: 'shmem_vm_ops',
  fault: shmem_fault,
  map_pages: filemap_map_pages,
};

const shmem_mmap = routine(
  'shmem_mmap',
  function* (_mm: number, vma: number, _file: number): Run<number> {
    yield* set_vm_ops(vma, shmem_vm_ops, 0);
    return 0;
  },
  'mm/shmem.c',
);

const take_file_page = step(
  'filemap_remove_folio',
  (k: Kernel, file: number, index: number) => {
    const i = file * k.config.bufferPages + index;
    const pfn = k.file_page.get(i);
    // truncate_inode_pages_range: the folio is locked while it goes, so nobody migrates it meanwhile.
    if (pfn && k.page_locked.get(pfn)) return BLOCKED;
    k.file_page.set(i, 0);
    if (!pfn) return 0;
    k.page_mapping.set(pfn, 0);
    k.page_flags.set(pfn, k.page_flags.get(pfn) & ~PG_DIRTY);
    return pfn;
  },
  { atomic: 'under the folio lock and the xarray lock of the mapping (6.12 mm/filemap.c:249)' },
);
const file_pages = step('i_size_read', (k: Kernel, file: number) =>
  Math.min(k.file_size.get(file), k.config.bufferPages),
);

/**
 * Truncates pages [first, last) out of the file. mm/shmem.c shmem_undo_range: what it found is let go
 * by folio_batch_release, which first drains the LRU batches (6.12 mm/swap.c:1050, 6.1 :1049).
 */
export const shmem_truncate_range = routine(
  'shmem_truncate_range',
  function* (file: number, first: number, last: number): Run<void> {
    let drained = false;
    for (let i = first; i < last; i++) {
      const pfn = yield* take_file_page(file, i);
      if (!pfn) continue;
      if (!drained) yield* lru_add_drain();
      drained = true;
      yield* put_page(pfn, 1);
    }
  },
  'mm/shmem.c',
);

/** mm/shmem.c shmem_fallocate with FALLOC_FL_PUNCH_HOLE: private copies stay. */
const shmem_punch_hole = routine(
  'shmem_fallocate',
  function* (file: number, first: number, n: number): Run<number> {
    const end = Math.min(first + n, yield* file_pages(file));
    yield* unmap_mapping_pages(yield* file_mapping(file), first, n, 0);
    yield* shmem_truncate_range(file, first, end);
    return 0;
  },
  'mm/shmem.c',
);

const sealed = step('info->seals', (k: Kernel, file: number) => k.file_sealed.get(file));

/** mm/shmem.c shmem_setattr of a size: private copies beyond it go too. */
const shmem_truncate = routine(
  'shmem_setattr',
  function* (file: number, pages: number): Run<number> {
    const old = yield* file_pages(file);
    if (pages < old && (yield* sealed(file))) return -EPERM;
    yield* set_file_size(file, pages);
    if (pages < old) {
      const mapping = yield* file_mapping(file);
      yield* unmap_mapping_pages(mapping, pages, TO_THE_END, 1);
      yield* shmem_truncate_range(file, pages, old);
      yield* unmap_mapping_pages(mapping, pages, TO_THE_END, 1);
    }
    return 0;
  },
  'mm/shmem.c',
);
const TO_THE_END = 0x3fffffff;

const shmem_file_read = routine(
  'shmem_file_read_iter',
  function* (file: number, index: number, word: number): Run<number> {
    // What is not there is read from the zero page (6.12 mm/shmem.c:3243, 6.1 mm/shmem.c:2707).
    return yield* access_page(yield* file_page(file, index), 0, word, 0, null, '');
  },
  'mm/shmem.c',
);

const shmem_file_write = routine(
  'generic_perform_write',
  function* (file: number, index: number, word: number, value: number): Run<number> {
    const pfn = yield* shmem_get_folio(file, index, NO_VMA);
    if (pfn < 0) return pfn;
    yield* access_page(pfn, 1, word, value, null, '');
    yield* folio_mark_dirty(pfn);
    if (!(yield* in_file(file, index))) yield* set_file_size(file, index + 1);
    return 0;
  },
  'mm/filemap.c',
);

/** The first page from `index` on that is there (or, with `hole`, is not); the size if none is. */
const seek_hole_data = step(
  'mapping_seek_hole_data',
  (k: Kernel, file: number, index: number, hole: number) => {
    const n = k.file_size.get(file);
    for (let i = index; i < n; i++) {
      const there = i < k.config.bufferPages && k.file_page.get(file * k.config.bufferPages + i);
      if (hole ? !there : there) return i;
    }
    return n;
  },
  { atomic: 'under rcu, page by page (mm/filemap.c mapping_seek_hole_data)' },
);
const f_pos = step('f_pos', (k: Kernel, file: number) => k.file_pos.get(file));
const set_f_pos = step('f_pos', (k: Kernel, file: number, pos: number) =>
  k.file_pos.set(file, pos),
);

const shmem_file_llseek = routine(
  'shmem_file_llseek',
  function* (file: number, offset: number, whence: number): Run<number> {
    const pages = yield* file_size(file);
    const size = pages * 4096;
    let pos = offset;
    if (whence === 1) pos += yield* f_pos(file);
    else if (whence === 2) pos += size;
    else if (whence > 2) {
      if (offset < 0 || offset >= size) return -ENXIO;
      const page = yield* seek_hole_data(file, offset >> 12, whence === 4 ? 1 : 0);
      if (whence === 3 && page === pages) return -ENXIO;
      pos = Math.max(offset, page * 4096);
    }
    if (pos < 0) return -EINVAL;
    yield* set_f_pos(file, pos);
    return pos;
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
  regular: true,
  llseek: shmem_file_llseek,
  read: shmem_file_read,
  write: shmem_file_write,
  punch_hole: shmem_punch_hole,
  truncate: shmem_truncate,
  splice_read: true,
  fsync: true,
};
