// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
#include <linux/dma-buf.h>

struct inner_buf {
	unsigned int count;
	union {
		struct {
			struct page **pages;
			void **va;
		} sys;
		struct {
			u64 *chunks;
		} vid;
	};
};

static vm_fault_t inner_fault(struct vm_fault *vmf)
{
	struct inner_buf *b = vmf->vma->vm_private_data;

	if (vmf->pgoff >= b->count)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->sys.pages[vmf->pgoff]));
}

static const struct vm_operations_struct inner_vm_ops = {
	.fault = inner_fault,
};

static int inner_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &inner_vm_ops;
	return 0;
}

static const struct dma_buf_ops inner_ops = {
	.mmap = inner_mmap,
};

static long inner_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct inner_buf *b = file->private_data;
	unsigned int i;

	for (i = 0; i < b->count; i++)
		__free_page(b->sys.pages[i]);
	return 0;
}

static const struct file_operations inner_fops = {
	.unlocked_ioctl = inner_ioctl,
};
