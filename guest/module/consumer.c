// SPDX-License-Identifier: GPL-2.0
/*
 * The consumer: twenty ways to look a user address up, and what is done with
 * the page afterwards. Several are wrong on purpose.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>

#include "pfnmap.h"

/* A page-table entry, found without a lock or a check. */
struct found {
	u32 level;		/* 0 none, 1 PTE, 2 PMD */
	u32 bits;
	unsigned long pfn;
};

static u32 pte_bits(pte_t pte)
{
	return (pte_present(pte) ? ENTRY_PRESENT : 0) |
	       (pte_special(pte) ? ENTRY_SPECIAL : 0) |
	       (pte_write(pte) ? ENTRY_WRITE : 0) |
	       (pte_dirty(pte) ? ENTRY_DIRTY : 0) |
	       (pte_young(pte) ? ENTRY_YOUNG : 0);
}

/* Each entry is read once: munmap may clear it meanwhile. */
static struct found walk(unsigned long addr)
{
	struct found found = {};
	pgd_t pgd = READ_ONCE(*pgd_offset(current->mm, addr));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	pte_t pte;

	if (pgd_none(pgd))
		return found;
	p4d = READ_ONCE(*p4d_offset(&pgd, addr));
	if (p4d_none(p4d))
		return found;
	pud = READ_ONCE(*pud_offset(&p4d, addr));
	if (pud_none(pud))
		return found;
	pmd = READ_ONCE(*pmd_offset(&pud, addr));
	if (pmd_none(pmd))
		return found;
	if (pmd_val(pmd) & _PAGE_PSE) {
		/* The bits lie where a PTE has them. */
		pte = __pte(pmd_val(pmd) & ~_PAGE_PSE);
		found.level = 2;
		found.pfn = pmd_pfn(pmd) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
	} else {
		pte = READ_ONCE(*pte_offset_kernel(&pmd, addr));
		found.level = 1;
		found.pfn = pte_present(pte) ? pte_pfn(pte) : 0;
	}
	found.bits = pte_bits(pte);
	if (!(found.bits & ENTRY_PRESENT))
		memset(&found, 0, sizeof(found));
	return found;
}

/*
 * munmap frees page tables with mmap_lock held for reading, too, since nobody
 * finds a VMA there any more; a walk that asks for none keeps the tables as
 * GUP-fast does, by interrupts off.
 */
static struct found walk_locked(unsigned long addr)
{
	struct found found;
	unsigned long flags;

	mmap_read_lock(current->mm);
	local_irq_save(flags);
	found = walk(addr);
	local_irq_restore(flags);
	mmap_read_unlock(current->mm);
	return found;
}

static void page_look(unsigned long pfn, struct pfnmap_page *out)
{
	memset(out, 0, sizeof(*out));
	if (pfn_valid(pfn))
		owner_of(pfn_to_page(pfn), out);
}

/* What the page table says of an address. */
void entry_look(struct pfnmap_entry *arg)
{
	struct found found = walk_locked(arg->addr);

	arg->level = found.level;
	arg->bits = found.bits;
	memset(&arg->page, 0, sizeof(arg->page));
	if (!found.level)
		return;
	page_look(found.pfn, &arg->page);
	if (pfn_valid(found.pfn) && PageAnon(pfn_to_page(found.pfn)))
		arg->bits |= ENTRY_ANON;
}

void page_let_go(struct holder *h)
{
	if (!h->page)
		return;
	if (h->method == BY_PINF || h->method == BY_PINLT || h->method == BY_VFIO)
		unpin_user_page(h->page);
	else
		put_page(h->page);
	h->page = NULL;
}

static int gup_flags(enum pfnmap_method method, bool write)
{
	int flags = write ? FOLL_WRITE : 0;

	if (method == BY_FORCE)
		flags |= FOLL_FORCE | FOLL_WRITE;
	if (method == BY_PINLT)
		flags |= FOLL_LONGTERM;
	return flags;
}

static int by_gup(struct holder *h, unsigned long addr, bool write)
{
	int flags = gup_flags(h->method, write);
	long got;

	switch (h->method) {
	case BY_GUPF:
		got = get_user_pages_fast(addr, 1, flags, &h->page);
		break;
	case BY_GUPFO:
		got = get_user_pages_fast_only(addr, 1, flags, &h->page);
		break;
	case BY_PINF:
	case BY_PINLT:
		got = pin_user_pages_fast(addr, 1, flags, &h->page);
		break;
	default:
		mmap_read_lock(current->mm);
#ifdef GUP_GIVES_VMAS
		got = get_user_pages(addr, 1, flags, &h->page, NULL);
#else
		got = get_user_pages(addr, 1, flags, &h->page);
#endif
		mmap_read_unlock(current->mm);
	}
	if (got != 1)
		return got < 0 ? got : -ENODATA;
	h->pfn = page_to_pfn(h->page);
	h->writable = flags & FOLL_WRITE;
	return 0;
}

/*
 * The PFN that the page table holds; nothing keeps it valid once the lock is
 * dropped. `any_vma`: 6.1's follow_pte looks at no VMA flags.
 */
static int follow(struct holder *h, unsigned long addr, bool any_vma)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, addr);
#ifdef HAS_FOLLOW_PFNMAP
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
#else
	spinlock_t *ptl; /* of the page table */
	pte_t *ptep;
#endif
	int err;

	if (!vma)
		return -ENOENT;
#ifdef HAS_FOLLOW_PFNMAP
	err = follow_pfnmap_start(&args);
	if (err)
		return err;
	h->pfn = args.pfn;
	h->writable = args.writable;
	follow_pfnmap_end(&args);
#else
	if (!any_vma && !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EINVAL;
	err = follow_pte(current->mm, addr, &ptep, &ptl);
	if (err)
		return err;
	h->pfn = pte_pfn(*ptep);
	h->writable = pte_write(*ptep);
	pte_unmap_unlock(ptep, ptl);
#endif
	return 0;
}

static int by_follow(struct holder *h, unsigned long addr, bool any_vma)
{
	int err;

	mmap_read_lock(current->mm);
	err = follow(h, addr, any_vma);
	mmap_read_unlock(current->mm);
	sync_point(POINT_FOLLOWED);
	return err;
}

/* As KVM: follow, fault in if need be, follow again. */
int by_pfnfix(struct holder *h, unsigned long addr, bool write)
{
	bool unlocked = false;
	int err;

	mmap_read_lock(current->mm);
	if (!vma_lookup(current->mm, addr)) {
		mmap_read_unlock(current->mm);
		return -ENOENT;
	}
	err = follow(h, addr, false);
	if (err || (write && !h->writable)) {
		err = fixup_user_fault(current->mm, addr, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		sync_point(POINT_FIXED_UP);
		if (!err)
			err = follow(h, addr, false);
	}
	mmap_read_unlock(current->mm);
	if (!err && write && !h->writable)
		err = -EPERM;
	sync_point(POINT_FOLLOWED);
	return err;
}

/* The same with a reference to the page, if it has one to give. */
static int by_pfnref(struct holder *h, unsigned long addr, bool write)
{
	int err = by_pfnfix(h, addr, write);
	struct page *page;

	if (err || !pfn_valid(h->pfn))
		return err;
	page = pfn_to_page(h->pfn);
	if (PageReserved(page))
		return 0;
	sync_point(POINT_LOOKED);
	if (!get_page_unless_zero(page))
		return -EFAULT;
	h->page = page;
	return 0;
}

/*
 * Takes vm_pgoff for the PFN. Nobody writes there: it is some page of the
 * machine's.
 */
static int by_pgoff(struct holder *h, unsigned long addr)
{
	struct vm_area_struct *vma;
	int err = -EINVAL;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma && vma->vm_flags & VM_PFNMAP) {
		h->pfn = linear_page_index(vma, addr);
		err = 0;
	}
	mmap_read_unlock(current->mm);
	return err;
}

static int by_raw(struct holder *h, unsigned long addr)
{
	struct found found = walk_locked(addr);

	if (!found.level)
		return -ENOENT;
	h->pfn = found.pfn;
	h->writable = found.bits & ENTRY_WRITE;
	return 0;
}

static int lookup(struct holder *h, unsigned long addr, bool write)
{
	switch (h->method) {
	case BY_PFN:
	case BY_FPFN:
		return by_follow(h, addr, false);
	case BY_FPTE:
		return by_follow(h, addr, true);
	case BY_PFNFIX:
		return by_pfnfix(h, addr, write);
	case BY_HMM:
		return by_hmm(h, addr, write);
	case BY_RAW:
		return by_raw(h, addr);
	case BY_PFNREF:
		return by_pfnref(h, addr, write);
	case BY_PFNMN:
	case BY_PFNMNR:
		return by_pfnmn(h, addr, write, h->method == BY_PFNMNR);
	case BY_KVM:
	case BY_KVMSP:
	case BY_VFIO:
		return by_gup_first(h, addr, write);
	case BY_KVMMN:
		return by_kvmmn(h, addr, write);
	case BY_PGOFF:
		return by_pgoff(h, addr);
	default:
		return by_gup(h, addr, write);
	}
}

/* Lets go of the page and of the notifier. */
void holder_put(struct holder *h)
{
	page_let_go(h);
	watch_end(h);
	memset(h, 0, sizeof(*h));
}

/* Looks an address up; keeps what it found in a slot, or lets go at once. */
int consumer_lookup(struct holder *slots, struct pfnmap_lookup *arg)
{
	struct holder once = {};
	struct holder *h = arg->slot < 0 ? &once : &slots[arg->slot];
	struct page *page = NULL;

	if (arg->method >= METHOD_COUNT || arg->slot >= PFNMAP_HOLDERS)
		return -EINVAL;
	if (h->used) {
		arg->err = -EBUSY;
	} else {
		h->method = arg->method;
		arg->err = lookup(h, arg->addr, arg->write);
	}
	arg->bits = walk_locked(arg->addr).bits;
	if (arg->err) {
		if (!h->used)
			holder_put(h);
		return 0;
	}
	h->used = true;
	arg->writable = h->writable;
	page_look(h->pfn, &arg->page);
	if (h->method == BY_KVMMN)
		page_let_go(h);
	if (pfn_valid(h->pfn))
		page = pfn_to_page(h->pfn);
	if (arg->slot < 0) {
		holder_put(h);
		arg->after = page ? page_count(page) : 0;
	}
	return 0;
}

/* May the holder touch its page now? */
static int check(struct holder *h)
{
	if (!h->used)
		return -ENOENT;
	if (h->watch && watch_was_told(h))
		return -EAGAIN;
	return 0;
}

int holder_read(struct holder *h, struct pfnmap_held *arg)
{
	int err = check(h);

	if (!err)
		arg->value = *word_of(h->pfn, arg->off);
	return err;
}

/* Writes through the kept PFN; `force` ignores that it is read-only. */
int holder_write(struct holder *h, const struct pfnmap_held *arg)
{
	int err;

	if (!h->used)
		return -ENOENT;
	if (!arg->force && !h->writable)
		return -EACCES;
	err = check(h);
	if (!err)
		*word_of(h->pfn, arg->off) = arg->value;
	return err;
}

/*
 * Allocates pages until one is the page that the holder still knows, and
 * writes to it as its new owner would. The page is never freed: nobody else
 * may get it while the stale holder exists.
 */
int holder_reuse(struct holder *h, const struct pfnmap_held *arg)
{
	struct page *page, *next;
	LIST_HEAD(others);
	int tries, err = -ENOENT;

	for (tries = 0; tries < 4096 && err; tries++) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			break;
		if (page_to_pfn(page) == h->pfn) {
			*word_of(h->pfn, arg->off) = arg->value;
			err = 0;
		} else {
			list_add(&page->lru, &others);
		}
	}
	list_for_each_entry_safe(page, next, &others, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	return err;
}
