// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R13 flag-is-not-enough some-paths
// bad: R2 exporter-struct-page some-paths
// good: R1
#include <linux/dma-buf.h>
#include <linux/mm.h>
struct tl_buf;
struct tl_mem_type {
	const char *name;
	vm_fault_t (*fault)(struct tl_buf *b, struct vm_fault *vmf);
	void (*put)(struct tl_buf *b);
};
struct tl_buf {
	const struct tl_mem_type *type;
	union { struct page **pages; phys_addr_t phys; };
	size_t size;
};
extern const struct tl_mem_type tl_kmem, tl_io;

static vm_fault_t tl_fault_kmem(struct tl_buf *b, struct vm_fault *vmf)
{
	struct page *p = b->pages[vmf->pgoff];
	get_page(p);
	vmf->page = p;
	return 0;
}
static vm_fault_t tl_fault_io(struct tl_buf *b, struct vm_fault *vmf)
{
	return vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(b->phys) + vmf->pgoff);
}
static void tl_put_kmem(struct tl_buf *b)
{
	size_t i;
	for (i = 0; i < b->size >> PAGE_SHIFT; i++)
		__free_page(b->pages[i]);
}
static void tl_put_io(struct tl_buf *b) { }
const struct tl_mem_type tl_kmem = { "kmem", tl_fault_kmem, tl_put_kmem };
const struct tl_mem_type tl_io = { "io", tl_fault_io, tl_put_io };

static vm_fault_t tl_fault(struct vm_fault *vmf)
{
	struct tl_buf *b = vmf->vma->vm_private_data;

	if (vmf->pgoff >= b->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	return b->type->fault(b, vmf);
}
static const struct vm_operations_struct tl_vmops = { .fault = tl_fault, };
static int tl_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0)
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
	vma->vm_ops = &tl_vmops;
	vma->vm_private_data = d->priv;
	return 0;
}
static void tl_rel(struct dma_buf *d)
{
	struct tl_buf *b = d->priv;
	b->type->put(b);
	kfree(b);
}
static struct sg_table *tl_map(struct dma_buf_attachment *a, enum dma_data_direction d) { return NULL; }
static void tl_unm(struct dma_buf_attachment *a, struct sg_table *s, enum dma_data_direction d) { }
static const struct dma_buf_ops tl_ops = {
	.map_dma_buf = tl_map, .unmap_dma_buf = tl_unm, .release = tl_rel, .mmap = tl_mmap,
};
static struct tl_buf *tl_new(const struct tl_mem_type *t, size_t sz)
{
	struct tl_buf *b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b) return NULL;
	b->type = t; b->size = sz;
	return b;
}
int tl_export(int io, size_t sz)
{
	struct tl_buf *b = tl_new(io ? &tl_io : &tl_kmem, sz);
	struct dma_buf_export_info e = { .ops = &tl_ops, .size = sz, .priv = b };
	struct dma_buf *d;
	if (!b) return -ENOMEM;
	d = dma_buf_export(&e);
	return IS_ERR(d) ? PTR_ERR(d) : dma_buf_fd(d, 0);
}
