// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
// Who calls the lookup through its table tests the sequence.
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include "pin.h"
int ctx_fault(struct vmctx *c, unsigned long va)
{
	unsigned long pfn, seq;
	int ret;
	do {
		seq = mmu_interval_read_begin(&c->n);
		ret = c->ops->lookup(c, va, &pfn);
		if (ret)
			return ret;
		mutex_lock(&c->lock);
		if (!mmu_interval_read_retry(&c->n, seq)) {
			c->pt[va >> PAGE_SHIFT] = pfn << PAGE_SHIFT | 3;
			mutex_unlock(&c->lock);
			return 0;
		}
		mutex_unlock(&c->lock);
	} while (1);
}
