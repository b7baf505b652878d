// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
#include <linux/mm.h>

static int fr_get(unsigned long start, int n, struct fr_vec *vec)
{
	struct vm_area_struct *vma = find_vma_intersection(current->mm, start, start + 1);
	unsigned long *nums = fr_pfns(vec);
	int i = 0, ret = 0;
	while (i < n && start + PAGE_SIZE <= vma->vm_end) {
		ret = follow_pfn(vma, start, &nums[i]);
		if (ret)
			break;
		start += PAGE_SIZE;
		i++;
	}
	vec->nr = i;
	return ret;
}

int fr_start(struct fr_dev *d, unsigned long start, int n) { int r; mmap_read_lock(current->mm); r = fr_get(start, n, &d->vec); mmap_read_unlock(current->mm); if (r) return r; fr_dma(d, d->vec.pfns); return 0; }
