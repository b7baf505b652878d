// SPDX-License-Identifier: GPL-2.0-or-later
/** Private anonymous memory, for comparison. No dma-buf, so R1 and R2 say nothing of it. */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const anon: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'anon',
  title: 'anonymous memory (ordinary memory)',
  status: 'real',
  source: '6.12 mm/memory.c:4736, 6.1 mm/memory.c:4137; CONFIG_MMU',
  object: 'anonymous',
  inserts: 'fault-vmf-page',
  setsFlags: [],
  refusesPrivate: false,
};

export default anon;
