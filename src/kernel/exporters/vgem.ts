// SPDX-License-Identifier: GPL-2.0-or-later
/** vgem: the GEM shmem helper, mapped through DRM's fake offset. */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const vgem: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'vgem',
  title: 'vgem (GEM shmem helper)',
  status: 'real',
  source: '6.12 drivers/gpu/drm/drm_gem_shmem_helper.c:594',
  setsFlags: ['VM_PFNMAP', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  countsVmas: true,
  ignoresPgoff: true,
  pgoffBase: 0x100000,
};

export default vgem;
