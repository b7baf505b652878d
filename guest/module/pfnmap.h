/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the test module share. */
#ifndef PFNMAP_H
#define PFNMAP_H

#include <linux/fs.h>
#include <linux/mm.h>

#include "uapi.h"

/* exporter.c */
int exporter_create(struct pfnmap_create *arg);
int exporter_move(const struct pfnmap_move *arg);
int exporter_word(struct pfnmap_word *arg);
int exporter_stat(struct pfnmap_stat *arg);
void owner_of(struct page *page, struct pfnmap_page *out);

/* fault.c */
struct tbuf;
int tbuf_mmap(struct vm_area_struct *vma, struct tbuf *buf);

/* consumer.c */
struct holder {
	struct page *page;
	unsigned long pfn;
	bool used, writable;
	enum pfnmap_method method;
	struct watch *watch;
};

void entry_look(struct pfnmap_entry *arg);
int consumer_lookup(struct holder *slots, struct pfnmap_lookup *arg);
int holder_read(struct holder *h, struct pfnmap_held *arg);
int holder_write(struct holder *h, const struct pfnmap_held *arg);
int holder_reuse(struct holder *h, const struct pfnmap_held *arg);
void holder_put(struct holder *h);
void page_let_go(struct holder *h);
int by_pfnfix(struct holder *h, unsigned long addr, bool write);

/* notified.c */
int by_hmm(struct holder *h, unsigned long addr, bool write);
int by_pfnmn(struct holder *h, unsigned long addr, bool write, bool retries);
int by_kvmmn(struct holder *h, unsigned long addr, bool write);
bool watch_was_told(struct holder *h);
void watch_end(struct holder *h);

/* mirror.c */
struct mirror;
int mirror_begin(struct mirror **mirror, const struct pfnmap_mirror *arg);
int mirror_fill(struct mirror *m, const struct pfnmap_fill *arg);
int mirror_word(struct mirror *m, struct pfnmap_mirrored *arg);
void mirror_end(struct mirror **mirror);

/* gup_first.c */
int by_gup_first(struct holder *h, unsigned long addr, bool write);

/* importer.c */
int importer_word(struct pfnmap_word *arg);
int importer_init(void);
void importer_exit(void);

/* sync.c */
void sync_point(enum pfnmap_point point);
int sync_stop(const struct pfnmap_stop *arg);
void sync_reset(void);

/* main.c: a word of a page by its frame number, through the direct map */
static inline u64 *word_of(unsigned long pfn, u32 off)
{
	return (u64 *)(__va(PFN_PHYS(pfn)) + (off & ~PAGE_MASK & ~7U));
}

#endif
