// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The GEM DMA helper behind iommu-dma (CONFIG_IOMMU_DMA): memory is a vmalloc'ed array of pages, and
 * dma_mmap_wc ends in vm_map_pages, that is vm_insert_page (drivers/iommu/dma-iommu.c:1710, 6.1 :1503;
 * 32-bit ARM: arch/arm/mm/dma-mapping.c:1132, 6.1 :1147). That is what VM_PFNMAP is cleared for:
 * vm_insert_page BUGs on it. The same driver as gem-dma-direct, and not clean.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { gemDmaDirect } from './gem-dma-direct.ts';

const gemDmaIommu: ExporterTraits = {
  ...gemDmaDirect,
  id: 'gem-dma-iommu',
  title: 'GEM DMA helper behind an IOMMU',
  source:
    '6.12 drivers/gpu/drm/drm_gem_dma_helper.c:522 and drivers/iommu/dma-iommu.c:1710, 6.1 :522 and ' +
    ':1503; CONFIG_DRM_GEM_DMA_HELPER, CONFIG_IOMMU_DMA',
  inserts: 'mmap-insert-page',
  contiguous: false,
};

export default gemDmaIommu;
