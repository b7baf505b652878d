/* SPDX-License-Identifier: GPL-2.0 */
/* A buffer of the test module and its pages. */
#ifndef PFNMAP_EXPORTER_H
#define PFNMAP_EXPORTER_H

#include <linux/dma-buf.h>
#include <linux/mutex.h>

#include "pfnmap.h"

/* A page of a buffer, now or once; in a hash table by frame number. */
struct tpage {
	struct hlist_node node;
	struct list_head kept;	/* in tbuf.kept once a move has left it */
	struct page *page;
	struct tbuf *buf;
	u32 index;
	u32 gen;
};

struct tbuf {
	u32 number;
	enum pfnmap_kind kind;
	u32 flags;
	u32 npages;
	u32 gen;
	u32 faults;
	u32 mkwrites;
	s32 vmas;
	bool revoked;
	/* Faults and moves decide where a page is under this. */
	struct mutex lock;
	struct list_head kept;
	struct file *shmem;
	struct dma_buf *dmabuf;
	/* On whose address_space its file hangs, if on another's. */
	struct dma_buf *beside;
	struct tpage *pages[];
};

#endif
