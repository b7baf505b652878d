// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "does it work with DMa helpers" (Zimmermann 23/08:07): the GEM DMA helper clears VM_PFNMAP, and what
 * it ends in sets it again (Vetter 23/09:33). That is true of one DMA backend and not of the other.
 */
import { exporterOf } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const user: Act = function* ({ mmap, write, read }) {
  yield* mmap();
  yield* write(0);
  yield* read(0);
};
/** A kernel with the patch. */
const kernel = { patch: 'posted' } as const;

export default [
  story({
    id: 'gem/dma-helper-direct',
    title: 'the GEM DMA helper without an IOMMU: no warning',
    story:
      'The helper clears VM_PFNMAP, dma_mmap_wc() ends in remap_pfn_range(), and that sets it again. When ' +
      'the callback returns the flag is there, and the patch is silent.',
    source: 'Vetter 23/09:33',
    status:
      'real GEM DMA helper (6.12 drivers/gpu/drm/drm_gem_dma_helper.c:522), with the posted patch',
    rules: ['R1'],
    expected: 'safe',
    exporter: exporterOf('gem-dma-direct'),
    mapped: 'no',
    kernel,
    threads: { user },
  }),
  story({
    id: 'gem/dma-helper-iommu',
    title: 'the same helper behind an IOMMU: the flag does not come back',
    story:
      'iommu_dma_mmap() ends in vm_map_pages(), that is vm_insert_page(), which BUGs on VM_PFNMAP: that is ' +
      'what the helper clears it for. Struct pages are mapped, the patch warns, and it is right.',
    source: 'Zimmermann 23/08:07',
    status:
      'real GEM DMA helper behind iommu-dma (6.12 drivers/iommu/dma-iommu.c:1710), with the posted patch',
    rules: ['R1', 'R2'],
    expected: 'violated',
    exporter: exporterOf('gem-dma-iommu'),
    mapped: 'no',
    kernel,
    threads: { user },
  }),
];
