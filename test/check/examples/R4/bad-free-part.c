// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
// Frees the pages of a part, which are mapped still.
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct fp_part {
	loff_t offset;
	unsigned long count;
	struct list_head node;
};

struct fp_buf {
	struct mutex lock;
	struct page **pages;
	unsigned long count;
	struct dma_buf *dmabuf;
};

static vm_fault_t fp_fault(struct vm_fault *vmf)
{
	struct fp_buf *b = vmf->vma->vm_private_data;
	vm_fault_t ret;

	mutex_lock(&b->lock);
	ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return ret;
}

static const struct vm_operations_struct fp_vm_ops = { .fault = fp_fault };

static int fp_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &fp_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

void fp_move(struct fp_buf *b, struct fp_part *part, struct page **to)
{
	unsigned long i;

	mutex_lock(&b->lock);
	release_pages(b->pages + (part->offset >> PAGE_SHIFT), part->count);
	for (i = 0; i < part->count; i++)
		fp_put(b, part, i, to[i]);
	mutex_unlock(&b->lock);
}

static void fp_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops fp_ops = { .mmap = fp_mmap, .release = fp_release };

struct dma_buf *fp_export(struct fp_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &fp_ops;
	info.size = b->count << PAGE_SHIFT;
	info.priv = b;
	b->dmabuf = dma_buf_export(&info);
	return b->dmabuf;
}
