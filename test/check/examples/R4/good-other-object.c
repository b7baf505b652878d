// SPDX-License-Identifier: GPL-2.0-or-later
// good: R4 R5
// Tables go to user space; surfaces, which move and notify, never do. A table is unpinned as any other.
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <drm/drm_gem_shmem_helper.h>

struct demo_table {
	struct drm_gem_shmem_object *shmem;
};

struct demo_surface {
	struct drm_gem_object base;
	struct list_head lru;
	u64 vram;
};

static vm_fault_t demo_table_fault(struct vm_fault *vmf)
{
	struct demo_table *table = vmf->vma->vm_private_data;

	return vmf_insert_pfn(vmf->vma, vmf->address, demo_pfn(table->shmem, vmf->pgoff));
}

static const struct vm_operations_struct demo_table_vm_ops = {
	.fault = demo_table_fault,
};

static int demo_table_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND);
	vma->vm_ops = &demo_table_vm_ops;
	vma->vm_private_data = dmabuf->priv;
	return 0;
}

static void demo_table_unpin(struct dma_buf_attachment *attach)
{
	struct demo_table *table = attach->dmabuf->priv;

	drm_gem_shmem_unpin(table->shmem);
}

static void demo_table_release(struct dma_buf *dmabuf)
{
	struct demo_table *table = dmabuf->priv;

	drm_gem_shmem_free(table->shmem);
	kfree(table);
}

static struct sg_table *demo_table_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct demo_table *table = attach->dmabuf->priv;

	return drm_gem_shmem_get_pages_sgt(table->shmem);
}

static const struct dma_buf_ops demo_table_ops = {
	.map_dma_buf = demo_table_map,
	.unpin = demo_table_unpin,
	.mmap = demo_table_mmap,
	.release = demo_table_release,
};

struct dma_buf *demo_table_export(struct demo_table *table)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &demo_table_ops;
	info.size = table->shmem->base.size;
	info.priv = table;
	return dma_buf_export(&info);
}
EXPORT_SYMBOL(demo_table_export);

static long demo_surface_evict(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct demo_surface *surface = file->private_data;

	dma_resv_lock(surface->base.resv, NULL);
	dma_buf_move_notify(surface->base.dma_buf);
	surface->vram = 0;
	dma_resv_unlock(surface->base.resv);
	return 0;
}

static const struct file_operations demo_surface_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = demo_surface_evict,
};
