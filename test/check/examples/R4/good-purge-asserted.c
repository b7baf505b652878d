// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4
// Pages go before the zap, of an object that says it is not exported.
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/slab.h>

struct pa_bo {
	struct mutex lock;
	struct page **pages;
	unsigned long npages;
	struct dma_buf *dma_buf;
	struct address_space *mapping;
	int unwanted;
};

static inline bool pa_may_purge(struct pa_bo *bo)
{
	return bo->unwanted && bo->pages && !bo->dma_buf;
}

static vm_fault_t pa_fault(struct vm_fault *vmf)
{
	struct pa_bo *bo = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&bo->lock);
	if (bo->pages)
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(bo->pages[vmf->pgoff]));
	mutex_unlock(&bo->lock);
	return ret;
}

static const struct vm_operations_struct pa_vm_ops = { .fault = pa_fault };

static int pa_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct pa_bo *bo = dmabuf->priv;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_private_data = bo;
	vma->vm_ops = &pa_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static void pa_put_pages(struct pa_bo *bo)
{
	unsigned long i;

	for (i = 0; i < bo->npages; i++)
		__free_page(bo->pages[i]);
	kvfree(bo->pages);
	bo->pages = NULL;
}

void pa_purge(struct pa_bo *bo)
{
	WARN_ON(!pa_may_purge(bo));

	mutex_lock(&bo->lock);
	pa_put_pages(bo);
	unmap_mapping_range(bo->mapping, 0, bo->npages << PAGE_SHIFT, 1);
	mutex_unlock(&bo->lock);
}

static void pa_release(struct dma_buf *dmabuf)
{
	struct pa_bo *bo = dmabuf->priv;

	pa_put_pages(bo);
	kfree(bo);
}

static const struct dma_buf_ops pa_ops = { .mmap = pa_mmap, .release = pa_release };

struct dma_buf *pa_export(struct pa_bo *bo)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &pa_ops;
	info.size = bo->npages << PAGE_SHIFT;
	info.priv = bo;
	bo->dma_buf = dma_buf_export(&info);
	return bo->dma_buf;
}
