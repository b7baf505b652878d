// SPDX-License-Identifier: GPL-2.0-or-later
// depends: R1 exporter-pfnmap depends
// depends: R2 exporter-struct-page depends
#include <linux/dma-buf.h>
struct xt { phys_addr_t p; struct page **pg; unsigned long n; };
int xt_do_mmap(struct xt *x, struct vm_area_struct *vma);
static int xt_mmap(struct dma_buf *d, struct vm_area_struct *vma) { return xt_do_mmap(d->priv, vma); }
static struct sg_table *xt_m(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void xt_u(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void xt_r(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops xt_ops = { .map_dma_buf = xt_m, .unmap_dma_buf = xt_u, .mmap = xt_mmap, .release = xt_r };
struct dma_buf *xt_export(struct xt *x)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &xt_ops; e.size = x->n * PAGE_SIZE; e.priv = x;
	return dma_buf_export(&e);
}
