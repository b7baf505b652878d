// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R7 honour-pte-flags always
// bad: R8 no-stale-translation always
// The guard of a header is no switch: what it encloses is compiled.
#include <linux/mm.h>
#include "walk.h"

struct gh_job { phys_addr_t at; };

int gh_prepare(struct gh_job *job, unsigned long addr)
{
	struct vm_area_struct *vma;
	unsigned long pfn;
	int ret = -EFAULT;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma)
		ret = gh_pfn(vma, addr, &pfn);
	if (!ret)
		job->at = PFN_PHYS(pfn);
	mmap_read_unlock(current->mm);
	return ret;
}
EXPORT_SYMBOL(gh_prepare);
