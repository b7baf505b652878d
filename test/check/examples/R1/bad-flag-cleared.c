// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// The driver takes VM_PFNMAP away so that it can map pages one by one, and never gives it back.
#include <linux/dma-buf.h>

static int bounce_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct bounce *b = buf->priv;

	vm_flags_mod(vma, VM_MIXEDMAP | VM_DONTEXPAND, VM_PFNMAP);
	return vm_map_pages(vma, b->pages, b->count);
}

static const struct dma_buf_ops bounce_ops = {
	.map_dma_buf = bounce_map,
	.unmap_dma_buf = bounce_unmap,
	.release = bounce_release,
	.mmap = bounce_mmap,
};
