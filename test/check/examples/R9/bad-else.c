// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R9 static-is-not-static always
// good: R7 R8
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
struct rs { struct mmu_interval_notifier mni; struct mutex lock; u64 hw; };
static int rs_lookup(struct vm_area_struct *vma, unsigned long addr, unsigned long *pfn)
{
	spinlock_t *ptl;
	pte_t *ptep, pte;
	int r;

	r = follow_pte(vma, addr, &ptep, &ptl);
	if (r)
		return r;
	pte = ptep_get(ptep);
	if (pte_special(pte) || !pte_write(pte))
		r = -EFAULT;
	else
		*pfn = pte_pfn(pte);
	pte_unmap_unlock(ptep, ptl);
	return r;
}
int rs_map(struct rs *s, unsigned long addr)
{
	struct vm_area_struct *vma;
	unsigned long seq, pfn;
	int r;
	do {
		seq = mmu_interval_read_begin(&s->mni);
		mmap_read_lock(s->mni.mm);
		vma = vma_lookup(s->mni.mm, addr);
		r = vma ? rs_lookup(vma, addr, &pfn) : -EFAULT;
		mmap_read_unlock(s->mni.mm);
		if (r)
			return r;
		mutex_lock(&s->lock);
		if (!mmu_interval_read_retry(&s->mni, seq)) {
			s->hw = pfn;
			mutex_unlock(&s->lock);
			return 0;
		}
		mutex_unlock(&s->lock);
	} while (1);
}
