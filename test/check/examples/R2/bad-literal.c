// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// bad: R2 exporter-struct-page always
// The table is a compound literal in another one.
#include <linux/dma-buf.h>
struct ipu_mem { void *cpu; size_t size; };
static int ipu_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct ipu_mem *m = d->priv;

	return remap_vmalloc_range(vma, m->cpu, vma->vm_pgoff);
}
static void ipu_release(struct dma_buf *d) { struct ipu_mem *m = d->priv; vfree(m->cpu); kfree(m); }
struct dma_buf *ipu_export(struct ipu_mem *m)
{
	return dma_buf_export(&(struct dma_buf_export_info) {
		.exp_name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.ops = &(const struct dma_buf_ops) {
			.mmap = ipu_mmap,
			.release = ipu_release,
		},
		.size = m->size,
		.flags = O_CLOEXEC,
		.priv = m,
	});
}
