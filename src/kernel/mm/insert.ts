// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Putting entries into a VMA's page tables: mm/memory.c, from insert_pfn to remap_pfn_range. Which
 * function sets which flag and which bit, and what each refuses or dies of, is the heart of the
 * contract (the patch's second version, Vetter 22/17:08).
 */
import { lockSteps } from '../../explore/locks.ts';
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EBUSY, EFAULT, EINVAL } from '../errno.ts';
import { type Kernel, PAGE_DEVICE, PAGE_USED } from '../kernel.ts';
import {
  is_cow_mapping,
  PFN_SHIFT,
  PTE_BORN_STALE,
  PTE_DIRTY,
  PTE_NONE,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_FAULT_FALLBACK,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_IO,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_WRITE,
} from './flags.ts';
import {
  get_page,
  OWNER_BUFFER,
  OWNER_KEPT,
  OWNER_LATER,
  page_add_rmap,
  pfn_valid,
} from './page.ts';
import { get_locked_pte, pmd_none, ptrs_per_pmd, set_pmd_at } from './pgtable.ts';
import {
  PROT_R,
  PROT_W,
  set_vm_pgoff,
  vm_end,
  vm_flags,
  vm_flags_mod,
  vm_page_prot,
  vm_start,
} from './vma.ts';

const ptl = lockSteps(['pte_offset_map_lock', 'pte_unmap_unlock'], (k: Kernel) => k.ptl);
export const pte_lock = ptl.lock;
export const pte_unlock = ptl.unlock;

/** A BUG_ON that fires: the thread dies where it stands. The text names what any user did. */
export const BUG = step(
  'BUG',
  (k: Kernel, where: string, why: string) =>
    k.mem.report({
      severity: 'breaks',
      rule: why.endsWith('private writable mapping') ? 'R14' : 'bug',
      text: `kernel BUG in ${where}: ${why}`,
    }),
  { text: ([where]) => `kernel BUG in ${where}` },
);

/** A WARN_ON that fires. */
export const WARN = step(
  'WARN',
  (k: Kernel, rule: string, text: string) =>
    k.mem.report({ severity: 'breaks', rule, text: `WARNING: ${text}` }),
  { text: ([, text]) => `WARNING: ${text}` },
);

/** An entry for `pfn` as mk_pte and vm_page_prot make it. */
export function mk_pte(pfn: number, prot: number): number {
  let pte = (pfn << PFN_SHIFT) | PTE_PRESENT | PTE_YOUNG;
  if (prot & PROT_W) pte |= PTE_WRITE;
  if (!(prot & (PROT_R | PROT_W))) pte |= PTE_NONE;
  return pte;
}

/**
 * Does the entry say itself that there is no page behind it? Never where the architecture has no bit
 * for that: there vm_normal_page knows by the VMA, which for the mappings of the model comes to what
 * PTE_SPECIAL stands for everywhere else (6.12 mm/memory.c:599, :623).
 */
export const pte_special = step('pte_special', (k: Kernel, pte: number) =>
  k.linux.pte_special && pte & PTE_SPECIAL ? 1 : 0,
);
const has_pte_special = step('CONFIG_ARCH_HAS_PTE_SPECIAL', (k: Kernel) =>
  k.linux.pte_special ? 1 : 0,
);

/**
 * set_pte_at for a page that an exporter hands out. As a ghost, the entry remembers if the page was
 * not the buffer's any more when it was inserted: then it is R5 that fell, not R4.
 */
export const set_new_pte = step(
  'set_pte_at',
  (k: Kernel, mm: number, addr: number, pte: number, vma: number) => {
    const pfn = pte_pfn(pte);
    if (!(pte & PTE_SPECIAL) && k.page_owner.get(pfn) >= OWNER_BUFFER) {
      k.mem.report({
        severity: 'breaks',
        rule: 'R2',
        text: 'a dma-buf mapping receives a struct page',
      });
    }
    k.pte.set(mm * k.config.vpages + addr, pte | stale(k, pfn, vma, addr));
  },
  {
    text: ([, addr, pte]) => `set_pte_at(${addr}, page${pte_pfn(pte as number)})`,
    atomic: 'ghost bit',
  },
);

function stale(k: Kernel, pfn: number, vma: number, addr: number): number {
  const owner = k.page_owner.get(pfn);
  if (owner === 0) return pfn === 0 ? 0 : PTE_BORN_STALE;
  if (owner < OWNER_BUFFER) return 0;
  // A page that a move has put aside, or left to the driver's worker, is still told by its buffer.
  const buffer = ((owner & ~(OWNER_KEPT | OWNER_LATER)) - OWNER_BUFFER) >> 16;
  const mapped = k.vm_pgoff.get(vma) - k.buf_pgoff.get(buffer) + addr - k.vm_start.get(vma);
  // Where vm_pgoff is no offset (a private remap_pfn_range), any page of the buffer will do.
  const page = mapped >= 0 && mapped < k.buf_npages.get(buffer) ? mapped : owner & 0xffff;
  const state = k.page_state.get(pfn);
  const good =
    (state === PAGE_USED || state === PAGE_DEVICE) &&
    k.buf_page.get(buffer * k.config.bufferPages + page) === pfn;
  return good ? 0 : PTE_BORN_STALE;
}

/** mm/memory.c insert_pfn: special entry, no reference; an occupied slot is left alone. */
const insert_pfn = routine(
  'insert_pfn',
  function* (mm: number, vma: number, addr: number, pfn: number, prot: number): Run<number> {
    yield* pte_lock(mm);
    const old = yield* get_locked_pte(mm, addr);
    if (old >= 0 && !(yield* guard('the pte_none test', old))) {
      yield* set_new_pte(mm, addr, mk_pte(pfn, prot) | PTE_SPECIAL, vma);
    }
    yield* pte_unlock(mm);
    return old < 0 ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
  },
  'mm/memory.c',
);

/** mm/memory.c vmf_insert_pfn_prot: any private writable mapping is a BUG, reachable by any user. */
export const vmf_insert_pfn_prot = routine(
  'vmf_insert_pfn_prot',
  function* (mm: number, vma: number, addr: number, pfn: number, prot: number): Run<number> {
    const flags = yield* vm_flags(vma);
    if (!(flags & (VM_PFNMAP | VM_MIXEDMAP))) {
      yield* BUG('vmf_insert_pfn_prot', 'neither VM_PFNMAP nor VM_MIXEDMAP');
      return VM_FAULT_SIGBUS;
    }
    if (flags & VM_PFNMAP && flags & VM_MIXEDMAP) {
      yield* BUG('vmf_insert_pfn_prot', 'VM_PFNMAP and VM_MIXEDMAP at once');
      return VM_FAULT_SIGBUS;
    }
    if (flags & VM_PFNMAP && is_cow_mapping(flags)) {
      yield* BUG('vmf_insert_pfn_prot', 'VM_PFNMAP on a private writable mapping');
      return VM_FAULT_SIGBUS;
    }
    if (flags & VM_MIXEDMAP && (yield* pfn_valid(pfn))) {
      yield* BUG('vmf_insert_pfn_prot', 'VM_MIXEDMAP and a pfn with a struct page');
      return VM_FAULT_SIGBUS;
    }
    if (addr < (yield* vm_start(vma)) || addr >= (yield* vm_end(vma))) return VM_FAULT_SIGBUS;
    return yield* insert_pfn(mm, vma, addr, pfn, prot);
  },
  'mm/memory.c',
);

/** mm/memory.c vmf_insert_pfn */
export const vmf_insert_pfn = routine(
  'vmf_insert_pfn',
  function* (mm: number, vma: number, addr: number, pfn: number): Run<number> {
    return yield* vmf_insert_pfn_prot(mm, vma, addr, pfn, yield* vm_page_prot(vma));
  },
  'mm/memory.c',
);

/** mm/memory.c vmf_insert_mixed: on an architecture with pte_special, a special entry even for RAM. */
export const vmf_insert_mixed = routine(
  'vmf_insert_mixed',
  function* (mm: number, vma: number, addr: number, pfn: number): Run<number> {
    if (!((yield* vm_flags(vma)) & VM_MIXEDMAP)) {
      yield* BUG('vmf_insert_mixed', 'not VM_MIXEDMAP');
      return VM_FAULT_SIGBUS;
    }
    if (addr < (yield* vm_start(vma)) || addr >= (yield* vm_end(vma))) return VM_FAULT_SIGBUS;
    if (!(yield* has_pte_special()) && (yield* pfn_valid(pfn))) {
      const err = yield* insert_page(mm, vma, addr, pfn);
      return err === 0 || err === -EBUSY ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
    }
    return yield* insert_pfn(mm, vma, addr, pfn, yield* vm_page_prot(vma));
  },
  'mm/memory.c',
);

/** mm/memory.c insert_page: an ordinary entry, a reference and a mapcount. */
const insert_page = routine(
  'insert_page',
  function* (mm: number, vma: number, addr: number, pfn: number): Run<number> {
    const prot = yield* vm_page_prot(vma);
    yield* pte_lock(mm);
    const old = yield* get_locked_pte(mm, addr);
    if (old < 0 || (yield* guard('the pte_none test', old))) {
      yield* pte_unlock(mm);
      return old < 0 ? old : -EBUSY;
    }
    yield* get_page(pfn, 1);
    yield* page_add_rmap(pfn);
    yield* set_new_pte(mm, addr, mk_pte(pfn, prot), vma);
    yield* pte_unlock(mm);
    return 0;
  },
  'mm/memory.c',
);

/** mm/memory.c vm_insert_page: makes the VMA VM_MIXEDMAP; BUGs on VM_PFNMAP. */
export const vm_insert_page = routine(
  'vm_insert_page',
  function* (mm: number, vma: number, addr: number, pfn: number): Run<number> {
    if (addr < (yield* vm_start(vma)) || addr >= (yield* vm_end(vma))) return -EFAULT;
    const flags = yield* vm_flags(vma);
    if (!(flags & VM_MIXEDMAP)) {
      if (flags & VM_PFNMAP) {
        yield* BUG('vm_insert_page', 'VM_PFNMAP');
        return -EINVAL;
      }
      yield* vm_flags_mod(vma, VM_MIXEDMAP, 0);
    }
    return yield* insert_page(mm, vma, addr, pfn);
  },
  'mm/memory.c',
);

const pfn_of_range = step('pfn', (k: Kernel, table: number, i: number) =>
  k.buf_page.get(table + i),
);

/**
 * Page frames start at 1 in the model; on a machine they lie far above what offsets into a buffer
 * reach, which matters where one is taken for the other.
 */
export const RAM_START = 0x80000;

/**
 * mm/memory.c remap_pfn_range, for pages `first`.. of a buffer into [addr, addr + n).
 * A private writable mapping must be covered whole, and its vm_pgoff becomes the pfn.
 * @param table index of the buffer's first page in buf_page
 */
export const remap_pfn_range = routine(
  'remap_pfn_range',
  function* (
    mm: number,
    vma: number,
    addr: number,
    table: number,
    first: number,
    n: number,
  ): Run<number> {
    const flags = yield* vm_flags(vma);
    const pfn = yield* pfn_of_range(table, first);
    const start = yield* vm_start(vma);
    const end = yield* vm_end(vma);
    if (is_cow_mapping(flags)) {
      const part = addr !== start || addr + n !== end;
      if (yield* guard('the whole-VMA test', part)) return -EINVAL;
      yield* set_vm_pgoff(vma, RAM_START + pfn);
    }
    const whole = addr === start && addr + n === end ? VM_PAT : 0;
    yield* vm_flags_mod(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | whole, 0);
    const prot = yield* vm_page_prot(vma);
    yield* pte_lock(mm);
    for (let i = 0; i < n; i++) {
      const page = i === 0 ? pfn : yield* pfn_of_range(table, first + i);
      yield* set_new_pte(mm, addr + i, mk_pte(page, prot) | PTE_SPECIAL, vma);
    }
    yield* pte_unlock(mm);
    return 0;
  },
  'mm/memory.c',
);

/** x86: the whole VMA is one remap_pfn_range (VM_PAT is VM_ARCH_1). arch/x86/mm/pat/memtype.c */
export const VM_PAT = 0x1000000;

/** mm/huge_memory.c vmf_insert_pfn_pmd: one entry, special at its own level where the kernel has that. */
export const vmf_insert_pfn_pmd = routine(
  'vmf_insert_pfn_pmd',
  function* (
    mm: number,
    vma: number,
    addr: number,
    pfn: number,
    write: number,
    special: number,
  ): Run<number> {
    const n = yield* ptrs_per_pmd();
    const start = addr - (addr % n);
    if (start < (yield* vm_start(vma)) || start + n > (yield* vm_end(vma)))
      return VM_FAULT_FALLBACK;
    const flags = yield* vm_flags(vma);
    if (flags & VM_PFNMAP && flags & VM_MIXEDMAP) {
      yield* BUG('vmf_insert_pfn_pmd', 'VM_PFNMAP and VM_MIXEDMAP at once');
      return VM_FAULT_SIGBUS;
    }
    if (flags & VM_PFNMAP && is_cow_mapping(flags)) {
      yield* BUG('vmf_insert_pfn_pmd', 'VM_PFNMAP on a private writable mapping');
      return VM_FAULT_SIGBUS;
    }
    const prot = yield* vm_page_prot(vma);
    yield* pte_lock(mm);
    if (!(yield* guard('the pmd_none test', !(yield* pmd_none(mm, addr))))) {
      let pmd = mk_pte(pfn, prot) | (special ? PTE_SPECIAL : 0);
      if (write) pmd |= PTE_YOUNG | PTE_DIRTY | (flags & VM_WRITE ? PTE_WRITE : 0);
      yield* set_pmd_at(mm, addr, pmd);
    }
    yield* pte_unlock(mm);
    return VM_FAULT_NOPAGE;
  },
  'mm/huge_memory.c',
);
