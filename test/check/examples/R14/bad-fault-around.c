// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R14 refuse-cow always
// good: R1 R2
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct d8 { unsigned long *pfn; unsigned long n; };
static vm_fault_t d8_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct d8 *b = vma->vm_private_data;
	unsigned long i = (vmf->address - vma->vm_start) >> PAGE_SHIFT, k;
	vm_fault_t r = VM_FAULT_SIGBUS;

	for (k = 0; k < 16 && i + k < b->n; k++) {
		r = vmf_insert_pfn_prot(vma, vmf->address + k * PAGE_SIZE, b->pfn[i + k], vma->vm_page_prot);
		if (r & VM_FAULT_ERROR)
			break;
	}
	return r;
}
static const struct vm_operations_struct d8_vm = { .fault = d8_fault };
static int d8_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start > d->size)
		return -ENXIO;
	vma->vm_ops = &d8_vm;
	vma->vm_private_data = d->priv;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_IO);
	return 0;
}

static struct sg_table *d8_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void d8_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void d8_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops d8_ops = {
	.map_dma_buf = d8_map,
	.unmap_dma_buf = d8_unmap,
	.release = d8_rel,
	.mmap = d8_mmap,
};
struct dma_buf *d8_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &d8_ops;
	e.size = size;
	e.priv = priv;
	return dma_buf_export(&e);
}
