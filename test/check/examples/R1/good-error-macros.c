// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R4 R13
// Calls are made inside macros that leave on an error, through a table of a struct that goes by another name,
// whose user gets it as a void pointer; parameters are marked for people to read.
#include <linux/dma-buf.h>
#include <linux/mm.h>

#define IN
#define INOUT

#define heap_try_(prefix, call)						\
	do {								\
		err = call;						\
		if (err < 0) {						\
			prefix##_message(#prefix ": %d", err);		\
			goto out;					\
		}							\
	} while (0)
#define heap_try(call)	heap_try_(heap, call)
#define heap_map(heap, block, area)	((heap)->ops->Map((heap), (block), (area)))

typedef struct heap_block heap_block_t, *heap_block_p;
typedef struct heap *heap_p;

typedef struct heap_operations {
	int (*Map)(heap_p heap, heap_block_p block, struct vm_area_struct *vma);
	void (*Free)(heap_p heap, heap_block_p block);
} heap_operations_t;

struct heap {
	const heap_operations_t *ops;
};

struct heap_block {
	void *heap;
	union {
		struct heap_part {
			unsigned long offset;
		} part;
		unsigned long whole;
	} where;
	struct page *pages;
};

struct heap_queue {
	unsigned long offset;
	void *ring;
};

static int heap_pages_map(IN heap_p heap, IN heap_block_p block, INOUT struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start,
			       page_to_pfn(block->pages) + block->where.part.offset,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static void heap_pages_free(heap_p heap, heap_block_p block)
{
	__free_pages(block->pages, 4);
}

static heap_operations_t heap_pages = {
	.Map = heap_pages_map,
	.Free = heap_pages_free,
};

int heap_block_map(IN void *memory, INOUT void *area)
{
	heap_block_p block;
	heap_p heap;
	int err = 0;

	if (!memory)
		heap_try(-EINVAL);
	block = (heap_block_p)memory;
	heap = block->heap;
	if (!heap->ops->Map)
		heap_try(-EOPNOTSUPP);
	heap_try(heap_map(heap, block, area));
out:
	return err;
}

void heap_queue_go_on(struct heap_queue *queue, unsigned long by)
{
	pr_debug("%lx\n", queue->offset);
	queue->offset = queue->offset + by;
}
EXPORT_SYMBOL(heap_queue_go_on);

static int heap_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	heap_block_t *block = dmabuf->priv;
	int err = 0;

	heap_try(heap_block_map(block, vma));
out:
	return err < 0 ? -EINVAL : 0;
}

static struct sg_table *heap_dmabuf_map(struct dma_buf_attachment *at, enum dma_data_direction dir)
{
	return ERR_PTR(-EIO);
}

static void heap_dmabuf_release(struct dma_buf *dmabuf)
{
	heap_block_p block = dmabuf->priv;
	heap_p heap = block->heap;

	heap->ops->Free(heap, block);
	kfree(block);
}

static const struct dma_buf_ops heap_dmabuf_ops = {
	.map_dma_buf = heap_dmabuf_map,
	.mmap = heap_dmabuf_mmap,
	.release = heap_dmabuf_release,
};

struct dma_buf *heap_export(heap_block_p block, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	heap_p heap = kzalloc(sizeof(*heap), GFP_KERNEL);

	heap->ops = &heap_pages;
	block->heap = heap;
	info.ops = &heap_dmabuf_ops;
	info.size = size;
	info.priv = block;
	return dma_buf_export(&info);
}
EXPORT_SYMBOL(heap_export);
