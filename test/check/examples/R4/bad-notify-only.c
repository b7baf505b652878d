// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct c11 { struct mutex lock; struct dma_buf *dbuf; struct page **pages; unsigned int n; bool moved;  };
static vm_fault_t c11_fault(struct vm_fault *vmf)
{
	struct c11 *b = vmf->vma->vm_private_data;
	vm_fault_t r = VM_FAULT_SIGBUS;
	dma_resv_lock(b->dbuf->resv, NULL);
	r = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->pages[vmf->pgoff]));
	dma_resv_unlock(b->dbuf->resv);
	return r;
}
static const struct vm_operations_struct c11_vm_ops = { .fault = c11_fault };
static int c11_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &c11_vm_ops;
	vma->vm_private_data = d->priv;
	return 0;
}

static int c11_move(struct c11 *b)
{
	unsigned int i;

	dma_resv_lock(b->dbuf->resv, NULL);
	dma_buf_move_notify(b->dbuf);
	for (i = 0; i < b->n; i++) {
		struct page *old = b->pages[i];

		b->pages[i] = alloc_page(GFP_KERNEL);
		copy_highpage(b->pages[i], old);
		put_page(old);
	}
	dma_resv_unlock(b->dbuf->resv);
	return 0;
}

static long c11_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	return c11_move(f->private_data);
}
static const struct file_operations c11_fops = { .unlocked_ioctl = c11_ioctl };
static int c11_init(void) { return register_chrdev(0, "c11", &c11_fops); }
module_init(c11_init);

static struct sg_table *c11_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return ERR_PTR(-EIO); }
static void c11_unmap(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static void c11_rel(struct dma_buf *d) { kfree(d->priv); }
static const struct dma_buf_ops c11_ops = {
	.map_dma_buf = c11_map,
	.unmap_dma_buf = c11_unmap,
	.release = c11_rel,
	.mmap = c11_mmap,
};
struct dma_buf *c11_export(void *priv, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = &c11_ops;
	e.size = size;
	e.priv = priv;
	return ((struct c11 *)priv)->dbuf = dma_buf_export(&e);
}
