// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R7 honour-pte-flags always
// To map with the entry's attributes is no look at whether it may be written.
#include <linux/mm.h>
#include <linux/io.h>
int fp_poke(struct mm_struct *mm, unsigned long va, u32 v)
{
	struct follow_pfnmap_args a = { .address = va };
	void __iomem *io;
	int ret;
	mmap_read_lock(mm);
	a.vma = vma_lookup(mm, va);
	if (!a.vma) { ret = -EFAULT; goto out; }
	ret = follow_pfnmap_start(&a);
	if (ret)
		goto out;
	io = ioremap_prot(PFN_PHYS(a.pfn), PAGE_SIZE, pgprot_val(a.pgprot));
	if (io) {
		writel(v, io + offset_in_page(va));
		iounmap(io);
	}
	follow_pfnmap_end(&a);
out:
	mmap_read_unlock(mm);
	return ret;
}
