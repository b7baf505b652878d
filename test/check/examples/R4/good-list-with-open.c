// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <linux/dma-buf.h>
#include <linux/list.h>
struct vl_map { struct list_head link; struct vm_area_struct *vma; };
struct vl { struct mutex lock; struct list_head maps; struct page **pages; unsigned long n; };
static void vl_vm_open(struct vm_area_struct *vma)
{
	struct vl *v = vma->vm_private_data;
	struct vl_map *m = kmalloc(sizeof(*m), GFP_KERNEL | __GFP_NOFAIL);
	m->vma = vma;
	mutex_lock(&v->lock);
	list_add(&m->link, &v->maps);
	mutex_unlock(&v->lock);
}
static void vl_vm_close(struct vm_area_struct *vma)
{
	struct vl *v = vma->vm_private_data;
	struct vl_map *m, *t;
	mutex_lock(&v->lock);
	list_for_each_entry_safe(m, t, &v->maps, link)
		if (m->vma == vma) {
			list_del(&m->link);
			kfree(m);
			break;
		}
	mutex_unlock(&v->lock);
}
static vm_fault_t vl_vm_fault(struct vm_fault *vmf)
{
	struct vl *v = vmf->vma->vm_private_data;
	vm_fault_t r = VM_FAULT_SIGBUS;
	mutex_lock(&v->lock);
	if (v->pages)
		r = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(v->pages[vmf->pgoff]));
	mutex_unlock(&v->lock);
	return r;
}
static const struct vm_operations_struct vl_vm = { .open = vl_vm_open, .close = vl_vm_close, .fault = vl_vm_fault };
static int vl_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & VM_SHARED) == 0)
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = d->priv;
	vma->vm_ops = &vl_vm;
	vl_vm_open(vma);
	return 0;
}
static void vl_drop(struct vl *v) { unsigned long i; for (i = 0; i < v->n; i++) put_page(v->pages[i]); kvfree(v->pages); v->pages = NULL; }
static void vl_release(struct dma_buf *d) { struct vl *v = d->priv; if (v->pages) vl_drop(v); kfree(v); }
static const struct dma_buf_ops vl_ops = { .mmap = vl_mmap, .release = vl_release };
void vl_swap_out(struct vl *v)
{
	struct vl_map *m;
	mutex_lock(&v->lock);
	list_for_each_entry(m, &v->maps, link)
		zap_vma_ptes(m->vma, m->vma->vm_start, m->vma->vm_end - m->vma->vm_start);
	vl_drop(v);
	mutex_unlock(&v->lock);
}
struct dma_buf *vl_export(struct vl *v)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &vl_ops; e.size = v->n << PAGE_SHIFT; e.priv = v;
	return dma_buf_export(&e);
}
