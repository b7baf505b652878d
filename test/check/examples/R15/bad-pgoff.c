// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R15 pgoff-is-not-pfn always
#include <linux/mm.h>

static int map_guest(struct guest *g, unsigned long hva, unsigned long gpa, unsigned long size)
{
	struct vm_area_struct *vma = find_vma(current->mm, hva);

	if (!vma)
		return -ENOENT;
	if (vma->vm_flags & VM_PFNMAP) {
		phys_addr_t pa = 0;

		pa = (phys_addr_t)vma->vm_pgoff << PAGE_SHIFT;
		pa += hva - vma->vm_start;
		return guest_map(g, gpa, pa, size);
	}
	return 0;
}
