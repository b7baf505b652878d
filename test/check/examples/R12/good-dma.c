// SPDX-License-Identifier: GPL-2.0-or-later
// good: R12
#include <linux/dma-buf.h>

static int import(struct importer *i, struct dma_buf_attachment *attach)
{
	struct sg_table *sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	struct scatterlist *sg;
	int n;

	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	for_each_sgtable_dma_sg(sgt, sg, n)
		i->addr[n] = sg_dma_address(sg);
	return 0;
}
