// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R16 check-ret always
#include <linux/dma-buf.h>
struct ck { const struct dma_buf_ops *real; void *priv; struct dma_buf *inner; };
static int ck_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ck *c = d->priv;
	int ret = dma_buf_mmap(c->inner, vma, vma->vm_pgoff);
	WARN_ON_ONCE(!(vma->vm_flags & VM_PFNMAP));
	return ret;
}
static const struct dma_buf_ops ck_ops = { .mmap = ck_mmap };
struct dma_buf *ck_export(struct ck *c)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &ck_ops; e.size = c->inner->size; e.priv = c;
	return dma_buf_export(&e);
}
