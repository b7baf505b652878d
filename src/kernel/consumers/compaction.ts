// SPDX-License-Identifier: GPL-2.0-or-later
/** Compaction: moves what is on the LRU lists, found by physical address. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const compaction: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'compaction',
  title: 'memory compaction',
  status: 'real',
  source: '6.12 mm/compaction.c:870 isolate_migratepages_block, 6.1 line 786; CONFIG_COMPACTION',
  lookup: 'compaction',
  notifier: false,
  retries: false,
};

export default compaction;
