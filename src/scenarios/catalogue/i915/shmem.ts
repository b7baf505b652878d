// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the patch's CI lit up with (Patchwork 22/19:43): i915 hands the VMA of a dma-buf to the mmap of
 * the shmem file behind the object. WARN_ON_ONCE says so once per boot.
 */
import { exporter } from '../../../kernel/dma-buf/exporter.ts';
import {
  MAP_PRIVATE,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
} from '../../../kernel/mm/mmap.ts';
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, MM, story } from '../../stage.ts';

const i915 = exporterOf('i915-shmem');
const vgem = exporter(exporterOf('vgem'));
const VGEM_FD = 1;

const maps: Act = function* ({ mmap }) {
  yield* mmap();
};
const mapsTwice: Act = function* ({ mmap, munmap }) {
  yield* mmap();
  yield* munmap();
  yield* mmap();
};
/** A private mapping of a conforming exporter: refused, and warned of all the same (R16). */
const asksVgemForPrivate: Act = function* () {
  yield* vgem.create(MM, VGEM_FD, 1);
  const at = mmapTarget(VGEM_FD, 0);
  yield* sys_mmap(MM, 0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, at);
};

export default [
  story({
    id: 'i915/shmem-warns',
    title: 'i915 shmem on a kernel with the patch',
    story:
      'The callback returns 0, and the VMA is an ordinary mapping of shared memory: no VM_PFNMAP, struct ' +
      'pages. The patch warns, and rightly so; the second time it says nothing, though nothing is better.',
    source: 'Vetter 22/17:08',
    status: 'real i915 without local memory (6.12 drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c:94)',
    rules: ['R1'],
    expected: 'violated',
    exporter: i915,
    mapped: 'no',
    kernel: { patch: 'posted' },
    threads: { program: mapsTwice },
    end: (k) => {
      if (k.patch_warned.get(0)) return;
      k.mem.report({ severity: 'breaks', rule: 'R16', text: 'the patch has not warned' });
    },
  }),
  story({
    id: 'i915/false-warning-hides-it',
    title: 'the same after a false warning',
    story:
      'Somebody asked vgem for a private mapping first. vgem refused, the posted patch warned of it, and ' +
      'that was the one warning of this boot: of i915 nothing is heard.',
    source: 'R16',
    status: 'the posted patch on real vgem and real i915',
    rules: ['R16', 'R1'],
    expected: 'violated',
    exporter: i915,
    mapped: 'no',
    kernel: { patch: 'posted', fds: 2, files: 4, buffers: 2, pages: 4 },
    threads: {
      program: function* (at) {
        yield* asksVgemForPrivate(at);
        yield* maps(at);
      },
    },
  }),
  story({
    id: 'i915/shmem-gup',
    title: 'what can be done with such a mapping',
    story:
      'get_user_pages() succeeds, on both paths: the mapping is as good as that of a memfd. As long as i915 ' +
      'does not take the pages back, only rules fall.',
    source: 'Vetter 22/17:08',
    status: 'real i915 without local memory, real GUP',
    rules: ['R1', 'R2'],
    expected: 'violated',
    exporter: i915,
    mapped: 'no',
    threads: { program: maps, gup: consumerOf('gup-fast') },
  }),
  story({
    id: 'i915/shmem-by-pfn',
    title: 'the same memory, faulted in by PFN',
    story:
      'A callback of its own that sets VM_PFNMAP, and a fault handler that inserts PFNs of the shmem pages, ' +
      'as the GEM shmem helper has them: the patch is silent, and GUP refuses.',
    source: 'Vetter 22/17:08',
    status:
      'hypothetical variant of i915, as the GEM shmem helper is (“patches to fix up vgem landed”)',
    rules: ['R1', 'R2'],
    expected: 'safe',
    exporter: like('i915-shmem', 'i915-faults-pfns', {
      inserts: 'fault-pfn',
      setsFlags: ['VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
      refusesPrivate: true,
    }),
    mapped: 'no',
    kernel: { patch: 'posted' },
    threads: { program: mapsTwice, gup: consumerOf('gup-fast') },
  }),
];
