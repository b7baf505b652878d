// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// Each device has a copy of a template, with another mmap.
#include <linux/dma-buf.h>

struct cp_dev {
	struct dma_buf_ops ops;
};

static int cp_mmap_pages(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct cp_buf *b = d->priv;
	return vm_map_pages(vma, b->pages, b->n);
}

static int cp_mmap_none(struct dma_buf *d, struct vm_area_struct *vma)
{
	return -ENODEV;
}

static const struct dma_buf_ops cp_template = {
	.map_dma_buf = cp_map,
	.unmap_dma_buf = cp_unmap,
	.mmap = cp_mmap_none,
	.release = cp_release,
};

static int cp_probe(struct platform_device *pdev)
{
	struct cp_dev *c = devm_kzalloc(&pdev->dev, sizeof(*c), GFP_KERNEL);
	c->ops = cp_template;
	if (c)
		c->ops.mmap = cp_mmap_pages;
	return 0;
}

static struct dma_buf *cp_export(struct cp_dev *c, struct cp_buf *b)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &c->ops;
	e.priv = b;
	return dma_buf_export(&e);
}
