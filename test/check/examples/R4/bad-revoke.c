// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
// Revoked for new faults only: what is mapped already stays.
#include <linux/dma-buf.h>
#include <linux/pci.h>

struct bar_export {
	struct dma_buf *dmabuf;
	struct rw_semaphore sem;
	phys_addr_t start;
	bool revoked;
};

static vm_fault_t bar_fault(struct vm_fault *vmf)
{
	struct bar_export *e = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&e->sem);
	if (!e->revoked)
		ret = vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(e->start) + vmf->pgoff);
	up_read(&e->sem);
	return ret;
}

static const struct vm_operations_struct bar_vm_ops = {
	.fault = bar_fault,
};

static int bar_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dmabuf->priv;
	vma->vm_ops = &bar_vm_ops;
	return 0;
}

static const struct dma_buf_ops bar_ops = {
	.mmap = bar_mmap,
};

static pci_ers_result_t bar_error(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct bar_export *e = pci_get_drvdata(pdev);

	down_write(&e->sem);
	e->revoked = true;
	up_write(&e->sem);
	return PCI_ERS_RESULT_DISCONNECT;
}

static const struct pci_error_handlers bar_errors = {
	.error_detected = bar_error,
};
