// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap some-paths
// good: R13 R14
// An object has struct pages or none: VM_MIXEDMAP goes with the one and VM_PFNMAP with the other, in mmap as
// in the fault handler.
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct pool {
	struct device *dev;
	phys_addr_t base;
	struct page **pages;
	bool lazy;
	bool cached;
};

static vm_fault_t pool_fault(struct vm_fault *vmf)
{
	struct pool *pool = vmf->vma->vm_private_data;

	if (pool->pages)
		return vmf_insert_page(vmf->vma, vmf->address, pool->pages[vmf->pgoff]);
	return vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(pool->base) + vmf->pgoff);
}

static const struct vm_operations_struct pool_vm_ops = {
	.fault = pool_fault,
};

static int pool_map(struct pool *pool, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (!pool->cached)
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (pool->pages)
		vm_flags_mod(vma, VM_MIXEDMAP, VM_PFNMAP);
	vma->vm_ops = &pool_vm_ops;
	vma->vm_private_data = pool;
	return 0;
}

static int pool_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct pool *pool = dmabuf->priv;

	return pool ? pool_map(pool, vma) : -ENODEV;
}

static struct sg_table *pool_map_dma(struct dma_buf_attachment *at, enum dma_data_direction dir)
{
	return ERR_PTR(-EIO);
}

static void pool_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops pool_dmabuf_ops = {
	.map_dma_buf = pool_map_dma,
	.mmap = pool_dmabuf_mmap,
	.release = pool_release,
};

struct dma_buf *pool_export(struct pool *pool, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &pool_dmabuf_ops;
	info.size = size;
	info.priv = pool;
	return dma_buf_export(&info);
}
EXPORT_SYMBOL(pool_export);
