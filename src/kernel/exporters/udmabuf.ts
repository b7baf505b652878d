// SPDX-License-Identifier: GPL-2.0-or-later
/** udmabuf of 6.12: pages of a memfd by PFN; one page a fault. */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const udmabuf: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'udmabuf',
  title: 'udmabuf',
  status: 'real',
  source: '6.12 drivers/dma-buf/udmabuf.c:43',
  setsFlags: ['VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
};

export default udmabuf;
