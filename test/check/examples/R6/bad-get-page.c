// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R6 no-page-ref always
// bad: R8 no-stale-translation always
#include <linux/mm.h>

static int peek_page(struct vm_area_struct *vma, unsigned long addr, struct page **out)
{
	spinlock_t *ptl;
	pte_t *ptep;
	unsigned long pfn;
	int ret;

	ret = follow_pte(vma->vm_mm, addr, &ptep, &ptl);
	if (ret)
		return ret;
	if (!pte_write(*ptep)) {
		pte_unmap_unlock(ptep, ptl);
		return -EACCES;
	}
	pfn = pte_pfn(*ptep);
	pte_unmap_unlock(ptep, ptl);
	get_page(pfn_to_page(pfn));
	*out = pfn_to_page(pfn);
	return 0;
}
