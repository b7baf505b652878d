// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R2 exporter-struct-page some-paths
#include <linux/dma-buf.h>

static int sh_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct sh *s = d->priv;
	if (!s->filp || !s->filp->f_op->mmap)
		return -ENODEV;
	fput(vma->vm_file);
	vma->vm_file = get_file(s->filp);
	vma->vm_pgoff = 0;
	return s->filp->f_op->mmap(s->filp, vma);
}

static const struct dma_buf_ops sh_ops = { .mmap = sh_mmap, .release = sh_release };
static int sh_create(struct sh *s, size_t n)
{
	s->filp = shmem_file_setup("sh", n, VM_NORESERVE);
	return PTR_ERR_OR_ZERO(s->filp);
}
