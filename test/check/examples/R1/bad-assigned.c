// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// The table is filled when the module is loaded.
#include <linux/dma-buf.h>

static struct dma_buf_ops foo_ops;
static int foo_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct foo *f = d->priv;
	unsigned long a = vma->vm_start;
	int i, ret;
	for (i = 0; i < f->n && a < vma->vm_end; i++, a += PAGE_SIZE) {
		ret = vm_insert_page(vma, a, f->pages[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int __init foo_init(void)
{
	foo_ops.map_dma_buf = foo_map;
	foo_ops.unmap_dma_buf = foo_unmap;
	foo_ops.release = foo_release;
	foo_ops.mmap = foo_mmap;
	return 0;
}

module_init(foo_init);
