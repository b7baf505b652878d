#include <linux/mm.h>
#include <linux/version.h>

int hv_follow(struct vm_area_struct *vma, unsigned long hva, bool write, unsigned long *pfn)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	spinlock_t *ptl;
	pte_t *ptep, pte;
	int ret = follow_pte(vma->vm_mm, hva, &ptep, &ptl);

	if (ret)
		return ret;
	pte = *ptep;
	if (write && !pte_write(pte))
		ret = -EFAULT;
	else
		*pfn = pte_pfn(pte);
	pte_unmap_unlock(ptep, ptl);
	return ret;
#else
	struct follow_pfnmap_args a = { .vma = vma, .address = hva };
	int ret = follow_pfnmap_start(&a);

	if (ret)
		return ret;
	if (write && !a.writable)
		ret = -EFAULT;
	else
		*pfn = a.pfn;
	follow_pfnmap_end(&a);
	return ret;
#endif
}
