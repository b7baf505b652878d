// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R14
#include <drm/drm_gem_shmem_helper.h>

static const struct drm_gem_object_funcs helped_funcs = {
	.free = drm_gem_shmem_object_free,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};
