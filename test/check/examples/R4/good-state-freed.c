// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
// What says where the carveout lies goes when setup fails; the carveout does not.
#include <linux/dma-buf.h>
#include <linux/io.h>
#include <linux/slab.h>

struct sf_card {
	struct { phys_addr_t paddr; size_t size; } vram;
	void *queue;
};
struct sf_parent {
	void *own;
};
struct sf_buf {
	struct sf_parent *parent;
	unsigned long first;
};

static vm_fault_t sf_fault(struct vm_fault *vmf)
{
	struct sf_buf *b = vmf->vma->vm_private_data;
	struct sf_card *card = b->parent->own;

	return vmf_insert_pfn(vmf->vma, vmf->address,
			      PHYS_PFN(card->vram.paddr) + b->first + vmf->pgoff);
}

static const struct vm_operations_struct sf_vm_ops = { .fault = sf_fault };

static int sf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &sf_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static void sf_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops sf_ops = { .mmap = sf_mmap, .release = sf_release };

static void sf_uninit(struct sf_parent *parent)
{
	struct sf_card *card = parent->own;

	parent->own = NULL;
	kfree(card->queue);
	kfree(card);
}

int sf_init(struct sf_parent *parent)
{
	struct sf_card *card = parent->own;

	card->queue = kzalloc(64, GFP_KERNEL);
	if (sf_start(card)) {
		sf_uninit(parent);
		return -EIO;
	}
	return 0;
}

struct dma_buf *sf_export(struct sf_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &sf_ops;
	info.size = PAGE_SIZE;
	info.priv = b;
	return dma_buf_export(&info);
}
