// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * udmabuf of 6.1 (CONFIG_UDMABUF): pages of a memfd, named in vmf->page (line 40); no flag in mmap (49).
 * The pages have a mapping, so GUP-fast of every version takes them.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const udmabuf61: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'udmabuf-6.1',
  title: 'udmabuf of 6.1',
  status: 'real',
  source: '6.1 drivers/dma-buf/udmabuf.c:49; CONFIG_UDMABUF',
  memory: 'shmem',
  inserts: 'fault-vmf-page',
  setsFlags: [],
  lock: 'none',
};

export default udmabuf61;
