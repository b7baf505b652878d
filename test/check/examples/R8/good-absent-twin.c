// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
// unsafe_follow_pfn() is in neither kernel: a configure script finds none and leaves HAVE_UNSAFE undefined.
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>

#ifdef HAVE_UNSAFE
static int at_fill(struct at *t, unsigned long a)
{
	unsigned long pfn;
	int ret;

	mmap_read_lock(t->mm);
	ret = unsafe_follow_pfn(find_vma(t->mm, a), a, &pfn);
	mmap_read_unlock(t->mm);
	if (!ret)
		at_program(t, pfn);
	return ret;
}
#else
static int at_fill(struct at *t, unsigned long a)
{
	unsigned long pfns[1];
	struct hmm_range r = { .notifier = &t->n, .start = a, .end = a + PAGE_SIZE, .hmm_pfns = pfns, .default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE };
	int ret;

	do {
		r.notifier_seq = mmu_interval_read_begin(&t->n);
		mmap_read_lock(t->mm);
		ret = hmm_range_fault(&r);
		mmap_read_unlock(t->mm);
		if (ret == -EBUSY)
			continue;
		if (ret)
			return ret;
		mutex_lock(&t->lock);
		if (!mmu_interval_read_retry(&t->n, r.notifier_seq))
			break;
		mutex_unlock(&t->lock);
	} while (1);
	at_program(t, pfns[0]);
	mutex_unlock(&t->lock);
	return 0;
}
#endif

int at_map(struct at *t, unsigned long a)
{
	return at_fill(t, a);
}
