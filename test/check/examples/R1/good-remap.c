// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1
#include <linux/dma-buf.h>

static int bar_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct bar *b = buf->priv;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (size > b->size)
		return -EINVAL;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return io_remap_pfn_range(vma, vma->vm_start, b->phys >> PAGE_SHIFT, size,
				  vma->vm_page_prot);
}

static const struct dma_buf_ops bar_ops = {
	.release = bar_release,
	.mmap = bar_mmap,
};
