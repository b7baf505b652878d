// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct d6; struct d6_cb { void (*pre_move)(struct d6 *b); };
struct d6 { struct mutex lock; struct dma_buf *dbuf; struct page **pages; unsigned int n; const struct d6_cb *cb; };
static void d6_unmap_user(struct d6 *b) { unmap_mapping_range(b->dbuf->file->f_mapping, 0, 0, 1); }
static const struct d6_cb d6_cbs = { .pre_move = d6_unmap_user };
static vm_fault_t d6_fault(struct vm_fault *vmf)
{
	struct d6 *b = vmf->vma->vm_private_data;
	vm_fault_t r;

	mutex_lock(&b->lock);
	r = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return r;
}
static const struct vm_operations_struct d6_vm = { .fault = d6_fault };
static int d6_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP);
	vma->vm_ops = &d6_vm;
	vma->vm_private_data = d->priv;
	return 0;
}
int d6_migrate(struct d6 *b)
{
	unsigned int i;

	mutex_lock(&b->lock);
	b->cb->pre_move(b);
	for (i = 0; i < b->n; i++) {
		struct page *o = b->pages[i];
		b->pages[i] = alloc_page(GFP_KERNEL);
		copy_highpage(b->pages[i], o);
		__free_page(o);
	}
	mutex_unlock(&b->lock);
	return 0;
}
EXPORT_SYMBOL(d6_migrate);

static struct sg_table *d6_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void d6_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void d6_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops d6_ops = {
	.map_dma_buf = d6_map,
	.unmap_dma_buf = d6_unmap,
	.release = d6_rel,
	.mmap = d6_mmap,
};
struct dma_buf *d6_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &d6_ops;
	e.size = size;
	e.priv = priv;
	return dma_buf_export(&e);
}
