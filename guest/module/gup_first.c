// SPDX-License-Identifier: GPL-2.0
/*
 * Consumers that ask get_user_pages first, and follow the page table where it
 * refuses: KVM of 6.1, with or without its reference or a patch that refuses
 * special entries, and VFIO's type 1 IOMMU, which pins.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "pfnmap.h"

static bool is_counted(unsigned long pfn)
{
	return pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn));
}

/* What becomes of an entry that was found, with its table locked. */
static int judge(struct holder *h, bool special, bool write)
{
	if (h->method == BY_KVMSP && special)
		return -EINVAL;
	if (write && !h->writable)
		return -EFAULT;
	if (!is_counted(h->pfn))
		return 0;
	if (h->method == BY_VFIO || !get_page_unless_zero(pfn_to_page(h->pfn)))
		return -EFAULT;
	h->page = pfn_to_page(h->pfn);
	return 0;
}

/* Fails if there is no entry; else says in *verdict what became of it. */
static int follow(struct holder *h, struct vm_area_struct *vma, unsigned long addr, bool write,
		  int *verdict)
{
#ifdef HAS_FOLLOW_PFNMAP
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int err = follow_pfnmap_start(&args);

	if (err)
		return err;
	h->pfn = args.pfn;
	h->writable = args.writable;
	*verdict = judge(h, args.special, write);
	follow_pfnmap_end(&args);
#else
	spinlock_t *ptl; /* of the page table */
	pte_t *ptep;
	int err = follow_pte(vma->vm_mm, addr, &ptep, &ptl);

	if (err)
		return err;
	h->pfn = pte_pfn(*ptep);
	h->writable = pte_write(*ptep);
	*verdict = judge(h, pte_special(*ptep), write);
	pte_unmap_unlock(ptep, ptl);
#endif
	return 0;
}

static int remapped(struct holder *h, struct vm_area_struct *vma, unsigned long addr, bool write)
{
	bool unlocked = false;
	int verdict, err = follow(h, vma, addr, write, &verdict);

	if (err) {
		err = fixup_user_fault(vma->vm_mm, addr, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		sync_point(POINT_FIXED_UP);
		if (unlocked)
			return -EAGAIN;
		if (!err)
			err = follow(h, vma, addr, write, &verdict);
	}
	return err ? err : verdict;
}

static bool by_pin(struct holder *h, unsigned long addr, int flags)
{
#ifdef GUP_GIVES_VMAS
	return pin_user_pages_remote(current->mm, addr, 1, flags, &h->page, NULL, NULL) == 1;
#else
	return pin_user_pages_remote(current->mm, addr, 1, flags, &h->page, NULL) == 1;
#endif
}

static bool by_get(struct holder *h, unsigned long addr, int flags)
{
	if (flags & FOLL_WRITE && get_user_pages_fast_only(addr, 1, flags, &h->page) == 1)
		return true;
	return get_user_pages_unlocked(addr, 1, &h->page, flags) == 1;
}

int by_gup_first(struct holder *h, unsigned long addr, bool write)
{
	unsigned long follows = h->method == BY_VFIO ? VM_PFNMAP : VM_IO | VM_PFNMAP;
	int flags = write ? FOLL_WRITE : 0, err = 0;
	struct vm_area_struct *vma;
	bool got = false;

	if (h->method != BY_VFIO)
		got = by_get(h, addr, flags);
	mmap_read_lock(current->mm);
	if (h->method == BY_VFIO)
		got = by_pin(h, addr, flags | FOLL_LONGTERM);
	if (got) {
		h->pfn = page_to_pfn(h->page);
		h->writable = write;
	} else {
		do {
			vma = vma_lookup(current->mm, addr);
			err = -EFAULT;
			if (vma && vma->vm_flags & follows)
				err = remapped(h, vma, addr, write);
		} while (err == -EAGAIN);
	}
	mmap_read_unlock(current->mm);
	sync_point(POINT_FOLLOWED);
	return err;
}
