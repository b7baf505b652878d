// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
struct hv { struct mmu_notifier mn; struct mm_struct *mm; spinlock_t mmu_lock; unsigned long inv_seq; long inv_count; u64 *spt; };
static int hv_start(struct mmu_notifier *mn, const struct mmu_notifier_range *r)
{
	struct hv *h = container_of(mn, struct hv, mn);
	spin_lock(&h->mmu_lock);
	h->inv_count++;
	memset(h->spt, 0, PAGE_SIZE);
	spin_unlock(&h->mmu_lock);
	return 0;
}
static void hv_end(struct mmu_notifier *mn, const struct mmu_notifier_range *r)
{
	struct hv *h = container_of(mn, struct hv, mn);
	spin_lock(&h->mmu_lock);
	h->inv_seq++;
	smp_wmb();
	h->inv_count--;
	spin_unlock(&h->mmu_lock);
}
static const struct mmu_notifier_ops hv_ops = { .invalidate_range_start = hv_start, .invalidate_range_end = hv_end };
static inline int hv_retry(struct hv *h, unsigned long seq)
{
	if (unlikely(h->inv_count))
		return 1;
	smp_rmb();
	return h->inv_seq != seq;
}
static int hv_remapped(struct vm_area_struct *vma, unsigned long addr, bool write, bool *writable, u64 *p)
{
	struct follow_pfnmap_args a = { .vma = vma, .address = addr };
	int r = follow_pfnmap_start(&a);
	if (r)
		return r;
	if (write && !a.writable) {
		follow_pfnmap_end(&a);
		return -EFAULT;
	}
	*writable = a.writable;
	*p = a.pfn;
	follow_pfnmap_end(&a);
	return 0;
}
int hv_page_fault(struct hv *h, unsigned long gpa, unsigned long hva, bool write)
{
	unsigned long seq;
	struct vm_area_struct *vma;
	bool w;
	u64 pfn;
	int r;

	seq = READ_ONCE(h->inv_seq);
	smp_rmb();
	mmap_read_lock(h->mm);
	vma = vma_lookup(h->mm, hva);
	r = vma ? hv_remapped(vma, hva, write, &w, &pfn) : -EFAULT;
	mmap_read_unlock(h->mm);
	if (r)
		return r;
	spin_lock(&h->mmu_lock);
	if (hv_retry(h, seq)) {
		spin_unlock(&h->mmu_lock);
		return -EAGAIN;
	}
	h->spt[gpa >> PAGE_SHIFT] = (pfn << PAGE_SHIFT) | 1 | (w ? 2 : 0);
	spin_unlock(&h->mmu_lock);
	return 0;
}
int hv_init(struct hv *h) { h->mn.ops = &hv_ops; return mmu_notifier_register(&h->mn, h->mm); }
