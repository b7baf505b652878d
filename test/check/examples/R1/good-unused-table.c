// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct ur { struct page **pg; phys_addr_t p; };
static int ur_mmap_bad(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ur *u = d->priv;
	return vm_insert_page(vma, vma->vm_start, u->pg[0]);
}
static int ur_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ur *u = d->priv;
	return vm_iomap_memory(vma, u->p, PAGE_SIZE);
}
static struct sg_table *ur_m(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void ur_u(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void ur_r(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops ur_old_ops __maybe_unused = { .map_dma_buf = ur_m, .unmap_dma_buf = ur_u, .mmap = ur_mmap_bad, .release = ur_r };
static const struct dma_buf_ops ur_ops = { .map_dma_buf = ur_m, .unmap_dma_buf = ur_u, .mmap = ur_mmap, .release = ur_r };
struct dma_buf *ur_export(struct ur *u)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &ur_ops; e.size = PAGE_SIZE; e.priv = u;
	return dma_buf_export(&e);
}
