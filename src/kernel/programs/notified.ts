// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Consumers with a secondary page table that a notifier empties: KVM's guests, HMM mirrors, and KVM on
 * RISC-V, which fills its own from vm_pgoff.
 */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { again, type Run, routine, step } from '../../explore/program.ts';
import { EBUSY } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { access_page, touch, type UserPage } from '../mm/access.ts';
import { PTE_WRITE, pte_pfn, VM_PFNMAP } from '../mm/flags.ts';
import { hmm_range_fault } from '../mm/hmm.ts';
import { RAM_START } from '../mm/insert.ts';
import {
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_invalidate_retry,
  mmu_invalidate_seq,
  mmu_lock,
  mmu_unlock,
} from '../mm/mmu_notifier.ts';
import { bufferPage } from '../mm/page.ts';
import {
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_flags,
  vm_pgoff,
  vm_start,
  vma_lookup,
} from '../mm/vma.ts';
import { BY_GUP, BY_REF, finder, HELD, releaser } from './find.ts';
import { type ConsumerProgram, note_lookup, writes_read_only } from './lookup.ts';

const VALUE = 2;

export const install = step(
  'set_spte',
  (k: Kernel, h: number, pfn: number) => k.hold_pfn.set(h, pfn),
  {
    text: ([, pfn]) => (pfn ? `map page${pfn} for the device` : 'map nothing for the device'),
  },
);
/** Under the driver's lock: from here on the device reaches the page, its first or page `i` of the range. */
export const install_mirror = step(
  'dma_map',
  (k: Kernel, h: number, pfn: number, i?: number) => k.hold_mirror.set(mirrored(k, h, i), pfn),
  { text: ([, pfn]) => (pfn ? `mirror page${pfn}` : 'mirror nothing') },
);
/** Where a holder keeps page `i` of what it mirrors. */
const mirrored = (k: Kernel, h: number, i = 0): number => h * (k.config.mirrorPages ?? 1) + i;

/** The device's own access: through what is installed now, in one go (its TLB is flushed by the notifier). */
const through = (installed: (k: Kernel, h: number, i?: number) => number) =>
  step(
    'device_access',
    (k: Kernel, h: number, write: number, value: number, user: UserPage, i?: number) => {
      const pfn = installed(k, h, i);
      if (!pfn) return -1;
      return touch(k, pfn, write, 0, value, user, 'R8');
    },
    {
      text: ([, write, value], v) =>
        v < 0
          ? 'device faults: nothing mapped'
          : write
            ? `device writes ${value}`
            : `device reads ${v}`,
      atomic: 'secondary page table and TLB: the notifier kicks the device before it returns',
    },
  );
/** The device or guest reads or writes through its secondary page table: -1 if nothing is there. */
export const through_spte = through((k, h) => k.hold_pfn.get(h));
/** The device reads or writes through what it mirrors: -1 if that is nothing. */
export const through_mirror = through((k, h, i) => k.hold_mirror.get(mirrored(k, h, i)));

/**
 * Who is told by a list notifier (virt/kvm): each fault looks the page up again, and maps it under
 * mmu_lock; a reference that the lookup took is dropped once the page is mapped.
 */
export function isNotified(traits: ConsumerTraits): ConsumerProgram {
  const find = finder(traits);
  const release = releaser(traits);
  const asks = traits.honoursWrite ? 1 : 0;

  /** One attempt: 1 when mapped, 0 to try again, negative when refused. */
  const map_page = routine(
    'direct_page_fault',
    function* (mm: number, addr: number, h: number, user: UserPage): Run<number> {
      const now = yield* mmu_invalidate_seq(h);
      const seq = traits.retries ? now : 0;
      yield* again('seq', seq);
      const found = yield* find(mm, addr, asks, user);
      if (found < 0) return found;
      if (!(found & PTE_WRITE)) yield* writes_read_only(user);
      const held = found & HELD;
      yield* again('mmu_lock', seq, held);
      yield* mmu_lock(h);
      const stale = traits.retries ? yield* mmu_invalidate_retry(h, seq) : 0;
      if (!stale) yield* install(h, pte_pfn(held));
      yield* mmu_unlock(h);
      const counted = held & (BY_GUP | BY_REF) ? held : 0;
      yield* again('release', counted, stale);
      yield* release(counted);
      return stale ? 0 : 1;
    },
    'arch/x86/kvm/mmu/mmu.c',
  );

  return routine(
    traits.id,
    function* (mm: number, addr: number, h: number, user: UserPage): Run<void> {
      for (let use = 0; use < 2; ) {
        yield* again('vcpu', use);
        const got = yield* through_spte(h, use === 0 ? 1 : 0, VALUE, user);
        if (got >= 0) {
          use++;
          continue;
        }
        const mapped = yield* map_page(mm, addr, h, user);
        yield* again('tried', Math.sign(mapped), mapped < 0 ? 0 : use);
        yield* note_lookup(mm, addr, mapped > 0 ? 1 : 0);
        if (mapped < 0) return;
      }
    },
  );
}

/**
 * One round of what Documentation/mm/hmm.rst prescribes: read the sequence, fault under mmap_lock,
 * and under the driver's own lock use the result only if the sequence still stands.
 * @param use what the driver does with the entry, under its lock
 * @returns a routine that gives the entry, 0 to start over, or a negative errno
 */
export function mirrorFault(
  use: (h: number, entry: number, seq: number) => Run<unknown>,
): (mm: number, addr: number, write: number, h: number) => Run<number> {
  return routine(
    'mirror_fault',
    function* (mm: number, addr: number, write: number, h: number): Run<number> {
      const seq = yield* mmu_interval_read_begin(h, mm);
      yield* mmap_read_lock(mm);
      const entry = yield* hmm_range_fault(mm, addr, write, h, seq);
      yield* mmap_read_unlock(mm);
      if (entry === -EBUSY) return 0;
      if (entry < 0) return entry;
      yield* mmu_lock(h);
      const stale = yield* mmu_interval_read_retry(h, seq);
      if (!stale) yield* use(h, entry, seq);
      yield* mmu_unlock(h);
      return stale ? 0 : entry;
    },
    'Documentation/mm/hmm.rst',
  );
}

/** Who mirrors an address space by hmm_range_fault. */
export function mirrors(traits: ConsumerTraits): ConsumerProgram {
  const mirror_page = mirrorFault((h, entry) => install_mirror(h, pte_pfn(entry)));
  return routine(
    traits.id,
    function* (mm: number, addr: number, h: number, user: UserPage): Run<void> {
      for (let use = 0; use < 2; ) {
        yield* again('device', use);
        const got = yield* through_mirror(h, use === 0 ? 1 : 0, VALUE, user);
        if (got >= 0) {
          use++;
          continue;
        }
        const mapped = yield* mirror_page(mm, addr, 1, h);
        yield* again('tried', Math.sign(mapped), mapped < 0 ? 0 : use);
        yield* note_lookup(mm, addr, mapped > 0 ? 1 : 0);
        if (mapped < 0) return;
      }
    },
  );
}

/**
 * The page that vm_pgoff leads to if it is a PFN, or 0 if that is not the user's page: then it is
 * physical memory that somebody else has.
 */
const page_by_pgoff = step(
  'pfn_by_pgoff',
  (k: Kernel, pgoff: number, distance: number, user: UserPage) => {
    const page = pgoff + distance - RAM_START;
    const theirs = bufferPage(user.buffer, user.page);
    return page > 0 && page < k.config.pages && k.page_owner.get(page) === theirs ? page : 0;
  },
  {
    text: ([pgoff, distance]) =>
      `pfn = vm_pgoff = 0x${(Number(pgoff) + Number(distance)).toString(16)}`,
    atomic: 'whose page it is is known to the search alone',
  },
);
const somebody_elses = step('ioremap', (k: Kernel, user: UserPage, pfn: number) =>
  k.mem.report({
    severity: 'corrupts',
    rule: 'R15',
    text: `${user.who} writes PFN 0x${pfn.toString(16)}, which is what vm_pgoff holds and no page of the buffer`,
  }),
);

/**
 * Who maps vm_pgoff as if it were the PFN, all at once, under mmap_lock: arch/riscv/kvm/mmu.c:513
 * kvm_arch_prepare_memory_region. What it maps is taken away by the list notifier, if it has one.
 */
export function believesPgoff(traits: ConsumerTraits): ConsumerProgram {
  const map_region = routine(
    'kvm_arch_prepare_memory_region',
    function* (mm: number, addr: number, h: number, user: UserPage): Run<number> {
      yield* mmap_read_lock(mm);
      const vma = yield* vma_lookup(mm, addr);
      let pfn = -1;
      if (vma !== NO_VMA && (yield* vm_flags(vma)) & VM_PFNMAP) {
        const pgoff = yield* vm_pgoff(vma);
        const distance = addr - (yield* vm_start(vma));
        pfn = yield* page_by_pgoff(pgoff, distance, user);
        if (!pfn) yield* somebody_elses(user, pgoff + distance);
        if (traits.notifier) {
          yield* mmu_lock(h);
          yield* install(h, pfn);
          yield* mmu_unlock(h);
        }
      }
      yield* mmap_read_unlock(mm);
      return pfn;
    },
    'arch/riscv/kvm/mmu.c',
  );

  return routine(
    traits.id,
    function* (mm: number, addr: number, h: number, user: UserPage): Run<void> {
      const pfn = yield* map_region(mm, addr, h, user);
      yield* note_lookup(mm, addr, pfn >= 0 ? 1 : 0);
      if (pfn <= 0) return;
      for (let write = 1; write >= 0; write--) {
        if (traits.notifier) yield* through_spte(h, write, VALUE, user);
        else yield* access_page(pfn, write, 0, VALUE, user, 'R8');
      }
    },
  );
}
