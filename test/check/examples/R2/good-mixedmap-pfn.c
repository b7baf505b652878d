// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap some-paths
// good: R2
// vmf_insert_pfn() never inserts a page, whatever the flag.
#include <linux/dma-buf.h>
struct tb { bool has_pages; unsigned long pfn; };
static vm_fault_t tb_fault(struct vm_fault *vmf)
{
	struct tb *b = vmf->vma->vm_private_data;
	return vmf_insert_pfn(vmf->vma, vmf->address, b->pfn + vmf->pgoff);
}
static const struct vm_operations_struct tb_vm = { .fault = tb_fault };
static int tb_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct tb *b = d->priv;
	if (is_cow_mapping(vma->vm_flags))
		return -EACCES;
	vm_flags_set(vma, VM_DONTEXPAND | (b->has_pages ? VM_MIXEDMAP : VM_PFNMAP));
	vma->vm_private_data = b;
	vma->vm_ops = &tb_vm;
	return 0;
}
static const struct dma_buf_ops tb_ops = { .mmap = tb_mmap, .release = tb_release };
