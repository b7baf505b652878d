// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2
// A macro that is set once, where the version says so, is no header's guard.
#include <linux/dma-buf.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
#ifndef VD_NEW
#define VD_NEW
#endif
#endif
static int vd_two(struct dma_buf *b, struct vm_area_struct *vma)
{
#ifdef VD_NEW
	return remap_pfn_range(vma, vma->vm_start, 1, vma->vm_end - vma->vm_start, vma->vm_page_prot);
#else
	return vm_insert_page(vma, vma->vm_start, b->priv);
#endif
}
static const struct dma_buf_ops vd_ops = { .mmap = vd_two };
