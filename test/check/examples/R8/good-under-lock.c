// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/mm.h>
#include <linux/io.h>
extern void __iomem *lh_win;
extern unsigned long lh_win_pfn;
ssize_t lh_read(struct vm_area_struct *vma, unsigned long addr, void *buf, size_t len)
{
	spinlock_t *ptl;
	pte_t *ptep;
	unsigned long pfn;
	ssize_t ret;

	ret = follow_pte(vma, addr, &ptep, &ptl);
	if (ret)
		return ret;
	pfn = pte_pfn(ptep_get(ptep));
	if (pfn < lh_win_pfn) {
		ret = -EFAULT;
		goto unlock;
	}
	memcpy_fromio(buf, lh_win + ((pfn - lh_win_pfn) << PAGE_SHIFT), len);
	ret = len;
unlock:
	pte_unmap_unlock(ptep, ptl);
	return ret;
}
