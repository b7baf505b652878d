// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R10 refcount-check-timing always
// good: R4 R5
// The count is taken for the answer to "is it mapped?", which special entries do not give.
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

static bool vbo_idle(struct page *page)
{
	return page_count(page) == 1;
}

static int vbo_shrink_one(struct vbo *bo)
{
	unsigned int i;

	mutex_lock(&bo->lock);
	for (i = 0; i < bo->npages; i++) {
		if (!vbo_idle(bo->pages[i])) {
			mutex_unlock(&bo->lock);
			return -EBUSY;
		}
	}
	vbo_zap(bo);
	for (i = 0; i < bo->npages; i++)
		__free_page(bo->pages[i]);
	kvfree(bo->pages);
	bo->pages = NULL;
	mutex_unlock(&bo->lock);
	return 0;
}

static struct vbo *vbo_lru;

static unsigned long vbo_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	return vbo_shrink_one(vbo_lru) ? SHRINK_STOP : 1;
}

static struct shrinker vbo_shrinker = { .scan_objects = vbo_scan };
static const struct dma_buf_ops vbo_ops = { .mmap = vbo_mmap };
