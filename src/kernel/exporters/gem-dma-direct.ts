// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The GEM DMA helper on a device without an IOMMU (CONFIG_DRM_GEM_DMA_HELPER): clears VM_PFNMAP (6.12
 * drm_gem_dma_helper.c:533), then dma_mmap_wc ends in dma_direct_mmap, whose remap_pfn_range sets it
 * again (kernel/dma/direct.c:562, 6.1 :572): the patch's check is silent (Zimmermann 23/08:07, Vetter
 * 23/09:33). Nothing refuses a private mapping, whose vm_pgoff then becomes the PFN (R14).
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const gemDmaDirect: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'gem-dma-direct',
  title: 'GEM DMA helper, DMA direct',
  status: 'real',
  source:
    '6.12 drivers/gpu/drm/drm_gem_dma_helper.c:522, 6.1 :522; CONFIG_DRM_GEM_DMA_HELPER, no IOMMU',
  inserts: 'mmap-remap-range',
  setsFlags: ['VM_DONTEXPAND'],
  clearsFlags: ['VM_PFNMAP'],
  lock: 'none',
  contiguous: true,
  countsVmas: true,
  refusesPrivate: false,
};

export default gemDmaDirect;
