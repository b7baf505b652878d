// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R14 refuse-cow some-paths
#include <linux/dma-buf.h>

static vm_fault_t cl_fault(struct vm_fault *vmf)
{
	struct cl *c = vmf->vma->vm_private_data;
	return vmf_insert_pfn(vmf->vma, vmf->address, c->pfns[vmf->pgoff]);
}

static const struct vm_operations_struct cl_vm = { .fault = cl_fault };
static int cl_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct cl *c = d->priv;
	if ((vma->vm_flags & VM_WRITE) && c->ro)
		return -EPERM;
	if (c->ro)
		vm_flags_clear(vma, VM_MAYWRITE);
	vm_flags_set(vma, VM_PFNMAP | VM_DONTDUMP | VM_DONTEXPAND);
	vma->vm_private_data = c;
	vma->vm_ops = &cl_vm;
	return 0;
}

static const struct dma_buf_ops cl_ops = { .mmap = cl_mmap, .release = cl_release };
