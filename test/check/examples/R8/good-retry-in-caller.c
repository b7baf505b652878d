// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/mmu_notifier.h>

static int look(struct vm_area_struct *vma, unsigned long addr, unsigned long *pfn)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int ret = follow_pfnmap_start(&args);

	if (ret)
		return ret;
	if (args.writable)
		*pfn = args.pfn;
	else
		ret = -EFAULT;
	follow_pfnmap_end(&args);
	return ret;
}

static int map_one(struct mirror *m, struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long pfn, seq;
	int ret;

again:
	seq = mmu_interval_read_begin(&m->notifier);
	ret = look(vma, addr, &pfn);
	if (ret)
		return ret;
	mutex_lock(&m->lock);
	if (mmu_interval_read_retry(&m->notifier, seq)) {
		mutex_unlock(&m->lock);
		goto again;
	}
	mirror_install(m, addr, pfn);
	mutex_unlock(&m->lock);
	return 0;
}
