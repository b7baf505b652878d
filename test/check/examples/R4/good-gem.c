// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>
#include <drm/drm_drv.h>

struct g_bo {
	struct drm_gem_object base;
	struct mutex lock;
	u64 vram_addr;
	struct g_mem *mem;
};

#define to_bo(o) container_of(o, struct g_bo, base)
static vm_fault_t g_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct g_bo *bo = to_bo(obj);
	vm_fault_t r;
	dma_resv_lock(obj->resv, NULL);
	r = vmf_insert_pfn(vmf->vma, vmf->address, (bo->vram_addr >> PAGE_SHIFT) + ((vmf->address - vmf->vma->vm_start) >> PAGE_SHIFT));
	dma_resv_unlock(obj->resv);
	return r;
}

static const struct vm_operations_struct g_vm = { .fault = g_fault, .open = drm_gem_vm_open, .close = drm_gem_vm_close };
static int g_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static void g_free(struct drm_gem_object *obj)
{
	struct g_bo *bo = to_bo(obj);
	g_vram_free(bo->vram_addr);
	drm_gem_object_release(obj);
	kfree(bo);
}

static const struct drm_gem_object_funcs g_funcs = { .free = g_free, .mmap = g_mmap, .vm_ops = &g_vm };
static int g_move(struct g_bo *bo, u64 to)
{
	u64 old;
	dma_resv_assert_held(bo->base.resv);
	drm_vma_node_unmap(&bo->base.vma_node, bo->base.dev->anon_inode->i_mapping);
	old = bo->vram_addr;
	g_copy(to, old, bo->base.size);
	bo->vram_addr = to;
	g_vram_free(old);
	return 0;
}

static int g_ioctl_move(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, *(u32 *)data);
	int r;
	dma_resv_lock(obj->resv, NULL);
	r = g_move(to_bo(obj), g_vram_alloc(obj->size));
	dma_resv_unlock(obj->resv);
	drm_gem_object_put(obj);
	return r;
}

static const struct drm_ioctl_desc g_ioctls[] = { DRM_IOCTL_DEF_DRV(G_MOVE, g_ioctl_move, DRM_RENDER_ALLOW), };
