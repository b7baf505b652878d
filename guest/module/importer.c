// SPDX-License-Identifier: GPL-2.0
/*
 * The importer: a device that attaches to a dma-buf, maps it, and touches the
 * struct pages behind the sg_table that it gets. It may use DMA addresses only;
 * nothing on a kernel without CONFIG_DMABUF_DEBUG says so.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>

#include "pfnmap.h"

/* 6.1 takes the reservation lock for exporters whose mapping is dynamic. */
#ifndef HAS_VMAP_UNLOCKED
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#endif

static struct platform_device *device;

static int table_word(struct sg_table *table, struct pfnmap_word *arg)
{
	struct sg_page_iter iter;
	u64 *word;

	for_each_sgtable_page(table, &iter, arg->page) {
		word = word_of(page_to_pfn(sg_page_iter_page(&iter)), arg->off);
		if (arg->write)
			*word = arg->value;
		else
			arg->value = *word;
		return 0;
	}
	return -EINVAL;
}

/* A word of a dma-buf by way of its table's page links. */
int importer_word(struct pfnmap_word *arg)
{
	struct dma_buf *dmabuf = dma_buf_get(arg->fd);
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	int ret;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = dma_buf_attach(dmabuf, &device->dev);
	ret = PTR_ERR_OR_ZERO(attachment);
	if (ret)
		goto put;
	table = dma_buf_map_attachment_unlocked(attachment, DMA_BIDIRECTIONAL);
	ret = PTR_ERR_OR_ZERO(table);
	if (!ret) {
		ret = table_word(table, arg);
		dma_buf_unmap_attachment_unlocked(attachment, table, DMA_BIDIRECTIONAL);
	}
	dma_buf_detach(dmabuf, attachment);
put:
	dma_buf_put(dmabuf);
	return ret;
}

int importer_init(void)
{
	int err;

	device = platform_device_register_simple("pfnmap-importer", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	err = dma_coerce_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
	if (err)
		platform_device_unregister(device);
	return err;
}

void importer_exit(void)
{
	platform_device_unregister(device);
}
