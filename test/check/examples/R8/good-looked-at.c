// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
// The PFN is compared, printed by a macro of the driver's own, and its page put: nobody keeps it.
#include <linux/mm.h>

#define look_debug(fmt, ...) do { if (look_verbose) printk(KERN_DEBUG fmt, ##__VA_ARGS__); } while (0)

static bool look_verbose;

static pte_t *look_entry(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	pmd_t *pmd = pmd_offset(pud_offset(p4d_offset(pgd, addr), addr), addr);

	return pte_offset_kernel(pmd, addr);
}

static unsigned long look_up(struct mm_struct *mm, unsigned long addr)
{
	pte_t *entry = look_entry(mm, addr);

	if (!pte_present(*entry))
		return 0;
	return pte_pfn(*entry);
}

bool look_is_mapped(struct mm_struct *mm, unsigned long addr, unsigned long pfn)
{
	unsigned long old = look_up(mm, addr);

	if (!old)
		return false;
	if (old != pfn)
		look_debug("%lx instead of %lx\n", old, pfn);
	return old == pfn;
}
EXPORT_SYMBOL(look_is_mapped);

void look_report(struct mm_struct *mm, unsigned long addr)
{
	char text[20];
	unsigned long old = look_up(mm, addr);

	snprintf(text, sizeof(text), "%lx", old);
	pr_info("%lx: %s\n", addr, text);
}
EXPORT_SYMBOL(look_report);

void look_let_go(struct mm_struct *mm, unsigned long addr)
{
	pte_t *entry = look_entry(mm, addr);
	unsigned long pfn;

	if (!pte_present(*entry))
		return;
	pfn = pte_pfn(*entry);
	look_debug("%lx is let go\n", pfn);
	put_page(virt_to_page(__va(pfn << PAGE_SHIFT)));
}
EXPORT_SYMBOL(look_let_go);
