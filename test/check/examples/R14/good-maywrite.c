// SPDX-License-Identifier: GPL-2.0-or-later
// good: R14 R1 R2
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct c26 { unsigned long pfn; };
static vm_fault_t c26_fault(struct vm_fault *vmf)
{
	struct c26 *c = vmf->vma->vm_private_data;
	return vmf_insert_pfn(vmf->vma, vmf->address, c->pfn + vmf->pgoff);
}
static const struct vm_operations_struct c26_vm = { .fault = c26_fault };
static int c26_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND, VM_MAYWRITE);
	vma->vm_ops = &c26_vm;
	vma->vm_private_data = d->priv;
	return 0;
}

static struct sg_table *c26_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void c26_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void c26_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops c26_ops = {
	.map_dma_buf = c26_map,
	.unmap_dma_buf = c26_unmap,
	.release = c26_rel,
	.mmap = c26_mmap,
};
struct dma_buf *c26_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &c26_ops;
	e.size = size;
	e.priv = priv;
	return dma_buf_export(&e);
}
