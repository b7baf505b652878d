// SPDX-License-Identifier: GPL-2.0-or-later
/** A device that shares the process's page table. */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { type Run, routine } from '../../explore/program.ts';
import { sva_access } from '../iommu/sva.ts';
import type { UserPage } from '../mm/access.ts';
import { type ConsumerProgram, note_lookup } from './lookup.ts';

const VALUE = 2;

/** Writes and reads by virtual address. */
export function sharesPageTable(traits: ConsumerTraits): ConsumerProgram {
  return routine(
    traits.id,
    function* (mm: number, addr: number, h: number, user: UserPage): Run<void> {
      const got = yield* sva_access(h, mm, addr, 1, VALUE, user);
      yield* note_lookup(mm, addr, got >= 0 ? 1 : 0);
      yield* sva_access(h, mm, addr, 0, 0, user);
    },
  );
}
