// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// good: R2
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct c5 { phys_addr_t pa; size_t len; };
static int c5_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct c5 *c = d->priv;
	vm_flags_t saved = vma->vm_flags;
	int ret;

	ret = remap_pfn_range(vma, vma->vm_start, c->pa >> PAGE_SHIFT, c->len, vma->vm_page_prot);
	if (ret)
		return ret;
	/* dump our buffers */
	vm_flags_clear(vma, VM_IO | VM_PFNMAP | VM_DONTDUMP);
	(void)saved;
	return 0;
}

static struct sg_table *c5_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void c5_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void c5_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops c5_ops = {
	.map_dma_buf = c5_map,
	.unmap_dma_buf = c5_unmap,
	.release = c5_rel,
	.mmap = c5_mmap,
};
struct dma_buf *c5_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &c5_ops;
	e.size = size;
	e.priv = priv;
	return dma_buf_export(&e);
}
