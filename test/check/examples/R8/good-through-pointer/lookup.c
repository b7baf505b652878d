// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include "pin.h"
static int host_lookup(struct vmctx *c, unsigned long va, unsigned long *pfn)
{
	struct vm_area_struct *vma;
	spinlock_t *ptl;
	pte_t *ptep;
	int ret;
	mmap_read_lock(c->mm);
	vma = vma_lookup(c->mm, va);
	ret = vma ? follow_pte(vma->vm_mm, va, &ptep, &ptl) : -EFAULT;
	if (!ret) {
		if (!pte_write(*ptep))
			ret = -EPERM;
		else
			*pfn = pte_pfn(*ptep);
		pte_unmap_unlock(ptep, ptl);
	}
	mmap_read_unlock(c->mm);
	return ret;
}
const struct xlate_ops host_xlate_ops = { .lookup = host_lookup };
