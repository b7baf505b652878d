// SPDX-License-Identifier: GPL-2.0
/*
 * Consumers that are told when the translation of their page goes: HMM, and
 * followers under a notifier of their own, one of which does not test the
 * sequence.
 */
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>

#include "pfnmap.h"

/* An interval notifier on the page of a holder, and the sequence it read. */
struct watch {
	struct mmu_interval_notifier notifier;
	unsigned long seq;
};

static bool watch_invalidate(struct mmu_interval_notifier *notifier,
			     const struct mmu_notifier_range *range, unsigned long seq)
{
	mmu_interval_set_seq(notifier, seq);
	return true;
}

static const struct mmu_interval_notifier_ops watch_ops = { .invalidate = watch_invalidate };

static int hmm_once(struct holder *h, unsigned long addr, bool write)
{
	struct mmu_interval_notifier *notifier = &h->watch->notifier;
	unsigned long pfn = 0;
	struct hmm_range range = {
		.notifier = notifier,
		.start = addr & PAGE_MASK,
		.end = (addr & PAGE_MASK) + PAGE_SIZE,
		.hmm_pfns = &pfn,
		.default_flags = HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0),
	};
	int err;

	h->watch->seq = mmu_interval_read_begin(notifier);
	range.notifier_seq = h->watch->seq;
	mmap_read_lock(current->mm);
	err = hmm_range_fault(&range);
	mmap_read_unlock(current->mm);
	sync_point(POINT_HMM_FAULTED);
	if (err)
		return err;
	if (mmu_interval_read_retry(notifier, h->watch->seq))
		return -EBUSY;
	h->pfn = pfn & ~HMM_PFN_FLAGS;
	h->writable = pfn & HMM_PFN_WRITE;
	return 0;
}

/* Be told when the translation of a page goes. */
static int watch(struct holder *h, unsigned long addr)
{
	int err;

	h->watch = kzalloc(sizeof(*h->watch), GFP_KERNEL);
	if (!h->watch)
		return -ENOMEM;
	err = mmu_interval_notifier_insert(&h->watch->notifier, current->mm, addr & PAGE_MASK,
					   PAGE_SIZE, &watch_ops);
	if (err) {
		kfree(h->watch);
		h->watch = NULL;
	}
	return err;
}

int by_hmm(struct holder *h, unsigned long addr, bool write)
{
	int err = watch(h, addr), tries;

	if (err)
		return err;
	err = -EBUSY;
	for (tries = 0; tries < 10 && err == -EBUSY; tries++)
		err = hmm_once(h, addr, write);
	return err;
}

/*
 * Follows under a notifier. What is told between the look and the use is
 * missed, unless the sequence is asked for before and tested after.
 */
int by_pfnmn(struct holder *h, unsigned long addr, bool write, bool retries)
{
	int err = watch(h, addr), tries;

	if (err)
		return err;
	for (tries = 0; tries < 10; tries++) {
		struct mmu_interval_notifier *notifier = &h->watch->notifier;

		h->watch->seq = mmu_interval_read_begin(notifier);
		err = by_pfnfix(h, addr, write);
		if (err)
			return err;
		if (!retries) {
			/* As if nobody had been told meanwhile. */
			h->watch->seq = mmu_interval_read_begin(notifier);
			return 0;
		}
		if (!mmu_interval_read_retry(notifier, h->watch->seq))
			return 0;
	}
	return -EBUSY;
}

/*
 * As KVM of 6.1 serves a guest's fault: the reference that a lookup takes is
 * dropped when the page is mapped, or to look again.
 */
int by_kvmmn(struct holder *h, unsigned long addr, bool write)
{
	int err = watch(h, addr), tries;

	for (tries = 0; !err && tries < 10; tries++) {
		h->watch->seq = mmu_interval_read_begin(&h->watch->notifier);
		err = by_gup_first(h, addr, write);
		if (err || !mmu_interval_read_retry(&h->watch->notifier, h->watch->seq))
			return err;
		page_let_go(h);
	}
	return err ? err : -EBUSY;
}

/* Was the holder told since it looked? */
bool watch_was_told(struct holder *h)
{
	return mmu_interval_check_retry(&h->watch->notifier, h->watch->seq);
}

void watch_end(struct holder *h)
{
	if (!h->watch)
		return;
	mmu_interval_notifier_remove(&h->watch->notifier);
	kfree(h->watch);
	h->watch = NULL;
}
