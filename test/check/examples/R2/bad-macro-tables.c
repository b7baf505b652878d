// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page always
// Both tables are made by macros.
#include <linux/module.h>
#include <linux/dma-buf.h>
#define ACME_DMABUF_OPS(_n, _mmap, _rel) \
static const struct dma_buf_ops _n##_dmabuf_ops = { \
	.attach = _n##_attach, \
	.map_dma_buf = _n##_map, \
	.unmap_dma_buf = _n##_unmap, \
	.mmap = _mmap, \
	.release = _rel, \
}

#define ACME_FAULT_OPS(_f) { .fault = _f, }
static vm_fault_t acme_vm_fault(struct vm_fault *vmf)
{
	struct acme_buf *buf = vmf->vma->vm_private_data;
	struct page *pg;
	if (vmf->pgoff >= buf->nr)
		return VM_FAULT_SIGBUS;
	pg = buf->pages[vmf->pgoff];
	get_page(pg);
	vmf->page = pg;
	return 0;
}

static const struct vm_operations_struct acme_vm_ops = ACME_FAULT_OPS(acme_vm_fault);
static int acme_mmap(struct dma_buf *dbuf, struct vm_area_struct *vma)
{
	vma->vm_ops = &acme_vm_ops;
	vma->vm_private_data = dbuf->priv;
	return 0;
}

static void acme_release(struct dma_buf *dbuf)
{
	kfree(dbuf->priv);
}

ACME_DMABUF_OPS(acme, acme_mmap, acme_release);
