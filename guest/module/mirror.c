// SPDX-License-Identifier: GPL-2.0
/*
 * A device with a page table of its own for some pages of a process: filled by
 * hmm_range_fault(), emptied by an interval notifier, both under the driver's
 * lock. How the sequence is tested is told by whoever asks; one way is right.
 */
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "pfnmap.h"

struct mirror {
	struct mmu_interval_notifier notifier;
	struct mutex lock; /* the driver's, of the table */
	unsigned long start;
	u32 pages;
	u32 flags;
	struct page *table[PFNMAP_MIRRORED];
};

/* Refuses, if it may not wait for the lock, or never waits. */
static bool mirror_invalidate(struct mmu_interval_notifier *notifier,
			      const struct mmu_notifier_range *range, unsigned long seq)
{
	struct mirror *m = container_of(notifier, struct mirror, notifier);
	unsigned long addr = m->start;
	u32 i;

	if (mmu_notifier_range_blockable(range) && !(m->flags & MIRROR_TRIES))
		mutex_lock(&m->lock);
	else if (!mutex_trylock(&m->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	for (i = 0; i < m->pages; i++, addr += PAGE_SIZE)
		if (addr >= range->start && addr < range->end)
			m->table[i] = NULL;
	mutex_unlock(&m->lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = { .invalidate = mirror_invalidate };

int mirror_begin(struct mirror **mirror, const struct pfnmap_mirror *arg)
{
	struct mirror *m;
	int err;

	if (!arg->pages || arg->pages > PFNMAP_MIRRORED)
		return -EINVAL;
	if (*mirror)
		return -EBUSY;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	mutex_init(&m->lock);
	m->start = arg->addr & PAGE_MASK;
	m->pages = arg->pages;
	m->flags = arg->flags;
	err = mmu_interval_notifier_insert(&m->notifier, current->mm, m->start,
					   m->pages * PAGE_SIZE, &mirror_ops);
	if (err)
		kfree(m);
	else
		*mirror = m;
	return err;
}

void mirror_end(struct mirror **mirror)
{
	if (!*mirror)
		return;
	mmu_interval_notifier_remove(&(*mirror)->notifier);
	kfree(*mirror);
	*mirror = NULL;
}

/* The pages as they lie now. What is to be kept is never freed, whoever lets go of it. */
static int mirror_find(struct mirror *m, struct hmm_range *range)
{
	int err;
	u32 i;

	mmap_read_lock(current->mm);
	err = hmm_range_fault(range);
	for (i = 0; !err && m->flags & MIRROR_KEEPS && i < m->pages; i++)
		get_page(hmm_pfn_to_page(range->hmm_pfns[i]));
	mmap_read_unlock(current->mm);
	return err;
}

/* Documentation/mm/hmm.rst: one test under the lock, and all pages before it is let go. */
static int fill_once(struct mirror *m, const unsigned long *pfns, unsigned long seq)
{
	int err = 0;
	u32 i;

	mutex_lock(&m->lock);
	if (mmu_interval_read_retry(&m->notifier, seq)) {
		err = -EBUSY;
	} else {
		for (i = 0; i < m->pages; i++)
			m->table[i] = hmm_pfn_to_page(pfns[i]);
		sync_point(POINT_MIRROR_LOCKED);
	}
	mutex_unlock(&m->lock);
	return err;
}

/*
 * Page by page, and wrong: the sequence is tested for each, but before the
 * lock; or under it, but for the first only.
 */
static int fill_by_page(struct mirror *m, const unsigned long *pfns, unsigned long seq, bool each)
{
	bool stale = false;
	u32 i;

	for (i = 0; i < m->pages; i++) {
		if (each && mmu_interval_read_retry(&m->notifier, seq))
			return -EBUSY;
		if (i)
			sync_point(POINT_MIRROR_NEXT);
		mutex_lock(&m->lock);
		if (!each && !i)
			stale = mmu_interval_read_retry(&m->notifier, seq);
		if (!stale) {
			m->table[i] = hmm_pfn_to_page(pfns[i]);
			sync_point(POINT_MIRROR_LOCKED);
		}
		mutex_unlock(&m->lock);
		if (stale)
			return -EBUSY;
	}
	return 0;
}

/* All pages, to be written to; -EBUSY to start over. */
int mirror_fill(struct mirror *m, const struct pfnmap_fill *arg)
{
	unsigned long pfns[PFNMAP_MIRRORED] = {};
	struct hmm_range range = {
		.hmm_pfns = pfns,
		.default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE,
	};
	int err;

	if (!m)
		return -ENOENT;
	if (arg->way >= FILL_COUNT)
		return -EINVAL;
	range.notifier = &m->notifier;
	range.start = m->start;
	range.end = m->start + m->pages * PAGE_SIZE;
	range.notifier_seq = mmu_interval_read_begin(&m->notifier);
	err = mirror_find(m, &range);
	if (err)
		return err;
	if (arg->way == FILL_ONCE)
		return fill_once(m, pfns, range.notifier_seq);
	return fill_by_page(m, pfns, range.notifier_seq, arg->way == FILL_EACH);
}

/*
 * The device reads or writes through its table: under the lock, as the notifier
 * waits for what is under way.
 */
int mirror_word(struct mirror *m, struct pfnmap_mirrored *arg)
{
	struct page *page;
	u64 *word;

	if (!m)
		return -ENOENT;
	if (arg->page >= m->pages)
		return -EINVAL;
	mutex_lock(&m->lock);
	page = m->table[arg->page];
	if (page) {
		word = word_of(page_to_pfn(page), arg->off);
		if (arg->write)
			*word = arg->value;
		else
			arg->value = *word;
		arg->gone = m->flags & MIRROR_KEEPS && atomic_read(&page->_mapcount) < 0;
	}
	mutex_unlock(&m->lock);
	return page ? 0 : -EFAULT;
}
