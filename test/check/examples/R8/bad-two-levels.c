// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R8 no-stale-translation always
// good: R6 R7
#include <linux/mm.h>
#include <linux/iommu.h>
struct vl { struct iommu_domain *dom; struct mm_struct *mm; };
static int vl_follow(struct vm_area_struct *vma, struct mm_struct *mm, unsigned long vaddr, unsigned long *pfn, bool write_fault)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = vaddr };
	int ret;

	ret = follow_pfnmap_start(&args);
	if (ret) {
		bool unlocked = false;

		ret = fixup_user_fault(mm, vaddr, FAULT_FLAG_REMOTE | (write_fault ? FAULT_FLAG_WRITE : 0), &unlocked);
		if (unlocked)
			return -EAGAIN;
		if (ret)
			return ret;
		ret = follow_pfnmap_start(&args);
		if (ret)
			return ret;
	}
	if (write_fault && !args.writable)
		ret = -EFAULT;
	else
		*pfn = args.pfn;
	follow_pfnmap_end(&args);
	return ret;
}
static int vl_get_pfn(struct vl *v, unsigned long vaddr, int prot, unsigned long *pfn)
{
	struct page *pages[1];
	struct vm_area_struct *vma;
	int ret;

	mmap_read_lock(v->mm);
	ret = pin_user_pages_remote(v->mm, vaddr, 1, FOLL_LONGTERM | (prot & IOMMU_WRITE ? FOLL_WRITE : 0), pages, NULL);
	if (ret > 0) {
		*pfn = page_to_pfn(pages[0]);
		goto done;
	}
retry:
	vma = vma_lookup(v->mm, vaddr);
	if (vma && vma->vm_flags & VM_PFNMAP) {
		ret = vl_follow(vma, v->mm, vaddr, pfn, prot & IOMMU_WRITE);
		if (ret == -EAGAIN)
			goto retry;
		if (!ret)
			ret = 1;
	}
done:
	mmap_read_unlock(v->mm);
	return ret;
}
int vl_map(struct vl *v, unsigned long iova, unsigned long vaddr, int prot)
{
	unsigned long pfn;
	int ret = vl_get_pfn(v, vaddr, prot, &pfn);

	if (ret < 0)
		return ret;
	return iommu_map(v->dom, iova, (phys_addr_t)pfn << PAGE_SHIFT, PAGE_SIZE, prot, GFP_KERNEL);
}
