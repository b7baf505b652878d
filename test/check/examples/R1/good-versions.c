// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R13 R14
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long f) { vma->vm_flags |= f; }
static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long f) { vma->vm_flags &= ~f; }
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 17, 0)
typedef int vm_fault_t;
static inline vm_fault_t vmf_insert_pfn(struct vm_area_struct *vma, unsigned long a, unsigned long pfn)
{
	int e = vm_insert_pfn(vma, a, pfn);
	if (e == -ENOMEM) return VM_FAULT_OOM;
	if (e < 0 && e != -EBUSY) return VM_FAULT_SIGBUS;
	return VM_FAULT_NOPAGE;
}
#endif
#include <linux/dma-buf.h>

struct w { unsigned long *pfns; unsigned long n; struct mutex lock; };
#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 11, 0)
static vm_fault_t w_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address;
#else
static int w_fault(struct vm_area_struct *vma, struct vm_fault *vmf)
{
	unsigned long addr = (unsigned long)vmf->virtual_address;
#endif
	struct w *w = vma->vm_private_data;
	vm_fault_t r;

	mutex_lock(&w->lock);
	if (vmf->pgoff >= w->n)
		r = VM_FAULT_SIGBUS;
	else
		r = vmf_insert_pfn(vma, addr, w->pfns[vmf->pgoff]);
	mutex_unlock(&w->lock);
	return r;
}
static const struct vm_operations_struct w_vm = { .fault = w_fault };
static int w_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_MAYWRITE))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO);
	vma->vm_private_data = d->priv;
	vma->vm_ops = &w_vm;
	return 0;
}
static struct sg_table *w_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void w_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void w_rel(struct dma_buf *d) { kfree(d->priv); }
static struct dma_buf_ops w_ops = {
	.map_dma_buf = w_map, .unmap_dma_buf = w_unmap, .release = w_rel, .mmap = w_mmap,
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 12, 0)
	.kmap_atomic = NULL,
#endif
};
struct dma_buf *w_export(struct w *w)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 1, 0)
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &w_ops; e.size = w->n << PAGE_SHIFT; e.priv = w;
	return dma_buf_export(&e);
#else
	return dma_buf_export(w, &w_ops, w->n << PAGE_SHIFT, O_RDWR, NULL);
#endif
}
