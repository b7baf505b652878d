// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * i915 without local memory (CONFIG_DRM_I915): the callback hands the VMA to the mmap of the shmem file
 * behind the object and gives it that file (6.12 i915_gem_dmabuf.c:109, :113; 6.1 :108, :112). What
 * follows is ordinary shared memory: struct pages, no VM_PFNMAP, GUP welcome. The patch's CI warned of
 * it (Patchwork 22/19:43). The VMA no longer holds the dma-buf, only the file.
 */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

const i915Shmem: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'i915-shmem',
  title: 'i915, system memory',
  status: 'real',
  source:
    '6.12 drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c:94, 6.1 :93; CONFIG_DRM_I915, a device without local memory',
  memory: 'shmem',
  inserts: 'file-mmap',
  setsFlags: [],
  refusesPrivate: false,
};

export default i915Shmem;
