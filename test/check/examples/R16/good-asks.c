// SPDX-License-Identifier: GPL-2.0-or-later
// good: R16
#include <linux/dma-buf.h>

static int dma_buf_mmap_internal(struct file *file, struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = file->private_data;
	int ret;
	ret = dmabuf->ops->mmap(dmabuf, vma);
	WARN_ON_ONCE(!ret && !(vma->vm_flags & VM_PFNMAP));
	return ret;
}
