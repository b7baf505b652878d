// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R14
#include <drm/drm_gem.h>

#define TOY_FLAGS (VM_PFNMAP | VM_DONTEXPAND)

static bool toy_private(struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_SHARED);
}

static vm_fault_t toy_fault(struct vm_fault *vmf)
{
	struct toy *t = to_toy(vmf->vma->vm_private_data);

	return vmf_insert_pfn(vmf->vma, vmf->address, t->pfn + vmf->pgoff);
}

static const struct vm_operations_struct toy_vm_ops = {
	.fault = toy_fault,
};

static int toy_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret = -EINVAL;

	if (toy_private(vma))
		goto out;
	vm_flags_set(vma, TOY_FLAGS);
	ret = 0;
out:
	return ret;
}

static const struct drm_gem_object_funcs toy_funcs = {
	.mmap = toy_mmap,
	.vm_ops = &toy_vm_ops,
};
