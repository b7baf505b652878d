// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R10 refcount-check-timing always
// good: R1 R2 R4 R14
// Whoever took a page by a mapping has let go by the time the buffer is released, or is not seen.
#include <linux/dma-buf.h>
#include <linux/scatterlist.h>

struct heap_buf {
	struct sg_table table;
	size_t size;
};

static int heap_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct heap_buf *b = dmabuf->priv;
	unsigned long addr = vma->vm_start;
	struct sg_page_iter piter;
	int ret;

	for_each_sgtable_page(&b->table, &piter, vma->vm_pgoff) {
		struct page *page = sg_page_iter_page(&piter);

		ret = remap_pfn_range(vma, addr, page_to_pfn(page), PAGE_SIZE, vma->vm_page_prot);
		if (ret)
			return ret;
		addr += PAGE_SIZE;
		if (addr >= vma->vm_end)
			return 0;
	}
	return 0;
}

static void heap_release(struct dma_buf *dmabuf)
{
	struct heap_buf *b = dmabuf->priv;
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&b->table, sg, i) {
		struct page *page = sg_page(sg);

		WARN_ON(page_count(page) != 1);
		__free_pages(page, compound_order(page));
	}
	sg_free_table(&b->table);
	kfree(b);
}

static const struct dma_buf_ops heap_buf_ops = {
	.mmap = heap_mmap,
	.release = heap_release,
};
