// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R5 fault-vs-move always
#include <linux/dma-buf.h>
#include <linux/workqueue.h>

struct pool {
	struct mutex lock;
	struct list_head items;
	int count;
};

struct vb {
	struct mutex lock;
	struct rw_semaphore sem;
	struct page **pages;
	struct sg_table *sgt;
	unsigned long npages;
	struct dma_buf *dmabuf;
	atomic_t mmap_count;
	int pin_count;
	struct list_head lru;
	struct work_struct work;
	struct xarray xa;
	phys_addr_t phys;
	struct gen_pool *gp;
};

static vm_fault_t vb_fault(struct vm_fault *vmf)
{
	struct vb *b = vmf->vma->vm_private_data;
	struct sg_page_iter it;
	vm_fault_t r = VM_FAULT_SIGBUS;
	if (!mutex_trylock(&b->lock))
		return VM_FAULT_NOPAGE;
	for_each_sgtable_page(b->sgt, &it, vmf->pgoff) {
		r = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(sg_page_iter_page(&it)));
		break;
	}
	mutex_unlock(&b->lock);
	return r;
}

static void vb_destroy(struct vb *b)
{
	sg_free_table(b->sgt);
	kfree(b->sgt);
	kfree(b);
}

int vb_move(struct vb *b, struct sg_table *to)
{
	struct sg_table *old;
	down_write(&b->sem);
	dma_buf_move_notify(b->dmabuf);
	unmap_mapping_range(b->dmabuf->file->f_mapping, 0, b->dmabuf->size, 1);
	old = b->sgt;
	vb_copy(to, old);
	b->sgt = to;
	up_write(&b->sem);
	vb_free_table(old);
	return 0;
}

EXPORT_SYMBOL(vb_move);
static const struct vm_operations_struct vb_vm = { .fault = vb_fault,  };
static int vb_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct vb *b = d->priv;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	
	vma->vm_private_data = b;
	vma->vm_ops = &vb_vm;
	return 0;
}

static void vb_release(struct dma_buf *d)
{
	struct vb *b = d->priv;
	vb_destroy(b);
}

static const struct dma_buf_ops vb_ops = { .mmap = vb_mmap, .release = vb_release };
