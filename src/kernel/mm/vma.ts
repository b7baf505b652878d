// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * VMAs: the list of an mm, finding and splitting (merging: vma-merge.ts). All of it is under mmap_lock, so each of
 * these is one step; 6.1 has it in mm/mmap.c, 6.12 in mm/vma.c.
 *
 * A VMA is the number of its slot among all VMAs; the slots of an mm are in no order.
 */
import { downgradeStep, lockSteps } from '../../explore/locks.ts';
import { step } from '../../explore/program.ts';
import { ENOMEM } from '../errno.ts';
import { type Kernel, type VmOperations, vm_operations } from '../kernel.ts';
import {
  VM_ACCESS_FLAGS,
  VM_PFNMAP,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_UFFD_WP,
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
/** include/linux/mmap_lock.h */
export const mmap_write_downgrade = downgradeStep(
  'mmap_write_downgrade',
  (k: Kernel) => k.mmap_lock,
);

export const NO_VMA = -1;

/** The VMA of `mm` that holds page `addr`, or the next one above it; NO_VMA if none. */
function findOrNext(k: Kernel, mm: number, addr: number): number {
  const first = mm * k.config.vmas;
  let best = NO_VMA;
  let bestStart = 0;
  for (let v = first; v < first + k.config.vmas; v++) {
    if (k.vm_detached.get(v)) continue;
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

/** Whether the slot of a VMA is taken. With mmap_lock held for writing. */
export const inUse = (k: Kernel, v: number): boolean =>
  !k.vm_detached.get(v) && k.vm_end.get(v) > 0;

/** All VMAs of an mm in order of address. For setup, for output, and inside steps. */
export function vmasOf(k: Kernel, mm: number): number[] {
  const first = mm * k.config.vmas;
  const list: number[] = [];
  for (let v = first; v < first + k.config.vmas; v++) {
    if (inUse(k, v)) list.push(v);
  }
  return list.sort((a, b) => k.vm_start.get(a) - k.vm_start.get(b));
}

/** Why a step may read, or write, all of a VMA's extent. */
export const EXTENT_LOCKED =
  "whoever changes the extent of a VMA that is in its file's tree holds mmap_lock and i_mmap_rwsem " +
  'for writing (6.12 mm/vma.c:158 vma_prepare, 6.1 mm/mmap.c:621 __vma_adjust), whoever reads it ' +
  'holds one of them; a VMA that is freed is out of both trees';

export const find_vma = step('find_vma', findOrNext, {
  text: ([, addr], v) => `find_vma(${addr})${v === NO_VMA ? ' = NULL' : ''}`,
  atomic: EXTENT_LOCKED,
});

/** The VMA that really holds the page. include/linux/mm.h vma_lookup */
export const vma_lookup = step(
  'vma_lookup',
  (k: Kernel, mm: number, addr: number) => {
    const v = findOrNext(k, mm, addr);
    return v !== NO_VMA && k.vm_start.get(v) <= addr ? v : NO_VMA;
  },
  {
    text: ([, addr], v) => `vma_lookup(${addr})${v === NO_VMA ? ' = NULL' : ''}`,
    atomic: EXTENT_LOCKED,
  },
);

/** The first VMA that overlaps [start, end), or NO_VMA. */
export const find_vma_intersection = step(
  'find_vma_intersection',
  (k: Kernel, mm: number, start: number, end: number) => {
    const v = findOrNext(k, mm, start);
    return v !== NO_VMA && k.vm_start.get(v) < end ? v : NO_VMA;
  },
  { atomic: EXTENT_LOCKED },
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
export const vm_ops = step(
  'vm_ops',
  (k: Kernel, v: number) => {
    // Nobody gets here with mmap_lock held; without it, it is how a fault ends that munmap overtook.
    if (k.vm_detached.get(v)) {
      k.mem.report({
        severity: 'corrupts',
        rule: 'use-after-free',
        text: `vm_ops of VMA ${v} is called after munmap has taken it away to free it`,
      });
    }
    return k.vm_ops.get(v);
  },
  { atomic: 'the look at vm_detached is a check that no CPU makes' },
);
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
  if (!(flags & VM_SOFTDIRTY) || flags & VM_UFFD_WP) return true;
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

/** A new VMA, not yet anything but a range and flags. Returns its number or -ENOMEM. */
export const vm_area_alloc = step(
  'vm_area_alloc',
  (k: Kernel, mm: number, start: number, end: number, flags: number, pgoff: number) => {
    const first = mm * k.config.vmas;
    for (let v = first; v < first + k.config.vmas; v++) {
      if (inUse(k, v)) continue;
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
      k.vm_detached.set(v, 0);
      return v;
    }
    return -ENOMEM;
  },
  { atomic: 'nobody else knows the new VMA yet (kernel/fork.c vm_area_alloc)' },
);

/**
 * Takes a VMA out of the mm's tree: from here on nobody finds it by address, and munmap alone knows it,
 * which frees it before it lets go of mmap_lock. So whoever needs a new one may take its slot.
 */
export const vma_mark_detached = step('vma_mark_detached', (k: Kernel, v: number) =>
  k.vm_detached.set(v, 1),
);

/** A VMA that never came into the mm's tree is no more. */
export const vm_area_free = step('vm_area_free', (k: Kernel, v: number) => clear(k, v), {
  atomic: EXTENT_LOCKED,
});

/**
 * Splits `v` at `addr`: `v` keeps the lower part. References and vm_ops->open are the caller's.
 * @returns the new VMA of the upper part, or -ENOMEM
 */
export const __split_vma = step(
  '__split_vma',
  (k: Kernel, v: number, addr: number) => {
    const mm = Math.floor(v / k.config.vmas);
    const first = mm * k.config.vmas;
    for (let n = first; n < first + k.config.vmas; n++) {
      if (inUse(k, n)) continue;
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
      k.vm_detached.set(n, 0);
      k.vm_end.set(v, addr);
      return n;
    }
    return -ENOMEM;
  },
  { atomic: EXTENT_LOCKED },
);

/** An anon_vma whose chain has other members: forks leave those behind (list_is_singular is false). */
export const ANON_VMA_CLONED = 0x10000;

/** Nothing of a VMA is left in its slot. */
export function clear(k: Kernel, v: number): void {
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
}

/** vm_area_dup into `mm`, at a place of its own: everything but the references and callbacks. */
export const vm_area_dup = step(
  'vm_area_dup',
  (k: Kernel, v: number, mm: number, start: number, end: number, pgoff: number) => {
    const first = mm * k.config.vmas;
    for (let n = first; n < first + k.config.vmas; n++) {
      if (inUse(k, n)) continue;
      k.vm_start.set(n, start);
      k.vm_end.set(n, end);
      k.vm_pgoff.set(n, pgoff);
      k.vm_flags.set(n, k.vm_flags.get(v));
      k.vm_page_prot.set(n, k.vm_page_prot.get(v));
      k.vm_file.set(n, k.vm_file.get(v));
      k.vm_ops.set(n, k.vm_ops.get(v));
      k.vm_private.set(n, k.vm_private.get(v));
      k.anon_vma.set(n, k.anon_vma.get(v));
      k.vm_linked.set(n, 0);
      k.vm_detached.set(n, 0);
      return n;
    }
    return -ENOMEM;
  },
);

/** mm/rmap.c anon_vma_fork: an anon_vma of the child's own, chained to the parent's. */
export const anon_vma_fork = step('anon_vma_fork', (k: Kernel, v: number) => {
  if (k.anon_vma.get(v)) k.anon_vma.set(v, k.mm_anon_vmas.add(0, 1) | ANON_VMA_CLONED);
});

/** mm/rmap.c unlink_anon_vmas, when none of its pages are left in the VMA. */
export const unlink_anon_vmas = step('unlink_anon_vmas', (k: Kernel, v: number) =>
  k.anon_vma.set(v, 0),
);

/** Gives a VMA an anon_vma if it has none. mm/rmap.c anon_vma_prepare */
export const anon_vma_prepare = step('anon_vma_prepare', (k: Kernel, v: number) => {
  if (k.anon_vma.get(v)) return;
  // A mergeable neighbour's anon_vma is shared, so that the two can merge later.
  const mm = Math.floor(v / k.config.vmas);
  for (const n of vmasOf(k, mm)) {
    const adjacent = k.vm_end.get(n) === k.vm_start.get(v) || k.vm_start.get(n) === k.vm_end.get(v);
    const there = k.anon_vma.get(n);
    const usable = there && !(there & ANON_VMA_CLONED);
    if (n !== v && adjacent && usable && k.vm_file.get(n) === k.vm_file.get(v)) {
      const [lo, hi] = k.vm_start.get(n) < k.vm_start.get(v) ? [n, v] : [v, n];
      const away = (k.vm_flags.get(n) ^ k.vm_flags.get(v)) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY);
      const inLine =
        k.vm_pgoff.get(hi) === k.vm_pgoff.get(lo) + (k.vm_end.get(lo) - k.vm_start.get(lo));
      if (!away && inLine) {
        k.anon_vma.set(v, there);
        return;
      }
    }
  }
  k.anon_vma.set(v, k.mm_anon_vmas.add(0, 1));
});

export const has_anon_vma = step('vma->anon_vma', (k: Kernel, v: number) =>
  k.anon_vma.get(v) ? 1 : 0,
);
