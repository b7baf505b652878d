// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What /proc/PID tells of an address space: smaps, pagemap, maps, clear_refs. All numbers come from a
 * walk over the entries, as in Linux; VM_PFNMAP mappings are left out of the walk by pagemap on both
 * kernels and by smaps on 6.1 (mm/pagewalk.c walk_page_test). fs/proc/task_mmu.c
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EINVAL } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import {
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_DONTDUMP,
  VM_EXEC,
  VM_IO,
  VM_LOCKED,
  VM_MAYSHARE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WRITE,
} from '../mm/flags.ts';
import { pte_lock, pte_unlock } from '../mm/insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from '../mm/mmu_notifier.ts';
import {
  PG_DIRTY,
  PG_REFERENCED,
  page_flags,
  page_flags_mod,
  page_mapcount,
  page_mapping,
  page_ref_count,
} from '../mm/page.ts';
import {
  flush_tlb_range,
  lookup_entry,
  next_present,
  ptep_clear_bits,
  ptep_get,
} from '../mm/pgtable.ts';
import {
  find_vma,
  mmap_read_lock,
  mmap_read_unlock,
  mmap_write_lock,
  mmap_write_unlock,
  NO_VMA,
  vm_end,
  vm_file,
  vm_flags,
  vm_flags_mod,
  vm_pgoff,
  vm_start,
  vma_lookup,
  vma_set_page_prot,
} from '../mm/vma.ts';
import { MAPPING_ANON } from '../mm/zap.ts';

/** A mapping as /proc/PID/maps shows it. */
export interface MapsLine {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  /** In pages; 0 without a file. */
  readonly pgoff: number;
  /** A private remap_pfn_range keeps its first pfn in vm_pgoff. */
  readonly pgoffIsPfn: boolean;
}

/** One line's numbers, in kB, as smaps rounds them. */
export interface SmapsLine extends MapsLine {
  readonly rss: number;
  readonly pss: number;
  readonly anonymous: number;
  readonly sharedDirty: number;
  readonly privateDirty: number;
  readonly locked: number;
  readonly referenced: number;
}

export function* show_map_vma(vma: number): Run<MapsLine> {
  const flags = yield* vm_flags(vma);
  const remapped = VM_PFNMAP | VM_IO | VM_DONTDUMP;
  return {
    start: yield* vm_start(vma),
    end: yield* vm_end(vma),
    flags,
    pgoff: (yield* vm_file(vma)) ? yield* vm_pgoff(vma) : 0,
    pgoffIsPfn: !(flags & VM_SHARED) && !(flags & VM_MAYSHARE) && (flags & remapped) === remapped,
  };
}

/** `rw-s` */
export function permissions(flags: number): string {
  const r = flags & VM_READ ? 'r' : '-';
  const w = flags & VM_WRITE ? 'w' : '-';
  const x = flags & VM_EXEC ? 'x' : '-';
  return `${r}${w}${x}${flags & VM_MAYSHARE ? 's' : 'p'}`;
}

/** The names of bits 0 to 31 in VmFlags, in order; then what Linux has above. */
const VM_FLAG_WORDS = [
  ...['rd', 'wr', 'ex', 'sh', 'mr', 'mw', 'me', 'ms', 'gd', 'um', 'pf', '??', 'uw', 'lo', 'io'],
  ...['sr', 'rr', 'dc', 'de', 'lf', 'ac', 'nr', 'ui', 'sl', 'ar', 'wf', 'dd', 'sd', 'mm', 'hg'],
  ...['nh', 'mg'],
];
const MOVED = ['ui', 'sl'];

/** fs/proc/task_mmu.c show_smap_vma_flags; 6.1 has no name for VM_LOCKONFAULT. */
export function vmFlagWords(flags: number, namesLockOnFault: boolean): string {
  const words: string[] = [];
  const high: string[] = [];
  VM_FLAG_WORDS.forEach((word, bit) => {
    if (!(flags & (1 << bit))) return;
    if (MOVED.includes(word)) high.push(word);
    else words.push(word === 'lf' && !namesLockOnFault ? '??' : word);
  });
  return [...words, ...high].join(',');
}

const counts_pfnmap = step('walk_page_vma', (k: Kernel) => (k.linux.smaps_counts_pfnmap ? 1 : 0));

const PSS_SHIFT = 12;
const PAGE = 4096;

/** fs/proc/task_mmu.c show_smap of the VMA that holds `addr`, or null. */
export function* show_smap(mm: number, addr: number): Run<SmapsLine | null> {
  yield* mmap_read_lock(mm);
  const vma = yield* vma_lookup(mm, addr);
  if (vma === NO_VMA) {
    yield* mmap_read_unlock(mm);
    return null;
  }
  const line = yield* show_map_vma(vma);
  let rss = 0;
  let pss = 0;
  let anonymous = 0;
  let sharedDirty = 0;
  let privateDirty = 0;
  let locked = 0;
  let referenced = 0;
  if (!(line.flags & VM_PFNMAP) || (yield* counts_pfnmap())) {
    yield* pte_lock(mm);
    for (let a = yield* next_present(mm, line.start, line.end); a < line.end; ) {
      const pte = yield* lookup_entry(mm, a);
      if (pte & PTE_PRESENT && !(pte & PTE_SPECIAL)) {
        // smaps_account
        const pfn = pte_pfn(pte);
        rss += PAGE;
        if ((yield* page_mapping(pfn)) === MAPPING_ANON) anonymous += PAGE;
        if (pte & PTE_YOUNG || (yield* page_flags(pfn)) & PG_REFERENCED) referenced += PAGE;
        const alone = (yield* page_ref_count(pfn)) === 1;
        const mapcount = alone ? 1 : yield* page_mapcount(pfn);
        const share = Math.floor((PAGE * 2 ** PSS_SHIFT) / Math.max(1, mapcount));
        pss += share;
        if (line.flags & VM_LOCKED) locked += share;
        if (pte & PTE_DIRTY || (yield* page_flags(pfn)) & PG_DIRTY) {
          if (mapcount < 2) privateDirty += PAGE;
          else sharedDirty += PAGE;
        }
      }
      a = yield* next_present(mm, a + 1, line.end);
    }
    yield* pte_unlock(mm);
  }
  yield* mmap_read_unlock(mm);
  const kB = (bytes: number) => Math.floor(bytes / 1024);
  const scaled = (n: number) => Math.floor(n / 2 ** (10 + PSS_SHIFT));
  const { start, end, flags, pgoff, pgoffIsPfn } = line;
  return {
    start,
    end,
    flags,
    pgoff,
    pgoffIsPfn,
    rss: kB(rss),
    pss: scaled(pss),
    anonymous: kB(anonymous),
    sharedDirty: kB(sharedDirty),
    privateDirty: kB(privateDirty),
    locked: scaled(locked),
    referenced: kB(referenced),
  };
}

// Bits of an entry of /proc/PID/pagemap.
export const PM_PRESENT = 1;
export const PM_FILE = 2;
export const PM_MMAP_EXCLUSIVE = 4;

/** fs/proc/task_mmu.c pagemap_pmd_range for one page. */
export const pagemap_entry = routine(
  'pte_to_pagemap_entry',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let entry = 0;
    if (vma !== NO_VMA && !((yield* vm_flags(vma)) & VM_PFNMAP)) {
      yield* pte_lock(mm);
      const pte = yield* lookup_entry(mm, addr);
      if (pte & PTE_PRESENT) {
        entry |= PM_PRESENT;
        if (!(pte & PTE_SPECIAL)) {
          const pfn = pte_pfn(pte);
          if ((yield* page_mapping(pfn)) !== MAPPING_ANON) entry |= PM_FILE;
          if ((yield* page_mapcount(pfn)) === 1) entry |= PM_MMAP_EXCLUSIVE;
        }
      }
      yield* pte_unlock(mm);
    }
    yield* mmap_read_unlock(mm);
    return entry;
  },
  'fs/proc/task_mmu.c',
);

// What may be written to /proc/PID/clear_refs.
export const CLEAR_REFS_ALL = 1;
export const CLEAR_REFS_ANON = 2;
export const CLEAR_REFS_MAPPED = 3;
export const CLEAR_REFS_SOFT_DIRTY = 4;
/** Sets back the peak of resident memory, which the model does not count. */
const CLEAR_REFS_MM_HIWATER_RSS = 5;

/** fs/proc/task_mmu.c clear_refs_pte_range over one VMA. */
const clear_refs_vma = routine(
  'clear_refs_pte_range',
  function* (mm: number, vma: number, type: number): Run<void> {
    const flags = yield* vm_flags(vma);
    // clear_refs_test_walk
    if (flags & VM_PFNMAP) return;
    const file = yield* vm_file(vma);
    if (type === CLEAR_REFS_ANON && file) return;
    if (type === CLEAR_REFS_MAPPED && !file) return;
    const start = yield* vm_start(vma);
    const end = yield* vm_end(vma);
    yield* pte_lock(mm);
    for (let a = yield* next_present(mm, start, end); a < end; ) {
      const pte = yield* ptep_get(mm, a);
      if (type === CLEAR_REFS_SOFT_DIRTY) yield* ptep_clear_bits(mm, a, PTE_WRITE);
      else if (pte & PTE_PRESENT && !(pte & PTE_SPECIAL)) {
        yield* ptep_clear_bits(mm, a, PTE_YOUNG);
        yield* page_flags_mod(pte_pfn(pte), 0, PG_REFERENCED);
      }
      a = yield* next_present(mm, a + 1, end);
    }
    yield* pte_unlock(mm);
  },
  'fs/proc/task_mmu.c',
);

/** write(2) to /proc/PID/clear_refs: 0, or -EINVAL for what is none of the types. */
export const clear_refs_write = routine(
  'clear_refs_write',
  function* (mm: number, type: number, vpages: number): Run<number> {
    if (type < CLEAR_REFS_ALL || type > CLEAR_REFS_MM_HIWATER_RSS) return -EINVAL;
    if (type === CLEAR_REFS_MM_HIWATER_RSS) return 0;
    yield* mmap_write_lock(mm);
    if (type === CLEAR_REFS_SOFT_DIRTY) {
      for (let vma = yield* find_vma(mm, 0); vma !== NO_VMA; ) {
        yield* vm_flags_mod(vma, 0, VM_SOFTDIRTY);
        yield* vma_set_page_prot(vma);
        vma = yield* find_vma(mm, yield* vm_end(vma));
      }
      yield* mmu_notifier_invalidate_range_start(mm, 0, vpages);
    }
    for (let vma = yield* find_vma(mm, 0); vma !== NO_VMA; ) {
      yield* clear_refs_vma(mm, vma, type);
      vma = yield* find_vma(mm, yield* vm_end(vma));
    }
    if (type === CLEAR_REFS_SOFT_DIRTY) {
      yield* mmu_notifier_invalidate_range_end(mm, 0, vpages);
      yield* flush_tlb_range(mm, 0, vpages);
    }
    yield* mmap_write_unlock(mm);
    return 0;
  },
  'fs/proc/task_mmu.c',
);
