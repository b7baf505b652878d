// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R13 flag-is-not-enough always
#include <linux/dma-buf.h>

static vm_fault_t vi_fault(struct vm_fault *vmf)
{
	struct vi *p = vmf->vma->vm_private_data;
	vmf->page = vmalloc_to_page(p->vaddr + (vmf->pgoff << PAGE_SHIFT));
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vi_vm = { .fault = vi_fault };
static int vi_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &vi_vm;
	vma->vm_private_data = d->priv;
	return 0;
}

static const struct dma_buf_ops vi_ops = { .mmap = vi_mmap, .release = vi_release };
