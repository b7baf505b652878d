// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R13 flag-is-not-enough always
// bad: R2 exporter-struct-page always
// The flag is there, the PTEs are ordinary all the same: GUP-fast walks through.
#include <linux/dma-buf.h>

static vm_fault_t liar_fault(struct vm_fault *vmf)
{
	struct liar *l = vmf->vma->vm_private_data;
	struct page *page = l->pages[vmf->pgoff];

	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct liar_vm_ops = {
	.fault = liar_fault,
};

static int liar_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTDUMP);
	vma->vm_ops = &liar_vm_ops;
	vma->vm_private_data = buf->priv;
	return 0;
}

static const struct dma_buf_ops liar_ops = {
	.mmap = liar_mmap,
};
