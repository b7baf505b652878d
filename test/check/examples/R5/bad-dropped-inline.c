// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R5 fault-vs-move always
#include <linux/dma-buf.h>

struct di {
	spinlock_t lock;
	struct page **pages;
	struct dma_buf *dbuf;
};

static vm_fault_t di_fault(struct vm_fault *vmf)
{
	struct di *d = vmf->vma->vm_private_data;
	unsigned long pfn;
	spin_lock(&d->lock);
	if (!d->pages) {
		spin_unlock(&d->lock);
		return VM_FAULT_SIGBUS;
	}
	pfn = page_to_pfn(d->pages[vmf->pgoff]);
	spin_unlock(&d->lock);
	return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
}

static const struct vm_operations_struct di_vm = { .fault = di_fault };
static int di_mmap(struct dma_buf *b, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = b->priv;
	vma->vm_ops = &di_vm;
	return 0;
}

static const struct dma_buf_ops di_ops = { .mmap = di_mmap, .release = di_release };
static void di_purge(struct di *d)
{
	struct page **p;
	spin_lock(&d->lock);
	p = d->pages;
	d->pages = NULL;
	spin_unlock(&d->lock);
	unmap_mapping_range(d->dbuf->file->f_mapping, 0, 0, 1);
	di_free(p);
}

static unsigned long di_scan(struct shrinker *s, struct shrink_control *c)
{
	di_purge(s->private_data);
	return 1;
}

static void di_reg(struct shrinker *s)
{
	s->scan_objects = di_scan;
}
