// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How a follower comes by a PFN, from its traits: follow, fixup, follow; perhaps get_user_pages first,
 * as KVM and VFIO do; perhaps with a reference or a refusal at the end. What was found and how it is
 * held is one integer: the entry, and two bits of our own.
 */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { again, guard, type Run, routine } from '../../explore/program.ts';
import { EAGAIN, EFAULT, EINVAL, ENOENT, EPERM } from '../errno.ts';
import type { UserPage } from '../mm/access.ts';
import {
  PFN_SHIFT,
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_IO,
  VM_PFNMAP,
} from '../mm/flags.ts';
import { follow_end, follow_pfn, follow_start } from '../mm/follow.ts';
import {
  __gup_longterm_locked,
  FOLL_GET,
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_REMOTE,
  FOLL_TOUCH,
  FOLL_WRITE,
  fixup_user_fault,
  get_user_pages_unlocked,
  UNLOCKED,
  unpin_user_page,
  ZERO_PAGE,
} from '../mm/gup.ts';
import { get_user_pages_fast_only } from '../mm/gup-fast.ts';
import { put_page, refcounted_page, try_get_page } from '../mm/page.ts';
import { pfn_of } from '../mm/remote.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vm_flags, vma_lookup } from '../mm/vma.ts';
import { break_rule, why_gup_worked } from './lookup.ts';

/** In what {@link finder} answers: get_user_pages holds the page, or a reference was taken of it. */
export const BY_GUP = 0x100;
export const BY_REF = 0x200;
/** With BY_GUP: which rule lets it. */
const RULE_SHIFT = 4;
/** Of that, what matters to who keeps it: the page, and how it is held. */
export const HELD = (-1 << PFN_SHIFT) | BY_GUP | BY_REF;

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
        yield* again('fixed up', Math.min(err, 0));
        entry = err < 0 ? err : yield* follow_pfn(mm, addr);
      }
      if (entry > 0) entry &= ~(PTE_YOUNG | PTE_DIRTY);
      yield* again('followed', entry);
      const readOnly = entry > 0 && write && !(entry & PTE_WRITE);
      if (yield* guard('the pte_write test', readOnly)) entry = -EPERM;
    }
    yield* mmap_read_unlock(mm);
    return entry;
  },
  'virt/kvm/kvm_main.c',
);

/** @param user whose page it is, for the rules; null: no rule is judged */
type Finder = (mm: number, addr: number, write: number, user: UserPage | null) => Run<number>;

/** Follows, drops the lock, and only then refuses or takes a reference. */
function byFollowing(traits: ConsumerTraits): Finder {
  const { takesPageRef, refusesSpecial, onlyReserved } = traits;
  if (!takesPageRef && !refusesSpecial && !onlyReserved) return hva_to_pfn_remapped;
  return routine(
    'hva_to_pfn',
    function* (mm: number, addr: number, write: number, user: UserPage | null): Run<number> {
      const entry = yield* hva_to_pfn_remapped(mm, addr, write);
      if (entry < 0) return entry;
      if (yield* guard('the pte_special test', refusesSpecial && entry & PTE_SPECIAL))
        return -EINVAL;
      return yield* take_reference(traits, entry, user);
    },
  );
}

/** What becomes of an entry that was followed: refused, or kept with or without a reference. */
function* take_reference(
  traits: ConsumerTraits,
  entry: number,
  user: UserPage | null,
): Run<number> {
  if (!traits.takesPageRef && !traits.onlyReserved) return entry;
  const refcounted = yield* refcounted_page(pte_pfn(entry));
  if (yield* guard('the reserved-page test', traits.onlyReserved && refcounted)) return -EFAULT;
  if (!traits.takesPageRef || !refcounted) return entry;
  if (!(yield* try_get_page(pte_pfn(entry), 1))) return -EFAULT;
  if (entry & PTE_SPECIAL && user) {
    yield* break_rule('R6', `${user.who} takes a page reference through a special PTE`);
  }
  return entry | BY_REF;
}

/** Who in the tree asks get_user_pages first: KVM, and VFIO, which pins for long. */
const KVM = {
  names: ['hva_to_pfn', 'hva_to_pfn_remapped'],
  file: 'virt/kvm/kvm_main.c',
  follows: VM_IO | VM_PFNMAP,
} as const;
const VFIO = {
  names: ['vaddr_get_pfns', 'follow_fault_pfn'],
  file: 'drivers/vfio/vfio_iommu_type1.c',
  follows: VM_PFNMAP,
} as const;

/**
 * 6.1 virt/kvm/kvm_main.c:2667 hva_to_pfn; 6.1 drivers/vfio/vfio_iommu_type1.c:557 vaddr_get_pfns. A
 * fixup that dropped mmap_lock starts over. A reference is taken with the page-table lock held.
 */
function afterGup(traits: ConsumerTraits, judged: boolean): Finder {
  const { names, file, follows } = traits.longTerm ? VFIO : KVM;
  const gup = gup_first[traits.longTerm ? 'pins' : 'gets'];

  const judge = routine(
    names[1],
    function* (entry: number, write: number, user: UserPage | null): Run<number> {
      const refused = traits.refusesSpecial && entry & PTE_SPECIAL;
      if (yield* guard('the pte_special test', refused)) return -EINVAL;
      if (yield* guard('the pte_write test', write && !(entry & PTE_WRITE))) return -EFAULT;
      return yield* take_reference(traits, entry, user);
    },
    file,
  );

  const remapped = routine(
    names[1],
    function* (
      mm: number,
      addr: number,
      write: number,
      vma: number,
      user: UserPage | null,
    ): Run<number> {
      let entry = yield* follow_start(mm, addr, vma);
      if (entry < 0) {
        const fixed = yield* fixup_user_fault(mm, addr, write);
        if (fixed === UNLOCKED) return -EAGAIN;
        if (fixed < 0) return fixed;
        entry = yield* follow_start(mm, addr, vma);
        if (entry < 0) return entry;
      }
      // What the MMU does to the entry meanwhile is of no interest.
      entry &= ~(PTE_YOUNG | PTE_DIRTY);
      yield* again('followed', entry);
      const found = yield* judge(entry, write, user);
      yield* follow_end(mm);
      return found;
    },
    file,
  );

  return routine(
    names[0],
    function* (mm: number, addr: number, write: number, user: UserPage | null): Run<number> {
      const rule = judged ? yield* why_gup_worked(mm, addr) : 0;
      if (traits.longTerm) yield* mmap_read_lock(mm);
      const page = yield* gup(mm, addr, write ? FOLL_WRITE : 0);
      if (page > 0) {
        if (traits.longTerm) yield* mmap_read_unlock(mm);
        const how = BY_GUP | (rule << RULE_SHIFT) | PTE_PRESENT | (write ? PTE_WRITE : 0);
        return (pfn_of(page) << PFN_SHIFT) | how;
      }
      if (!traits.longTerm) yield* mmap_read_lock(mm);
      let found = -EFAULT;
      for (;;) {
        yield* again('retry');
        const vma = yield* vma_lookup(mm, addr);
        if (vma === NO_VMA || !((yield* vm_flags(vma)) & follows)) break;
        found = yield* remapped(mm, addr, write, vma, user);
        if (found !== -EAGAIN) break;
        found = -EFAULT;
      }
      yield* mmap_read_unlock(mm);
      return found;
    },
    file,
  );
}

const gup_first = {
  /** hva_to_pfn_fast and hva_to_pfn_slow */
  gets: routine(
    'hva_to_pfn_slow',
    function* (mm: number, addr: number, write: number): Run<number> {
      if (write) {
        const page = yield* get_user_pages_fast_only(mm, addr, FOLL_GET | write);
        if (page > 0) return page;
      }
      return yield* get_user_pages_unlocked(mm, addr, FOLL_GET | write);
    },
  ),
  /** pin_user_pages_remote(FOLL_LONGTERM), called with mmap_lock held. */
  pins: routine(
    'pin_user_pages_remote',
    function* (mm: number, addr: number, write: number): Run<number> {
      const flags = FOLL_PIN | FOLL_LONGTERM | FOLL_REMOTE | FOLL_TOUCH | write;
      return yield* __gup_longterm_locked(mm, addr, flags);
    },
    'mm/gup.c',
  ),
} as const;

/**
 * How a consumer of these traits looks a PFN up.
 * @param judged whether {@link ruleOf} will be asked
 * @returns a routine that gives the entry, with marks for {@link let_go}; or a negative errno
 */
export function finder(traits: ConsumerTraits, judged = false): Finder {
  return traits.gupFirst ? afterGup(traits, judged) : byFollowing(traits);
}

/** kvm_release_pfn_clean, put_pfn: drops what was taken of the page, if anything was. */
export function releaser(traits: ConsumerTraits): (found: number) => Run<void> {
  const flags = traits.longTerm ? FOLL_PIN : FOLL_GET;
  return routine('release_pfn', function* (found: number): Run<void> {
    const pfn = pte_pfn(found);
    if (found & BY_GUP) yield* unpin_user_page(pfn === 0 ? ZERO_PAGE : pfn, flags);
    else if (found & BY_REF) yield* put_page(pfn, 1);
  });
}

/** The rule that falls if what was found is used when it is no longer true. */
export const ruleOf = (found: number): string =>
  found & BY_GUP ? `R${(found >> RULE_SHIFT) & 0xf}` : found & BY_REF ? 'R6' : 'R8';
