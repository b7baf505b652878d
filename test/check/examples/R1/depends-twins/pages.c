// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/mm.h>
struct xt { phys_addr_t p; struct page **pg; unsigned long n; };
int xt_do_mmap(struct xt *x, struct vm_area_struct *vma)
{
	return vm_map_pages(vma, x->pg, x->n);
}
