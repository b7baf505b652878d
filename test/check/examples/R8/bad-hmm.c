// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
#include <linux/hmm.h>

int hm(struct hm *h, unsigned long a)
{
	unsigned long pfns[1];
	struct hmm_range r = { .notifier = &h->n, .start = a, .end = a + PAGE_SIZE, .hmm_pfns = pfns, .default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE };
	int ret;
	r.notifier_seq = mmu_interval_read_begin(&h->n);
	mmap_read_lock(h->mm);
	ret = hmm_range_fault(&r);
	mmap_read_unlock(h->mm);
	if (ret)
		return ret;
	h->dma = dma_map_page(h->dev, hmm_pfn_to_page(pfns[0]), 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	return 0;
}
