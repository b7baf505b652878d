// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap some-paths
// Only one kind of buffer gets the flag; the other is mapped by a helper of another sort.
#include <linux/dma-buf.h>

static int map_carveout(struct two *t, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start, t->pfn, vma->vm_end - vma->vm_start,
			       vma->vm_page_prot);
}

static int map_pages(struct two *t, struct vm_area_struct *vma)
{
	unsigned long addr = vma->vm_start;
	int i, ret;

	for (i = 0; i < t->count; i++) {
		ret = vm_insert_page(vma, addr, t->pages[i]);
		if (ret)
			return ret;
		addr += PAGE_SIZE;
	}
	return 0;
}

static int two_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct two *t = buf->priv;

	return t->carveout ? map_carveout(t, vma) : map_pages(t, vma);
}

static const struct dma_buf_ops two_ops = {
	.mmap = two_mmap,
};
