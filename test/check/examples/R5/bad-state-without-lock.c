// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R5 fault-vs-move always
// The state is asked for without the lock under which it is set.
#include <linux/dma-buf.h>
#include <linux/shmem_fs.h>

struct sbuf {
	struct mutex lock;
	struct file *shmem;
	struct page **pages;
	unsigned int npages;
	int advice;
	struct dma_buf *dmabuf;
};

static vm_fault_t sbuf_fault(struct vm_fault *vmf)
{
	struct sbuf *b = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (vmf->pgoff >= b->npages || b->advice < 0)
		ret = VM_FAULT_SIGBUS;
	else
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	return ret;
}

static const struct vm_operations_struct sbuf_vm_ops = { .fault = sbuf_fault };

static int sbuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &sbuf_vm_ops;
	return 0;
}

static long sbuf_purge(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sbuf *b = file->private_data;

	mutex_lock(&b->lock);
	b->advice = -1;
	unmap_mapping_range(b->dmabuf->file->f_mapping, 0, 0, 1);
	shmem_truncate_range(file_inode(b->shmem), 0, (loff_t)-1);
	mutex_unlock(&b->lock);
	return 0;
}

static const struct file_operations sbuf_fops = { .unlocked_ioctl = sbuf_purge };
static const struct dma_buf_ops sbuf_ops = { .mmap = sbuf_mmap };
