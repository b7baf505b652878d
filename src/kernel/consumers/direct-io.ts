// SPDX-License-Identifier: GPL-2.0-or-later
/** Direct I/O on a block device: pages by GUP-fast (6.12 pins them), one transfer, let go. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const directIo: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'direct-io',
  title: 'read(2) and write(2) with O_DIRECT',
  status: 'real',
  source: '6.12 block/bio.c:1327 __bio_iov_iter_get_pages, 6.1 line 1191; CONFIG_BLOCK',
  lookup: 'gup-fast',
  keeps: 'one-transfer',
  notifier: false,
  retries: false,
};

export default directIo;
