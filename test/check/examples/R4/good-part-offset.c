// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
// Moves a part of the buffer, and zaps by where in the buffer that part lies.
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct po_part {
	loff_t offset;
	unsigned long count;
	struct list_head node;
};

struct po_buf {
	struct mutex lock;
	struct page **pages;
	unsigned long count;
	struct dma_buf *dmabuf;
};

static vm_fault_t po_fault(struct vm_fault *vmf)
{
	struct po_buf *b = vmf->vma->vm_private_data;
	vm_fault_t ret;

	mutex_lock(&b->lock);
	ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return ret;
}

static const struct vm_operations_struct po_vm_ops = { .fault = po_fault };

static int po_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &po_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

void po_move(struct po_buf *b, struct po_part *part, struct page **to)
{
	unsigned long i;

	mutex_lock(&b->lock);
	unmap_mapping_range(b->dmabuf->file->f_mapping, part->offset,
			    part->count << PAGE_SHIFT, 1);
	release_pages(b->pages + (part->offset >> PAGE_SHIFT), part->count);
	for (i = 0; i < part->count; i++)
		b->pages[(part->offset >> PAGE_SHIFT) + i] = to[i];
	mutex_unlock(&b->lock);
}

static void po_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops po_ops = { .mmap = po_mmap, .release = po_release };

struct dma_buf *po_export(struct po_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &po_ops;
	info.size = b->count << PAGE_SHIFT;
	info.priv = b;
	b->dmabuf = dma_buf_export(&info);
	return b->dmabuf;
}
