// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
#include <linux/dma-buf.h>

struct ns_type {
	const char *name;
	struct dma_buf_ops buf;
	struct vm_operations_struct vm;
};

static vm_fault_t ns_fault(struct vm_fault *vmf)
{
	struct ns *n = vmf->vma->vm_private_data;
	return vmf_insert_page(vmf->vma, vmf->address, n->pages[vmf->pgoff]);
}

static int ns_mmap(struct dma_buf *d, struct vm_area_struct *vma);
static const struct ns_type ns_types[] = {
	{
		.name = "system",
		.buf = { .mmap = ns_mmap, .release = ns_release, },
		.vm = { .fault = ns_fault, },
	},
};

static int ns_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ns *n = d->priv;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND);
	vma->vm_private_data = n;
	vma->vm_ops = &ns_types[0].vm;
	return 0;
}
