// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// mmap calls open() of handlers that the kernel has.
#include <linux/module.h>
#include <linux/dma-buf.h>
#include <media/videobuf2-v4l2.h>
#include <media/videobuf2-memops.h>
struct my_vb_buf {
	struct device *dev;
	struct page **pages;
	unsigned int num_pages;
	struct frame_vector *vec;
	struct vb2_vmarea_handler handler;
	refcount_t refcount;
	void *vaddr;
};
static void my_vb_put(void *buf_priv)
{
	struct my_vb_buf *buf = buf_priv;
	int i = buf->num_pages;
	if (refcount_dec_and_test(&buf->refcount)) {
		if (buf->vaddr)
			vm_unmap_ram(buf->vaddr, buf->num_pages);
		while (--i >= 0)
			__free_page(buf->pages[i]);
		kvfree(buf->pages);
		put_device(buf->dev);
		kfree(buf);
	}
}
static int my_vb_mmap(void *buf_priv, struct vm_area_struct *vma)
{
	struct my_vb_buf *buf = buf_priv;
	unsigned long uaddr = vma->vm_start;
	unsigned long usize = vma->vm_end - vma->vm_start;
	int i = 0;

	if (!buf) {
		printk(KERN_ERR "No memory to map\n");
		return -EINVAL;
	}
	do {
		int ret;
		ret = vm_insert_page(vma, uaddr, buf->pages[i++]);
		if (ret) {
			printk(KERN_ERR "Remapping memory, error: %d\n", ret);
			return ret;
		}
		uaddr += PAGE_SIZE;
		usize -= PAGE_SIZE;
	} while (usize > 0);
	vma->vm_private_data = &buf->handler;
	vma->vm_ops = &vb2_common_vm_ops;
	vma->vm_ops->open(vma);
	return 0;
}
static void my_vb_dmabuf_ops_release(struct dma_buf *dbuf) { my_vb_put(dbuf->priv); }
static int my_vb_dmabuf_ops_mmap(struct dma_buf *dbuf, struct vm_area_struct *vma)
{
	return my_vb_mmap(dbuf->priv, vma);
}
static const struct dma_buf_ops my_vb_dmabuf_ops = {
	.attach = my_vb_attach,
	.map_dma_buf = my_vb_map,
	.mmap = my_vb_dmabuf_ops_mmap,
	.release = my_vb_dmabuf_ops_release,
};
static struct dma_buf *my_vb_get_dmabuf(struct vb2_buffer *vb, void *buf_priv, unsigned long flags)
{
	struct my_vb_buf *buf = buf_priv;
	struct dma_buf *dbuf;
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	exp_info.ops = &my_vb_dmabuf_ops;
	exp_info.size = buf->num_pages << PAGE_SHIFT;
	exp_info.flags = flags;
	exp_info.priv = buf;
	dbuf = dma_buf_export(&exp_info);
	if (IS_ERR(dbuf))
		return NULL;
	refcount_inc(&buf->refcount);
	return dbuf;
}
const struct vb2_mem_ops my_vb_memops = { .put = my_vb_put, .get_dmabuf = my_vb_get_dmabuf, .mmap = my_vb_mmap };
