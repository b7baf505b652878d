// SPDX-License-Identifier: GPL-2.0
/* Ops of the test module: its buffers, its consumers, the page table. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent.h"

int module_fd = -1;

static const char *const kind_names[KIND_COUNT] = {
	"rpfn", "racc", "fpfn", "fpfnw", "fpfnr", "hpfn", "ipage", "fipage", "fmix", "fpage",
	"fpagew", "nommap", "smap",
};

static const char *const method_names[METHOD_COUNT] = {
	"gup", "gupf", "gupfo", "pinf", "pinlt", "force", "pfn", "fpte", "fpfn", "pfnfix", "hmm",
	"raw", "pfnref", "pfnmn", "pfnmnr", "kvm", "kvmmn", "kvmsp", "vfio", "pgoff",
};

static const char *const point_names[POINT_COUNT] = {
	"fault-chosen", "move-begin", "move-switched", "move-zapped", "followed", "fixed-up",
	"hmm-faulted", "looked", "move-freeing", "mirror-next", "mirror-locked",
	"fault-begun", "fault-answered",
};

static const char *const way_names[FILL_COUNT] = { "once", "each", "first" };

static int find(const char *const *names, int n, const char *name)
{
	while (n-- && strcmp(names[n], name))
		;
	return n;
}

/* A device of its own that imports a dma-buf. */
static int import(int dmabuf)
{
	int fd = open("/dev/pfnmap", O_RDWR | O_CLOEXEC), err;

	if (fd < 0 || !ioctl(fd, PFNMAP_IMPORT, dmabuf))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* buf B kind n [flags] */
static void op_buf(const struct op *op, char *out)
{
	const char *kind = op->arg[1];
	struct pfnmap_create create = { .pages = num(op->arg[2]), .flags = num(op->arg[3]) };
	int slot = num(op->arg[0]), k = find(kind_names, KIND_COUNT, kind);
	struct slot made = {};

	/* First of all what was there goes, as a descriptor does. */
	slot_set(slot, -1, 0, 0);
	if (k >= 0) {
		create.kind = k;
		made.fd = ioctl(module_fd, PFNMAP_CREATE, &create);
		made.buffer = create.buffer;
	} else if (!strncmp(kind, "dimp", 4)) {
		made.fd = import(slot_fd(kind + 4));
	} else {
		made.fd = make_foreign(kind, create.pages, &made);
	}
	put_status(out, made.fd);
	if (made.fd >= 0)
		slot_set(slot, made.fd, made.buffer, made.offset);
}

static void put_owner(const struct pfnmap_page *page, char *out)
{
	char name[16];

	if (!page->buffer) {
		put_text(out, "-");
		return;
	}
	slot_name(page->buffer, name, sizeof(name));
	sprintf(out, "%s.%u.g%u", name, page->index, page->gen);
}

static void op_pte(const struct op *op, char *out)
{
	struct pfnmap_entry e = { .addr = (uintptr_t)at(op->arg[0], "") };
	char owner[48];

	if (ioctl(module_fd, PFNMAP_ENTRY, &e)) {
		put_status(out, -1);
		return;
	}
	if (!e.level) {
		put_text(out, "L0 none");
		return;
	}
	out += sprintf(out, "L%u %c%c%c%c ", e.level, e.bits & ENTRY_WRITE ? 'W' : 'R',
		       e.bits & ENTRY_SPECIAL ? 'S' : 'n', e.bits & ENTRY_DIRTY ? 'D' : 'c',
		       e.bits & ENTRY_YOUNG ? 'Y' : 'o');
	put_owner(&e.page, owner);
	if (e.page.buffer)
		sprintf(out, "%s ref%d map%d", owner, e.page.ref, e.page.map);
	else
		put_text(out, e.bits & ENTRY_ANON ? "anon" : "-");
}

/* con METHOD p w (slot < 0), hold S METHOD p w */
static void lookup(int slot, const char *const *arg, char *out)
{
	struct pfnmap_lookup l = {
		.addr = (uintptr_t)at(arg[1], ""),
		.method = find(method_names, METHOD_COUNT, arg[0]),
		.slot = slot,
		.write = num(arg[2]) != 0,
	};
	char owner[48];

	/*
	 * Registering a notifier fails with EINTR while any work is pending for the task, as a ring
	 * of io_uring that is being taken down gives it at some time.
	 */
	do {
		if (ioctl(module_fd, PFNMAP_LOOKUP, &l)) {
			put_status(out, -1);
			return;
		}
	} while (l.err == -EINTR);
	if (l.err) {
		sprintf(out, "%s p%ds%d", errno_name(-l.err), !!(l.bits & ENTRY_PRESENT),
			!!(l.bits & ENTRY_SPECIAL));
		return;
	}
	put_owner(&l.page, owner);
	out += sprintf(out, "ok p%ds%dw%u %s", !!(l.bits & ENTRY_PRESENT),
		       !!(l.bits & ENTRY_SPECIAL), l.writable, owner);
	if (l.page.buffer && slot < 0)
		sprintf(out, " ref%d>%d", l.page.ref, l.after);
	else if (l.page.buffer)
		sprintf(out, " ref%d", l.page.ref);
	else if (slot < 0)
		sprintf(out, " d%d", l.page.ref - l.after);
}

static void op_con(const struct op *op, char *out)
{
	lookup(-1, op->arg, out);
}

static void op_hold(const struct op *op, char *out)
{
	int slot = num(op->arg[0]);

	if (slot < 0 || slot >= PFNMAP_HOLDERS)
		put_text(out, "EINVAL");
	else
		lookup(slot, op->arg + 1, out);
}

static void op_hr(const struct op *op, char *out)
{
	struct pfnmap_held held = { .slot = num(op->arg[0]), .off = num(op->arg[1]) };
	int ret = ioctl(module_fd, PFNMAP_READ, &held);

	if (ret)
		put_status(out, ret);
	else
		sprintf(out, "=%llx", (unsigned long long)held.value);
}

static void hold_write(const struct op *op, char *out, bool force)
{
	struct pfnmap_held held = {
		.slot = num(op->arg[0]),
		.off = num(op->arg[1]),
		.force = force,
		.value = word(op->arg[2]),
	};

	put_status(out, ioctl(module_fd, PFNMAP_WRITE, &held));
}

static void op_hw(const struct op *op, char *out)
{
	hold_write(op, out, false);
}

static void op_hwf(const struct op *op, char *out)
{
	hold_write(op, out, true);
}

static void op_hput(const struct op *op, char *out)
{
	struct pfnmap_held held = { .slot = num(op->arg[0]) };

	put_status(out, ioctl(module_fd, PFNMAP_PUT, &held));
}

static void op_reuse(const struct op *op, char *out)
{
	struct pfnmap_held held = {
		.slot = num(op->arg[0]),
		.off = num(op->arg[1]),
		.value = word(op->arg[2]),
	};

	put_text(out, ioctl(module_fd, PFNMAP_REUSE, &held) ? "not-found" : "got-same-pfn");
}

/* mv B first n flags */
static void op_mv(const struct op *op, char *out)
{
	static const char letters[] = "zpfnerZ";
	struct pfnmap_move move = {
		.fd = slot_fd(op->arg[0]),
		.first = num(op->arg[1]),
		.pages = num(op->arg[2]),
	};
	const char *found, *l;

	for (l = op->arg[3]; *l; l++) {
		found = strchr(letters, *l);
		if (found)
			move.flags |= 1U << (found - letters);
	}
	put_status(out, ioctl(module_fd, PFNMAP_MOVE, &move));
}

/* B page off [value], through one of two ioctls; with a value it writes */
static void buffer_word(const struct op *op, char *out, unsigned long cmd, bool write)
{
	struct pfnmap_word w = {
		.fd = slot_fd(op->arg[0]),
		.write = write,
		.page = num(op->arg[1]),
		.off = num(op->arg[2]),
		.value = write ? word(op->arg[3]) : 0,
	};
	int ret = ioctl(module_fd, cmd, &w);

	if (ret || write)
		put_status(out, ret);
	else
		sprintf(out, "=%llx", (unsigned long long)w.value);
}

/* As the device sees it. */
static void op_dr(const struct op *op, char *out)
{
	buffer_word(op, out, PFNMAP_WORD, false);
}

static void op_dw(const struct op *op, char *out)
{
	buffer_word(op, out, PFNMAP_WORD, true);
}

/* As an importer does that follows the page links of an sg_table. */
static void op_sgr(const struct op *op, char *out)
{
	buffer_word(op, out, PFNMAP_SG_WORD, false);
}

static void op_sgw(const struct op *op, char *out)
{
	buffer_word(op, out, PFNMAP_SG_WORD, true);
}

/* mreg p n [letters]: t a notifier that never waits, k pages that are never freed */
static void op_mreg(const struct op *op, char *out)
{
	struct pfnmap_mirror m = {
		.addr = (uintptr_t)at(op->arg[0], ""),
		.pages = num(op->arg[1]),
		.flags = (strchr(op->arg[2], 't') ? MIRROR_TRIES : 0) |
			 (strchr(op->arg[2], 'k') ? MIRROR_KEEPS : 0),
	};
	int ret;

	/* For EINTR see lookup(). */
	do
		ret = ioctl(module_fd, PFNMAP_MIRROR, &m);
	while (ret && errno == EINTR);
	put_status(out, ret);
}

/* mir WAY: the mirror is filled */
static void op_mir(const struct op *op, char *out)
{
	struct pfnmap_fill fill = { .way = find(way_names, FILL_COUNT, op->arg[0]) };

	put_status(out, ioctl(module_fd, PFNMAP_FILL, &fill));
}

/* i off [value]: as the device sees it; with a value it writes */
static void mirror_word(const struct op *op, char *out, bool write)
{
	struct pfnmap_mirrored w = {
		.page = num(op->arg[0]),
		.off = num(op->arg[1]),
		.write = write,
		.value = write ? word(op->arg[2]) : 0,
	};
	int ret = ioctl(module_fd, PFNMAP_MIRRORED_WORD, &w);

	if (ret || write)
		put_status(out, ret);
	else
		sprintf(out, "=%llx", (unsigned long long)w.value);
	if (!ret && w.gone)
		strcat(out, " gone");
}

static void op_mr(const struct op *op, char *out)
{
	mirror_word(op, out, false);
}

static void op_mw(const struct op *op, char *out)
{
	mirror_word(op, out, true);
}

static void op_mput(const struct op *op, char *out)
{
	(void)op;
	put_status(out, ioctl(module_fd, PFNMAP_UNMIRROR));
}

static void op_dst(const struct op *op, char *out)
{
	struct pfnmap_stat s = { .fd = slot_fd(op->arg[0]), .index = num(op->arg[1]) };

	if (ioctl(module_fd, PFNMAP_STAT, &s))
		put_status(out, -1);
	else
		sprintf(out, "ref%d map%d g%u flt%u mkw%u vma%d", s.page.ref, s.page.map,
			s.page.gen, s.faults, s.mkwrites, s.vmas);
}

static void op_pwarn(const struct op *op, char *out)
{
	struct pfnmap_patch p;

	(void)op;
	if (ioctl(module_fd, PFNMAP_PATCH, &p))
		put_status(out, -1);
	else
		sprintf(out, "ok_pfn%u ok_nopfn%u fail_pfn%u fail_nopfn%u", p.returns[0],
			p.returns[1], p.returns[2], p.returns[3]);
}

static void stop(const struct op *op, char *out, enum pfnmap_sync what)
{
	struct pfnmap_stop s = {
		.point = find(point_names, POINT_COUNT, op->arg[0]),
		.what = what,
	};

	put_status(out, ioctl(module_fd, PFNMAP_STOP, &s));
}

/* arm POINT: the next to come by waits there; reached POINT: until it has; go POINT */
static void op_arm(const struct op *op, char *out)
{
	stop(op, out, SYNC_ARM);
}

static void op_reached(const struct op *op, char *out)
{
	stop(op, out, SYNC_REACHED);
}

static void op_go(const struct op *op, char *out)
{
	stop(op, out, SYNC_GO);
}

const struct op_entry module_ops[] = {
	{ "buf", op_buf }, { "pte", op_pte }, { "con", op_con }, { "hold", op_hold },
	{ "hr", op_hr }, { "hw", op_hw }, { "hwf", op_hwf }, { "hput", op_hput },
	{ "reuse", op_reuse }, { "mv", op_mv }, { "dr", op_dr }, { "dw", op_dw },
	{ "dst", op_dst }, { "pwarn", op_pwarn }, { "arm", op_arm }, { "reached", op_reached },
	{ "go", op_go }, { "sgr", op_sgr }, { "sgw", op_sgw }, { "mreg", op_mreg },
	{ "mir", op_mir }, { "mr", op_mr }, { "mw", op_mw }, { "mput", op_mput }, {},
};
