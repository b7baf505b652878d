// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R15 pgoff-is-not-pfn always
#include <linux/mm.h>

static int get_pa(struct ctx *c, unsigned long uaddr, phys_addr_t *out)
{
	struct vm_area_struct *vma;
	int ret = -EFAULT;
	mmap_read_lock(c->mm);
	vma = vma_lookup(c->mm, uaddr);
	if (vma && (vma->vm_flags & VM_PFNMAP)) {
		*out = PFN_PHYS(vma->vm_pgoff) + uaddr - vma->vm_start;
		ret = 0;
	}
	mmap_read_unlock(c->mm);
	return ret;
}
