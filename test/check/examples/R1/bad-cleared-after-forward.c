// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// The other dma-buf leaves the flag, and this one takes it away.
#include <linux/dma-buf.h>
struct proxy { struct dma_buf *inner; };
static int proxy_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct proxy *p = d->priv;
	int ret = dma_buf_mmap(p->inner, vma, 0);
	if (ret < 0)
		return ret;
	/* let gdb and core dumps see it */
	vm_flags_clear(vma, VM_IO | VM_PFNMAP | VM_DONTDUMP);
	return 0;
}
static const struct dma_buf_ops proxy_ops = { .mmap = proxy_mmap, .release = proxy_release };
