// SPDX-License-Identifier: GPL-2.0-or-later
// depends: R1 exporter-pfnmap depends
#include <linux/dma-buf.h>

static int coherent_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct coherent *c = buf->priv;

	return dma_mmap_coherent(c->dev, vma, c->cpu, c->dma, c->size);
}

static const struct dma_buf_ops coherent_ops = {
	.mmap = coherent_mmap,
};
