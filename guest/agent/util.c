// SPDX-License-Identifier: GPL-2.0
/* Numbers, names of errors, and accesses that may fault. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

/* An access that happens here and once, as the kernel has it. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

long long num(const char *text)
{
	return strtoll(text, NULL, 0);
}

u64 word(const char *text)
{
	return *text == '-' ? (u64)strtoll(text, NULL, 0) : strtoull(text, NULL, 0);
}

/* The address of a page number and a byte offset. */
char *at(const char *page, const char *off)
{
	return (char *)ARENA + num(page) * PAGE + num(off);
}

const char *errno_name(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "E?";
}

/* Results are short, and `out` has room for RESULT_MAX. */
void put_text(char *out, const char *text)
{
	snprintf(out, RESULT_MAX, "%s", text);
}

/* ok, or the error's name; `ret` is -1 and errno, as from libc. */
void put_status(char *out, long ret)
{
	put_text(out, ret < 0 ? errno_name(errno) : "ok");
}

/* The number, or the error's name. */
void put_count(char *out, long ret)
{
	if (ret < 0)
		put_text(out, errno_name(errno));
	else
		sprintf(out, "%ld", ret);
}

void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	_exit(111);
}

/* Reads a file to its end, or as much as fits; it is then a string. */
ssize_t read_all(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = -1;

	while (fd >= 0 && done + 1 < size) {
		n = read(fd, to + done, size - done - 1);
		if (n <= 0)
			break;
		done += n;
	}
	if (fd >= 0)
		close(fd);
	to[done] = 0;
	return n < 0 && !done ? -1 : (ssize_t)done;
}

/* Of each thread: two of a race may fault at once. */
static __thread sigjmp_buf fault_return;
static __thread sig_atomic_t is_guarded, fault_signal, fault_code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (!READ_ONCE(is_guarded)) {
		/* Not an access of the program: die of it. */
		struct sigaction fall = { .sa_handler = SIG_DFL };

		sigaction(signal, &fall, NULL);
		raise(signal);
		return;
	}
	fault_signal = signal;
	fault_code = info->si_code;
	siglongjmp(fault_return, 1);
}

void guard_signals(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void put_fault(char *out)
{
	WRITE_ONCE(is_guarded, 0);
	sprintf(out, "%s%d", fault_signal == SIGBUS ? "BUS" : "SEGV", (int)fault_code);
}

/* A load; false and the signal's name in `out` if it faults. */
bool guarded_read(const char *from, u64 *value, char *out)
{
	if (sigsetjmp(fault_return, 1)) {
		put_fault(out);
		return false;
	}
	WRITE_ONCE(is_guarded, 1);
	*value = READ_ONCE(*(const u64 *)from);
	WRITE_ONCE(is_guarded, 0);
	return true;
}

/* A store. */
bool guarded_write(char *to, u64 value, char *out)
{
	if (sigsetjmp(fault_return, 1)) {
		put_fault(out);
		return false;
	}
	WRITE_ONCE(is_guarded, 1);
	WRITE_ONCE(*(u64 *)to, value);
	WRITE_ONCE(is_guarded, 0);
	return true;
}
