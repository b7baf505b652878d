// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R10 refcount-check-timing always
// good: R4 R5
// The eviction zaps and hands the pages to a worker, which looks at them when it gets to it.
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

static void vbo_free_page(struct page *page)
{
	if (page_ref_count(page) > 1)
		pr_warn("vbo: somebody holds a page of a buffer\n");
	__free_page(page);
}

static void vbo_cleanup(struct work_struct *work)
{
	struct vbo *bo = container_of(work, struct vbo, cleanup);
	unsigned int i;

	for (i = 0; i < bo->npages; i++)
		vbo_free_page(bo->old[i]);
	kvfree(bo->old);
	bo->old = NULL;
}

static int vbo_evict(struct vbo *bo)
{
	mutex_lock(&bo->lock);
	vbo_zap(bo);
	bo->old = bo->pages;
	bo->pages = NULL;
	mutex_unlock(&bo->lock);
	schedule_work(&bo->cleanup);
	return 0;
}

static long vbo_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vbo_evict(file->private_data);
}

static int vbo_open(struct inode *inode, struct file *file)
{
	struct vbo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);

	INIT_WORK(&bo->cleanup, vbo_cleanup);
	file->private_data = bo;
	return 0;
}

static const struct file_operations vbo_fops = { .open = vbo_open, .unlocked_ioctl = vbo_ioctl };
static const struct dma_buf_ops vbo_ops = { .mmap = vbo_mmap };
