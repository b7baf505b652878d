// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R15 pgoff-is-not-pfn always
#include <linux/mm.h>
struct pg_req { unsigned long uva; size_t len; phys_addr_t pa; };
static phys_addr_t pg_user_to_phys(struct vm_area_struct *vma, unsigned long uva)
{
	phys_addr_t base = (phys_addr_t)vma->vm_pgoff << PAGE_SHIFT;

	return base + (uva - vma->vm_start);
}
int pg_translate(struct pg_req *r)
{
	struct vm_area_struct *vma;
	int ret = 0;

	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, r->uva);
	if (vma && (vma->vm_flags & VM_PFNMAP))
		r->pa = pg_user_to_phys(vma, r->uva);
	else
		ret = -EINVAL;
	mmap_read_unlock(current->mm);
	return ret;
}
