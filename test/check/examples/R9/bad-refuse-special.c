// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R9 static-is-not-static always
// good: R8
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

static int rs_follow(struct mm_struct *mm, unsigned long a, bool write, unsigned long *pfn)
{
	pte_t *ptep, pte; spinlock_t *ptl;
	int r = follow_pte(mm, a, &ptep, &ptl);
	if (r)
		return r;
	pte = *ptep;
	if (pte_special(pte)) { r = -EFAULT; goto out; }
	if (write && !pte_write(pte)) { r = -EPERM; goto out; }
	*pfn = pte_pfn(pte);
out:
	pte_unmap_unlock(ptep, ptl);
	return r;
}

int rs_map(struct rs *s, unsigned long a)
{
	unsigned long pfn, seq; int r;
again:
	seq = mmu_interval_read_begin(&s->n);
	r = rs_follow(s->mm, a, true, &pfn);
	if (r)
		return r;
	mutex_lock(&s->lock);
	if (mmu_interval_read_retry(&s->n, seq)) { mutex_unlock(&s->lock); goto again; }
	rs_prog(s, pfn);
	mutex_unlock(&s->lock);
	return 0;
}
