// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// The newer name of call_mmap(), as compatibility headers give it to older kernels.
#include <linux/dma-buf.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

static int vn_prime_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	vma_set_file(vma, obj->filp);
	return vfs_mmap(obj->filp, vma);
}

static struct drm_driver vn_driver = {
	.gem_prime_mmap = vn_prime_mmap,
};
