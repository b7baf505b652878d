/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent asks of the test module: ioctls of /dev/pfnmap. Every
 * descriptor has consumer slots of its own; the exporter is one for all.
 */
#ifndef PFNMAP_UAPI_H
#define PFNMAP_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PFNMAP_HOLDERS 8
#define PFNMAP_MIRRORED 8

/* How a buffer is mapped. The order is that of kind_names in the agent. */
enum pfnmap_kind {
	KIND_RPFN, KIND_RACC, KIND_FPFN, KIND_FPFNW, KIND_FPFNR, KIND_HPFN,
	KIND_IPAGE, KIND_FIPAGE, KIND_FMIX, KIND_FPAGE, KIND_FPAGEW,
	KIND_NOMMAP, KIND_SMAP, KIND_COUNT
};

/* Flags of a buffer. */
#define BUF_ALLOW_PRIVATE	1
#define BUF_DONTEXPAND		2
#define BUF_IO			4
#define BUF_READONLY		8
#define BUF_LIAR		16
#define BUF_SHMEM		32
#define BUF_RESERVED		64
#define BUF_ZEROREFS		128
#define BUF_LOOKS_FIRST		256
#define BUF_BESIDE		512

/* Flags of a move. */
#define MOVE_ZAP		1
#define MOVE_POISON		2
#define MOVE_FREE		4
#define MOVE_FRESH		8
#define MOVE_EVICT_ONLY		16
#define MOVE_REVOKE		32
#define MOVE_ZAP_FIRST		64

/* Lookups. The order is that of method_names in the agent. */
enum pfnmap_method {
	BY_GUP, BY_GUPF, BY_GUPFO, BY_PINF, BY_PINLT, BY_FORCE, BY_PFN,
	BY_FPTE, BY_FPFN, BY_PFNFIX, BY_HMM, BY_RAW, BY_PFNREF, BY_PFNMN,
	BY_PFNMNR, BY_KVM, BY_KVMMN, BY_KVMSP, BY_VFIO, BY_PGOFF, METHOD_COUNT
};

/* Where a thread can be stopped; see sync.c. Order of point_names. */
enum pfnmap_point {
	POINT_FAULT_CHOSEN, POINT_MOVE_BEGIN, POINT_MOVE_SWITCHED,
	POINT_MOVE_ZAPPED, POINT_FOLLOWED, POINT_FIXED_UP, POINT_HMM_FAULTED,
	POINT_LOOKED, POINT_MOVE_FREEING, POINT_MIRROR_NEXT,
	POINT_MIRROR_LOCKED, POINT_FAULT_BEGUN, POINT_FAULT_ANSWERED,
	POINT_COUNT
};

/* Of a mirror: its notifier never waits; what it mirrors is never freed. */
#define MIRROR_TRIES		1
#define MIRROR_KEEPS		2

/* How it is filled; see mirror.c. The order is that of way_names in the agent. */
enum pfnmap_way { FILL_ONCE, FILL_EACH, FILL_FIRST, FILL_COUNT };

enum pfnmap_sync { SYNC_ARM, SYNC_REACHED, SYNC_GO };

/* Bits of an entry as the CPU sees it. */
#define ENTRY_PRESENT	1
#define ENTRY_SPECIAL	2
#define ENTRY_WRITE	4
#define ENTRY_DIRTY	8
#define ENTRY_YOUNG	16
#define ENTRY_ANON	32

/* A page, if it is one of the module's: buffer 0 is nobody. */
struct pfnmap_page {
	__u32 buffer;
	__u32 index;
	__u32 gen;
	__s32 ref;
	__s32 map;
};

struct pfnmap_create {
	__u32 kind;
	__u32 pages;
	__u32 flags;
	__u32 buffer;		/* out: its number */
};

struct pfnmap_move {
	__s32 fd;
	__u32 flags;
	__s64 first;
	__s64 pages;
};

struct pfnmap_word {
	__s32 fd;
	__u32 write;
	__u32 page;
	__u32 off;
	__u64 value;
};

struct pfnmap_stat {
	__s32 fd;
	__u32 index;
	struct pfnmap_page page;
	__u32 faults;
	__u32 mkwrites;
	__s32 vmas;
};

struct pfnmap_entry {
	__u64 addr;
	__u32 level;		/* out: 0 none, 1 PTE, 2 PMD */
	__u32 bits;
	struct pfnmap_page page;
};

struct pfnmap_lookup {
	__u64 addr;
	__u32 method;
	__s32 slot;		/* -1: let go at once */
	__u32 write;
	__s32 err;		/* out, negative errno */
	__u32 writable;
	__u32 bits;		/* of the entry, afterwards */
	__s32 after;		/* references after letting go */
	struct pfnmap_page page;
};

struct pfnmap_held {
	__u32 slot;
	__u32 off;
	__u32 force;
	__u32 pad;
	__u64 value;
};

struct pfnmap_mirror {
	__u64 addr;
	__u32 pages;
	__u32 flags;
};

struct pfnmap_fill {
	__u32 way;		/* enum pfnmap_way */
};

struct pfnmap_mirrored {
	__u32 page;
	__u32 off;
	__u32 write;
	__u32 gone;		/* out: kept, and nobody maps it any more */
	__u64 value;
};

/* What a probe on return of dma_buf_mmap[_internal] has counted. */
struct pfnmap_patch {
	__u32 returns[4];	/* ok_pfn ok_nopfn fail_pfn fail_nopfn */
};

struct pfnmap_stop {
	__u32 point;
	__u32 what;		/* enum pfnmap_sync */
};

#define PFNMAP_CREATE	_IOWR('p', 1, struct pfnmap_create)
#define PFNMAP_IMPORT	_IO('p', 2)
#define PFNMAP_MOVE	_IOW('p', 3, struct pfnmap_move)
#define PFNMAP_WORD	_IOWR('p', 4, struct pfnmap_word)
#define PFNMAP_STAT	_IOWR('p', 5, struct pfnmap_stat)
#define PFNMAP_ENTRY	_IOWR('p', 6, struct pfnmap_entry)
#define PFNMAP_LOOKUP	_IOWR('p', 7, struct pfnmap_lookup)
#define PFNMAP_READ	_IOWR('p', 8, struct pfnmap_held)
#define PFNMAP_WRITE	_IOW('p', 9, struct pfnmap_held)
#define PFNMAP_PUT	_IOW('p', 10, struct pfnmap_held)
#define PFNMAP_REUSE	_IOW('p', 11, struct pfnmap_held)
#define PFNMAP_PATCH	_IOR('p', 12, struct pfnmap_patch)
#define PFNMAP_RESET	_IO('p', 13)
#define PFNMAP_STOP	_IOW('p', 14, struct pfnmap_stop)
#define PFNMAP_SG_WORD	_IOWR('p', 15, struct pfnmap_word)
#define PFNMAP_MIRROR	_IOW('p', 16, struct pfnmap_mirror)
#define PFNMAP_FILL	_IOW('p', 17, struct pfnmap_fill)
#define PFNMAP_MIRRORED_WORD	_IOWR('p', 18, struct pfnmap_mirrored)
#define PFNMAP_UNMIRROR	_IO('p', 19)

#endif
