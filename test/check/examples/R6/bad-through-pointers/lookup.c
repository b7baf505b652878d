// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/mm.h>
#include "pin.h"
static int pfnmap_lookup(struct mm_struct *mm, unsigned long va, unsigned long *pfn)
{
	struct vm_area_struct *vma;
	spinlock_t *ptl;
	pte_t *ptep;
	int ret;
	mmap_read_lock(mm);
	vma = vma_lookup(mm, va);
	if (!vma) {
		mmap_read_unlock(mm);
		return -EFAULT;
	}
	ret = follow_pte(vma->vm_mm, va, &ptep, &ptl);
	if (!ret) {
		if (!pte_write(*ptep))
			ret = -EPERM;
		else
			*pfn = pte_pfn(*ptep);
		pte_unmap_unlock(ptep, ptl);
	}
	mmap_read_unlock(mm);
	return ret;
}
extern const struct ref_ops page_ref_ops;
const struct pin_backend pfnmap_backend = { .lookup = pfnmap_lookup, .ref = &page_ref_ops };
