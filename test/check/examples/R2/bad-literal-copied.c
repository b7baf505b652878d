// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// The table is a compound literal that is copied at run time.
#include <linux/dma-buf.h>
struct bsp_area { struct dma_buf_ops *ops; struct page *pages; size_t size; };

static int bsp_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct bsp_area *a = d->priv;
	unsigned long i;
	int r;

	for (i = 0; i < vma_pages(vma); i++) {
		r = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, nth_page(a->pages, i));
		if (r < 0)
			return r;
	}
	return 0;
}
static void bsp_release(struct dma_buf *d) { struct bsp_area *a = d->priv; kfree(a->ops); kfree(a); }

static int bsp_setup(struct bsp_area *a)
{
	a->ops = kmalloc(sizeof(*a->ops), GFP_KERNEL);
	if (!a->ops)
		return -ENOMEM;
	*a->ops = (struct dma_buf_ops) {
		.mmap = bsp_mmap,
		.release = bsp_release,
	};
	return 0;
}
struct dma_buf *bsp_export(struct bsp_area *a)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	if (bsp_setup(a))
		return ERR_PTR(-ENOMEM);
	info.ops = a->ops;
	info.priv = a;
	info.size = a->size;
	return dma_buf_export(&info);
}
