// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R5 fault-vs-move always
// good: R4
// The fault takes a lock, and who frees the pages takes none.
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct ue_buf {
	struct mutex lock;
	struct page **pages;
	unsigned long count;
	struct dma_buf *dmabuf;
};

static vm_fault_t ue_fault(struct vm_fault *vmf)
{
	struct ue_buf *b = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&b->lock);
	if (b->pages)
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return ret;
}

static const struct vm_operations_struct ue_vm_ops = { .fault = ue_fault };

static int ue_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &ue_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

void ue_evict(struct ue_buf *b)
{
	struct page **pages = b->pages;

	unmap_mapping_range(b->dmabuf->file->f_mapping, 0, 0, 1);
	b->pages = NULL;
	release_pages(pages, b->count);
}

static void ue_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops ue_ops = { .mmap = ue_mmap, .release = ue_release };

struct dma_buf *ue_export(struct ue_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &ue_ops;
	info.size = b->count << PAGE_SHIFT;
	info.priv = b;
	b->dmabuf = dma_buf_export(&info);
	return b->dmabuf;
}
