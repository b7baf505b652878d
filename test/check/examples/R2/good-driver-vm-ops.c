// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2
// Objects of an old driver have no functions; their vm_ops stand in the driver's table.
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

struct dv_bo {
	struct drm_gem_object base;
	struct page **pages;
};

static vm_fault_t dv_fault(struct vm_fault *vmf)
{
	struct dv_bo *bo = vmf->vma->vm_private_data;
	unsigned long n = (vmf->address - vmf->vma->vm_start) >> PAGE_SHIFT;

	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(bo->pages[n]));
}

static const struct vm_operations_struct dv_vm_ops = {
	.fault = dv_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int dv_prime_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	return drm_gem_mmap_obj(obj, obj->size, vma);
}

static struct drm_driver dv_driver = {
	.driver_features = DRIVER_GEM,
	.gem_vm_ops = &dv_vm_ops,
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,
	.gem_prime_mmap = dv_prime_mmap,
};
