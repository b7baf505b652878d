// SPDX-License-Identifier: GPL-2.0
/* Ops on the descriptor of a buffer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

static void op_bclose(const struct op *op, char *out)
{
	int fd = slot_fd(op->arg[0]);

	if (fd < 0) {
		put_text(out, "EBADF");
		return;
	}
	slot_set(num(op->arg[0]), -1, 0, 0);
	put_text(out, "ok");
}

static void op_bdup(const struct op *op, char *out)
{
	int fd = fcntl(slot_fd(op->arg[0]), F_DUPFD_CLOEXEC, 3);

	put_status(out, fd);
	if (fd >= 0)
		slot_set(num(op->arg[1]), fd, 0, 0);
}

static void op_bseek(const struct op *op, char *out)
{
	put_count(out, lseek(slot_fd(op->arg[0]), num(op->arg[2]), num(op->arg[1])));
}

static void op_bstat(const struct op *op, char *out)
{
	struct stat st;
	int ret = fstat(slot_fd(op->arg[0]), &st);

	put_count(out, ret ? -1 : (long)st.st_size);
}

static void op_btrunc(const struct op *op, char *out)
{
	put_status(out, ftruncate(slot_fd(op->arg[0]), num(op->arg[1]) * PAGE));
}

static void op_bpunch(const struct op *op, char *out)
{
	put_status(out, fallocate(slot_fd(op->arg[0]), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  num(op->arg[1]) * PAGE, num(op->arg[2]) * PAGE));
}

static void op_bread(const struct op *op, char *out)
{
	u64 value = 0;
	ssize_t n = pread(slot_fd(op->arg[0]), &value, sizeof(value), num(op->arg[1]));

	if (n < 0)
		put_status(out, -1);
	else
		sprintf(out, "%zd=%llx", n, (unsigned long long)value);
}

static void op_bwrite(const struct op *op, char *out)
{
	u64 value = word(op->arg[2]);

	put_count(out, pwrite(slot_fd(op->arg[0]), &value, sizeof(value), num(op->arg[1])));
}

/* bsync B start|end r|w|rw|- */
static void op_bsync(const struct op *op, char *out)
{
	struct dma_buf_sync sync = { .flags = *op->arg[1] == 'e' ? DMA_BUF_SYNC_END : 0 };

	if (strchr(op->arg[2], 'r'))
		sync.flags |= DMA_BUF_SYNC_READ;
	if (strchr(op->arg[2], 'w'))
		sync.flags |= DMA_BUF_SYNC_WRITE;
	put_status(out, ioctl(slot_fd(op->arg[0]), DMA_BUF_IOCTL_SYNC, &sync));
}

static void op_bsplice(const struct op *op, char *out)
{
	loff_t off = 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		put_status(out, -1);
		return;
	}
	put_count(out, splice(slot_fd(op->arg[0]), &off, ends[1], NULL, PAGE, 0));
	close(ends[0]);
	close(ends[1]);
}

const struct op_entry descriptor_ops[] = {
	{ "bclose", op_bclose }, { "bdup", op_bdup }, { "bseek", op_bseek },
	{ "bstat", op_bstat }, { "btrunc", op_btrunc }, { "bpunch", op_bpunch },
	{ "bread", op_bread }, { "bwrite", op_bwrite }, { "bsync", op_bsync },
	{ "bsplice", op_bsplice }, {},
};
