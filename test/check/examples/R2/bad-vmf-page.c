// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
#include <linux/dma-buf.h>

static vm_fault_t pages_fault(struct vm_fault *vmf)
{
	struct pages_buf *b = vmf->vma->vm_private_data;

	if (vmf->pgoff >= b->count)
		return VM_FAULT_SIGBUS;
	vmf->page = b->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct pages_vm_ops = {
	.fault = pages_fault,
};

static int pages_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0)
		return -EINVAL;
	vma->vm_ops = &pages_vm_ops;
	vma->vm_private_data = buf->priv;
	return 0;
}

static const struct dma_buf_ops pages_ops = {
	.mmap = pages_mmap,
};
