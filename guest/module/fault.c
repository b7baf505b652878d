// SPDX-License-Identifier: GPL-2.0
/*
 * How the exporter maps: what each kind does in its mmap callback and in its
 * fault handler.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pfn_t.h>

#include "exporter.h"

static vm_fault_t insert(struct vm_fault *vmf, struct tbuf *buf, struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	int err;

	switch (buf->kind) {
	case KIND_FPFNR:
		if (!(vmf->flags & FAULT_FLAG_WRITE))
			return vmf_insert_pfn_prot(vmf->vma, vmf->address, pfn,
						   __pgprot(pgprot_val(vmf->vma->vm_page_prot) &
							    ~_PAGE_RW));
		fallthrough;
	case KIND_FPFN:
	case KIND_FPFNW:
	case KIND_HPFN:
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	case KIND_FMIX:
		return vmf_insert_mixed(vmf->vma, vmf->address, __pfn_to_pfn_t(pfn, PFN_DEV));
	case KIND_FIPAGE:
		err = vm_insert_page(vmf->vma, vmf->address, page);
		if (!err || err == -EBUSY)
			return VM_FAULT_NOPAGE;
		return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	case KIND_FPAGE:
	case KIND_FPAGEW:
		get_page(page);
		vmf->page = page;
		return 0;
	default:
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t tbuf_fault(struct vm_fault *vmf)
{
	struct tbuf *buf = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *page = NULL;

	sync_point(POINT_FAULT_BEGUN);
	if (buf->flags & BUF_LOOKS_FIRST && vmf->pgoff < buf->npages) {
		page = buf->pages[vmf->pgoff]->page;
		sync_point(POINT_FAULT_CHOSEN);
	}
	mutex_lock(&buf->lock);
	buf->faults++;
	if (!buf->revoked && vmf->pgoff < buf->npages) {
		if (!page)
			page = buf->pages[vmf->pgoff]->page;
		sync_point(POINT_FAULT_CHOSEN);
		ret = insert(vmf, buf, page);
	}
	mutex_unlock(&buf->lock);
	sync_point(POINT_FAULT_ANSWERED);
	return ret;
}

static bool are_consecutive(struct tbuf *buf, unsigned long first, unsigned long n)
{
	unsigned long pfn = page_to_pfn(buf->pages[first]->page), i;

	for (i = 1; i < n; i++)
		if (page_to_pfn(buf->pages[first + i]->page) != pfn + i)
			return false;
	return true;
}

static vm_fault_t tbuf_huge_fault_pmd(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct tbuf *buf = vma->vm_private_data;
	unsigned long block = vmf->address & PMD_MASK;
	vm_fault_t ret = VM_FAULT_FALLBACK;
	unsigned long first, pfn;

	if (block < vma->vm_start || block + PMD_SIZE > vma->vm_end)
		return ret;
	first = linear_page_index(vma, block);
	mutex_lock(&buf->lock);
	if (first + PTRS_PER_PTE <= buf->npages && !buf->revoked &&
	    are_consecutive(buf, first, PTRS_PER_PTE)) {
		pfn = page_to_pfn(buf->pages[first]->page);
		if (IS_ALIGNED(pfn, PTRS_PER_PTE)) {
			buf->faults++;
			ret = vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV),
						 vmf->flags & FAULT_FLAG_WRITE);
		}
	}
	mutex_unlock(&buf->lock);
	return ret;
}

#ifdef HUGE_FAULT_BY_ORDER
static vm_fault_t tbuf_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return order == PMD_ORDER ? tbuf_huge_fault_pmd(vmf) : VM_FAULT_FALLBACK;
}
#else
static vm_fault_t tbuf_huge_fault(struct vm_fault *vmf, enum page_entry_size size)
{
	return size == PE_SIZE_PMD ? tbuf_huge_fault_pmd(vmf) : VM_FAULT_FALLBACK;
}
#endif

static vm_fault_t tbuf_pfn_mkwrite(struct vm_fault *vmf)
{
	struct tbuf *buf = vmf->vma->vm_private_data;

	mutex_lock(&buf->lock);
	buf->mkwrites++;
	mutex_unlock(&buf->lock);
	return 0;
}

static vm_fault_t tbuf_page_mkwrite(struct vm_fault *vmf)
{
	tbuf_pfn_mkwrite(vmf);
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

/* What ptrace and /proc/PID/mem use when there is no struct page. */
static int tbuf_access(struct vm_area_struct *vma, unsigned long addr, void *to, int len,
		       int write)
{
	struct tbuf *buf = vma->vm_private_data;
	unsigned long i = linear_page_index(vma, addr);
	int off = offset_in_page(addr), ret = -EINVAL;

	mutex_lock(&buf->lock);
	if (i < buf->npages) {
		void *at = page_address(buf->pages[i]->page) + off;

		ret = min_t(int, len, PAGE_SIZE - off);
		if (write)
			memcpy(at, to, ret);
		else
			memcpy(to, at, ret);
	}
	mutex_unlock(&buf->lock);
	return ret;
}

/* Not under the buffer's mutex: mmap and munmap come from anywhere. */
static void count_vma(struct vm_area_struct *vma, int n)
{
	struct tbuf *buf = vma->vm_private_data;

	buf->vmas += n;
}

static void tbuf_open(struct vm_area_struct *vma)
{
	count_vma(vma, 1);
}

static void tbuf_close(struct vm_area_struct *vma)
{
	count_vma(vma, -1);
}

#define COUNTED .open = tbuf_open, .close = tbuf_close

static const struct vm_operations_struct at_mmap_ops = { COUNTED };
static const struct vm_operations_struct racc_ops = { COUNTED, .access = tbuf_access };
static const struct vm_operations_struct fault_ops = { COUNTED, .fault = tbuf_fault };
static const struct vm_operations_struct fpfnw_ops = {
	COUNTED, .fault = tbuf_fault, .pfn_mkwrite = tbuf_pfn_mkwrite,
};

static const struct vm_operations_struct hpfn_ops = {
	COUNTED, .fault = tbuf_fault, .huge_fault = tbuf_huge_fault,
};

static const struct vm_operations_struct fpagew_ops = {
	COUNTED, .fault = tbuf_fault, .page_mkwrite = tbuf_page_mkwrite,
};

static const struct vm_operations_struct *const ops_of[KIND_COUNT] = {
	[KIND_RPFN] = &at_mmap_ops, [KIND_RACC] = &racc_ops,
	[KIND_FPFN] = &fault_ops, [KIND_FPFNW] = &fpfnw_ops,
	[KIND_FPFNR] = &fault_ops, [KIND_HPFN] = &hpfn_ops,
	[KIND_IPAGE] = &at_mmap_ops, [KIND_FIPAGE] = &fault_ops,
	[KIND_FMIX] = &fault_ops, [KIND_FPAGE] = &fault_ops,
	[KIND_FPAGEW] = &fpagew_ops,
};

static void flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef HAS_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

/* The kinds that have no fault handler insert everything here. */
static int map_all(struct vm_area_struct *vma, struct tbuf *buf)
{
	unsigned long i = vma->vm_pgoff, addr;
	bool pfns = buf->kind != KIND_IPAGE;
	int err = 0;

	if (pfns && !(vma->vm_flags & VM_SHARED)) {
		if (!are_consecutive(buf, i, vma_pages(vma)))
			return -ENXIO;
		return remap_pfn_range(vma, vma->vm_start, page_to_pfn(buf->pages[i]->page),
				       vma->vm_end - vma->vm_start, vma->vm_page_prot);
	}
	for (addr = vma->vm_start; addr < vma->vm_end && !err; addr += PAGE_SIZE, i++) {
		struct page *page = buf->pages[i]->page;

		err = pfns ? remap_pfn_range(vma, addr, page_to_pfn(page), PAGE_SIZE,
					     vma->vm_page_prot) :
			     vm_insert_page(vma, addr, page);
	}
	return err;
}

static unsigned long extra_flags(const struct tbuf *buf)
{
	unsigned long flags = 0;

	switch (buf->kind) {
	case KIND_FPFN:
	case KIND_FPFNW:
	case KIND_FPFNR:
	case KIND_HPFN:
		flags = VM_PFNMAP;
		break;
	case KIND_FMIX:
	case KIND_FIPAGE:
		flags = VM_MIXEDMAP;
		break;
	case KIND_FPAGE:
	case KIND_FPAGEW:
		if (buf->flags & BUF_LIAR)
			flags = VM_PFNMAP;
		break;
	default:
		break;
	}
	if (buf->flags & BUF_DONTEXPAND)
		flags |= VM_DONTEXPAND;
	if (buf->flags & BUF_IO)
		flags |= VM_IO;
	return flags;
}

/* The mmap callback. The dma-buf core has seen that the range fits. */
int tbuf_mmap(struct vm_area_struct *vma, struct tbuf *buf)
{
	int err = 0;

	if (buf->kind == KIND_SMAP) {
		/* As i915: the file decides everything, and the VMA holds that. */
		err = call_mmap(buf->shmem, vma);
		if (!err)
			vma_set_file(vma, buf->shmem);
		return err;
	}
	if (!(buf->flags & BUF_ALLOW_PRIVATE) && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if (buf->flags & BUF_READONLY && vma->vm_flags & VM_WRITE)
		return -EACCES;
	flags_set(vma, extra_flags(buf));
	vma->vm_ops = ops_of[buf->kind];
	vma->vm_private_data = buf;
	count_vma(vma, 1);
	if (vma->vm_ops == &at_mmap_ops || vma->vm_ops == &racc_ops) {
		mutex_lock(&buf->lock);
		err = map_all(vma, buf);
		mutex_unlock(&buf->lock);
	}
	if (err)
		count_vma(vma, -1);
	return err;
}
