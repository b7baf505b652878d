// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <linux/dma-buf.h>

struct import_buf {
	struct page **pages;
	unsigned int count;
	struct address_space *mapping;
};

static vm_fault_t import_fault(struct vm_fault *vmf)
{
	struct import_buf *b = vmf->vma->vm_private_data;

	if (!b->pages)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
}

static const struct vm_operations_struct import_vm_ops = {
	.fault = import_fault,
};

static int import_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &import_vm_ops;
	return 0;
}

static void import_free(struct import_buf *b)
{
	unmap_mapping_range(b->mapping, 0, 0, 1);
	kvfree(b->pages);
	kfree(b);
}

static void import_release(struct dma_buf *dmabuf)
{
	import_free(dmabuf->priv);
}

static const struct dma_buf_ops import_ops = {
	.mmap = import_mmap,
	.release = import_release,
};

static struct import_buf *import_new(unsigned int count, bool near)
{
	struct import_buf *b = near ? near_create(count) : far_create(count);

	if (IS_ERR(b))
		return b;
	b->pages = kvmalloc_array(count, sizeof(*b->pages), GFP_KERNEL);
	if (!b->pages || import_fill(b)) {
		unmap_mapping_range(b->mapping, 0, 0, 1);
		import_free(b);
		return ERR_PTR(-ENOMEM);
	}
	return b;
}

static long import_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct import_buf *b = import_new(arg, cmd);

	if (IS_ERR(b))
		return PTR_ERR(b);
	file->private_data = b;
	return 0;
}

static const struct file_operations import_fops = {
	.unlocked_ioctl = import_ioctl,
};
