// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// bad: R13 flag-is-not-enough always
// vm_insert_page() has a BUG_ON() for the flag.
#include <linux/dma-buf.h>
struct mb { struct page **pages; unsigned long n; };
static int mb_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct mb *b = d->priv;
	unsigned long i, uaddr = vma->vm_start;
	int ret;
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	for (i = 0; i < b->n && uaddr < vma->vm_end; i++, uaddr += PAGE_SIZE) {
		ret = vm_insert_page(vma, uaddr, b->pages[i]);
		if (ret)
			return ret;
	}
	return 0;
}
static const struct dma_buf_ops mb_ops = { .mmap = mb_mmap, .release = mb_release };
