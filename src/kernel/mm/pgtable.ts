// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Page-table entries and TLBs. An entry is one word that the MMU, GUP-fast and followers read
 * without any lock; so every access is a step of its own.
 *
 * A flush is an interrupt on each CPU that runs the mm, waited for; a CPU with interrupts off holds
 * it up, which is what GUP-fast relies on (mm/gup.c, comment above gup_fast).
 */
import { ownLockSteps } from '../../explore/locks.ts';
import { BLOCKED, type Run, routine, step } from '../../explore/program.ts';
import { ENOMEM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { showPte } from '../show.ts';
import { PFN_SHIFT, PTE_DIRTY, PTE_NONE, PTE_PRESENT, PTE_WRITE, PTE_YOUNG } from './flags.ts';
import { arch_invalidate_secondary_tlbs } from './mmu_notifier.ts';

const at = (k: Kernel, mm: number, addr: number) => mm * k.config.vpages + addr;
const pmdAt = (k: Kernel, mm: number, addr: number) =>
  mm * Math.ceil(k.config.vpages / k.config.ptrsPerPmd) + Math.floor(addr / k.config.ptrsPerPmd);

/**
 * Nothing differs, not even accessed and dirty, which the MMU sets meanwhile.
 * 6.12 arch/x86/include/asm/pgtable.h:997 pte_same
 */
export const same_pte = (a: number, b: number): boolean => a === b;

export const ptep_get = step(
  'ptep_get',
  (k: Kernel, mm: number, addr: number) => k.pte.get(at(k, mm, addr)),
  {
    text: ([, addr], v) => `ptep_get(${addr}) = ${showPte(v)}`,
    cite: 'include/linux/pgtable.h',
  },
);

export const set_pte_at = step(
  'set_pte_at',
  (k: Kernel, mm: number, addr: number, pte: number) => k.pte.set(at(k, mm, addr), pte),
  { text: ([, addr, pte]) => `set_pte_at(${addr}, ${showPte(pte as number)})` },
);

/** Reads and clears in one go, as xchg does: accessed and dirty bits cannot be lost. */
export const ptep_get_and_clear = step(
  'ptep_get_and_clear',
  (k: Kernel, mm: number, addr: number) => {
    const i = at(k, mm, addr);
    const old = k.pte.get(i);
    k.pte.set(i, 0);
    return old;
  },
  { text: ([, addr], v) => `ptep_get_and_clear(${addr}) was ${showPte(v)}` },
);

/** Removes the write bit without losing dirty. include/linux/pgtable.h ptep_set_wrprotect */
export const ptep_set_wrprotect = step(
  'ptep_set_wrprotect',
  (k: Kernel, mm: number, addr: number) => {
    const i = at(k, mm, addr);
    k.pte.set(i, k.pte.get(i) & ~PTE_WRITE);
  },
);

/** Sets bits of a present entry in one go. */
export const ptep_set_bits = step(
  'ptep_set_access_flags',
  (k: Kernel, mm: number, addr: number, bits: number) => {
    const i = at(k, mm, addr);
    k.pte.set(i, k.pte.get(i) | bits);
  },
  {
    text: ([, addr, bits]) =>
      `ptep_set_access_flags(${addr}, +${Number(bits) & PTE_WRITE ? 'W' : 'A/D'})`,
  },
);

export const ptep_clear_bits = step(
  'ptep_clear_flags',
  (k: Kernel, mm: number, addr: number, bits: number) => {
    const i = at(k, mm, addr);
    k.pte.set(i, k.pte.get(i) & ~bits);
  },
);

/**
 * Gives an entry new rights and keeps the rest, as ptep_modify_prot_start and _commit do: the entry
 * is empty in between, so the MMU loses no bit and uses no half of it.
 */
export const ptep_modify_prot = step(
  'ptep_modify_prot_commit',
  (k: Kernel, mm: number, addr: number, prot: number) => {
    const i = at(k, mm, addr);
    let entry = k.pte.get(i) & ~(PTE_WRITE | PTE_NONE);
    if (prot & 1) entry |= PTE_WRITE;
    if (prot === 0) entry |= PTE_NONE;
    k.pte.set(i, entry);
  },
  {
    text: ([, addr, prot]) =>
      `ptep_modify_prot(${addr}, ${prot ? (Number(prot) & 1 ? 'rw' : 'r') : 'none'})`,
  },
);

export const pmdp_get = step(
  'pmdp_get',
  (k: Kernel, mm: number, addr: number) => k.pmd.get(pmdAt(k, mm, addr)),
  {
    text: ([, addr], v) => `pmdp_get(${addr}) = ${showPte(v)}`,
  },
);
export const set_pmd_at = step(
  'set_pmd_at',
  (k: Kernel, mm: number, addr: number, pmd: number) => k.pmd.set(pmdAt(k, mm, addr), pmd),
  { text: ([, addr, pmd]) => `set_pmd_at(${addr}, ${showPte(pmd as number)})` },
);
export const pmdp_get_and_clear = step(
  'pmdp_huge_get_and_clear',
  (k: Kernel, mm: number, addr: number) => {
    const i = pmdAt(k, mm, addr);
    const old = k.pmd.get(i);
    k.pmd.set(i, 0);
    return old;
  },
);

/** True when no PTE of the block is set: a PMD entry may be put there. */
export const pmd_none = step(
  'pmd_none',
  (k: Kernel, mm: number, addr: number) => {
    if (k.pmd.get(pmdAt(k, mm, addr))) return 0;
    const n = k.config.ptrsPerPmd;
    const start = Math.floor(addr / n) * n;
    const end = Math.min(start + n, k.config.vpages);
    for (let a = start; a < end; a++) if (k.pte.get(at(k, mm, a))) return 0;
    return 1;
  },
  {
    atomic:
      'one word in Linux: a PMD that points to a table of entries is not none (include/linux/pgtable.h)',
  },
);

/** True when nothing is mapped at all, so that there is no table of PMDs either. */
export const pud_none = step(
  'pud_none',
  (k: Kernel, mm: number) => {
    const blocks = Math.ceil(k.config.vpages / k.config.ptrsPerPmd);
    for (let b = 0; b < blocks; b++) if (k.pmd.get(mm * blocks + b)) return 0;
    for (let a = 0; a < k.config.vpages; a++) if (k.pte.get(at(k, mm, a))) return 0;
    return 1;
  },
  { atomic: 'one word in Linux, as a PMD is' },
);

/**
 * The entry of a page whose page-table lock is held, or -ENOMEM where a huge entry has come to stand:
 * there is no table to put it into. 6.12 mm/memory.c:1984 __get_locked_pte, mm/pgtable-generic.c:364
 */
export const get_locked_pte = step(
  'ptep_get',
  (k: Kernel, mm: number, addr: number) =>
    k.pmd.get(pmdAt(k, mm, addr)) & PTE_PRESENT ? -ENOMEM : k.pte.get(at(k, mm, addr)),
  {
    text: ([, addr], v) => `ptep_get(${addr}) = ${v === -ENOMEM ? 'a huge entry' : showPte(v)}`,
    atomic:
      'entries of both sizes change under the page-table lock; the MMU adds accessed and dirty',
  },
);

export const ptrs_per_pmd = step('PTRS_PER_PMD', (k: Kernel) => k.config.ptrsPerPmd);

/** The entry that translates `addr`, of either size: a huge one reads as the PTE of that page. */
export const lookup_entry = routine('walk', function* (mm: number, addr: number): Run<number> {
  const pmd = yield* pmdp_get(mm, addr);
  if (pmd & PTE_PRESENT) {
    const n = yield* ptrs_per_pmd();
    return pmd + ((addr % n) << PFN_SHIFT);
  }
  return yield* ptep_get(mm, addr);
});

/**
 * A walk by hardware: reads the entry and sets accessed (and dirty on a write) with a locked update.
 * Part of a step. Returns the translation of that page, or 0 when there is none that serves.
 */
export function table_walk(k: Kernel, mm: number, addr: number, write: number): number {
  const bits = PTE_YOUNG | (write ? PTE_DIRTY : 0);
  const p = pmdAt(k, mm, addr);
  const pmd = k.pmd.get(p);
  const huge = (pmd & PTE_PRESENT) !== 0;
  const i = huge ? p : at(k, mm, addr);
  const table = huge ? k.pmd : k.pte;
  const entry = huge ? pmd : table.get(i);
  if (!(entry & PTE_PRESENT) || entry & PTE_NONE || (write && !(entry & PTE_WRITE))) return 0;
  if ((entry & bits) !== bits) table.set(i, entry | bits);
  const page = huge ? addr % k.config.ptrsPerPmd : 0;
  return (entry | bits) + (page << PFN_SHIFT);
}

/** The MMU's own walk: fills this CPU's TLB, and returns what it holds now; 0 when the CPU must fault. */
export const hw_walk = step(
  'hw_walk',
  (k: Kernel, mm: number, addr: number, write: number) => {
    const filled = table_walk(k, mm, addr, write);
    if (filled) k.tlb.set(k.mem.self * k.config.vpages + addr, filled);
    return filled;
  },
  {
    text: ([, addr], v) => `MMU walks ${addr}: ${showPte(v)}`,
    atomic:
      'walk and fill belong to one instruction, and a flush interrupt comes between instructions (Intel SDM 4.10)',
  },
);

/** The entry, of either size, that translates an address now. Part of a step. */
export function entryNow(k: Kernel, mm: number, addr: number): number {
  const pmd = k.pmd.get(pmdAt(k, mm, addr));
  const page = (addr % k.config.ptrsPerPmd) << PFN_SHIFT;
  return pmd & PTE_PRESENT ? pmd + page : k.pte.get(at(k, mm, addr));
}

/** This CPU's TLB has no translation that serves an access: the MMU walks, and the access begins again. */
export const TLB_MISS = -4;

/**
 * Ways of a look-up in a TLB: an entry may have been dropped, which shows where the table says
 * something else by now. Part of a choice.
 */
export const tlbWays = (k: Kernel, entry: number, mm: number, addr: number): number =>
  entry && (entry ^ entryNow(k, mm, addr)) & ~(PTE_DIRTY | PTE_YOUNG) ? 2 : 1;

/** Does a translation serve the access as it stands? */
export const serves = (entry: number, write: number): boolean =>
  (entry & PTE_PRESENT) !== 0 &&
  (!write || ((entry & PTE_WRITE) !== 0 && (entry & PTE_DIRTY) !== 0));

/** What this CPU's TLB says of an address. Part of a step. */
export const inTlb = (k: Kernel, addr: number): number =>
  k.tlb.get(k.mem.self * k.config.vpages + addr);

const flush_one_cpu = step(
  'flush_tlb_func',
  (k: Kernel, cpu: number, mm: number, start: number, end: number) => {
    if (k.config.cpuMm[cpu] !== mm) return 0;
    if (cpu !== k.mem.self && k.irqs_off.wait(cpu) === BLOCKED) return BLOCKED;
    const base = cpu * k.config.vpages;
    for (let a = start; a < end; a++) k.tlb.set(base + a, 0);
    return 0;
  },
  {
    text: ([cpu]) => `flush_tlb on CPU${cpu}`,
    atomic: 'the flush runs in an interrupt on that CPU, between two of its instructions',
  },
);
const number_of_cpus = step('num_online_cpus', (k: Kernel) => k.config.cpus);

/** Flushes [start, end) of an mm on every CPU that runs it, and on devices, and waits. */
export const flush_tlb_range = routine(
  'flush_tlb_mm_range',
  function* (mm: number, start: number, end: number): Run<void> {
    const cpus = yield* number_of_cpus();
    for (let cpu = 0; cpu < cpus; cpu++) yield* flush_one_cpu(cpu, mm, start, end);
    yield* arch_invalidate_secondary_tlbs(mm, start, end);
  },
  'arch/x86/mm/tlb.c',
  'TLB flush',
);

/** Whoever sends this CPU an interrupt waits until it is taken: to senders it is a lock. */
const local_irq = ownLockSteps(['local_irq_save', 'local_irq_restore'], (k: Kernel) => k.irqs_off);
export const local_irq_disable = local_irq.lock;
export const local_irq_enable = local_irq.unlock;

/**
 * The first page of [addr, end) that has an entry, or `end`. Only under the page-table lock: entries
 * come and go under it, the MMU only adds accessed and dirty bits to those that are there.
 */
export const next_present = step('pte_none', (k: Kernel, mm: number, addr: number, end: number) => {
  const n = k.config.ptrsPerPmd;
  for (let a = addr; a < end; a++) {
    if (k.pte.peek(at(k, mm, a))) return a;
    if ((a === addr || a % n === 0) && k.pmd.peek(pmdAt(k, mm, a))) return a;
  }
  return end;
});
