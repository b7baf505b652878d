// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
#include <linux/mm.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 13, 0)
#define uf_follow(v, a, p) unsafe_follow_pfn(v, a, p)
#else
#define uf_follow(v, a, p) follow_pfn(v, a, p)
#endif
int uf_get(struct vm_area_struct *vma, unsigned long start, u64 *out, int n)
{
	unsigned long pfn;
	int i, ret;
	for (i = 0; i < n; i++) {
		ret = uf_follow(vma, start + (i << PAGE_SHIFT), &pfn);
		if (ret)
			return ret;
		out[i] = (u64)pfn << PAGE_SHIFT;
	}
	return 0;
}
