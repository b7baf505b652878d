// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R14 refuse-cow always
#include <drm/drm_gem.h>

static vm_fault_t toy_fault(struct vm_fault *vmf)
{
	struct toy *t = to_toy(vmf->vma->vm_private_data);

	return vmf_insert_pfn(vmf->vma, vmf->address, t->pfn + vmf->pgoff);
}

static const struct vm_operations_struct toy_vm_ops = {
	.fault = toy_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int toy_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static const struct drm_gem_object_funcs toy_funcs = {
	.free = toy_free,
	.mmap = toy_mmap,
	.vm_ops = &toy_vm_ops,
};
