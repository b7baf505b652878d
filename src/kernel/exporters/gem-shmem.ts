// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A GEM shmem object mapped through the DRM device's own file, and purged: after madvise(DONTNEED) the
 * driver's shrinker zaps the mapping and drops the shmem pages (6.12 drm_gem_shmem_helper.c:443, 6.1 :459);
 * faults are SIGBUS from then on (:529). The VMA's use count keeps the pages until its close. An
 * object that is exported as a dma-buf is never purged (include/drm/drm_gem_shmem_helper.h:120,
 * 6.1 :128): that case is vgem. Zap and mark are under the reservation lock, 6.1: pages_lock.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { vgem } from './vgem.ts';

const gemShmem: ExporterTraits = {
  ...vgem,
  id: 'gem-shmem',
  title: 'GEM shmem object, purgeable',
  source: '6.12 drivers/gpu/drm/drm_gem_shmem_helper.c:443, 6.1 :459; CONFIG_DRM_GEM_SHMEM_HELPER',
  object: 'device',
  takesBack: ['revoke'],
};

export default gemShmem;
