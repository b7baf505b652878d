// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R13 R14
// The heap of a buffer maps it, chunk by chunk.
#include <linux/dma-buf.h>

struct ion_heap; struct ion_buffer;
struct ion_heap_ops {
	int (*map_user)(struct ion_heap *h, struct ion_buffer *b, struct vm_area_struct *vma);
};

struct ion_heap {
	const struct ion_heap_ops *ops;
};

struct ion_buffer {
	struct ion_heap *heap;
	struct sg_table *sg_table;
	struct mutex lock;
};

int ion_heap_map_user(struct ion_heap *heap, struct ion_buffer *buffer, struct vm_area_struct *vma)
{
	struct sg_table *table = buffer->sg_table;
	unsigned long addr = vma->vm_start;
	unsigned long offset = vma->vm_pgoff * PAGE_SIZE;
	struct scatterlist *sg;
	int i, ret;
	for_each_sg(table->sgl, sg, table->nents, i) {
		struct page *page = sg_page(sg);
		unsigned long remainder = vma->vm_end - addr;
		unsigned long len = sg->length;
		if (offset >= sg->length) { offset -= sg->length; continue; }
		else if (offset) { page += offset / PAGE_SIZE; len = sg->length - offset; offset = 0; }
		len = min(len, remainder);
		ret = remap_pfn_range(vma, addr, page_to_pfn(page), len, vma->vm_page_prot);
		if (ret) return ret;
		addr += len;
		if (addr >= vma->vm_end) return 0;
	}
	return 0;
}

static struct ion_heap_ops system_heap_ops = { .map_user = ion_heap_map_user };
static struct ion_heap system_heap = { .ops = &system_heap_ops };
static int ion_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct ion_buffer *buffer = dmabuf->priv;
	int ret;
	if (!buffer->heap->ops->map_user) { pr_err("no\n"); return -EINVAL; }
	mutex_lock(&buffer->lock);
	ret = buffer->heap->ops->map_user(buffer->heap, buffer, vma);
	mutex_unlock(&buffer->lock);
	if (ret) pr_err("fail\n");
	return ret;
}

static const struct dma_buf_ops dma_buf_ops = { .mmap = ion_mmap, .release = ion_dma_buf_release };
