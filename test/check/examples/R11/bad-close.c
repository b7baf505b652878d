// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R11 lifetime always
#include <linux/dma-buf.h>
#include <linux/mm.h>

struct c41_buf { struct list_head node; void *va; phys_addr_t pa; size_t size; };
struct c41_file { struct list_head bufs; struct mutex lock; };
static int c41_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct c41_buf *b = d->priv;
	return remap_pfn_range(vma, vma->vm_start, b->pa >> PAGE_SHIFT, b->size, vma->vm_page_prot);
}
static struct sg_table *c41_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void c41_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void c41_rel(struct dma_buf *d) { }
static const struct dma_buf_ops c41_ops = { .map_dma_buf = c41_map, .unmap_dma_buf = c41_unmap, .release = c41_rel, .mmap = c41_mmap };
static long c41_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct c41_file *cf = f->private_data;
	struct c41_buf *b = kzalloc(sizeof(*b), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	struct dma_buf *d;

	b->va = alloc_pages_exact(arg, GFP_KERNEL);
	b->pa = virt_to_phys(b->va);
	b->size = arg;
	mutex_lock(&cf->lock);
	list_add(&b->node, &cf->bufs);
	mutex_unlock(&cf->lock);
	e.ops = &c41_ops; e.size = arg; e.priv = b;
	d = dma_buf_export(&e);
	return IS_ERR(d) ? PTR_ERR(d) : dma_buf_fd(d, 0);
}
static int c41_close(struct inode *i, struct file *f)
{
	struct c41_file *cf = f->private_data;
	struct c41_buf *b, *n;

	list_for_each_entry_safe(b, n, &cf->bufs, node) {
		list_del(&b->node);
		free_pages_exact(b->va, b->size);
		kfree(b);
	}
	kfree(cf);
	return 0;
}
const struct file_operations c41_fops = { .unlocked_ioctl = c41_ioctl, .release = c41_close };
