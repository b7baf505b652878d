// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R11 lifetime always
#include <linux/dma-buf.h>
#include <linux/idr.h>
struct ef_buf { void *mem; phys_addr_t phys; size_t size; int id; };
static DEFINE_IDR(ef_idr);
static DEFINE_MUTEX(ef_lock);
static int ef_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ef_buf *b = d->priv;
	return remap_pfn_range(vma, vma->vm_start, b->phys >> PAGE_SHIFT, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}
static struct sg_table *ef_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void ef_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void ef_release(struct dma_buf *d) { }
static const struct dma_buf_ops ef_ops = { .map_dma_buf = ef_map, .unmap_dma_buf = ef_unmap, .mmap = ef_mmap, .release = ef_release };
static int ef_create(size_t sz)
{
	struct ef_buf *b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b) return -ENOMEM;
	b->mem = alloc_pages_exact(sz, GFP_KERNEL);
	if (!b->mem) { kfree(b); return -ENOMEM; }
	b->phys = virt_to_phys(b->mem);
	b->size = sz;
	mutex_lock(&ef_lock);
	b->id = idr_alloc(&ef_idr, b, 1, 0, GFP_KERNEL);
	mutex_unlock(&ef_lock);
	return b->id;
}
static int ef_export(int id)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	struct ef_buf *b = idr_find(&ef_idr, id);
	struct dma_buf *d;
	if (!b) return -ENOENT;
	e.ops = &ef_ops; e.size = b->size; e.priv = b; e.flags = O_RDWR;
	d = dma_buf_export(&e);
	if (IS_ERR(d)) return PTR_ERR(d);
	return dma_buf_fd(d, O_CLOEXEC);
}
static int ef_destroy(int id)
{
	struct ef_buf *b;
	mutex_lock(&ef_lock);
	b = idr_remove(&ef_idr, id);
	mutex_unlock(&ef_lock);
	if (!b) return -ENOENT;
	free_pages_exact(b->mem, b->size);
	kfree(b);
	return 0;
}
static long ef_ioctl(struct file *f, unsigned int c, unsigned long a)
{
	switch (c) {
	case 1: return ef_create(a);
	case 2: return ef_export(a);
	case 3: return ef_destroy(a);
	}
	return -ENOTTY;
}
const struct file_operations ef_fops = { .unlocked_ioctl = ef_ioctl };
