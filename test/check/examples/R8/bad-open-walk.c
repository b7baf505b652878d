// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
// bad: R7 honour-pte-flags always
#include <linux/mm.h>
#include <linux/pgtable.h>
unsigned long ow_virt_to_phys(unsigned long va)
{
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t *pte;
	unsigned long pa = 0;

	mmap_read_lock(current->mm);
	pgd = pgd_offset(current->mm, va);
	if (pgd_none(*pgd) || pgd_bad(*pgd))
		goto out;
	p4d = p4d_offset(pgd, va);
	if (p4d_none(*p4d) || p4d_bad(*p4d))
		goto out;
	pud = pud_offset(p4d, va);
	if (pud_none(*pud) || pud_bad(*pud))
		goto out;
	pmd = pmd_offset(pud, va);
	if (pmd_none(*pmd) || pmd_bad(*pmd))
		goto out;
	pte = pte_offset_map(pmd, va);
	if (pte_present(*pte))
		pa = (pte_pfn(*pte) << PAGE_SHIFT) | (va & ~PAGE_MASK);
	pte_unmap(pte);
out:
	mmap_read_unlock(current->mm);
	return pa;
}
EXPORT_SYMBOL(ow_virt_to_phys);
