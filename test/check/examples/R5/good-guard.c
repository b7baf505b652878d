// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
#include <linux/dma-buf.h>
#include <linux/cleanup.h>

struct gd {
	struct mutex lock;
	struct page **pages;
	unsigned long n;
	struct dma_buf *dbuf;
};

static vm_fault_t gd_fault(struct vm_fault *vmf)
{
	struct gd *d = vmf->vma->vm_private_data;
	guard(mutex)(&d->lock);
	if (vmf->pgoff >= d->n)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(d->pages[vmf->pgoff]));
}

static const struct vm_operations_struct gd_vm = { .fault = gd_fault };
static int gd_mmap(struct dma_buf *b, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = b->priv;
	vma->vm_ops = &gd_vm;
	return 0;
}

static const struct dma_buf_ops gd_ops = { .mmap = gd_mmap, .release = gd_release };
static long gd_ioctl(struct file *f, unsigned int cmd, unsigned long i)
{
	struct gd *d = f->private_data;
	struct page *n = alloc_page(GFP_KERNEL), *o;
	scoped_guard(mutex, &d->lock) {
		unmap_mapping_pages(d->dbuf->file->f_mapping, i, 1, true);
		o = d->pages[i];
		copy_highpage(n, o);
		d->pages[i] = n;
	}
	put_page(o);
	return 0;
}

static const struct file_operations gd_fops = { .unlocked_ioctl = gd_ioctl };
