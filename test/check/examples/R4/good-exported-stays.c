// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5 R14
// What is exported is never purged: the export counts as a user.
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <linux/dma-mapping.h>

struct stay_bo {
	struct drm_gem_object base;
	struct mutex lock;
	struct page **pages;
	refcount_t users;
};

static int stay_use(struct stay_bo *bo)
{
	mutex_lock(&bo->lock);
	if (!refcount_inc_not_zero(&bo->users))
		refcount_set(&bo->users, 1);
	mutex_unlock(&bo->lock);
	return 0;
}

static struct dma_buf *stay_export(struct drm_gem_object *obj, int flags)
{
	struct stay_bo *bo = container_of(obj, struct stay_bo, base);

	if (stay_use(bo))
		return ERR_PTR(-ENOMEM);
	return drm_gem_prime_export(obj, flags);
}

static vm_fault_t stay_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct stay_bo *bo = container_of(obj, struct stay_bo, base);
	unsigned long n = vmf->pgoff - drm_vma_node_start(&obj->vma_node);

	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(bo->pages[n]));
}

static const struct vm_operations_struct stay_vm_ops = {
	.fault = stay_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int stay_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
	return 0;
}

static const struct drm_gem_object_funcs stay_funcs = {
	.export = stay_export,
	.mmap = stay_mmap,
	.vm_ops = &stay_vm_ops,
};

int stay_purge_ioctl(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, *(u32 *)data);
	struct stay_bo *bo = container_of(obj, struct stay_bo, base);

	mutex_lock(&bo->lock);
	if (!refcount_read(&bo->users)) {
		drm_gem_put_pages(obj, bo->pages, false, false);
		bo->pages = NULL;
	}
	mutex_unlock(&bo->lock);
	drm_gem_object_put(obj);
	return 0;
}

static const struct drm_ioctl_desc stay_ioctls[] = {
	DRM_IOCTL_DEF_DRV(STAY_PURGE, stay_purge_ioctl, DRM_RENDER_ALLOW),
};

struct drm_gem_object *stay_create(struct drm_device *dev, size_t size)
{
	struct stay_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);

	bo->base.funcs = &stay_funcs;
	mutex_init(&bo->lock);
	drm_gem_object_init(dev, &bo->base, size);
	return &bo->base;
}
