// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * vgem (CONFIG_DRM_VGEM): the GEM shmem helper, mapped through DRM's fake offset. The handler counts
 * pages from the start of the VMA and never looks at vm_pgoff (drm_gem_shmem_helper.c:523). It is under
 * the reservation lock; in 6.1 under a mutex of the object (6.1 :553), which comes to the same.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const vgem: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'vgem',
  title: 'vgem (GEM shmem helper)',
  status: 'real',
  source: '6.12 drivers/gpu/drm/drm_gem_shmem_helper.c:594, 6.1 :619; CONFIG_DRM_VGEM',
  setsFlags: ['VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  countsVmas: true,
  ignoresPgoff: true,
  pgoff: 'fake-offset',
};

export default vgem;
