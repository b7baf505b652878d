// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R16 check-ret always
#include <linux/dma-buf.h>
static int c28_mmap(struct file *f, struct vm_area_struct *vma)
{
	struct dma_buf *db = f->private_data;
	int err = db->ops->mmap(db, vma);

	if (unlikely(!(vma->vm_flags & VM_PFNMAP)))
		pr_warn_once("%s: no VM_PFNMAP\n", db->exp_name);
	return err;
}
const struct file_operations c28_fops = { .mmap = c28_mmap };
