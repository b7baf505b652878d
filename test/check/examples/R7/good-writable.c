// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/mm.h>

static int poke(struct vm_area_struct *vma, unsigned long addr, const void *from, size_t len)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int ret = follow_pfnmap_start(&args);

	if (ret)
		return ret;
	if (args.writable)
		memcpy_toio(__va(args.pfn << PAGE_SHIFT), from, len);
	else
		ret = -EACCES;
	follow_pfnmap_end(&args);
	return ret;
}
