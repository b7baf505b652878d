// SPDX-License-Identifier: GPL-2.0
/* Ops by other ways into memory: pipes, O_DIRECT, io_uring, futex, ptrace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

/* Where odw writes on the RAM disk; odr reads from its start. */
#define DISK_OUT 0x100000

static int pipe_ends[2] = { -1, -1 };

/* Closes the pipe of this process, if it has one. */
void pipe_forget(void)
{
	if (pipe_ends[0] >= 0) {
		close(pipe_ends[0]);
		close(pipe_ends[1]);
	}
	pipe_ends[0] = -1;
	pipe_ends[1] = -1;
}

static int pipe_need(void)
{
	return pipe_ends[0] >= 0 ? 0 : pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK);
}

static void put_word(char *out, ssize_t n, u64 value)
{
	if (n < 0)
		put_status(out, -1);
	else
		sprintf(out, "%zd=%llx", n, (unsigned long long)value);
}

static void op_pmk(const struct op *op, char *out)
{
	(void)op;
	pipe_forget();
	put_status(out, pipe_need());
}

/* pwr n val: pages of val, val + 1 ... */
static void op_pwr(const struct op *op, char *out)
{
	u64 *page = shared->page;
	u64 value = word(op->arg[1]);
	long n = num(op->arg[0]), i, w;
	ssize_t done = 0;

	for (i = 0; i < n; i++) {
		ssize_t ret;

		for (w = 0; w < (long)(PAGE / 8); w++)
			page[w] = value + i;
		ret = write(pipe_ends[1], page, PAGE);
		if (ret < 0) {
			if (!done)
				done = -1;
			break;
		}
		done += ret;
	}
	put_count(out, done);
}

static void op_prd(const struct op *op, char *out)
{
	u64 *page = shared->page;
	ssize_t n = read(pipe_ends[0], page, PAGE);

	put_word(out, n, page[num(op->arg[0]) % PAGE / 8]);
}

static void op_vmsp(const struct op *op, char *out)
{
	struct iovec iov = { at(op->arg[0], ""), num(op->arg[1]) * PAGE };

	pipe_need();
	put_count(out, vmsplice(pipe_ends[1], &iov, 1, 0));
}

/* write(2) of memory to a fresh pipe: copy_from_user */
static void op_cfu(const struct op *op, char *out)
{
	u64 value = 0;
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		put_status(out, -1);
		return;
	}
	n = write(ends[1], at(op->arg[0], op->arg[1]), sizeof(value));
	if (n > 0)
		n = read(ends[0], &value, sizeof(value));
	put_word(out, n, value);
	close(ends[0]);
	close(ends[1]);
}

/* read(2) from a fresh pipe into memory: copy_to_user */
static void op_ctu(const struct op *op, char *out)
{
	u64 value = word(op->arg[2]);
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		put_status(out, -1);
		return;
	}
	n = write(ends[1], &value, sizeof(value));
	if (n > 0)
		n = read(ends[0], at(op->arg[0], op->arg[1]), sizeof(value));
	put_count(out, n);
	close(ends[0]);
	close(ends[1]);
}

/* odw p n off */
static void op_odw(const struct op *op, char *out)
{
	u64 *page = shared->page;
	int fd = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	ssize_t n = pwrite(fd, at(op->arg[0], ""), num(op->arg[1]) * PAGE, DISK_OUT);
	long off = num(op->arg[2]);

	if (n >= 0 && pread(fd, page, PAGE, DISK_OUT + off / PAGE * PAGE) < 0)
		n = -1;
	put_word(out, n, page[off % PAGE / 8]);
	close(fd);
}

static void op_odr(const struct op *op, char *out)
{
	int fd = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);

	put_count(out, pread(fd, at(op->arg[0], ""), num(op->arg[1]) * PAGE, 0));
	close(fd);
}

static void op_iour(const struct op *op, char *out)
{
	struct io_uring_params params = {};
	struct iovec iov = { at(op->arg[0], ""), num(op->arg[1]) * PAGE };
	int fd = syscall(SYS_io_uring_setup, 1, &params);
	int ret = -1;

	if (fd >= 0)
		ret = syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1);

	put_status(out, ret);
	/*
	 * A ring that has pinned something stays open until the process ends:
	 * closing only asks for its end, and the pages would go at any moment.
	 */
	if (ret && fd >= 0)
		close(fd);
}

static void futex(const struct op *op, char *out, int private)
{
	const struct timespec soon = { .tv_nsec = 100000 };
	char *addr = at(op->arg[0], op->arg[1]);
	char wake[24], wait[24];

	put_count(wake, syscall(SYS_futex, addr, FUTEX_WAKE | private, 1, NULL, NULL, 0));
	put_count(wait, syscall(SYS_futex, addr, FUTEX_WAIT | private, 0x7e57f00d, &soon, NULL, 0));
	sprintf(out, "wake:%s,wait:%s", wake, wait);
}

static void op_futs(const struct op *op, char *out)
{
	futex(op, out, 0);
}

static void op_futp(const struct op *op, char *out)
{
	futex(op, out, FUTEX_PRIVATE_FLAG);
}

/* The process that an op names, or 0 after saying that it does not exist. */
static pid_t target(const char *text, char *out)
{
	long long i = num(text);
	pid_t pid = i == 0 || i == 1 ? pids[i] : 0;

	if (!pid)
		put_text(out, "NOPROC");
	return pid;
}

static void remote(const struct op *op, char *out, bool writes)
{
	pid_t pid = target(op->arg[0], out);
	u64 value = word(op->arg[3]);
	struct iovec here = { &value, sizeof(value) };
	struct iovec there = { at(op->arg[1], op->arg[2]), sizeof(value) };

	if (!pid)
		return;
	if (writes) {
		put_count(out, process_vm_writev(pid, &here, 1, &there, 1, 0));
	} else {
		ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

		put_word(out, n, value);
	}
}

static void op_pvr(const struct op *op, char *out)
{
	remote(op, out, false);
}

static void op_pvw(const struct op *op, char *out)
{
	remote(op, out, true);
}

static void proc_mem(const struct op *op, char *out, bool writes)
{
	pid_t pid = target(op->arg[0], out);
	u64 value = word(op->arg[3]);
	off_t where = (uintptr_t)at(op->arg[1], op->arg[2]);
	char path[32];
	int fd;

	if (!pid)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (writes) {
		put_count(out, pwrite(fd, &value, sizeof(value), where));
	} else {
		ssize_t n = pread(fd, &value, sizeof(value), where);

		put_word(out, n, value);
	}
	if (fd >= 0)
		close(fd);
}

static void op_pmr(const struct op *op, char *out)
{
	proc_mem(op, out, false);
}

static void op_pmw(const struct op *op, char *out)
{
	proc_mem(op, out, true);
}

/* Stops the child for as long as it takes to look. */
static bool attach(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_SEIZE, pid, NULL, NULL) &&
	       !ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) && waitpid(pid, &status, __WALL) == pid;
}

static void op_ptr(const struct op *op, char *out)
{
	pid_t pid = target("1", out);
	long value;

	if (!pid)
		return;
	if (!attach(pid)) {
		put_status(out, -1);
		return;
	}
	errno = 0;
	value = ptrace(PTRACE_PEEKDATA, pid, at(op->arg[0], op->arg[1]), NULL);
	if (errno)
		put_status(out, -1);
	else
		sprintf(out, "=%lx", value);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void op_ptw(const struct op *op, char *out)
{
	pid_t pid = target("1", out);

	if (!pid)
		return;
	if (!attach(pid)) {
		put_status(out, -1);
		return;
	}
	put_status(out, ptrace(PTRACE_POKEDATA, pid, at(op->arg[0], op->arg[1]),
			       word(op->arg[2])));
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

const struct op_entry other_ops[] = {
	{ "pmk", op_pmk }, { "pwr", op_pwr }, { "prd", op_prd }, { "vmsp", op_vmsp },
	{ "cfu", op_cfu }, { "ctu", op_ctu }, { "odw", op_odw }, { "odr", op_odr },
	{ "iour", op_iour }, { "futs", op_futs }, { "futp", op_futp }, { "pvr", op_pvr },
	{ "pvw", op_pvw }, { "pmr", op_pmr }, { "pmw", op_pmw }, { "ptr", op_ptr },
	{ "ptw", op_ptw }, {},
};
