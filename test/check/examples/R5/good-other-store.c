// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <linux/dma-buf.h>

/* A buffer's pages live as long as it does; those of a store are another thing. */
struct kept_buf {
	struct page **pages;
	unsigned int count;
};

typedef struct store_s store_t;

struct store_s {
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

static vm_fault_t kept_fault(struct vm_fault *vmf)
{
	struct kept_buf *b = vmf->vma->vm_private_data;

	if (vmf->pgoff >= b->count)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
}

static const struct vm_operations_struct kept_vm_ops = {
	.fault = kept_fault,
};

static int kept_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &kept_vm_ops;
	return 0;
}

static const struct dma_buf_ops kept_ops = {
	.mmap = kept_mmap,
};

static long store_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	store_t *st = file->private_data;
	unsigned int i;

	if (!st->sys.pages)
		return 0;
	for (i = 0; i < st->count; i++)
		__free_page(st->sys.pages[i]);
	kvfree(st->sys.pages);
	st->sys.pages = NULL;
	return 0;
}

static const struct file_operations store_fops = {
	.unlocked_ioctl = store_ioctl,
};
