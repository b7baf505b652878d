// SPDX-License-Identifier: GPL-2.0-or-later
// Conditions of the module's own, which its header derives from the kernel's version.
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include "compat.h"

struct demo {
	struct page **pages;
};

static vm_fault_t demo_fault(struct vm_fault *vmf)
{
	struct demo *demo = vmf->vma->vm_private_data;
	struct page *page = demo->pages[vmf->pgoff];

#ifdef DEMO_FAULTS_BY_PAGE
	get_page(page);
	vmf->page = page;
	return 0;
#elif DEMO_BEFORE(4, 21, 0)
	return vm_insert_page(vmf->vma, vmf->address, page) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
#elif DEMO_HAVE_VMF_INSERT == 1
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
#else
	vmf->page = page;
	return 0;
#endif
}

static const struct vm_operations_struct demo_vm_ops = {
	.fault = demo_fault,
};

static int demo_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
#if DEMO_BEFORE(6, 1, 0) || !defined(DEMO_HAVE_VMF_INSERT)
	vma->vm_flags |= VM_IO;
#else
	vma->vm_ops = &demo_vm_ops;
	vma->vm_private_data = dmabuf->priv;
	vma->vm_flags |= VM_PFNMAP;
#endif
	return 0;
}

static struct sg_table *demo_map(struct dma_buf_attachment *at, enum dma_data_direction dir)
{
	return ERR_PTR(-EIO);
}

static void demo_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops demo_ops = {
	.map_dma_buf = demo_map,
	.mmap = demo_mmap,
	.release = demo_release,
};

struct dma_buf *demo_export(struct demo *demo, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &demo_ops;
	info.size = size;
	info.priv = demo;
	return dma_buf_export(&info);
}
EXPORT_SYMBOL(demo_export);
