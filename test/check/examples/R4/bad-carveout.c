// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
// Everything is mapped by mmap; nothing takes it away when the carveout is tidied up.
#include <linux/dma-buf.h>

struct co {
	struct mutex lock;
	phys_addr_t phys;
	size_t size;
	struct gen_pool *pool;
	struct dma_buf *dbuf;
};

static int co_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct co *c = d->priv;
	return remap_pfn_range(vma, vma->vm_start, (c->phys >> PAGE_SHIFT) + vma->vm_pgoff, vma->vm_end - vma->vm_start, pgprot_writecombine(vma->vm_page_prot));
}

static void co_release(struct dma_buf *d)
{
	struct co *c = d->priv;
	gen_pool_free(c->pool, c->phys, c->size);
	kfree(c);
}

static const struct dma_buf_ops co_ops = { .mmap = co_mmap, .release = co_release };
static int co_defrag(struct co *c)
{
	phys_addr_t to = gen_pool_alloc(c->pool, c->size);
	phys_addr_t from = c->phys;
	if (!to)
		return -ENOMEM;
	mutex_lock(&c->lock);
	co_copy(to, from, c->size);
	c->phys = to;
	mutex_unlock(&c->lock);
	gen_pool_free(c->pool, from, c->size);
	return 0;
}

static int co_suspend(struct device *dev)
{
	return co_defrag(dev_get_drvdata(dev));
}

static const struct dev_pm_ops co_pm = { .suspend = co_suspend };
