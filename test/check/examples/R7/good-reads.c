// SPDX-License-Identifier: GPL-2.0-or-later
// good: R7 R8
// Reads only, while the entry is held.
#include <linux/mm.h>

int rd_io(struct mm_struct *mm, unsigned long addr, u64 *val)
{
	struct follow_pfnmap_args args = { .address = addr };
	struct vm_area_struct *vma;
	void __iomem *io;
	int ret;
	mmap_read_lock(mm);
	args.vma = vma_lookup(mm, addr);
	ret = follow_pfnmap_start(&args);
	if (ret) goto out;
	io = phys_to_io(args.pfn);
	*val = readq(io);
	follow_pfnmap_end(&args);
out:
	mmap_read_unlock(mm);
	return ret;
}
