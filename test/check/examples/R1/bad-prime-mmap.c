// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// drm_driver.gem_prime_mmap, as drivers had it until 6.6.
#include <drm/drm_gem.h>
#include <drm/drm_drv.h>

static int lp_prime_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct lp_bo *bo = to_lp(obj);
	int ret = drm_gem_mmap_obj(obj, obj->size, vma);
	if (ret < 0)
		return ret;
	vma->vm_flags &= ~VM_PFNMAP;
	vma->vm_flags |= VM_MIXEDMAP;
	return vm_insert_page(vma, vma->vm_start, bo->pages[0]);
}

static const struct drm_driver lp_driver = { .driver_features = DRIVER_GEM, .prime_handle_to_fd = drm_gem_prime_handle_to_fd, .gem_prime_mmap = lp_prime_mmap };
