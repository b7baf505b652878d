// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// bad: R1 exporter-pfnmap always
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct ps { int kind; struct page *pg; };
struct ps_kind { const char *name; struct dma_buf_ops ops; int flags; };
static int ps_mm_page(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ps *p = d->priv;
	return vm_insert_page(vma, vma->vm_start, p->pg);
}
static int ps_mm_pfn(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ps *p = d->priv;
	return remap_pfn_range(vma, vma->vm_start, page_to_pfn(p->pg), PAGE_SIZE, vma->vm_page_prot);
}
static struct sg_table *ps_m(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void ps_u(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void ps_r(struct dma_buf *d) { kfree(d->priv); }
static const struct ps_kind kinds[] = {
	{ "page", { .map_dma_buf = ps_m, .unmap_dma_buf = ps_u, .release = ps_r, .mmap = ps_mm_page }, 0 },
	{ "pfn", { .map_dma_buf = ps_m, .unmap_dma_buf = ps_u, .release = ps_r, .mmap = ps_mm_pfn }, 1 },
};
struct dma_buf *ps_export(struct ps *p)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &kinds[p->kind].ops; e.size = PAGE_SIZE; e.priv = p;
	return dma_buf_export(&e);
}
