// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
#include <linux/dma-buf.h>

struct dp_hal {
	int (*map)(struct dp_buf *b, struct vm_area_struct *vma);
};

struct dp_buf {
	const struct dp_hal *hal;
	struct page **pages;
	int n;
};

static int l6(struct vm_area_struct *v, struct dp_buf *b, int i)
{
	return vm_insert_page(v, v->vm_start + i * PAGE_SIZE, b->pages[i]);
}

static int l5(struct vm_area_struct *v, struct dp_buf *b) { int i, r = 0; for (i = 0; i < b->n && !r; i++) r = l6(v, b, i); return r; }
static int l4(struct dp_buf *b, struct vm_area_struct *v) { if (!b->n) return -EINVAL; return l5(v, b); }
static const struct dp_hal dp_sys = { .map = l4 };
static int l3(struct dp_buf *b, struct vm_area_struct *v)
{
	return b->hal->map(b, v);
}

static int l2(struct dp_buf *b, struct vm_area_struct *v) { int r = l3(b, v); if (r) pr_err("no\n"); return r; }
static int l1(struct dma_buf *d, struct vm_area_struct *v)
{
	return l2(d->priv, v);
}

static const struct dma_buf_ops dp_ops = { .mmap = l1, .release = dp_release };
static void dp_init(struct dp_buf *b)
{
	b->hal = &dp_sys;
}
