// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R14 refuse-cow always
// The vm_pgoff of a private mapping is the PFN: the zap does not find it.
#include <linux/dma-buf.h>
#include <linux/genalloc.h>
struct rz { struct dma_buf *d; struct mutex lock; unsigned long phys; size_t len; struct gen_pool *gp; bool lost; };
static int rz_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct rz *r = d->priv;
	int ret = -ENODEV;
	mutex_lock(&r->lock);
	if (!r->lost)
		ret = remap_pfn_range(vma, vma->vm_start, (r->phys >> PAGE_SHIFT) + vma->vm_pgoff, vma->vm_end - vma->vm_start, vma->vm_page_prot);
	mutex_unlock(&r->lock);
	return ret;
}
static void rz_release(struct dma_buf *d) { struct rz *r = d->priv; if (!r->lost) gen_pool_free(r->gp, r->phys, r->len); kfree(r); }
static const struct dma_buf_ops rz_ops = { .mmap = rz_mmap, .release = rz_release };
void rz_device_lost(struct rz *r)
{
	mutex_lock(&r->lock);
	r->lost = true;
	unmap_mapping_range(r->d->file->f_mapping, 0, r->len, 1);
	gen_pool_free(r->gp, r->phys, r->len);
	mutex_unlock(&r->lock);
}
int rz_export(struct rz *r)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &rz_ops; e.size = r->len; e.priv = r;
	r->d = dma_buf_export(&e);
	return PTR_ERR_OR_ZERO(r->d);
}
