// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
// Whoever frees the pages is told to hold the lock of the fault.
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct lc_buf {
	struct mutex lock;
	struct page **pages;
	unsigned long count;
	struct dma_buf *dmabuf;
};

static vm_fault_t lc_fault(struct vm_fault *vmf)
{
	struct lc_buf *b = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&b->lock);
	if (b->pages)
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return ret;
}

static const struct vm_operations_struct lc_vm_ops = { .fault = lc_fault };

static int lc_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &lc_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

void lc_evict(struct lc_buf *b)
{
	struct page **pages = b->pages;

	lockdep_assert_held(&b->lock);

	unmap_mapping_range(b->dmabuf->file->f_mapping, 0, 0, 1);
	b->pages = NULL;
	release_pages(pages, b->count);
}

static void lc_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops lc_ops = { .mmap = lc_mmap, .release = lc_release };

struct dma_buf *lc_export(struct lc_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &lc_ops;
	info.size = b->count << PAGE_SHIFT;
	info.priv = b;
	b->dmabuf = dma_buf_export(&info);
	return b->dmabuf;
}
