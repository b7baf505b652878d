// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/workqueue.h>
struct c52 { struct mutex lock; struct dma_buf *dbuf; struct page **pages; unsigned int n; struct work_struct purge; };

static vm_fault_t c52_fault(struct vm_fault *vmf)
{
	struct c52 *b = vmf->vma->vm_private_data;
	vm_fault_t r = VM_FAULT_SIGBUS;
	mutex_lock(&b->lock);
	if (b->pages)
		r = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return r;
}
static const struct vm_operations_struct c52_vm_ops = { .fault = c52_fault };
static int c52_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &c52_vm_ops;
	vma->vm_private_data = d->priv;
	return 0;
}

static void c52_purge(struct work_struct *w)
{
	struct c52 *b = container_of(w, struct c52, purge);
	struct page **pages;
	unsigned int i;

	mutex_lock(&b->lock);
	pages = b->pages;
	b->pages = NULL;
	mutex_unlock(&b->lock);
	if (!pages)
		return;
	for (i = 0; i < b->n; i++)
		__free_page(pages[i]);
	kvfree(pages);
}
int c52_madvise(struct c52 *b, bool dontneed)
{
	if (dontneed)
		schedule_work(&b->purge);
	return 0;
}
EXPORT_SYMBOL_GPL(c52_madvise);
struct c52 *c52_new(unsigned int n)
{
	struct c52 *b = kzalloc(sizeof(*b), GFP_KERNEL);
	INIT_WORK(&b->purge, c52_purge);
	return b;
}

static struct sg_table *c52_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void c52_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void c52_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops c52_ops = {
	.map_dma_buf = c52_map,
	.unmap_dma_buf = c52_unmap,
	.release = c52_rel,
	.mmap = c52_mmap,
};
struct dma_buf *c52_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &c52_ops;
	e.size = size;
	e.priv = priv;
	return dma_buf_export(&e);
}
