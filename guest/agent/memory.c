// SPDX-License-Identifier: GPL-2.0
/* Ops on ranges of memory: mmap and its kin, madvise, and what /proc says. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

#define MPOL_MF_MOVE 2
/* Bytes of /proc's text that are asked for at a time. */
#define CHUNK 1024

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static int protection(const char *letters)
{
	int prot = 0;

	for (; *letters; letters++) {
		if (*letters == 'r')
			prot |= PROT_READ;
		else if (*letters == 'w')
			prot |= PROT_WRITE;
		else if (*letters == 'x')
			prot |= PROT_EXEC;
	}
	return prot;
}

static size_t length(const char *pages)
{
	return num(pages) * PAGE;
}

/* map page n B|- prot s|p|v off [flags] */
static void op_map(const struct op *op, char *out)
{
	const char *letters = op->arg[6];
	bool anon = !strcmp(op->arg[2], "-");
	int flags = *op->arg[4] == 's' ? MAP_SHARED :
		    *op->arg[4] == 'v' ? MAP_SHARED_VALIDATE : MAP_PRIVATE;
	int fd = anon ? -1 : slot_fd(op->arg[2]);
	off_t off = num(op->arg[5]) * PAGE;
	void *ret;

	flags |= strchr(letters, 'F') ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (strchr(letters, 'P'))
		flags |= MAP_POPULATE;
	if (strchr(letters, 'L'))
		flags |= MAP_LOCKED;
	if (anon)
		flags |= MAP_ANONYMOUS;
	else if (fd >= 0)
		off += slots[num(op->arg[2])].offset;
	ret = mmap(at(op->arg[0], ""), length(op->arg[1]), protection(op->arg[3]), flags, fd, off);
	put_status(out, ret == MAP_FAILED ? -1 : 0);
}

static void op_unmap(const struct op *op, char *out)
{
	put_status(out, munmap(at(op->arg[0], ""), length(op->arg[1])));
}

static void op_prot(const struct op *op, char *out)
{
	put_status(out, mprotect(at(op->arg[0], ""), length(op->arg[1]), protection(op->arg[2])));
}

/* remap page old new dest|- [d] */
static void op_remap(const struct op *op, char *out)
{
	void *to = NULL, *ret;
	int flags = 0;

	if (strcmp(op->arg[3], "-")) {
		flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		to = at(op->arg[3], "");
	}
	if (strchr(op->arg[4], 'd'))
		flags |= MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
	ret = mremap(at(op->arg[0], ""), length(op->arg[1]), length(op->arg[2]), flags, to);
	put_status(out, ret == MAP_FAILED ? -1 : 0);
}

static void op_r(const struct op *op, char *out)
{
	u64 value;

	if (guarded_read(at(op->arg[0], op->arg[1]), &value, out))
		sprintf(out, "=%llx", (unsigned long long)value);
}

static void op_w(const struct op *op, char *out)
{
	if (guarded_write(at(op->arg[0], op->arg[1]), word(op->arg[2]), out))
		put_text(out, "ok");
}

static const struct {
	const char *name;
	int value;
} advices[] = {
	{ "NORMAL", 0 }, { "RANDOM", 1 }, { "SEQUENTIAL", 2 }, { "WILLNEED", 3 },
	{ "DONTNEED", 4 }, { "FREE", 8 }, { "REMOVE", 9 }, { "DONTFORK", 10 },
	{ "DOFORK", 11 }, { "MERGEABLE", 12 }, { "UNMERGEABLE", 13 }, { "HUGEPAGE", 14 },
	{ "NOHUGEPAGE", 15 }, { "DONTDUMP", 16 }, { "DODUMP", 17 }, { "WIPEONFORK", 18 },
	{ "KEEPONFORK", 19 }, { "COLD", 20 }, { "PAGEOUT", 21 }, { "POPULATE_READ", 22 },
	{ "POPULATE_WRITE", 23 }, { "DONTNEED_LOCKED", 24 }, { "COLLAPSE", 25 },
};

static void op_adv(const struct op *op, char *out)
{
	size_t i;

	for (i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
		if (strcmp(op->arg[2], advices[i].name))
			continue;
		put_status(out, madvise(at(op->arg[0], ""), length(op->arg[1]), advices[i].value));
		return;
	}
	put_text(out, "EINVAL");
}

static void op_mlock(const struct op *op, char *out)
{
	put_status(out, mlock(at(op->arg[0], ""), length(op->arg[1])));
}

static void op_mlockf(const struct op *op, char *out)
{
	put_status(out, mlock2(at(op->arg[0], ""), length(op->arg[1]), MLOCK_ONFAULT));
}

static void op_munlock(const struct op *op, char *out)
{
	put_status(out, munlock(at(op->arg[0], ""), length(op->arg[1])));
}

static void op_mseal(const struct op *op, char *out)
{
	put_status(out, syscall(SYS_mseal, at(op->arg[0], ""), length(op->arg[1]), 0));
}

static void op_msync(const struct op *op, char *out)
{
	int flags = *op->arg[2] == 's' ? MS_SYNC :
		    *op->arg[2] == 'a' ? MS_ASYNC : MS_INVALIDATE | MS_SYNC;

	put_status(out, msync(at(op->arg[0], ""), length(op->arg[1]), flags));
}

/* remap_file_pages, by number: libc's says that it is deprecated */
static void op_rfp(const struct op *op, char *out)
{
	put_status(out, syscall(SYS_remap_file_pages, at(op->arg[0], ""), length(op->arg[1]), 0,
				num(op->arg[2]), 0));
}

static void op_minc(const struct op *op, char *out)
{
	unsigned char vec[4096];
	long n = num(op->arg[1]), i;

	if (n > (long)sizeof(vec))
		n = sizeof(vec);
	if (mincore(at(op->arg[0], ""), n * PAGE, vec)) {
		put_status(out, -1);
		return;
	}
	for (i = 0; i < n; i++)
		out[i] = vec[i] & 1 ? '1' : '0';
	out[n] = 0;
}

/* pagemap: P present, S swap, F file or shared, X mapped exclusively */
static void op_pmap(const struct op *op, char *out)
{
	u64 entry[1024];
	long n = num(op->arg[1]), i;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (n > 1024)
		n = 1024;
	got = pread(fd, entry, n * 8, (ARENA / PAGE + num(op->arg[0])) * 8);
	if (got < 0)
		put_status(out, -1);
	close(fd);
	for (i = 0; i < got / 8; i++)
		out += sprintf(out, "%s%c%c%c%c", i ? "," : "", entry[i] >> 63 & 1 ? 'P' : '-',
			       entry[i] >> 62 & 1 ? 'S' : '-', entry[i] >> 61 & 1 ? 'F' : '-',
			       entry[i] >> 56 & 1 ? 'X' : '-');
}

static void op_uffd(const struct op *op, char *out)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)at(op->arg[0], ""), length(op->arg[1]) },
		.mode = *op->arg[2] == 'm' ? UFFDIO_REGISTER_MODE_MISSING :
			*op->arg[2] == 'w' ? UFFDIO_REGISTER_MODE_WP :
					     UFFDIO_REGISTER_MODE_MINOR,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	int ret = fd < 0 ? -1 : ioctl(fd, UFFDIO_API, &api);

	if (!ret)
		ret = ioctl(fd, UFFDIO_REGISTER, &reg);
	put_status(out, ret);
	if (fd >= 0)
		close(fd);
}

static void move_pages_op(const struct op *op, char *out, const int *nodes)
{
	void *page = at(op->arg[0], "");
	int status = 0;

	if (syscall(SYS_move_pages, 0, 1UL, &page, nodes, &status, MPOL_MF_MOVE))
		sprintf(out, "st:%s", errno_name(errno));
	else if (status < 0)
		sprintf(out, "st:%s", errno_name(-status));
	else
		sprintf(out, "st:%d", status);
}

static void op_mvpg(const struct op *op, char *out)
{
	move_pages_op(op, out, NULL);
}

static void op_mvpg0(const struct op *op, char *out)
{
	const int node = 0;

	move_pages_op(op, out, &node);
}

static void op_clref(const struct op *op, char *out)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	put_status(out, write(fd, op->arg[0], strlen(op->arg[0])));
	close(fd);
}

/* One VMA as /proc/self/smaps tells it. */
struct vma {
	unsigned long start, end, off;
	char perms[8];
	long rss, pss, anon, sd, pd, swap, lck, ref;
	char flags[160];
};

static long field(const char *from, const char *end, const char *name)
{
	const char *found = strstr(from, name);

	return found && found < end ? strtol(found + strlen(name), NULL, 10) : 0;
}

/* Reads a line of maps: `start-end perms offset ...` */
static bool parse_map(const char *line, struct vma *v)
{
	char *at;

	memset(v, 0, sizeof(*v));
	v->start = strtoul(line, &at, 16);
	if (*at != '-')
		return false;
	v->end = strtoul(at + 1, &at, 16);
	if (*at != ' ')
		return false;
	memcpy(v->perms, at + 1, 4);
	v->off = strtoul(at + 6, NULL, 16);
	return true;
}

/* Reads the VMA that starts at `text`; returns where the next one starts, or NULL. */
static char *parse_smap(char *text, struct vma *v)
{
	char *end = strstr(text, "VmFlags:"), *eol, *f = v->flags;

	if (!end || !parse_map(text, v))
		return NULL;
	v->rss = field(text, end, "\nRss:");
	v->pss = field(text, end, "\nPss:");
	v->anon = field(text, end, "\nAnonymous:");
	v->sd = field(text, end, "\nShared_Dirty:");
	v->pd = field(text, end, "\nPrivate_Dirty:");
	v->swap = field(text, end, "\nSwap:");
	v->lck = field(text, end, "\nLocked:");
	v->ref = field(text, end, "\nReferenced:");
	eol = strchr(end, '\n');
	for (end += strlen("VmFlags:"); end < eol && f < v->flags + sizeof(v->flags) - 4; end++) {
		if (*end != ' ')
			*f++ = *end;
		else if (f != v->flags && end + 1 < eol)
			*f++ = ',';
	}
	*f = 0;
	return eol ? eol + 1 : NULL;
}

static bool has_flag(const struct vma *v, const char *flag)
{
	const char *f = v->flags;

	for (; (f = strstr(f, flag)); f++)
		if ((f == v->flags || f[-1] == ',') && (f[2] == ',' || !f[2]))
			return true;
	return false;
}

/* Private remap_pfn_range: the offset is a frame number and tells nothing. */
static bool off_is_pfn(const struct vma *v)
{
	return !has_flag(v, "sh") && has_flag(v, "mw") && has_flag(v, "pf") &&
	       has_flag(v, "io") && has_flag(v, "de") && has_flag(v, "dd");
}

static void put_off(const struct vma *v, unsigned long unit, char *out)
{
	if (off_is_pfn(v))
		put_text(out, "PFN");
	else
		sprintf(out, "%lx", v->off / unit);
}

/*
 * Reads what /proc says of the arena, to shared->proc_text. The arena lies below
 * everything else, and text costs time: little more than that is read.
 */
static char *read_arena(const char *path)
{
	char *text = shared->proc_text, *end = text, *line = text, *eol;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (end + CHUNK < text + PROC_TEXT_MAX) {
		n = read(fd, end, CHUNK);
		if (n <= 0)
			break;
		end += n;
		*end = 0;
		for (; (eol = strchr(line, '\n')); line = eol + 1) {
			/* Other lines than those of a range have a capital letter. */
			if (!isupper(*line) && strtoul(line, NULL, 16) >= ARENA_END) {
				end = line;
				goto done;
			}
		}
	}
done:
	*end = 0;
	close(fd);
	return text;
}

static void op_smaps(const struct op *op, char *out)
{
	unsigned long page = (uintptr_t)at(op->arg[0], "");
	char *next = read_arena("/proc/self/smaps"), off[24];
	struct vma v;

	put_text(out, "none");
	while (next && *next) {
		next = parse_smap(next, &v);
		if (!next || page < v.start || page >= v.end)
			continue;
		put_off(&v, 1, off);
		out += sprintf(out, "%lu+%lu %s %s rss=%ld pss=%ld anon=%ld",
			       (v.start - ARENA) / PAGE, (v.end - v.start) / PAGE, v.perms, off,
			       v.rss, v.pss, v.anon);
		if (*op->arg[1])
			out += sprintf(out, " sd=%ld pd=%ld swap=%ld lck=%ld ref=%ld", v.sd, v.pd,
				       v.swap, v.lck, v.ref);
		sprintf(out, " fl=%s", v.flags);
		return;
	}
}

/* Is there a VMA in the arena whose offset may be a frame number? */
static bool may_have_pfn(const char *maps)
{
	const char *found = strstr(maps, "p ");

	for (; found; found = strstr(found + 1, "p "))
		if (strncmp(found + 2, "00000", 5) || strncmp(found + 7, "000 ", 4))
			return true;
	return false;
}

static void op_vmas(const struct op *op, char *out)
{
	char *line = read_arena("/proc/self/maps"), off[24];
	bool smaps = may_have_pfn(line), first = true;
	struct vma v;

	(void)op;
	if (smaps)
		line = read_arena("/proc/self/smaps");
	put_text(out, "none");
	while (line && *line) {
		if (smaps) {
			line = parse_smap(line, &v);
		} else {
			if (!parse_map(line, &v))
				break;
			line = strchr(line, '\n');
			if (line)
				line++;
		}
		if (v.start < ARENA || v.start >= ARENA_END)
			continue;
		put_off(&v, PAGE, off);
		out += sprintf(out, "%s%lu+%lu:%s:%s", first ? "" : " ", (v.start - ARENA) / PAGE,
			       (v.end - v.start) / PAGE, v.perms, off);
		first = false;
	}
}

const struct op_entry memory_ops[] = {
	{ "map", op_map }, { "unmap", op_unmap }, { "prot", op_prot }, { "remap", op_remap },
	{ "r", op_r }, { "w", op_w }, { "adv", op_adv }, { "mlock", op_mlock },
	{ "mlockf", op_mlockf }, { "munlock", op_munlock }, { "mseal", op_mseal },
	{ "msync", op_msync }, { "rfp", op_rfp }, { "minc", op_minc }, { "pmap", op_pmap },
	{ "uffd", op_uffd }, { "mvpg", op_mvpg }, { "mvpg0", op_mvpg0 }, { "clref", op_clref },
	{ "smaps", op_smaps }, { "vmas", op_vmas }, {},
};
