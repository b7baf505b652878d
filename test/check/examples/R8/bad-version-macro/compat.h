#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static inline int my_lookup_pfn(struct vm_area_struct *vma, unsigned long addr, unsigned long *pfn)
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
#define my_lookup_pfn(v, a, p) follow_pfn(v, a, p)
#endif
