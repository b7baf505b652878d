// SPDX-License-Identifier: GPL-2.0-or-later
// good: R15
#include <linux/mm.h>
#include <linux/pci.h>
struct po { struct pci_dev *pdev; };
static int po_mmap(struct file *f, struct vm_area_struct *vma)
{
	struct po *p = f->private_data;
	u64 off = (u64)vma->vm_pgoff << PAGE_SHIFT;
	resource_size_t len = vma->vm_end - vma->vm_start;
	phys_addr_t start = pci_resource_start(p->pdev, 0);

	if (off + len > pci_resource_len(p->pdev, 0))
		return -EINVAL;
	vma->vm_pgoff = (start + off) >> PAGE_SHIFT;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, len, pgprot_noncached(vma->vm_page_prot));
}
const struct file_operations po_fops = { .mmap = po_mmap };
