// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The flag without the entries: an exporter that sets VM_PFNMAP, as the patch asks, and goes on naming
 * struct pages in vmf->page. udmabuf of 6.1 with one line added, and moving. The slow path of GUP refuses by
 * the flag, the fast path looks at the entry alone (R13).
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const liar: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'liar',
  title: 'VM_PFNMAP set, struct pages inserted all the same',
  status: 'hypothetical',
  source: 'R13',
  memory: 'shmem',
  inserts: 'fault-vmf-page',
  takesBack: ['move'],
};

export default liar;
