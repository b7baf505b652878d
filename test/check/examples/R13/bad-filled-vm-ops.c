// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// bad: R13 flag-is-not-enough always
// The handlers are filled in by mmap; vm_insert_page() dies of VM_PFNMAP.
#include <linux/dma-buf.h>
struct lv { struct vm_operations_struct vm_ops; struct page **pages; };
static vm_fault_t lv_fault(struct vm_fault *vmf)
{
	struct lv *b = vmf->vma->vm_private_data;
	return vmf_insert_page(vmf->vma, vmf->address, b->pages[vmf->pgoff]);
}
static int lv_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct vm_operations_struct *ops = devm_kzalloc(lv_dev, sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	ops->fault = lv_fault;
	ops->close = lv_close;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
	vma->vm_ops = ops;
	vma->vm_private_data = d->priv;
	return 0;
}
static const struct dma_buf_ops lv_ops = { .mmap = lv_mmap, .release = lv_release };
