// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// A list macro hands its items to the macros that make functions and tables; one of three is bad.
#include <linux/dma-buf.h>
struct hb { struct page *page; phys_addr_t base; size_t size; void *va; };
#define HEAP_LIST(X) \
	X(cma,   remap_pfn_range(vma, vma->vm_start, page_to_pfn(b->page), b->size, vma->vm_page_prot)) \
	X(carve, vm_iomap_memory(vma, b->base, b->size)) \
	X(vm,    remap_vmalloc_range(vma, b->va, vma->vm_pgoff))
#define DEFINE_HEAP_MMAP(name, how) \
static int name##_mmap(struct dma_buf *d, struct vm_area_struct *vma) \
{ \
	struct hb *b = d->priv; \
	if (vma->vm_end - vma->vm_start > b->size) \
		return -EINVAL; \
	return how; \
}
HEAP_LIST(DEFINE_HEAP_MMAP)
#define DEFINE_HEAP_OPS(name, how) static const struct dma_buf_ops name##_ops = { .mmap = name##_mmap, .release = hb_release };
HEAP_LIST(DEFINE_HEAP_OPS)
#define HEAP_ENTRY(name, how) [HEAP_##name] = &name##_ops,
static const struct dma_buf_ops *const heap_ops[] = { HEAP_LIST(HEAP_ENTRY) };
struct dma_buf *hb_export(struct hb *b, int kind)
{
	DEFINE_DMA_BUF_EXPORT_INFO(i);
	i.ops = heap_ops[kind];
	i.size = b->size;
	i.priv = b;
	return dma_buf_export(&i);
}
