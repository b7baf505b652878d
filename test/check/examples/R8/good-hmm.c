// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/hmm.h>

int hm(struct hm *h, unsigned long a)
{
	unsigned long pfns[1];
	struct hmm_range r = { .notifier = &h->n, .start = a, .end = a + PAGE_SIZE, .hmm_pfns = pfns, .default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE };
	int ret;
	do {
		r.notifier_seq = mmu_interval_read_begin(&h->n);
		mmap_read_lock(h->mm);
		ret = hmm_range_fault(&r);
		mmap_read_unlock(h->mm);
		if (ret == -EBUSY) continue;
		if (ret) return ret;
		mutex_lock(&h->lock);
		if (!mmu_interval_read_retry(&h->n, r.notifier_seq)) break;
		mutex_unlock(&h->lock);
	} while (1);
	hm_program(h, pfns[0]);
	mutex_unlock(&h->lock);
	return 0;
}
