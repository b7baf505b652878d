// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
// Evicts only what nobody maps.
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
	vm_fault_t r = VM_FAULT_SIGBUS;
	mutex_lock(&b->lock);
	if (b->pages && vmf->pgoff < b->npages)
		r = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return r;
}

static void vb_free_pages(struct vb *b)
{
	unsigned long i;
	for (i = 0; i < b->npages; i++)
		__free_page(b->pages[i]);
	kvfree(b->pages);
	b->pages = NULL;
}

static void vb_destroy(struct vb *b)
{
	if (b->pages)
		vb_free_pages(b);
	kfree(b);
}

static void vb_vm_open(struct vm_area_struct *vma)
{
	struct vb *b = vma->vm_private_data;
	atomic_inc(&b->mmap_count);
}

static void vb_vm_close(struct vm_area_struct *vma)
{
	struct vb *b = vma->vm_private_data;
	atomic_dec(&b->mmap_count);
}

static ssize_t evict_store(struct device *dev, struct device_attribute *a, const char *buf, size_t n)
{
	struct vb *b = dev_get_drvdata(dev);
	mutex_lock(&b->lock);
	if (atomic_read(&b->mmap_count)) { mutex_unlock(&b->lock); return -EBUSY; }
	vb_free_pages(b);
	mutex_unlock(&b->lock);
	return n;
}

static DEVICE_ATTR_WO(evict);
static const struct vm_operations_struct vb_vm = { .fault = vb_fault, .open = vb_vm_open, .close = vb_vm_close };
static int vb_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct vb *b = d->priv;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	atomic_inc(&b->mmap_count);
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
