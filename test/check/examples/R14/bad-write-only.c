// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R14 refuse-cow some-paths
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct c27 { unsigned long pfn; };
static vm_fault_t c27_fault(struct vm_fault *vmf)
{
	struct c27 *c = vmf->vma->vm_private_data;
	return vmf_insert_pfn(vmf->vma, vmf->address, c->pfn + vmf->pgoff);
}
static const struct vm_operations_struct c27_vm = { .fault = c27_fault };
static int c27_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
	vma->vm_ops = &c27_vm;
	vma->vm_private_data = d->priv;
	return 0;
}

static struct sg_table *c27_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void c27_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void c27_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops c27_ops = {
	.map_dma_buf = c27_map,
	.unmap_dma_buf = c27_unmap,
	.release = c27_rel,
	.mmap = c27_mmap,
};
struct dma_buf *c27_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &c27_ops;
	e.size = size;
	e.priv = priv;
	return dma_buf_export(&e);
}
