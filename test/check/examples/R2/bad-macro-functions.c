// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// A macro makes functions and table; one of two is good.
#include <linux/dma-buf.h>
struct mh_buf { struct page **pages; unsigned long nr; };

#define DEFINE_MH_TYPE(name, insert)						\
static int mh_##name##_mmap(struct dma_buf *d, struct vm_area_struct *vma)	\
{										\
	struct mh_buf *b = d->priv;						\
	unsigned long i;							\
	int ret;								\
										\
	for (i = 0; i < vma_pages(vma); i++) {					\
		ret = insert(vma, vma->vm_start + (i << PAGE_SHIFT), b->pages[i]); \
		if (ret)							\
			return ret;						\
	}									\
	return 0;								\
}										\
static void mh_##name##_release(struct dma_buf *d)				\
{										\
	mh_buf_free(d->priv);							\
}										\
static const struct dma_buf_ops mh_##name##_ops = {				\
	.mmap = mh_##name##_mmap,						\
	.release = mh_##name##_release,						\
}

static void mh_buf_free(struct mh_buf *b)
{
	while (b->nr--)
		__free_page(b->pages[b->nr]);
	kfree(b->pages);
	kfree(b);
}
static int mh_by_pfn(struct vm_area_struct *vma, unsigned long a, struct page *p)
{
	return remap_pfn_range(vma, a, page_to_pfn(p), PAGE_SIZE, vma->vm_page_prot);
}

DEFINE_MH_TYPE(carve, mh_by_pfn);
DEFINE_MH_TYPE(system, vm_insert_page);

struct dma_buf *mh_export(struct mh_buf *b, bool carve)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);

	e.ops = carve ? &mh_carve_ops : &mh_system_ops;
	e.size = b->nr << PAGE_SHIFT;
	e.priv = b;
	return dma_buf_export(&e);
}
