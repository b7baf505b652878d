// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
// good: R6 R7
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
struct nn { struct mmu_notifier mn; spinlock_t lock; u64 slot[16]; unsigned long va[16]; };
static int nn_start(struct mmu_notifier *mn, const struct mmu_notifier_range *r)
{
	struct nn *n = container_of(mn, struct nn, mn);
	int i;
	spin_lock(&n->lock);
	for (i = 0; i < 16; i++)
		if (n->va[i] >= r->start && n->va[i] < r->end)
			n->slot[i] = 0;
	spin_unlock(&n->lock);
	return 0;
}
static const struct mmu_notifier_ops nn_ops = { .invalidate_range_start = nn_start };
static int nn_get_pfn(struct vm_area_struct *vma, unsigned long addr, u64 *out)
{
	struct follow_pfnmap_args a = { .vma = vma, .address = addr };
	int r = follow_pfnmap_start(&a);

	if (r)
		return r;
	if (!a.writable)
		r = -EFAULT;
	*out = a.pfn;
	follow_pfnmap_end(&a);
	return r;
}
int nn_map(struct nn *n, int i, unsigned long va)
{
	struct vm_area_struct *vma;
	u64 pfn;
	int r = -ENOENT;

	mmap_read_lock(n->mn.mm);
	vma = vma_lookup(n->mn.mm, va);
	if (vma)
		r = nn_get_pfn(vma, va, &pfn);
	mmap_read_unlock(n->mn.mm);
	if (r)
		return r;
	spin_lock(&n->lock);
	n->va[i] = va;
	n->slot[i] = pfn << PAGE_SHIFT;
	spin_unlock(&n->lock);
	return 0;
}
int nn_init(struct nn *n) { n->mn.ops = &nn_ops; return mmu_notifier_register(&n->mn, current->mm); }
