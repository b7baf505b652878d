// SPDX-License-Identifier: GPL-2.0-or-later
/** A memfd, for comparison: ordinary shared memory. No dma-buf, so R1 and R2 say nothing of it. */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const memfd: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'memfd',
  title: 'a memfd (ordinary memory)',
  status: 'real',
  source: '6.12 mm/shmem.c:2806, 6.1 mm/shmem.c:2309; CONFIG_MEMFD_CREATE',
  object: 'memfd',
  memory: 'shmem',
  inserts: 'file-mmap',
  setsFlags: [],
  refusesPrivate: false,
};

export default memfd;
