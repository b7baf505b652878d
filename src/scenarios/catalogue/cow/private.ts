// SPDX-License-Identifier: GPL-2.0-or-later
/** R14, refuse-cow: private writable mappings of PFNs. */
import { MAP_PRIVATE } from '../../../kernel/mm/mmap.ts';
import { exporterOf, like } from '../../cast.ts';
import { type Act, FD, story } from '../../stage.ts';

/** The program asks for a private mapping, and uses it if it gets one. */
const writer: Act = function* ({ mmap, write, read }) {
  if ((yield* mmap(FD, MAP_PRIVATE)) < 0) return;
  yield* write(0);
  yield* read(0);
};
const reader: Act = function* ({ mmap, read }) {
  if ((yield* mmap(FD, MAP_PRIVATE)) < 0) return;
  yield* read(0);
  yield* read(0);
};
const moves: Act = function* ({ move }) {
  yield* move();
};

export default [
  story({
    id: 'cow/fault-bug',
    title: 'a private writable mapping of an exporter that faults PFNs in',
    story:
      'The exporter does not refuse MAP_PRIVATE. The first touch by any user reaches the BUG_ON in ' +
      'vmf_insert_pfn_prot().',
    source: 'R14',
    status: 'hypothetical variant of vgem (6.12 mm/memory.c:2414, 6.1 mm/memory.c:2229)',
    rules: ['R14'],
    expected: 'violated',
    exporter: like('vgem', 'vgem-private', { refusesPrivate: false }),
    mapped: 'no',
    threads: { user: writer },
  }),
  story({
    id: 'cow/fault-refused',
    title: 'the exporter refuses the private mapping',
    story: 'mmap() answers EINVAL, and there is nothing that the user could touch.',
    source: 'R14',
    status: 'real vgem (6.12 drivers/gpu/drm/drm_gem_shmem_helper.c:616)',
    rules: ['R14'],
    expected: 'safe',
    exporter: exporterOf('vgem'),
    mapped: 'no',
    threads: { user: writer },
  }),
  story({
    id: 'cow/remap-hides-from-zap',
    title: 'remap_pfn_range in a private mapping: vm_pgoff becomes the PFN',
    story:
      'No BUG this time: remap_pfn_range() takes a private mapping, and writes the PFN into vm_pgoff to ' +
      'tell copies from originals later. A zap by file offset does not find the VMA any more, and the ' +
      'program goes on reading the page that the buffer has left.',
    source: 'R14',
    status:
      'test module kind rpfn with private mappings (6.12 mm/memory.c:2670, 6.1 mm/memory.c:2515)',
    rules: ['R4', 'R14'],
    expected: 'violated',
    exporter: like('test-rpfn', 'rpfn-private', { refusesPrivate: false, zap: 'before-copy' }),
    mapped: 'no',
    threads: { user: reader, exporter: moves },
  }),
  story({
    id: 'cow/remap-refused',
    title: 'the exporter refuses the private mapping before it remaps',
    story:
      'mmap() answers EINVAL. A mapping that exists is a shared one, whose vm_pgoff stays what the zap ' +
      'goes by.',
    source: 'R14',
    status: 'test module kind rpfn',
    rules: ['R4', 'R14'],
    expected: 'safe',
    exporter: like('test-rpfn', 'rpfn-refuses', { zap: 'before-copy' }),
    mapped: 'no',
    threads: { user: reader, exporter: moves },
  }),
];
