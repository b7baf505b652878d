// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct zr_dev { struct address_space *as; };
struct zr_bo {
	struct zr_dev *dev;
	struct mutex mtx;
	u64 mmap_off;
	unsigned long *pfn;
	unsigned int n;
	bool resident;
};
static void zr_alloc(struct zr_bo *bo)
{
	unsigned int i;
	for (i = 0; i < bo->n; i++)
		bo->pfn[i] = page_to_pfn(alloc_page(GFP_HIGHUSER));
	bo->resident = true;
}
static void zr_free(struct zr_bo *bo)
{
	unsigned int i;
	for (i = 0; i < bo->n; i++)
		__free_page(pfn_to_page(bo->pfn[i]));
	bo->resident = false;
}
static vm_fault_t zr_fault(struct vm_fault *vmf)
{
	struct zr_bo *bo = vmf->vma->vm_private_data;
	unsigned long i = vmf->pgoff - (bo->mmap_off >> PAGE_SHIFT);
	vm_fault_t r;

	mutex_lock(&bo->mtx);
	if (!bo->resident)
		zr_alloc(bo);
	r = vmf_insert_pfn(vmf->vma, vmf->address, bo->pfn[i]);
	mutex_unlock(&bo->mtx);
	return r;
}
static const struct vm_operations_struct zr_vm_ops = { .fault = zr_fault };
static int zr_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct zr_bo *bo = d->priv;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_pgoff += bo->mmap_off >> PAGE_SHIFT;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND);
	vma->vm_ops = &zr_vm_ops;
	vma->vm_private_data = bo;
	return 0;
}
static int zr_suspend(struct device *dev)
{
	struct zr_bo *bo = dev_get_drvdata(dev);

	mutex_lock(&bo->mtx);
	unmap_mapping_range(bo->dev->as, bo->mmap_off, (loff_t)bo->n << PAGE_SHIFT, 1);
	zr_free(bo);
	mutex_unlock(&bo->mtx);
	return 0;
}
const struct dev_pm_ops zr_pm = { .suspend = zr_suspend };
static struct sg_table *zr_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void zr_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void zr_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops zr_ops = { .map_dma_buf = zr_map, .unmap_dma_buf = zr_unmap, .release = zr_rel, .mmap = zr_mmap };
struct dma_buf *zr_export(struct zr_bo *bo)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	struct dma_buf *d;
	e.ops = &zr_ops; e.priv = bo; e.size = bo->n * PAGE_SIZE;
	d = dma_buf_export(&e);
	if (!IS_ERR(d))
		d->file->f_mapping = bo->dev->as;
	return d;
}
