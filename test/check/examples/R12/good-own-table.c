// SPDX-License-Identifier: GPL-2.0-or-later
// good: R12 R1 R2
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct os { struct sg_table table; size_t len; };
static int os_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct os *o = d->priv;
	struct sg_page_iter it;
	unsigned long a = vma->vm_start;
	int r;

	for_each_sgtable_page(&o->table, &it, vma->vm_pgoff) {
		r = remap_pfn_range(vma, a, page_to_pfn(sg_page_iter_page(&it)), PAGE_SIZE, vma->vm_page_prot);
		if (r)
			return r;
		a += PAGE_SIZE;
		if (a >= vma->vm_end)
			return 0;
	}
	return 0;
}
static struct sg_table *os_m(struct dma_buf_attachment *a, enum dma_data_direction d)
{
	struct os *o = a->dmabuf->priv;
	struct sg_table *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct scatterlist *s, *n;
	int i;

	sg_alloc_table(t, o->table.orig_nents, GFP_KERNEL);
	n = t->sgl;
	for_each_sgtable_sg(&o->table, s, i) {
		sg_set_page(n, sg_page(s), s->length, s->offset);
		n = sg_next(n);
	}
	if (dma_map_sgtable(a->dev, t, d, 0))
		return ERR_PTR(-ENOMEM);
	return t;
}
static void os_u(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d)
{ dma_unmap_sgtable(a->dev, s, d, 0); sg_free_table(s); kfree(s); }
static void os_r(struct dma_buf *d)
{
	struct os *o = d->priv;
	struct scatterlist *s;
	int i;
	for_each_sgtable_sg(&o->table, s, i)
		__free_pages(sg_page(s), get_order(s->length));
	sg_free_table(&o->table);
	kfree(o);
}
static const struct dma_buf_ops os_ops = { .map_dma_buf = os_m, .unmap_dma_buf = os_u, .mmap = os_mmap, .release = os_r };
struct dma_buf *os_export(struct os *o)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &os_ops; e.size = o->len; e.priv = o;
	return dma_buf_export(&e);
}
