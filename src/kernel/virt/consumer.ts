// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A consumer from its traits: looks up a user's page, keeps what it found, uses it, lets go. The
 * named ones (KVM's fallback, an HMM mirror, direct I/O) are trait sets over this.
 */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { again, type Run, routine, step } from '../../explore/program.ts';
import { EBUSY, ENOENT, EPERM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { access_page, touch, type UserPage, user_access } from '../mm/access.ts';
import { PTE_SPECIAL, PTE_WRITE, pte_pfn, VM_PFNMAP } from '../mm/flags.ts';
import { follow_pfn } from '../mm/follow.ts';
import {
  FOLL_GET,
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_WRITE,
  fixup_user_fault,
  get_user_pages_fast,
  get_user_pages_unlocked,
  unpin_user_page,
} from '../mm/gup.ts';
import { hmm_range_fault } from '../mm/hmm.ts';
import {
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_invalidate_retry,
  mmu_invalidate_seq,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_INTERVAL,
  NOTIFIER_LIST,
} from '../mm/mmu_notifier.ts';
import { put_page, try_get_page } from '../mm/page.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vma_lookup } from '../mm/vma.ts';

/** Marks of a search: somebody got a translation; somebody was refused one that was there. */
export const MARK_TRANSLATED = 1;
export const MARK_REFUSED = 2;

/** Notes how a lookup ended, for the verdict; no CPU does this, but when it is done matters. */
const note_lookup = step(
  'note_lookup',
  (k: Kernel, mm: number, addr: number, got: number) => {
    if (got) {
      k.mem.marks |= MARK_TRANSLATED;
      return;
    }
    const { vpages, ptrsPerPmd } = k.config;
    const blocks = Math.ceil(vpages / ptrsPerPmd);
    const pmd = k.pmd.get(mm * blocks + Math.floor(addr / ptrsPerPmd));
    if (pmd || k.pte.get(mm * vpages + addr)) k.mem.marks |= MARK_REFUSED;
  },
  { atomic: 'bookkeeping of the search' },
);

const HUGE = 3;

/** Which rule lets a page reference be taken here: R13 past the flag, R3 through a huge entry, else R2. */
const why_gup_worked = step('why_gup_worked', (k: Kernel, mm: number, addr: number) => {
  const w = k.mem.words;
  if (
    w[
      k.pmd.base +
        mm * Math.ceil(k.config.vpages / k.config.ptrsPerPmd) +
        Math.floor(addr / k.config.ptrsPerPmd)
    ]
  )
    return HUGE;
  for (let v = mm * k.config.vmas; v < (mm + 1) * k.config.vmas; v++) {
    if (w[k.vm_start.base + v] <= addr && addr < w[k.vm_end.base + v]) {
      return w[k.vm_flags.base + v] & VM_PFNMAP ? 13 : 2;
    }
  }
  return 2;
});

const break_rule = step('contract', (k: Kernel, rule: string, text: string) =>
  k.mem.report({ severity: 'breaks', rule, text }),
);

const install = step('set_spte', (k: Kernel, h: number, pfn: number) => k.hold_pfn.set(h, pfn), {
  text: ([, pfn]) => `map page${pfn} for the device`,
});
const install_mirror = step(
  'dma_map',
  (k: Kernel, h: number, pfn: number) => k.hold_mirror.set(h, pfn),
  { text: ([, pfn]) => `mirror page${pfn}` },
);

/** The device's own access: through what is installed now, in one go (its TLB is flushed by the notifier). */
const through = (which: 'hold_pfn' | 'hold_mirror') =>
  step(
    'device_access',
    (k: Kernel, h: number, write: number, value: number, user: UserPage) => {
      const pfn = k[which].get(h);
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
const through_spte = through('hold_pfn');
const through_mirror = through('hold_mirror');

export const set_notifier = step(
  'mmu_notifier_register',
  (k: Kernel, h: number, kind: number, mm: number, addr: number) => {
    k.mn_registered.set(h, kind);
    k.hold_mm.set(h, mm);
    k.hold_addr.set(h, addr);
  },
);

/**
 * follow; fixup; follow: virt/kvm/kvm_main.c hva_to_pfn_remapped, behind hva_to_pfn's vma_lookup.
 * @returns the entry (its bits and pfn), or a negative errno
 */
export const hva_to_pfn_remapped = routine(
  'hva_to_pfn_remapped',
  function* (mm: number, addr: number, write: number): Run<number> {
    yield* mmap_read_lock(mm);
    let entry = -ENOENT;
    if ((yield* vma_lookup(mm, addr)) !== NO_VMA) {
      entry = yield* follow_pfn(mm, addr);
      if (entry < 0 || (write && !(entry & PTE_WRITE))) {
        const err = yield* fixup_user_fault(mm, addr, write);
        entry = err < 0 ? err : yield* follow_pfn(mm, addr);
      }
      if (entry > 0 && write && !(entry & PTE_WRITE)) entry = -EPERM;
    }
    yield* mmap_read_unlock(mm);
    return entry;
  },
  'virt/kvm/kvm_main.c',
);

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

type ConsumerProgram = (mm: number, addr: number, h: number, user: UserPage) => Run<void>;

const built = new WeakMap<ConsumerTraits, ConsumerProgram>();

/** What the consumer's thread does with page `addr` of the user: one write, one read, let go. */
export function consumer(traits: ConsumerTraits): ConsumerProgram {
  let made = built.get(traits);
  if (!made) built.set(traits, (made = build(traits)));
  return made;
}

function build(traits: ConsumerTraits): ConsumerProgram {
  const value = 2;
  // Who ignores the read-only bit looks up for reading, and writes all the same (R7).
  const asks = traits.honoursWrite ? 1 : 0;

  const by_cpu = routine(
    'other_cpu',
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      const got = yield* user_access(mm, addr, 1, 0, value, user);
      yield* note_lookup(mm, addr, got >= 0 ? 1 : 0);
      yield* user_access(mm, addr, 0, 0, 0, user);
    },
  );

  const by_gup = routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      const flags = FOLL_WRITE | (traits.longTerm ? FOLL_PIN | FOLL_LONGTERM : FOLL_GET);
      const before = yield* why_gup_worked(mm, addr);
      const page =
        traits.lookup === 'gup-fast' || traits.longTerm
          ? yield* get_user_pages_fast(mm, addr, flags)
          : yield* get_user_pages_unlocked(mm, addr, flags);
      yield* note_lookup(mm, addr, page > 0 ? 1 : 0);
      if (page < 0) return;
      const now = yield* why_gup_worked(mm, addr);
      const why = `R${before === HUGE ? before : now}`;
      yield* access_page(page, 1, 0, value, user, why);
      yield* access_page(page, 0, 0, 0, user, why);
      yield* unpin_user_page(page, flags);
    },
  );

  const keeps = routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      const entry = yield* hva_to_pfn_remapped(mm, addr, asks);
      yield* note_lookup(mm, addr, entry > 0 ? 1 : 0);
      if (entry < 0) return;
      const pfn = pte_pfn(entry);
      if (!(entry & PTE_WRITE)) {
        yield* break_rule('R7', `${user.who} writes through a read-only entry`);
      }
      if (traits.takesPageRef) {
        if (!(yield* try_get_page(pfn, 1))) return;
        if (entry & PTE_SPECIAL) {
          yield* break_rule('R6', `${user.who} takes a page reference through a special PTE`);
        }
      }
      const why = traits.takesPageRef ? 'R6' : 'R8';
      yield* access_page(pfn, 1, 0, value, user, why);
      yield* access_page(pfn, 0, 0, 0, user, why);
      if (traits.takesPageRef) yield* put_page(pfn, 1);
    },
  );

  /** One attempt under the list notifier: 1 when mapped, 0 to try again, negative when refused. */
  const map_page = routine(
    'kvm_faultin_pfn',
    function* (mm: number, addr: number, h: number, user: UserPage): Run<number> {
      const seq = yield* mmu_invalidate_seq(h);
      const entry = yield* hva_to_pfn_remapped(mm, addr, asks);
      if (entry < 0) return entry;
      if (!(entry & PTE_WRITE))
        yield* break_rule('R7', `${user.who} writes through a read-only entry`);
      yield* mmu_lock(h);
      const stale = traits.retries ? yield* mmu_invalidate_retry(h, seq) : 0;
      if (!stale) yield* install(h, pte_pfn(entry));
      yield* mmu_unlock(h);
      return stale ? 0 : 1;
    },
  );

  const notified = routine(
    traits.id,
    function* (mm: number, addr: number, h: number, user: UserPage): Run<void> {
      for (let use = 0; use < 2; ) {
        yield* again('vcpu', use);
        const got = yield* through_spte(h, use === 0 ? 1 : 0, value, user);
        if (got >= 0) {
          use++;
          continue;
        }
        const mapped = yield* map_page(mm, addr, h, user);
        yield* note_lookup(mm, addr, mapped > 0 ? 1 : 0);
        if (mapped < 0) return;
      }
    },
  );

  const mirror_page = mirrorFault((h, entry) => install_mirror(h, pte_pfn(entry)));

  const mirrors = routine(
    traits.id,
    function* (mm: number, addr: number, h: number, user: UserPage): Run<void> {
      for (let use = 0; use < 2; ) {
        yield* again('device', use);
        const got = yield* through_mirror(h, use === 0 ? 1 : 0, value, user);
        if (got >= 0) {
          use++;
          continue;
        }
        const mapped = yield* mirror_page(mm, addr, 1, h);
        yield* note_lookup(mm, addr, mapped > 0 ? 1 : 0);
        if (mapped < 0) return;
      }
    },
  );

  switch (traits.lookup) {
    case 'cpu':
      return by_cpu;
    case 'gup':
    case 'gup-fast':
      return by_gup;
    case 'hmm':
      return mirrors;
    default:
      return traits.notifier ? notified : keeps;
  }
}

/** The kind of notifier that the traits register at the start. */
export const notifierKind = (traits: ConsumerTraits): number =>
  traits.lookup === 'hmm' ? NOTIFIER_INTERVAL : traits.notifier ? NOTIFIER_LIST : 0;
