// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5 R10
// Counts that are shown, and those of pages that were never part of a buffer.
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/workqueue.h>

struct vbo {
	struct mutex lock;
	struct page **pages;
	unsigned int npages;
	struct dma_buf *dmabuf;
	struct list_head lru;
	struct work_struct cleanup;
	struct page **old;
};

static vm_fault_t vbo_fault(struct vm_fault *vmf)
{
	struct vbo *bo = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&bo->lock);
	if (bo->pages && vmf->pgoff < bo->npages)
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(bo->pages[vmf->pgoff]));
	mutex_unlock(&bo->lock);
	return ret;
}

static const struct vm_operations_struct vbo_vm_ops = { .fault = vbo_fault };

static int vbo_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &vbo_vm_ops;
	return 0;
}

static void vbo_zap(struct vbo *bo)
{
	unmap_mapping_range(bo->dmabuf->file->f_mapping, 0, 0, 1);
}

static int vbo_show(struct seq_file *m, void *unused)
{
	struct vbo *bo = m->private;
	unsigned int i, shared = 0;

	mutex_lock(&bo->lock);
	for (i = 0; bo->pages && i < bo->npages; i++) {
		if (page_count(bo->pages[i]) == 1)
			continue;
		shared++;
	}
	seq_printf(m, "%u of %u\n", shared, bo->npages);
	mutex_unlock(&bo->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vbo);

static int vbo_fill(struct vbo *bo)
{
	unsigned int i;

	for (i = 0; i < bo->npages; i++) {
		bo->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!bo->pages[i])
			return -ENOMEM;
		WARN_ON(page_count(bo->pages[i]) != 1);
	}
	return 0;
}

/* The ring of messages of the device, which no buffer is made of. */
struct vring {
	struct page *page;
};

static int vring_recycle(struct vring *ring)
{
	if (page_count(ring->page) > 1) {
		put_page(ring->page);
		ring->page = alloc_page(GFP_ATOMIC);
	}
	return ring->page ? 0 : -ENOMEM;
}

static long vbo_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd ? vbo_fill(file->private_data) : vring_recycle(file->private_data);
}

static const struct file_operations vbo_fops = { .unlocked_ioctl = vbo_ioctl };
static const struct dma_buf_ops vbo_ops = { .mmap = vbo_mmap };
