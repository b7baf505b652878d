// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// Called by drivers that are built in: nothing exports it.
#include <linux/dma-buf.h>
#include <linux/vmalloc.h>

typedef struct { void *base; unsigned int size; struct dma_buf *db; } vdec_frame_t;

static int vdec_map(struct dma_buf *db, struct vm_area_struct *vma)
{
	vdec_frame_t *f = (vdec_frame_t *)db->priv;

	if (f == NULL || f->base == NULL)
		return -EINVAL;
	return remap_vmalloc_range_partial(vma, vma->vm_start, f->base, vma->vm_pgoff << PAGE_SHIFT, vma->vm_end - vma->vm_start);
}
static void vdec_rel(struct dma_buf *db) { vdec_frame_t *f = db->priv; vfree(f->base); kfree(f); }

static struct dma_buf_ops vdec_ops =
{
	NULL, NULL, NULL, NULL, NULL, NULL,
	.mmap		= vdec_map,
	.release	= vdec_rel,
};
int vdec_share(vdec_frame_t *f)
{
	DEFINE_DMA_BUF_EXPORT_INFO(x);
	x.ops = &vdec_ops; x.size = f->size; x.priv = f; x.flags = O_RDWR;
	f->db = dma_buf_export(&x);
	return PTR_ERR_OR_ZERO(f->db);
}
