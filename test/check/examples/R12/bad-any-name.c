// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R12 sg-no-page always
#include <linux/dma-buf.h>
#include <linux/highmem.h>
#include <linux/crc32.h>
static u32 c24_sum(struct sg_table *t)
{
	struct sg_mapping_iter m;
	u32 c = 0;

	sg_miter_start(&m, t->sgl, t->orig_nents, SG_MITER_FROM_SG);
	while (sg_miter_next(&m))
		c = crc32(c, m.addr, m.length);
	sg_miter_stop(&m);
	return c;
}
int c24_crc(struct device *dev, int fd, u32 *out)
{
	struct dma_buf_attachment *at;
	struct dma_buf *buf = dma_buf_get(fd);
	struct sg_table *tbl;
	int err = 0;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	at = dma_buf_attach(buf, dev);
	if (IS_ERR(at)) {
		err = PTR_ERR(at);
		goto put;
	}
	tbl = dma_buf_map_attachment_unlocked(at, DMA_TO_DEVICE);
	if (IS_ERR(tbl)) {
		err = PTR_ERR(tbl);
		goto detach;
	}
	*out = c24_sum(tbl);
	dma_buf_unmap_attachment_unlocked(at, tbl, DMA_TO_DEVICE);
detach:
	dma_buf_detach(buf, at);
put:
	dma_buf_put(buf);
	return err;
}
