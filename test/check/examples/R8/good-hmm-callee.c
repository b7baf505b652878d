// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
struct c21 { struct mmu_interval_notifier n; struct mutex m; unsigned long pfns[8]; };
static int c21_commit(struct c21 *c, struct hmm_range *range)
{
	int ret = 0;
	mutex_lock(&c->m);
	if (mmu_interval_read_retry(range->notifier, range->notifier_seq))
		ret = -EAGAIN;
	else
		c21_program(c, range->hmm_pfns);
	mutex_unlock(&c->m);
	return ret;
}
int c21_fault(struct c21 *c, unsigned long a)
{
	struct hmm_range range = { .notifier = &c->n, .start = a, .end = a + PAGE_SIZE, .hmm_pfns = c->pfns, .default_flags = HMM_PFN_REQ_FAULT };
	int ret;
	do {
		range.notifier_seq = mmu_interval_read_begin(&c->n);
		mmap_read_lock(c->n.mm);
		ret = hmm_range_fault(&range);
		mmap_read_unlock(c->n.mm);
		if (ret)
			continue;
		ret = c21_commit(c, &range);
	} while (ret == -EAGAIN || ret == -EBUSY);
	return ret;
}
