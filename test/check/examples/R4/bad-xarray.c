// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
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
	struct page *p;
	vm_fault_t r;
	mutex_lock(&b->lock);
	p = xa_load(&b->xa, vmf->pgoff);
	r = p ? vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(p)) : VM_FAULT_SIGBUS;
	mutex_unlock(&b->lock);
	return r;
}

static void vb_destroy(struct vb *b)
{
	xa_destroy(&b->xa);
	kfree(b);
}

static long vb_ioctl(struct file *f, unsigned int cmd, unsigned long i)
{
	struct vb *b = f->private_data;
	struct page *n = alloc_page(GFP_KERNEL), *o;
	mutex_lock(&b->lock);
	o = xa_load(&b->xa, i);
	copy_highpage(n, o);
	xa_store(&b->xa, i, n, GFP_KERNEL);
	mutex_unlock(&b->lock);
	__free_page(o);
	return 0;
}

static const struct file_operations vb_fops = { .unlocked_ioctl = vb_ioctl };
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
