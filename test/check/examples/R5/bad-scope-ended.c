// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R5 fault-vs-move always
// The guard is gone where its scope ends.
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/mutex.h>
struct gd { struct dma_buf *buf; struct mutex lock; struct page **pages; unsigned long n; };
static vm_fault_t gd_fault(struct vm_fault *vmf)
{
	struct gd *g = vmf->vma->vm_private_data;

	struct page *page;

	scoped_guard(mutex, &g->lock) {
		if (!g->pages || vmf->pgoff >= g->n)
			return VM_FAULT_SIGBUS;
		page = g->pages[vmf->pgoff];
	}
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
}
static const struct vm_operations_struct gd_vm = { .fault = gd_fault };
static int gd_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = d->priv;
	vma->vm_ops = &gd_vm;
	return 0;
}
static void gd_free_pages(struct gd *g) { for (unsigned long i = 0; i < g->n; i++) __free_page(g->pages[i]); kvfree(g->pages); g->pages = NULL; }
static void gd_release(struct dma_buf *d) { struct gd *g = d->priv; if (g->pages) gd_free_pages(g); kfree(g); }
static const struct dma_buf_ops gd_ops = { .mmap = gd_mmap, .release = gd_release };
int gd_discard(struct gd *g)
{
	scoped_guard(mutex, &g->lock) {
		unmap_mapping_range(g->buf->file->f_mapping, 0, 0, 1);
		gd_free_pages(g);
	}
	return 0;
}
DEFINE_FREE(gd_kfree, struct gd *, if (_T) kfree(_T))
int gd_new(unsigned long n)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	struct gd *g __free(gd_kfree) = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	mutex_init(&g->lock);
	g->n = n;
	g->pages = kvcalloc(n, sizeof(*g->pages), GFP_KERNEL);
	e.ops = &gd_ops; e.size = n << PAGE_SHIFT; e.priv = g;
	g->buf = dma_buf_export(&e);
	if (IS_ERR(g->buf))
		return PTR_ERR(g->buf);
	return dma_buf_fd(no_free_ptr(g)->buf, O_CLOEXEC);
}
