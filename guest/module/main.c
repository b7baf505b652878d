// SPDX-License-Identifier: GPL-2.0
/*
 * pfnmap_test: dma-bufs that are exported in thirteen ways, and user addresses
 * looked up in twenty ways, for /dev/pfnmap's agent. Not for production: it
 * breaks the rules that it is there to test.
 */
#include <linux/dma-buf.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pfnmap.h"

/* What the posted patch would have looked at: the VMA when the callback returns. */
static struct pfnmap_patch patch;

static int mmap_enter(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(void **)ri->data = (void *)regs_get_kernel_argument(regs, 1);
	return 0;
}

static int mmap_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct vm_area_struct *vma = *(void **)ri->data;
	int failed = (int)regs_return_value(regs) ? 2 : 0;

	patch.returns[failed + (vma->vm_flags & VM_PFNMAP ? 0 : 1)]++;
	return 0;
}

static struct kretprobe probes[] = {
	{
		.kp.symbol_name = "dma_buf_mmap_internal",
		.entry_handler = mmap_enter,
		.handler = mmap_return,
		.data_size = sizeof(void *),
	}, {
		.kp.symbol_name = "dma_buf_mmap",
		.entry_handler = mmap_enter,
		.handler = mmap_return,
		.data_size = sizeof(void *),
	},
};

/* An open descriptor: consumers and a mirror, or a device that imported a dma-buf. */
struct client {
	struct holder slots[PFNMAP_HOLDERS];
	struct mirror *mirror;
	struct dma_buf *imported;
};

union argument {
	struct pfnmap_create create;
	struct pfnmap_move move;
	struct pfnmap_word word;
	struct pfnmap_stat stat;
	struct pfnmap_entry entry;
	struct pfnmap_lookup lookup;
	struct pfnmap_held held;
	struct pfnmap_stop stop;
	struct pfnmap_mirror mirror;
	struct pfnmap_fill fill;
	struct pfnmap_mirrored mirrored;
};

static long dispatch(struct client *client, unsigned int cmd, union argument *a)
{
	struct holder *h = &client->slots[a->held.slot % PFNMAP_HOLDERS];

	switch (cmd) {
	case PFNMAP_CREATE:
		return exporter_create(&a->create);
	case PFNMAP_MOVE:
		return exporter_move(&a->move);
	case PFNMAP_WORD:
		return exporter_word(&a->word);
	case PFNMAP_SG_WORD:
		return importer_word(&a->word);
	case PFNMAP_STAT:
		return exporter_stat(&a->stat);
	case PFNMAP_ENTRY:
		entry_look(&a->entry);
		return 0;
	case PFNMAP_LOOKUP:
		return consumer_lookup(client->slots, &a->lookup);
	case PFNMAP_STOP:
		return sync_stop(&a->stop);
	case PFNMAP_MIRROR:
		return mirror_begin(&client->mirror, &a->mirror);
	case PFNMAP_FILL:
		return mirror_fill(client->mirror, &a->fill);
	case PFNMAP_MIRRORED_WORD:
		return mirror_word(client->mirror, &a->mirrored);
	}
	if (a->held.slot >= PFNMAP_HOLDERS)
		return -ENOENT;
	switch (cmd) {
	case PFNMAP_READ:
		return holder_read(h, &a->held);
	case PFNMAP_WRITE:
		return holder_write(h, &a->held);
	case PFNMAP_REUSE:
		return holder_reuse(h, &a->held);
	case PFNMAP_PUT:
		if (!h->used)
			return -ENOENT;
		holder_put(h);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* Makes the descriptor one of a device whose mmap forwards to the dma-buf. */
static int import(struct client *client, int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (cmpxchg(&client->imported, NULL, dmabuf)) {
		dma_buf_put(dmabuf);
		return -EBUSY;
	}
	return 0;
}

static int pfnmap_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct client *client = file->private_data;

	if (!client->imported)
		return -ENODEV;
	return dma_buf_mmap(client->imported, vma, vma->vm_pgoff);
}

static long pfnmap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct client *client = file->private_data;
	union argument a;
	long ret;

	switch (cmd) {
	case PFNMAP_IMPORT:
		return import(client, arg);
	case PFNMAP_PATCH:
		return copy_to_user(user, &patch, sizeof(patch)) ? -EFAULT : 0;
	case PFNMAP_RESET:
		memset(&patch, 0, sizeof(patch));
		sync_reset();
		return 0;
	case PFNMAP_UNMIRROR:
		if (!client->mirror)
			return -ENOENT;
		mirror_end(&client->mirror);
		return 0;
	}
	if (_IOC_SIZE(cmd) > sizeof(a))
		return -ENOTTY;
	if (copy_from_user(&a, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	ret = dispatch(client, cmd, &a);
	if (_IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, &a, _IOC_SIZE(cmd)))
		return -EFAULT;
	return ret;
}

static int pfnmap_open(struct inode *inode, struct file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL);

	file->private_data = client;
	return client ? 0 : -ENOMEM;
}

static int pfnmap_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;
	int i;

	for (i = 0; i < PFNMAP_HOLDERS; i++)
		holder_put(&client->slots[i]);
	mirror_end(&client->mirror);
	if (client->imported)
		dma_buf_put(client->imported);
	kfree(client);
	return 0;
}

static const struct file_operations pfnmap_fops = {
	.owner = THIS_MODULE,
	.open = pfnmap_open,
	.release = pfnmap_release,
	.mmap = pfnmap_mmap,
	.unlocked_ioctl = pfnmap_ioctl,
};

static struct miscdevice pfnmap_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pfnmap",
	.fops = &pfnmap_fops,
};

static int __init pfnmap_init(void)
{
	int err, i;

	sync_reset();
	err = importer_init();
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = register_kretprobe(&probes[i]);
		if (err)
			goto unregister;
	}
	err = misc_register(&pfnmap_device);
	if (!err)
		return 0;
unregister:
	while (i--)
		unregister_kretprobe(&probes[i]);
	importer_exit();
	return err;
}

static void __exit pfnmap_exit(void)
{
	int i;

	misc_deregister(&pfnmap_device);
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		unregister_kretprobe(&probes[i]);
	importer_exit();
}

module_init(pfnmap_init);
module_exit(pfnmap_exit);
MODULE_DESCRIPTION("dma-buf exporters and page-table consumers, right and wrong, for pfnmap");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
