// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * VMAs: the list of an mm, finding, splitting and merging. All of it is under mmap_lock, so each of
 * these is one step; 6.1 has it in mm/mmap.c, 6.12 in mm/vma.c.
 *
 * A VMA is the number of its slot among all VMAs; the slots of an mm are in no order.
 */
import { lockSteps } from '../../explore/locks.ts';
import { step } from '../../explore/program.ts';
import { ENOMEM } from '../errno.ts';
import { type Kernel, type VmOperations, vm_operations } from '../kernel.ts';
import {
  is_cow_mapping,
  VM_ACCESS_FLAGS,
  VM_LOCKED,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  VM_WRITE,
} from './flags.ts';

const mmap_write = lockSteps(['mmap_write_lock', 'mmap_write_unlock'], (k: Kernel) => k.mmap_lock);
const mmap_read = lockSteps(['mmap_read_lock', 'mmap_read_unlock'], (k: Kernel) => k.mmap_lock, {
  shared: true,
});
export const mmap_write_lock = mmap_write.lock;
export const mmap_write_unlock = mmap_write.unlock;
export const mmap_read_lock = mmap_read.lock;
export const mmap_read_unlock = mmap_read.unlock;

export const NO_VMA = -1;

/** The VMA of `mm` that holds page `addr`, or the next one above it; NO_VMA if none. */
function findOrNext(k: Kernel, mm: number, addr: number): number {
  const first = mm * k.config.vmas;
  let best = NO_VMA;
  let bestStart = 0;
  for (let v = first; v < first + k.config.vmas; v++) {
    const end = k.vm_end.get(v);
    if (end <= addr) continue;
    const start = k.vm_start.get(v);
    if (best === NO_VMA || start < bestStart) {
      best = v;
      bestStart = start;
    }
  }
  return best;
}

/** All VMAs of an mm in order of address. For setup, for output, and inside steps. */
export function vmasOf(k: Kernel, mm: number): number[] {
  const first = mm * k.config.vmas;
  const list: number[] = [];
  for (let v = first; v < first + k.config.vmas; v++) if (k.vm_end.get(v) > 0) list.push(v);
  return list.sort((a, b) => k.vm_start.get(a) - k.vm_start.get(b));
}

export const find_vma = step('find_vma', findOrNext, {
  text: ([, addr], v) => `find_vma(${addr})${v === NO_VMA ? ' = NULL' : ''}`,
});

/** The VMA that really holds the page. include/linux/mm.h vma_lookup */
export const vma_lookup = step(
  'vma_lookup',
  (k: Kernel, mm: number, addr: number) => {
    const v = findOrNext(k, mm, addr);
    return v !== NO_VMA && k.vm_start.get(v) <= addr ? v : NO_VMA;
  },
  { text: ([, addr], v) => `vma_lookup(${addr})${v === NO_VMA ? ' = NULL' : ''}` },
);

/** The first VMA that overlaps [start, end), or NO_VMA. */
export const find_vma_intersection = step(
  'find_vma_intersection',
  (k: Kernel, mm: number, start: number, end: number) => {
    const v = findOrNext(k, mm, start);
    return v !== NO_VMA && k.vm_start.get(v) < end ? v : NO_VMA;
  },
);

/** Whether [start, end) is mapped without a hole. */
export const range_is_mapped = step(
  'vma_range_mapped',
  (k: Kernel, mm: number, start: number, end: number) => {
    let at = start;
    while (at < end) {
      const v = findOrNext(k, mm, at);
      if (v === NO_VMA || k.vm_start.get(v) > at) return 0;
      at = k.vm_end.get(v);
    }
    return 1;
  },
);

export const vm_start = step('vm_start', (k: Kernel, v: number) => k.vm_start.get(v));
export const vm_end = step('vm_end', (k: Kernel, v: number) => k.vm_end.get(v));
export const vm_flags = step('vm_flags', (k: Kernel, v: number) => k.vm_flags.get(v));
export const vm_pgoff = step('vm_pgoff', (k: Kernel, v: number) => k.vm_pgoff.get(v));
/** Puts the VMA into its file's interval tree, or takes it out: under i_mmap_rwsem. */
export const vma_link_file = step('vma_link_file', (k: Kernel, v: number, linked: number) =>
  k.vm_linked.set(v, linked),
);
export const vm_file = step('vm_file', (k: Kernel, v: number) => k.vm_file.get(v));
export const vm_ops = step('vm_ops', (k: Kernel, v: number) => k.vm_ops.get(v));
export const vm_page_prot = step('vm_page_prot', (k: Kernel, v: number) => k.vm_page_prot.get(v));
export const vm_private_data = step('vm_private_data', (k: Kernel, v: number) =>
  k.vm_private.get(v),
);

/** vma->vm_flags |= set, &= ~clear. include/linux/mm.h vm_flags_mod */
export const vm_flags_mod = step(
  'vm_flags_mod',
  (k: Kernel, v: number, set: number, clear: number) =>
    k.vm_flags.set(v, (k.vm_flags.get(v) | set) & ~clear),
);
export const set_vm_ops = step(
  'set_vm_ops',
  (k: Kernel, v: number, ops: VmOperations, priv: number) => {
    k.vm_ops.set(v, vm_operations.number(ops));
    k.vm_private.set(v, priv);
  },
);
export const set_vm_file = step('vma_set_file', (k: Kernel, v: number, file: number) =>
  k.vm_file.set(v, file),
);
export const set_vm_pgoff = step('set_vm_pgoff', (k: Kernel, v: number, pgoff: number) =>
  k.vm_pgoff.set(v, pgoff),
);

/** Protection bits of a PTE: what vm_get_page_prot makes of the flags. */
export const PROT_W = 1;
export const PROT_R = 2;

/** mm/mmap.c vma_wants_writenotify: must the first write fault? */
function wantsWriteNotify(k: Kernel, v: number): boolean {
  const flags = k.vm_flags.get(v);
  if ((flags & (VM_WRITE | VM_SHARED)) !== (VM_WRITE | VM_SHARED)) return false;
  const ops = vm_operations.at(k.vm_ops.get(v));
  if (ops && (ops.page_mkwrite || ops.pfn_mkwrite)) return true;
  if (!(flags & VM_SOFTDIRTY)) return true;
  if (flags & VM_PFNMAP) return false;
  // The files that the model has (shared memory, dma-bufs) have no writeback to keep track of.
  return false;
}

/** What vm_get_page_prot makes of vm_flags: private writable mappings get read-only entries. */
export function vmGetPageProt(flags: number): number {
  let prot = flags & VM_ACCESS_FLAGS ? PROT_R : 0;
  if (flags & VM_WRITE && flags & VM_SHARED) prot |= PROT_W;
  return prot;
}

export const vma_set_page_prot = step('vma_set_page_prot', (k: Kernel, v: number) => {
  let prot = vmGetPageProt(k.vm_flags.get(v));
  if (prot & PROT_W && wantsWriteNotify(k, v)) prot &= ~PROT_W;
  k.vm_page_prot.set(v, prot);
});

/** Whether mprotect has to touch entries to make first writes fault. */
export const vma_wants_writenotify = step('vma_wants_writenotify', (k: Kernel, v: number) =>
  wantsWriteNotify(k, v) ? 1 : 0,
);

export const vma_is_cow = step('is_cow_mapping', (k: Kernel, v: number) =>
  is_cow_mapping(k.vm_flags.get(v)) ? 1 : 0,
);

/** A new VMA, not yet anything but a range and flags. Returns its number or -ENOMEM. */
export const vm_area_alloc = step(
  'vm_area_alloc',
  (k: Kernel, mm: number, start: number, end: number, flags: number, pgoff: number) => {
    const first = mm * k.config.vmas;
    for (let v = first; v < first + k.config.vmas; v++) {
      if (k.vm_end.get(v) > 0) continue;
      k.vm_start.set(v, start);
      k.vm_end.set(v, end);
      k.vm_flags.set(v, flags);
      k.vm_pgoff.set(v, pgoff);
      k.vm_page_prot.set(v, vmGetPageProt(flags));
      k.vm_file.set(v, 0);
      k.vm_ops.set(v, 0);
      k.vm_private.set(v, 0);
      k.anon_vma.set(v, 0);
      k.vm_linked.set(v, 0);
      return v;
    }
    return -ENOMEM;
  },
);

export const vm_area_free = step('vm_area_free', (k: Kernel, v: number) => {
  k.vm_start.set(v, 0);
  k.vm_end.set(v, 0);
  k.vm_flags.set(v, 0);
  k.vm_pgoff.set(v, 0);
  k.vm_file.set(v, 0);
  k.vm_ops.set(v, 0);
  k.vm_private.set(v, 0);
  k.vm_page_prot.set(v, 0);
  k.anon_vma.set(v, 0);
  k.vm_linked.set(v, 0);
});

/**
 * Splits `v` at `addr`: `v` keeps the lower part. References and vm_ops->open are the caller's.
 * @returns the new VMA of the upper part, or -ENOMEM
 */
export const __split_vma = step('__split_vma', (k: Kernel, v: number, addr: number) => {
  const mm = Math.floor(v / k.config.vmas);
  const first = mm * k.config.vmas;
  for (let n = first; n < first + k.config.vmas; n++) {
    if (k.vm_end.get(n) > 0) continue;
    k.vm_start.set(n, addr);
    k.vm_end.set(n, k.vm_end.get(v));
    k.vm_flags.set(n, k.vm_flags.get(v));
    k.vm_pgoff.set(n, k.vm_pgoff.get(v) + (addr - k.vm_start.get(v)));
    k.vm_page_prot.set(n, k.vm_page_prot.get(v));
    k.vm_file.set(n, k.vm_file.get(v));
    k.vm_ops.set(n, k.vm_ops.get(v));
    k.vm_private.set(n, k.vm_private.get(v));
    k.anon_vma.set(n, k.anon_vma.get(v));
    k.vm_linked.set(n, k.vm_linked.get(v));
    k.vm_end.set(v, addr);
    return n;
  }
  return -ENOMEM;
});

/** Flags that may differ between VMAs that merge. mm/vma.c is_mergeable_vma */
function mergeable(k: Kernel, a: number, b: number): boolean {
  if ((k.vm_flags.get(a) ^ k.vm_flags.get(b)) & ~VM_SOFTDIRTY) return false;
  if (k.vm_flags.get(a) & VM_SPECIAL) return false;
  if (k.vm_file.get(a) !== k.vm_file.get(b)) return false;
  const ops = vm_operations.at(k.vm_ops.get(a));
  if (ops?.close || vm_operations.at(k.vm_ops.get(b))?.close) return false;
  const x = k.anon_vma.get(a);
  const y = k.anon_vma.get(b);
  if (x && y && x !== y) return false;
  return k.vm_pgoff.get(b) === k.vm_pgoff.get(a) + (k.vm_end.get(a) - k.vm_start.get(a));
}

/**
 * Merges `v` with its neighbours where they are alike.
 * @returns the VMA that holds the range now; the file references that became needless are the
 *   caller's to drop, and their number is in bits 16 and up
 */
export const vma_merge = step('vma_merge', (k: Kernel, v: number) => {
  const mm = Math.floor(v / k.config.vmas);
  const list = vmasOf(k, mm);
  const i = list.indexOf(v);
  let merged = 0;
  let keep = v;
  const next = list[i + 1];
  if (next !== undefined && k.vm_start.get(next) === k.vm_end.get(v) && mergeable(k, v, next)) {
    absorb(k, v, next);
    merged++;
  }
  const prev = list[i - 1];
  if (prev !== undefined && k.vm_end.get(prev) === k.vm_start.get(v) && mergeable(k, prev, v)) {
    absorb(k, prev, v);
    keep = prev;
    merged++;
  }
  return keep | (merged << 16);
});

/** `low` takes over the range of `high`. */
function absorb(k: Kernel, low: number, high: number): void {
  k.vm_end.set(low, k.vm_end.get(high));
  if (!k.anon_vma.get(low)) k.anon_vma.set(low, k.anon_vma.get(high));
  if (k.vm_flags.get(high) & VM_SOFTDIRTY) k.vm_flags.set(low, k.vm_flags.get(low) | VM_SOFTDIRTY);
  k.vm_end.set(high, 0);
  k.vm_start.set(high, 0);
  k.vm_flags.set(high, 0);
  k.vm_file.set(high, 0);
  k.vm_ops.set(high, 0);
  k.vm_private.set(high, 0);
  k.anon_vma.set(high, 0);
  k.vm_pgoff.set(high, 0);
  k.vm_page_prot.set(high, 0);
  k.vm_linked.set(high, 0);
}

/**
 * A new mapping that continues a neighbour becomes part of it, and no callback is made.
 * mm/vma.c vma_merge_new_range (6.1: mm/mmap.c vma_merge)
 * @param file the new mapping's file, or -1
 * @returns the VMA that took the range, or -1
 */
export const vma_merge_new_range = step(
  'vma_merge_new_range',
  (
    k: Kernel,
    mm: number,
    start: number,
    end: number,
    flags: number,
    file: number,
    pgoff: number,
  ) => {
    if (flags & VM_SPECIAL) return -1;
    let before = -1;
    let after = -1;
    for (const v of vmasOf(k, mm)) {
      if ((k.vm_flags.get(v) ^ flags) & ~VM_SOFTDIRTY || k.vm_file.get(v) !== file + 1) continue;
      const from = k.vm_start.get(v);
      const to = k.vm_end.get(v);
      if (to === start && pgoff === k.vm_pgoff.get(v) + (to - from)) before = v;
      if (from === end && k.vm_pgoff.get(v) === pgoff + (end - start)) after = v;
    }
    if (before >= 0) {
      k.vm_end.set(before, end);
      k.vm_flags.set(before, k.vm_flags.get(before) | VM_SOFTDIRTY);
      if (after >= 0 && mergeable(k, before, after)) absorb(k, before, after);
      return before;
    }
    if (after >= 0) {
      k.vm_start.set(after, start);
      k.vm_pgoff.set(after, pgoff);
      k.vm_flags.set(after, k.vm_flags.get(after) | VM_SOFTDIRTY);
    }
    return after;
  },
);

/** Gives a VMA an anon_vma if it has none. mm/rmap.c anon_vma_prepare */
export const anon_vma_prepare = step('anon_vma_prepare', (k: Kernel, v: number) => {
  if (k.anon_vma.get(v)) return;
  // A mergeable neighbour's anon_vma is shared, so that the two can merge later.
  const mm = Math.floor(v / k.config.vmas);
  for (const n of vmasOf(k, mm)) {
    const adjacent = k.vm_end.get(n) === k.vm_start.get(v) || k.vm_start.get(n) === k.vm_end.get(v);
    if (n !== v && adjacent && k.anon_vma.get(n) && k.vm_file.get(n) === k.vm_file.get(v)) {
      const [lo, hi] = k.vm_start.get(n) < k.vm_start.get(v) ? [n, v] : [v, n];
      const away = (k.vm_flags.get(n) ^ k.vm_flags.get(v)) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY);
      const inLine =
        k.vm_pgoff.get(hi) === k.vm_pgoff.get(lo) + (k.vm_end.get(lo) - k.vm_start.get(lo));
      if (!away && inLine) {
        k.anon_vma.set(v, k.anon_vma.get(n));
        return;
      }
    }
  }
  k.anon_vma.set(v, k.mm_anon_vmas.add(0, 1));
});

export const has_anon_vma = step('vma->anon_vma', (k: Kernel, v: number) =>
  k.anon_vma.get(v) ? 1 : 0,
);

export const vma_permits = (flags: number, write: number): boolean =>
  write ? (flags & VM_WRITE) !== 0 : (flags & VM_READ) !== 0;

export const is_locked = (flags: number): boolean => (flags & VM_LOCKED) !== 0;
