#ifndef GH_WALK_INCLUDED
#define GH_WALK_INCLUDED
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define GH_START_END
#endif
#ifdef GH_START_END
static inline int gh_pfn(struct vm_area_struct *vma, unsigned long addr, unsigned long *pfn)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int r = follow_pfnmap_start(&args);

	if (r)
		return r;
	*pfn = args.pfn;
	follow_pfnmap_end(&args);
	return 0;
}
#else
static inline int gh_pfn(struct vm_area_struct *vma, unsigned long addr, unsigned long *pfn)
{
	return follow_pfn(vma, addr, pfn);
}
#endif
#endif
