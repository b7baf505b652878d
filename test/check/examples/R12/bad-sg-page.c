// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R12 sg-no-page always
#include <linux/dma-buf.h>

static int import(struct importer *i, struct dma_buf_attachment *attach)
{
	struct sg_table *sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	struct scatterlist *sg;
	int n;

	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	for_each_sgtable_sg(sgt, sg, n)
		i->pages[n] = sg_page(sg);
	return 0;
}
