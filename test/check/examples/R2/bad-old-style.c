// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// bad: R1 exporter-pfnmap always
/* driver of a time, 1998 style */
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct kr { struct page *pg; };
static int
kr_mmap(d, vma)
	struct dma_buf *d;
	struct vm_area_struct *vma;
{
	struct kr *k = d->priv;
	int rc;

	if ((rc = vm_insert_page(vma, vma->vm_start, k->pg)) != 0)
		return (rc);
	return (0);
}
static struct sg_table *kr_m(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void kr_u(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void kr_r(d) struct dma_buf *d; { kfree(d->priv); }
static struct dma_buf_ops kr_ops = { map_dma_buf: kr_m, unmap_dma_buf: kr_u, mmap: kr_mmap, release: kr_r };
struct dma_buf *kr_export(struct kr *p)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &kr_ops; e.size = PAGE_SIZE; e.priv = p;
	return dma_buf_export(&e);
}
