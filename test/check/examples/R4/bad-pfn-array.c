// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
// good: R5
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct zo_dev { struct address_space *as; };
struct zo_bo {
	struct zo_dev *dev;
	spinlock_t sl;
	struct mutex mtx;
	u64 mmap_off;
	unsigned long *pfn;
	unsigned int n;
	bool resident;
};
void zo_alloc_vram(struct zo_bo *bo);
void zo_free_vram(struct zo_bo *bo);
static vm_fault_t zo_fault(struct vm_fault *vmf)
{
	struct zo_bo *bo = vmf->vma->vm_private_data;
	unsigned long i = (vmf->address - vmf->vma->vm_start) >> PAGE_SHIFT;
	vm_fault_t r = VM_FAULT_SIGBUS;

	mutex_lock(&bo->mtx);
	if (!bo->resident)
		zo_alloc_vram(bo);
	if (bo->resident)
		r = vmf_insert_pfn(vmf->vma, vmf->address, bo->pfn[i]);
	mutex_unlock(&bo->mtx);
	return r;
}
static const struct vm_operations_struct zo_vm_ops = { .fault = zo_fault };
static int zo_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct zo_bo *bo = d->priv;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND);
	vma->vm_ops = &zo_vm_ops;
	vma->vm_private_data = bo;
	return 0;
}
void zo_alloc_vram(struct zo_bo *bo)
{
	unsigned int i;
	for (i = 0; i < bo->n; i++)
		bo->pfn[i] = page_to_pfn(alloc_page(GFP_HIGHUSER));
	bo->resident = true;
}
void zo_free_vram(struct zo_bo *bo)
{
	unsigned int i;
	for (i = 0; i < bo->n; i++) {
		__free_page(pfn_to_page(bo->pfn[i]));
		bo->pfn[i] = 0;
	}
	bo->resident = false;
}
int zo_evict(struct zo_bo *bo)
{
	mutex_lock(&bo->mtx);
	unmap_mapping_range(bo->dev->as, bo->mmap_off, (loff_t)bo->n << PAGE_SHIFT, 1);
	zo_free_vram(bo);
	mutex_unlock(&bo->mtx);
	return 0;
}
static int zo_suspend(struct device *dev)
{
	return zo_evict(dev_get_drvdata(dev));
}
const struct dev_pm_ops zo_pm = { .suspend = zo_suspend };
static struct sg_table *zo_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void zo_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void zo_rel(struct dma_buf *d) { struct zo_bo *bo = d->priv; zo_free_vram(bo); kfree(bo); }
static const struct dma_buf_ops zo_ops = { .map_dma_buf = zo_map, .unmap_dma_buf = zo_unmap, .release = zo_rel, .mmap = zo_mmap };
struct dma_buf *zo_export(struct zo_bo *bo)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	struct dma_buf *d;
	e.ops = &zo_ops; e.priv = bo; e.size = bo->n * PAGE_SIZE;
	d = dma_buf_export(&e);
	if (!IS_ERR(d))
		d->file->f_mapping = bo->dev->as;
	return d;
}
