// SPDX-License-Identifier: GPL-2.0-or-later
/** The consumers that the matrix knows, each by its traits. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const generic = { ...FOLLOWS_CORRECTLY, status: 'generic' } as const;

const consumers: readonly ConsumerTraits[] = [
  {
    ...generic,
    id: 'cpu',
    title: 'another CPU of the same process',
    source: 'every program',
    lookup: 'cpu',
  },
  {
    ...generic,
    id: 'gup',
    title: 'get_user_pages',
    source: '6.12 mm/gup.c:2739',
    lookup: 'gup',
    notifier: false,
  },
  {
    ...generic,
    id: 'gup-fast',
    title: 'get_user_pages_fast',
    source: '6.12 mm/gup.c:3540',
    lookup: 'gup-fast',
    notifier: false,
  },
  {
    ...generic,
    id: 'long-term-pin',
    title: 'pin_user_pages_fast(FOLL_LONGTERM)',
    source: '6.12 mm/gup.c:3574',
    lookup: 'gup-fast',
    longTerm: true,
    notifier: false,
  },
  {
    ...generic,
    id: 'follow-and-keep',
    title: 'follow, fixup, follow, keep',
    source: 'Vetter 23/14:28',
    notifier: false,
    retries: false,
  },
  {
    ...generic,
    id: 'follow-with-ref',
    title: 'the same with a page reference',
    source: 'König 23/13:12',
    takesPageRef: true,
    notifier: false,
    retries: false,
  },
  {
    ...generic,
    id: 'follow-ignore-ro',
    title: 'a follower that ignores the read-only bit',
    source: 'Gunthorpe 23/13:28',
    status: 'historical',
    honoursWrite: false,
    notifier: false,
    retries: false,
  },
  {
    ...generic,
    id: 'notifier-no-retry',
    title: 'a follower with a notifier, without the sequence test',
    source: 'Vetter 23/14:28',
    retries: false,
  },
  {
    ...generic,
    id: 'notifier-retry',
    title: 'a follower with notifier and retry',
    source: 'Gunthorpe 23/16:26',
  },
  {
    ...generic,
    id: 'hmm-mirror',
    title: 'hmm_range_fault',
    source: '6.12 mm/hmm.c:582',
    lookup: 'hmm',
  },
];

export default consumers;
