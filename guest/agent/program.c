// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program: op after op, in the process that each names. Process 0 runs
 * here; process 1 is made by the op `fork`, and 2, which is another thread of
 * process 0, by `thread`. They are handed their ops through shared memory, so
 * that nothing is allocated for the talk between them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define SETTLED 7

pid_t pids[2];
struct shared *shared;

/* There is a second thread. */
static bool has_thread;
/* An op was handed over by `bg` and not asked for by `join` yet. */
static bool is_pending[2];

void program_wait(u32 *at, u32 value)
{
	const struct timespec a_while = { .tv_nsec = 50000000 };

	syscall(SYS_futex, at, FUTEX_WAIT, value, &a_while, NULL, 0);
}

void program_wake(u32 *at)
{
	syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Takes a line apart in place: `<proc> <op> <args>`. */
void program_split(char *text, struct op *op)
{
	char *save, *part = strtok_r(text, " ", &save);
	int i;

	memset(op, 0, sizeof(*op));
	op->proc = part ? atoi(part) : 0;
	part = strtok_r(NULL, " ", &save);
	op->name = part ? part : "";
	for (i = 0; i < ARGS_MAX; i++)
		op->arg[i] = "";
	while (op->nargs < ARGS_MAX && (part = strtok_r(NULL, " ", &save)))
		op->arg[op->nargs++] = part;
}

void program_op(const struct op *op, char *out)
{
	static const struct op_entry *const tables[] = {
		memory_ops, descriptor_ops, other_ops, module_ops,
	};
	const struct op_entry *e;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (e = tables[i]; e->name; e++) {
			if (*e->name == *op->name && !strcmp(e->name, op->name)) {
				e->fn(op, out);
				return;
			}
		}
	}
	put_text(out, "ENOSYS");
}

/* The child, or the second thread: an op at a time, until told to exit. */
static void *helper_loop(void *helper)
{
	struct helper *me = helper;
	u32 seen = __atomic_load_n(&me->answered, __ATOMIC_ACQUIRE);
	struct op op;

	for (;;) {
		while (__atomic_load_n(&me->asked, __ATOMIC_ACQUIRE) == seen)
			program_wait(&me->asked, seen);
		seen++;
		program_split(me->op_text, &op);
		if (!strcmp(op.name, "exit")) {
			put_text(me->op_result, "ok");
			_exit(atoi(op.arg[0]));
		}
		if (!strcmp(op.name, "race"))
			race_child();
		else
			program_op(&op, me->op_result);
		__atomic_store_n(&me->answered, seen, __ATOMIC_RELEASE);
		program_wake(&me->answered);
	}
	return NULL;
}

/* A page of the agent's that no program sees. */
static char *settled;

/* A store that the compiler leaves where it is. */
static void touch(char *at)
{
	__atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

/* Empties the batches of this CPU: advice of this kind does that first of all. */
static void drain(void)
{
	madvise(settled, PAGE, MADV_COLD);
}

/*
 * Leaves the per-CPU batch of new pages as every program shall find it: with
 * SETTLED pages of the agent's in it and none to come, since what the agent
 * writes to later has its pages by then. Reference counts of file pages show
 * how full the batch is.
 */
static void settle(void)
{
	char stack[16384], *p;
	char *fresh = mmap(NULL, (SETTLED + 1) * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (fresh == MAP_FAILED)
		die("mmap");
	for (p = __data_start; p < _end; p += PAGE)
		touch(p);
	for (i = 0; i < (int)sizeof(stack); i += PAGE)
		touch(&stack[i]);
	settled = fresh;
	touch(fresh);
	drain();
	for (i = 1; i <= SETTLED; i++)
		touch(&fresh[i * PAGE]);
}

void program_fork(char *out)
{
	pid_t pid;

	if (pids[1]) {
		put_text(out, "EINVAL");
		return;
	}
	shared->helpers[CHILD].answered = shared->helpers[CHILD].asked;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != pids[0])
			_exit(0);
		pids[1] = getpid();
		pipe_forget();
		close(module_fd);
		module_fd = open("/dev/pfnmap", O_RDWR | O_CLOEXEC);
		helper_loop(&shared->helpers[CHILD]);
	}
	put_status(out, pid);
	if (pid > 0)
		pids[1] = pid;
	/* Breaking COW of a page in the batch would do that, now or later. */
	drain();
}

/* It ends with process 0. */
static void program_thread(char *out)
{
	pthread_t thread;

	if (has_thread) {
		put_text(out, "EINVAL");
		return;
	}
	shared->helpers[THREAD].answered = shared->helpers[THREAD].asked;
	has_thread = !pthread_create(&thread, NULL, helper_loop, &shared->helpers[THREAD]);
	put_text(out, has_thread ? "ok" : "EAGAIN");
}

/* The child is gone: says how. */
static void put_end(char *out, int status)
{
	pids[1] = 0;
	is_pending[CHILD] = false;
	if (WIFSIGNALED(status))
		sprintf(out, "DIED:%d", WTERMSIG(status));
	else
		sprintf(out, "EXIT:%d", WEXITSTATUS(status));
}

/* Waits for an answer, or for the child's end. */
void program_answer(int which, char *out)
{
	struct helper *helper = &shared->helpers[which];
	u32 want = helper->asked, have;
	int status;

	is_pending[which] = false;
	for (;;) {
		have = __atomic_load_n(&helper->answered, __ATOMIC_ACQUIRE);
		if (have == want) {
			put_text(out, helper->op_result);
			return;
		}
		if (which == CHILD && waitpid(pids[1], &status, WNOHANG) == pids[1]) {
			put_end(out, status);
			return;
		}
		program_wait(&helper->answered, have);
	}
}

void program_ask(int which, const char *text)
{
	struct helper *helper = &shared->helpers[which];

	put_text(helper->op_text, text);
	__atomic_add_fetch(&helper->asked, 1, __ATOMIC_RELEASE);
	program_wake(&helper->asked);
}

static void child_end(int signal)
{
	if (signal)
		kill(pids[1], signal);
	while (waitpid(pids[1], NULL, 0) < 0 && errno == EINTR)
		;
	pids[1] = 0;
	is_pending[CHILD] = false;
}

/* The child, if there is one, is no more. */
void program_end_child(void)
{
	if (pids[1])
		child_end(SIGKILL);
}

/* An op of process 1 or 2; `text` is the whole line, `op` the same taken apart. */
static void run_beside(const char *text, const struct op *op, char *out)
{
	int which = op->proc == 1 ? CHILD : THREAD;
	char line[4096];

	if (which == CHILD ? !pids[1] : !has_thread) {
		put_text(out, "NOPROC");
	} else if (!strcmp(op->name, "join")) {
		if (is_pending[which])
			program_answer(which, out);
		else
			put_text(out, "EINVAL");
	} else if (is_pending[which]) {
		put_text(out, "EBUSY");
	} else if (!strcmp(op->name, "bg")) {
		/* `1 bg op args`: the child is asked to run `1 op args` */
		snprintf(line, sizeof(line), "%d %s", op->proc, text + strlen("1 bg "));
		program_ask(which, line);
		is_pending[which] = true;
		put_text(out, "ok");
	} else if (!strcmp(op->name, "exit")) {
		/* A thread does not end by itself. */
		if (which == CHILD) {
			program_ask(which, text);
			child_end(0);
		}
		put_text(out, which == CHILD ? "ok" : "EINVAL");
	} else {
		program_ask(which, text);
		program_answer(which, out);
	}
}

void program_line(char *line, char *out)
{
	char copy[4096];
	struct op op;

	snprintf(copy, sizeof(copy), "%s", line);
	program_split(line, &op);
	*out = 0;
	if (!strcmp(op.name, "kill")) {
		put_text(out, pids[1] ? "ok" : "NOPROC");
		program_end_child();
	} else if (op.proc == 1 || op.proc == 2) {
		run_beside(copy, &op, out);
	} else if (!strcmp(op.name, "thread")) {
		program_thread(out);
	} else if (!strcmp(op.name, "fork")) {
		program_fork(out);
	} else if (!strcmp(op.name, "exit")) {
		put_text(out, "ok");
	} else {
		program_op(&op, out);
	}
}

/* This process becomes a program. */
void program_begin(void)
{
	module_fd = open("/dev/pfnmap", O_RDWR | O_CLOEXEC);
	if (module_fd < 0)
		die("/dev/pfnmap");
	ioctl(module_fd, PFNMAP_RESET);
	guard_signals();
	pids[0] = getpid();
	settle();
}

/* Runs the lines of `text`; each answer goes to shared->results as `r<answer>`. */
void program_run(char *text, int stream_to)
{
	char *line, *save;

	program_begin();
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = shared->results + shared->used;
		int n;

		program_line(line, shared->result);
		if (shared->used + strlen(shared->result) + 64 > RESULTS_MAX)
			put_text(shared->result, "E2BIG");
		n = sprintf(at, "r%s\n", shared->result);
		shared->used += n;
		if (stream_to >= 0 && write(stream_to, at, n) != n)
			die("stream");
	}
}
