// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * i915 with local memory (CONFIG_DRM_I915, HAS_LMEM): the dma-buf's mmap ends in i915_gem_object_mmap (6.12
 * i915_gem_mman.c:1013 sets the flags), its faults in TTM's handler under the object's lock
 * (i915_gem_ttm.c:1039, 6.1 :987). The VMA gets a file of i915's own, whose address_space is the
 * device's (i915_gem_mman.c:982): a move finds it (i915_ttm_unmap_virtual, :1199, 6.1 :1126).
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { ttm } from './ttm.ts';

const i915Lmem: ExporterTraits = {
  ...ttm,
  id: 'i915-lmem',
  title: 'i915, local memory',
  source:
    '6.12 drivers/gpu/drm/i915/gem/i915_gem_mman.c:991, 6.1 :973; CONFIG_DRM_I915, a device with local memory',
  refusesPrivate: false,
};

export default i915Lmem;
