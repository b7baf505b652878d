// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
struct pn { struct mmu_interval_notifier mni; struct mutex lock; u64 hw; };
struct pn_xlate { u64 frame; unsigned int rights; };
#define PN_R 1
#define PN_W 2
static unsigned int pn_rights(pte_t p)
{
	return PN_R | (pte_write(p) && pte_dirty(p) ? PN_W : 0);
}
static int pn_lookup(struct vm_area_struct *vma, unsigned long addr, struct pn_xlate *x)
{
	spinlock_t *ptl;
	pte_t *ptep;
	int r = follow_pte(vma, addr, &ptep, &ptl);

	if (r)
		return r;
	x->frame = pte_pfn(*ptep);
	x->rights = pn_rights(*ptep);
	pte_unmap_unlock(ptep, ptl);
	return 0;
}
int pn_map(struct pn *s, unsigned long addr, bool write)
{
	struct pn_xlate x;
	struct vm_area_struct *vma;
	unsigned long seq;
	int r;
again:
	seq = mmu_interval_read_begin(&s->mni);
	mmap_read_lock(s->mni.mm);
	vma = vma_lookup(s->mni.mm, addr);
	r = vma ? pn_lookup(vma, addr, &x) : -EFAULT;
	mmap_read_unlock(s->mni.mm);
	if (r)
		return r;
	if (write && !(x.rights & PN_W))
		return -EACCES;
	mutex_lock(&s->lock);
	if (mmu_interval_read_retry(&s->mni, seq)) {
		mutex_unlock(&s->lock);
		goto again;
	}
	s->hw = (x.frame << PAGE_SHIFT) | x.rights;
	mutex_unlock(&s->lock);
	return 0;
}
