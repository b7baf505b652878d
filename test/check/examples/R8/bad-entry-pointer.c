// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
// good: R6
// The walk is one function, which hands on a pointer to the entry, and the PFN is read in another.
#include <linux/mm.h>

struct peek {
	struct mm_struct *mm;
	unsigned long pfn;
};

static pte_t *peek_entry(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (!pgd_present(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (!p4d_present(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (!pud_present(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	if (!pmd_present(*pmd))
		return NULL;
	return pte_offset_kernel(pmd, addr);
}

int peek_remember(struct peek *peek, unsigned long addr)
{
	pte_t *entry = peek_entry(peek->mm, addr);

	if (!entry || !pte_present(*entry) || !pte_write(*entry))
		return -EFAULT;
	peek->pfn = pte_pfn(*entry);
	return 0;
}
EXPORT_SYMBOL(peek_remember);
