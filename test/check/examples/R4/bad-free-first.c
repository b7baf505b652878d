// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
// The old page may be somebody else's before the zap.
#include <linux/dma-buf.h>

struct moving_buf {
	struct mutex lock;
	struct page **pages;
	unsigned int count;
	struct dma_buf *dmabuf;
	struct address_space *mapping;
	unsigned long fake_offset;
};

static vm_fault_t moving_fault(struct vm_fault *vmf)
{
	struct moving_buf *b = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&b->lock);
	if (vmf->pgoff < b->count)
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	mutex_unlock(&b->lock);
	return ret;
}

static const struct vm_operations_struct moving_vm_ops = {
	.fault = moving_fault,
};

static int moving_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct moving_buf *b = dmabuf->priv;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
#else
	vma->vm_flags |= VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
#endif
	vma->vm_private_data = b;
	vma->vm_ops = &moving_vm_ops;
	return 0;
}

static void moving_release(struct dma_buf *dmabuf)
{
	struct moving_buf *b = dmabuf->priv;
	unsigned int i;

	for (i = 0; i < b->count; i++)
		__free_page(b->pages[i]);
	kvfree(b->pages);
	kfree(b);
}

static const struct dma_buf_ops moving_ops = {
	.mmap = moving_mmap,
	.release = moving_release,
};

static int moving_export(struct moving_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &moving_ops;
	info.size = (size_t)b->count << PAGE_SHIFT;
	info.priv = b;
	b->dmabuf = dma_buf_export(&info);
	if (IS_ERR(b->dmabuf))
		return PTR_ERR(b->dmabuf);
	return 0;
}

static int moving_migrate(struct moving_buf *b, unsigned int i)
{
	struct page *new = alloc_page(GFP_KERNEL);
	struct page *old;

	if (!new)
		return -ENOMEM;
	mutex_lock(&b->lock);
	old = b->pages[i];
	copy_highpage(new, old);
	b->pages[i] = new;
	mutex_unlock(&b->lock);
	__free_page(old);
	unmap_mapping_range(b->dmabuf->file->f_mapping, (loff_t)i << PAGE_SHIFT, PAGE_SIZE, 1);
	return 0;
}

static long moving_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct moving_buf *b = file->private_data;

	return cmd ? moving_migrate(b, arg) : moving_export(b);
}

static int moving_open(struct inode *inode, struct file *file)
{
	struct moving_buf *b = moving_create();

	if (IS_ERR(b))
		return PTR_ERR(b);
	file->private_data = b;
	return 0;
}

static const struct file_operations moving_fops = {
	.open = moving_open,
	.unlocked_ioctl = moving_ioctl,
};
