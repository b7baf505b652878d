// SPDX-License-Identifier: GPL-2.0-or-later
// good: R13
// depends: R2 exporter-struct-page depends
#include <linux/dma-buf.h>

/* Built for pages, mmap and the handler are; built without, neither is. */
struct quirk_buf {
	struct page **pages;
	phys_addr_t start;
};

static vm_fault_t quirk_fault(struct vm_fault *vmf)
{
	struct quirk_buf *b = vmf->vma->vm_private_data;

#if QUIRK_PAGES == 1
	return vmf_insert_page(vmf->vma, vmf->address, b->pages[vmf->pgoff]);
#endif
	return vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(b->start) + vmf->pgoff);
}

static const struct vm_operations_struct quirk_vm_ops = {
	.fault = quirk_fault,
};

static int quirk_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &quirk_vm_ops;
#if QUIRK_PAGES == 1
	vm_flags_mod(vma, VM_MIXEDMAP, VM_PFNMAP);
	return 0;
#endif
	vm_flags_mod(vma, VM_PFNMAP, VM_MIXEDMAP);
	return 0;
}

static const struct dma_buf_ops quirk_ops = {
	.mmap = quirk_mmap,
};
