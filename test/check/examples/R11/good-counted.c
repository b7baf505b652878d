// SPDX-License-Identifier: GPL-2.0-or-later
// good: R11
#include <linux/dma-buf.h>

struct ef {
	void *va;
	dma_addr_t dma;
	struct device *dev;
	size_t n;
	struct kref ref;
};

static int ef_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ef *e = d->priv;
	return remap_pfn_range(vma, vma->vm_start, virt_to_phys(e->va) >> PAGE_SHIFT, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static void ef_free(struct kref *ref)
{
	struct ef *e = container_of(ref, struct ef, ref);
	free_pages((unsigned long)e->va, get_order(e->n));
	kfree(e);
}

static void ef_release(struct dma_buf *d)
{
	struct ef *e = d->priv;
	kref_put(&e->ref, ef_free);
}

static const struct dma_buf_ops ef_ops = { .mmap = ef_mmap, .release = ef_release };
static int ef_export(struct ef *e)
{
	DEFINE_DMA_BUF_EXPORT_INFO(x);
	x.ops = &ef_ops; x.size = e->n; x.priv = e;
	kref_get(&e->ref);
	return dma_buf_fd(dma_buf_export(&x), O_CLOEXEC);
}

static long ef_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct ef *e = f->private_data;
	switch (cmd) {
	case 1: return ef_export(e);
	case 2:
		kref_put(&e->ref, ef_free);
		f->private_data = NULL;
		return 0;
	}
	return -ENOTTY;
}

static const struct file_operations ef_fops = { .unlocked_ioctl = ef_ioctl };
