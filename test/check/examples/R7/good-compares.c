// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/mm.h>
bool c48_is_mapped(struct mm_struct *mm, pmd_t *pmd, unsigned long va, unsigned long want)
{
	spinlock_t *ptl;
	pte_t *pte = pte_offset_map_lock(mm, pmd, va, &ptl);
	bool yes = false;

	if (!pte)
		return false;
	if (pte_present(ptep_get(pte)) && pte_pfn(ptep_get(pte)) == want)
		yes = true;
	pte_unmap_unlock(pte, ptl);
	return yes;
}
