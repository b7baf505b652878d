// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// bad: R1 exporter-pfnmap always
// Ops of its own between the callback and the primitive, bound through a pointer in the object.
#include <linux/dma-buf.h>

struct store;
struct store_ops {
	int (*map_user)(struct store *s, struct vm_area_struct *vma);
};

struct store {
	const struct store_ops *ops;
	void *vaddr;
};

static int vmalloc_store_map(struct store *s, struct vm_area_struct *vma)
{
	return remap_vmalloc_range(vma, s->vaddr, 0);
}

static const struct store_ops vmalloc_store_ops = {
	.map_user = vmalloc_store_map,
};

static int store_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct store *s = buf->priv;

	if (!s->ops->map_user)
		return -EINVAL;
	return s->ops->map_user(s, vma);
}

static const struct dma_buf_ops store_dmabuf_ops = {
	.mmap = store_mmap,
};
