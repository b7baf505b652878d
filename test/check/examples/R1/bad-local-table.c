// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// The table is a variable of the function that exports.
#include <linux/dma-buf.h>

struct frame { void *va; size_t size; };

static int frame_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct frame *f = d->priv;

	return remap_vmalloc_range(vma, f->va, 0);
}

struct dma_buf *frame_export(struct frame *f)
{
	static const struct dma_buf_ops ops = {
		.mmap = frame_mmap,
	};
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &ops;
	info.size = f->size;
	info.priv = f;
	return dma_buf_export(&info);
}
