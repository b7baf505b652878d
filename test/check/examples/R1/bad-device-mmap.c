// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// good: R4 R5 R13
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

/* Without a callback of the object, PRIME maps as the device does: drm_gem_prime_mmap(). */
struct panel_obj {
	struct drm_gem_object base;
	struct mutex lock;
	unsigned int pins;
	struct page **pages;
};

#define to_panel(obj) container_of(obj, struct panel_obj, base)

static vm_fault_t panel_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct panel_obj *p = to_panel(vma->vm_private_data);
	unsigned long i = (vmf->address - vma->vm_start) >> PAGE_SHIFT;

	if (!p->pages)
		return VM_FAULT_SIGBUS;
	return vmf_insert_page(vma, vmf->address, p->pages[i]);
}

static const struct vm_operations_struct panel_vm_ops = {
	.fault = panel_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static void panel_put(struct panel_obj *p)
{
	if (p->base.import_attach) {
		kvfree(p->pages);
		p->pages = NULL;
		return;
	}
	drm_gem_put_pages(&p->base, p->pages, false, false);
	p->pages = NULL;
}

static void panel_unpin(struct panel_obj *p)
{
	mutex_lock(&p->lock);
	if (--p->pins == 0)
		panel_put(p);
	mutex_unlock(&p->lock);
}

static void panel_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	vunmap(map->vaddr);
	panel_unpin(to_panel(obj));
}

static const struct drm_gem_object_funcs panel_funcs = {
	.vunmap = panel_vunmap,
	.vm_ops = &panel_vm_ops,
};

static int panel_mmap(struct file *filp, struct vm_area_struct *vma)
{
	int ret = drm_gem_mmap(filp, vma);

	if (ret)
		return ret;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, VM_MIXEDMAP, VM_PFNMAP);
#else
	vma->vm_flags &= ~VM_PFNMAP;
	vma->vm_flags |= VM_MIXEDMAP;
#endif
	return 0;
}

static const struct file_operations panel_fops = {
	.open = drm_open,
	.mmap = panel_mmap,
};

static const struct drm_driver panel_driver = {
	.driver_features = DRIVER_GEM,
	.fops = &panel_fops,
};
