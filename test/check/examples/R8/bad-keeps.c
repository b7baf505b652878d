// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
#include <linux/mm.h>

struct window {
	unsigned long pfn;
};

static int window_fill(struct window *w, struct vm_area_struct *vma, unsigned long addr)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int ret = follow_pfnmap_start(&args);

	if (ret)
		return ret;
	if (!args.writable) {
		follow_pfnmap_end(&args);
		return -EFAULT;
	}
	w->pfn = args.pfn;
	follow_pfnmap_end(&args);
	return 0;
}
