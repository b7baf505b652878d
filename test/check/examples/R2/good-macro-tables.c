// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R13 R14
#include <linux/module.h>
#include <linux/dma-buf.h>
#define ACME_DMABUF_OPS(_n, _mmap, _rel) \
static const struct dma_buf_ops _n##_dmabuf_ops = { \
	.mmap = _mmap, \
	.release = _rel, \
}

#define ACME_FAULT_OPS(_f) { .fault = _f, }
#define ACME_VMFLAGS (VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP)
static vm_fault_t acme_vm_fault(struct vm_fault *vmf)
{
	struct acme_buf *buf = vmf->vma->vm_private_data;
	if (vmf->pgoff >= buf->nr)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(buf->pages[vmf->pgoff]));
}

static const struct vm_operations_struct acme_vm_ops = ACME_FAULT_OPS(acme_vm_fault);
static int acme_mmap(struct dma_buf *dbuf, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;
	vm_flags_set(vma, ACME_VMFLAGS);
	vma->vm_ops = &acme_vm_ops;
	vma->vm_private_data = dbuf->priv;
	return 0;
}

static void acme_release(struct dma_buf *dbuf)
{
	kfree(dbuf->priv);
}

ACME_DMABUF_OPS(acme, acme_mmap, acme_release);
