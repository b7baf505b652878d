// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
// The shrinker frees pages of buffers that are gone.
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

struct pitem {
	struct page *page;
	struct list_head l;
};

static struct pool vpool;
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

static void vb_destroy(struct vb *b)
{
	unsigned long i;
	for (i = 0; i < b->npages; i++) {
		struct pitem *it = kmalloc(sizeof(*it), GFP_KERNEL);
		it->page = b->pages[i];
		mutex_lock(&vpool.lock);
		list_add(&it->l, &vpool.items);
		mutex_unlock(&vpool.lock);
	}
	kvfree(b->pages);
	kfree(b);
}

static unsigned long vpool_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct pitem *it, *t;
	unsigned long n = 0;
	mutex_lock(&vpool.lock);
	list_for_each_entry_safe(it, t, &vpool.items, l) { list_del(&it->l); __free_page(it->page); kfree(it); n++; }
	mutex_unlock(&vpool.lock);
	return n;
}

static struct shrinker vshrink = { .scan_objects = vpool_scan };
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
