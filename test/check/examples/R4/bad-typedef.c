// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
#include <linux/dma-buf.h>

/* One struct under three names. */
typedef struct named_buf {
	unsigned int count;
	struct page **pages;
} NAMED_BUF, *PNAMED_BUF;

static vm_fault_t named_fault(struct vm_fault *vmf)
{
	PNAMED_BUF b = vmf->vma->vm_private_data;

	if (vmf->pgoff >= b->count)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
}

static const struct vm_operations_struct named_vm_ops = {
	.fault = named_fault,
};

static int named_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &named_vm_ops;
	return 0;
}

static const struct dma_buf_ops named_ops = {
	.mmap = named_mmap,
};

static void named_drop(struct named_buf *b)
{
	unsigned int i;

	for (i = 0; i < b->count; i++)
		__free_page(b->pages[i]);
}

static long named_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	NAMED_BUF *b = file->private_data;

	named_drop(b);
	return 0;
}

static const struct file_operations named_fops = {
	.unlocked_ioctl = named_ioctl,
};
