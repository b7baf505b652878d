// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R13 R14
#include <linux/dma-buf.h>

static vm_fault_t pfn_fault(struct vm_fault *vmf)
{
	struct pfn_buf *b = vmf->vma->vm_private_data;
	vm_fault_t ret;

	mutex_lock(&b->lock);
	if (vmf->pgoff >= b->count)
		ret = VM_FAULT_SIGBUS;
	else
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return ret;
}

static const struct vm_operations_struct pfn_vm_ops = {
	.fault = pfn_fault,
};

static int pfn_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0)
		return -EINVAL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
#else
	vma->vm_flags |= VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
#endif
	vma->vm_ops = &pfn_vm_ops;
	vma->vm_private_data = buf->priv;
	return 0;
}

static const struct dma_buf_ops pfn_ops = {
	.mmap = pfn_mmap,
};
