// SPDX-License-Identifier: GPL-2.0-or-later
/** KSM: merges equal anonymous pages of VMAs that were offered to it. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const ksm: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'ksm',
  title: 'KSM, asked for by madvise(MADV_MERGEABLE)',
  status: 'real',
  source:
    '6.12 mm/ksm.c:681 vma_ksm_compatible and 1246 write_protect_page, 6.1 lines 2548 and 1024; CONFIG_KSM',
  lookup: 'ksm',
  notifier: false,
  retries: false,
};

export default ksm;
