// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R7 honour-pte-flags always
// bad: R8 no-stale-translation always
// A macro on old kernels, a function on new ones.
#include <linux/mm.h>
#include <media/videobuf2-v4l2.h>
#include "compat.h"

struct uptr_buf { dma_addr_t dma; unsigned long vaddr; size_t size; };

static int uptr_contig(struct uptr_buf *b, unsigned long uaddr, size_t size)
{
	struct vm_area_struct *vma;
	unsigned long first = 0, pfn, off;
	int ret = -EFAULT;

	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, uaddr);
	if (!vma)
		goto unlock;
	for (off = 0; off < size; off += PAGE_SIZE) {
		ret = my_lookup_pfn(vma, uaddr + off, &pfn);
		if (ret)
			goto unlock;
		if (!off)
			first = pfn;
		else if (pfn != first + (off >> PAGE_SHIFT)) {
			ret = -EFAULT;
			goto unlock;
		}
	}
	b->dma = PFN_PHYS(first) + offset_in_page(uaddr);
	b->size = size;
unlock:
	mmap_read_unlock(current->mm);
	return ret;
}

static void *uptr_get(struct vb2_buffer *vb, struct device *dev, unsigned long vaddr, unsigned long size)
{
	struct uptr_buf *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (uptr_contig(b, vaddr, size)) {
		kfree(b);
		return ERR_PTR(-EFAULT);
	}
	return b;
}
static void *uptr_cookie(struct vb2_buffer *vb, void *p) { return &((struct uptr_buf *)p)->dma; }
const struct vb2_mem_ops uptr_memops = { .get_userptr = uptr_get, .cookie = uptr_cookie };
