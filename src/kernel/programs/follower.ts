// SPDX-License-Identifier: GPL-2.0-or-later
/** Consumers that use a PFN without a notifier: nobody tells them when it stops being true. */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { again, type Run, routine } from '../../explore/program.ts';
import { access_page, type UserPage } from '../mm/access.ts';
import { PTE_WRITE, pte_pfn, VM_IO, VM_PFNMAP } from '../mm/flags.ts';
import { follow_end, follow_start } from '../mm/follow.ts';
import { mmap_read_lock, mmap_read_unlock, NO_VMA, vm_flags, vma_lookup } from '../mm/vma.ts';
import { finder, HELD, releaser, ruleOf } from './find.ts';
import { type ConsumerProgram, note_lookup, writes_read_only } from './lookup.ts';

const VALUE = 2;

/** Looks up, writes, reads if it is there for longer than one transfer, lets go. */
export function keeps(traits: ConsumerTraits): ConsumerProgram {
  const find = finder(traits, true);
  const release = releaser(traits);
  // Who ignores the read-only bit looks up for reading, and writes all the same (R7).
  const asks = traits.honoursWrite ? 1 : 0;
  return routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      const found = yield* find(mm, addr, asks, user);
      const held = found < 0 ? -1 : found & (HELD | PTE_WRITE);
      const why = found < 0 ? '' : ruleOf(found);
      yield* again('found', held, why);
      yield* note_lookup(mm, addr, held > 0 ? 1 : 0);
      if (held < 0) return;
      const pfn = pte_pfn(held);
      if (!(held & PTE_WRITE)) yield* writes_read_only(user);
      yield* access_page(pfn, 1, 0, VALUE, user, why);
      if (traits.keeps !== 'one-transfer') yield* access_page(pfn, 0, 0, 0, user, why);
      yield* again('used', held & HELD);
      yield* release(held & HELD);
    },
  );
}

/** Uses what it follows between follow_pfnmap_start and follow_pfnmap_end, where it is true. */
export function looksUnderLock(traits: ConsumerTraits): ConsumerProgram {
  const asks = traits.honoursWrite ? 1 : 0;
  return routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      yield* mmap_read_lock(mm);
      const vma = yield* vma_lookup(mm, addr);
      const follows = vma !== NO_VMA && (yield* vm_flags(vma)) & (VM_IO | VM_PFNMAP);
      const entry = follows ? yield* follow_start(mm, addr, vma) : -1;
      const usable = entry > 0 && (!asks || (entry & PTE_WRITE) !== 0);
      yield* note_lookup(mm, addr, usable ? 1 : 0);
      if (usable) {
        if (!(entry & PTE_WRITE)) yield* writes_read_only(user);
        yield* access_page(pte_pfn(entry), 1, 0, VALUE, user, 'R8');
      }
      if (entry > 0) yield* follow_end(mm);
      yield* mmap_read_unlock(mm);
    },
  );
}
