// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R12 sg-no-page always
#include <linux/dma-buf.h>
#include <linux/highmem.h>
struct sp { struct dma_buf *db; struct dma_buf_attachment *at; struct sg_table *sgt; };
int sp_import(struct sp *s, struct device *dev, int fd)
{
	s->db = dma_buf_get(fd);
	if (IS_ERR(s->db))
		return PTR_ERR(s->db);
	s->at = dma_buf_attach(s->db, dev);
	s->sgt = dma_buf_map_attachment(s->at, DMA_BIDIRECTIONAL);
	return PTR_ERR_OR_ZERO(s->sgt);
}
void sp_copy(struct sp *s, void *dst)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(s->sgt->sgl, sg, s->sgt->orig_nents, i) {
		void *p = kmap_local_page(sg_page(sg));
		memcpy(dst, p + sg->offset, sg->length);
		kunmap_local(p);
		dst += sg->length;
	}
}
