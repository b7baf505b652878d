// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
// The permission is tested in a function of its own.
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

static bool can_wr(pte_t pte)
{
	return pte_write(pte);
}

int fp_map(struct fp *f, unsigned long addr, bool write)
{
	struct vm_area_struct *vma;
	spinlock_t *ptl;
	pte_t *ptep, pte;
	unsigned long seq, pfn;
	int ret;
again:
	seq = mmu_interval_read_begin(&f->mn);
	mmap_read_lock(f->mm);
	vma = vma_lookup(f->mm, addr);
	ret = follow_pte(vma->vm_mm, addr, &ptep, &ptl);
	if (ret) { mmap_read_unlock(f->mm); return ret; }
	pte = *ptep;
	pfn = pte_pfn(pte);
	if (write && !can_wr(pte))
		ret = -EPERM;
	pte_unmap_unlock(ptep, ptl);
	mmap_read_unlock(f->mm);
	if (ret)
		return ret;
	mutex_lock(&f->lock);
	if (mmu_interval_read_retry(&f->mn, seq)) {
		mutex_unlock(&f->lock);
		goto again;
	}
	fp_program(f, pfn, write);
	mutex_unlock(&f->lock);
	return 0;
}
