// SPDX-License-Identifier: GPL-2.0-or-later
/** An importer that takes the struct pages of an sg_table, without and with CONFIG_DMABUF_DEBUG. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const reader: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'sg-page-reader',
  title: 'an importer that uses struct pages of an sg_table',
  status: 'generic',
  source: 'Vetter 22/17:08; what 6.12 drivers/dma-buf/dma-buf.c:776 is there to catch',
  lookup: 'sg-table',
  notifier: false,
  retries: false,
};

const consumers: readonly ConsumerTraits[] = [
  reader,
  {
    ...reader,
    id: 'sg-page-reader-debug',
    title: 'the same on a kernel with CONFIG_DMABUF_DEBUG',
    dmabufDebug: true,
  },
];

export default consumers;
