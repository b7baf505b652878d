// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5 R10
// Right after the zap nobody has a reason to hold a page.
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

static void vbo_check(struct page *page)
{
	WARN_ON_ONCE(page_count(page) != 1);
}

static int vbo_evict(struct vbo *bo)
{
	unsigned int i;

	mutex_lock(&bo->lock);
	vbo_zap(bo);
	for (i = 0; i < bo->npages; i++)
		vbo_check(bo->pages[i]);
	for (i = 0; i < bo->npages; i++)
		__free_page(bo->pages[i]);
	kvfree(bo->pages);
	bo->pages = NULL;
	mutex_unlock(&bo->lock);
	return 0;
}

static long vbo_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vbo_evict(file->private_data);
}

static const struct file_operations vbo_fops = { .unlocked_ioctl = vbo_ioctl };
static const struct dma_buf_ops vbo_ops = { .mmap = vbo_mmap };
