// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R4 move-zaps always
// good: R5
// Faults find the new pages, so nothing old is inserted again; but old entries outlive the old pages.
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
struct mv { struct dma_buf *dbuf; struct page **pages; struct page **vram; unsigned long n; bool in_vram; };
static int mv_lock(struct mv *m) { return dma_resv_lock_interruptible(m->dbuf->resv, NULL); }
static void mv_unlock(struct mv *m) { dma_resv_unlock(m->dbuf->resv); }
static void mv_kill(struct mv *m) { unmap_mapping_range(m->dbuf->file->f_mapping, 0, m->n << PAGE_SHIFT, 1); }
static vm_fault_t mv_fault(struct vm_fault *vmf)
{
	struct mv *m = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (!dma_resv_trylock(m->dbuf->resv)) {
		if (fault_flag_allow_retry_first(vmf->flags)) {
			if (!(vmf->flags & FAULT_FLAG_RETRY_NOWAIT)) {
				mmap_read_unlock(vmf->vma->vm_mm);
				if (!dma_resv_lock_interruptible(m->dbuf->resv, NULL))
					dma_resv_unlock(m->dbuf->resv);
			}
			return VM_FAULT_RETRY;
		}
		if (dma_resv_lock_interruptible(m->dbuf->resv, NULL))
			return VM_FAULT_NOPAGE;
	}
	if (m->pages && vmf->pgoff < m->n)
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(m->pages[vmf->pgoff]));
	dma_resv_unlock(m->dbuf->resv);
	return ret;
}
static const struct vm_operations_struct mv_vm = { .fault = mv_fault };
static int mv_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &mv_vm;
	vma->vm_private_data = d->priv;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}
static void mv_put(struct mv *m) { unsigned long i; for (i = 0; i < m->n; i++) __free_page(m->pages[i]); kvfree(m->pages); m->pages = NULL; }
static void mv_release(struct dma_buf *d) { struct mv *m = d->priv; if (m->pages) mv_put(m); kfree(m); }
static const struct dma_buf_ops mv_ops = { .mmap = mv_mmap, .release = mv_release };
int mv_evict_ioctl(struct mv *m, struct page **to)
{
	int ret = mv_lock(m);
	if (ret)
		return ret;
	
	mv_put(m);
	m->pages = to;
	mv_unlock(m);
	mv_kill(m);
	return 0;
}
int mv_export(struct mv *m)
{
	DEFINE_DMA_BUF_EXPORT_INFO(e);
	e.ops = &mv_ops; e.size = m->n << PAGE_SHIFT; e.priv = m;
	m->dbuf = dma_buf_export(&e);
	return PTR_ERR_OR_ZERO(m->dbuf);
}
