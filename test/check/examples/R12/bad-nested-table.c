// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R12 sg-no-page always
#include <linux/dma-buf.h>
#include <linux/highmem.h>
struct nt_mem {
	int type;
	union {
		struct {
			struct dma_buf_attachment *at;
			struct sg_table *sgt;
		} shared;
		struct {
			struct page **pages;
		} user;
	} from;
};
int nt_map(struct nt_mem *mem)
{
	struct sg_table *sgt;

	sgt = dma_buf_map_attachment(mem->from.shared.at, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	mem->from.shared.sgt = sgt;
	return 0;
}
void *nt_page(struct nt_mem *mem, unsigned long wanted)
{
	struct sg_table *sgt = mem->from.shared.sgt;
	struct sg_page_iter it;
	unsigned long n = 0;

	for_each_sg_page(sgt->sgl, &it, sgt->orig_nents, 0) {
		if (n++ == wanted)
			return kmap(sg_page_iter_page(&it));
	}
	return NULL;
}
