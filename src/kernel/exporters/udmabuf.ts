// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * udmabuf of 6.12 (CONFIG_UDMABUF): pages of a memfd, inserted by PFN (line 55), one a fault, without
 * a lock: the pages of a buffer are chosen when it is made and pinned (memfd_pin_folios).
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const udmabuf: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'udmabuf',
  title: 'udmabuf',
  status: 'real',
  source: '6.12 drivers/dma-buf/udmabuf.c:62; CONFIG_UDMABUF',
  setsFlags: ['VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  lock: 'none',
  syncsWhatBegan: true,
};

export default udmabuf;
