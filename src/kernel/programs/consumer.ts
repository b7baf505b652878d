// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A consumer from its traits: what its thread does. The named ones (KVM, VFIO, an HMM mirror, direct
 * I/O) are trait sets over these programs.
 */
import type { ConsumerTraits, Lookup } from '../../contract/traits.ts';
import { type Run, routine } from '../../explore/program.ts';
import { type UserPage, user_access } from '../mm/access.ts';
import {
  NOTIFIER_INTERVAL,
  NOTIFIER_LIST,
  NOTIFIER_NONE,
  NOTIFIER_SECONDARY_TLB,
} from '../mm/mmu_notifier.ts';
import { sharesPageTable } from './device.ts';
import { keeps, looksUnderLock } from './follower.ts';
import { readsTablePages } from './importer.ts';
import { type ConsumerProgram, note_lookup } from './lookup.ts';
import { hintsPages, mergesPages, movesPages } from './movers.ts';
import { believesPgoff, isNotified, mirrors } from './notified.ts';
import { takesPages } from './pages.ts';

const other_cpu = routine(
  'other_cpu',
  function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
    const got = yield* user_access(mm, addr, 1, 0, 2, user);
    yield* note_lookup(mm, addr, got >= 0 ? 1 : 0);
    yield* user_access(mm, addr, 0, 0, 0, user);
  },
);

const follows = (traits: ConsumerTraits): ConsumerProgram =>
  traits.notifier
    ? isNotified(traits)
    : traits.keeps === 'under-lock'
      ? looksUnderLock(traits)
      : keeps(traits);

const PROGRAMS: Readonly<Record<Lookup, (traits: ConsumerTraits) => ConsumerProgram>> = {
  cpu: () => other_cpu,
  gup: takesPages,
  'gup-fast': takesPages,
  follow: follows,
  hmm: mirrors,
  'vm-pgoff': believesPgoff,
  'page-table': sharesPageTable,
  'sg-table': readsTablePages,
  compaction: movesPages,
  ksm: mergesPages,
  'numa-balancing': hintsPages,
};

const built = new WeakMap<ConsumerTraits, ConsumerProgram>();

/** What the consumer's thread does with page `addr` of the user: looks it up, uses it, lets go. */
export function consumer(traits: ConsumerTraits): ConsumerProgram {
  let made = built.get(traits);
  if (!made) built.set(traits, (made = PROGRAMS[traits.lookup](traits)));
  return made;
}

/** The kind of notifier that the traits register at the start. */
export function notifierKind({ lookup, notifier }: ConsumerTraits): number {
  if (!notifier) return NOTIFIER_NONE;
  switch (lookup) {
    case 'hmm':
      return NOTIFIER_INTERVAL;
    case 'page-table':
      return NOTIFIER_SECONDARY_TLB;
    case 'follow':
    case 'vm-pgoff':
      return NOTIFIER_LIST;
    default:
      return NOTIFIER_NONE;
  }
}
