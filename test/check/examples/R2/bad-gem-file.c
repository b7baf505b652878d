// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// The file of a GEM object is shmem's, and its mmap no other file system's.
#include <linux/dma-buf.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

static int gf_prime_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret;

	if (!obj->filp)
		return -ENODEV;
	ret = obj->filp->f_op->mmap(obj->filp, vma);
	if (ret)
		return ret;
	vma_set_file(vma, obj->filp);
	return 0;
}

static struct drm_driver gf_driver = {
	.gem_prime_mmap = gf_prime_mmap,
};
