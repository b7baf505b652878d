// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap some-paths
#include <linux/dma-buf.h>
enum { K_SYS, K_CMA, K_VM };
static int sw_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct sw *s = d->priv;
	int ret;
	switch (s->kind) {
	case K_SYS:
	case K_CMA:
		ret = remap_pfn_range(vma, vma->vm_start, s->pfn, vma->vm_end - vma->vm_start, vma->vm_page_prot);
		break;
	case K_VM:
		ret = remap_vmalloc_range(vma, s->vaddr, vma->vm_pgoff);
		break;
	default:
		return -EINVAL;
	}
	if (ret)
		pr_warn("mmap: %d\n", ret);
	return ret;
}

static const struct dma_buf_ops sw_ops = { .mmap = sw_mmap, .release = sw_release };
