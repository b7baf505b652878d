// SPDX-License-Identifier: GPL-2.0
/*
 * The agent: process 1 of the guest. Takes programs from the virtio port, runs
 * each in a process of its own and sends back what it answered.
 *
 * A program is lines of ops, ended by a line `E`. A first line `!stream` asks
 * for every answer as soon as there is one, so that the host learns which op a
 * kernel died of. A line `!race RUNS SEED` makes it a race: see race.c.
 *
 * The answer is a line `r<result>` for each op that ran, lines `k<text>` of the
 * kernel's log, and a line `E`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define PORT "/dev/vport0p1"
/* Milliseconds without a host after which the guest ends. */
#define LONELY 3000
/* Seconds that a program may take, and a race, which is run many times. */
#define PATIENCE 10
#define RACE_PATIENCE 30

static int port, kmsg;

static void send_all(const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(port, text, n);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			reboot(RB_AUTOBOOT);
		if (done > 0) {
			text += done;
			n -= done;
		}
	}
}

/* Appends what the kernel has logged since the last time. */
static void add_kernel_log(void)
{
	char record[2048], *text, *end;
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return;
		record[n] = 0;
		text = strchr(record, ';');
		end = strchr(record, '\n');
		if (!text || shared->used + n + 64 > RESULTS_MAX)
			continue;
		if (end)
			*end = 0;
		shared->used += sprintf(shared->results + shared->used, "k%s\n", text + 1);
	}
}

static int ticks;

static void on_tick(int signal)
{
	(void)signal;
	__atomic_fetch_add(&ticks, 1, __ATOMIC_RELAXED);
}

/*
 * Everything that the program left behind has ended. A program that takes longer
 * than so many seconds is ended. They are counted one by one: when the host has
 * stood still, our clock leaps, and that is one of them.
 */
static int wait_for(pid_t pid, int patience)
{
	const struct itimerval every = { { .tv_sec = 1 }, { .tv_sec = 1 } }, never = {};
	int status, mine = 0;
	pid_t ended;

	__atomic_store_n(&ticks, 0, __ATOMIC_RELAXED);
	setitimer(ITIMER_REAL, &every, NULL);
	while ((ended = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (ended == pid)
			mine = status;
		else if (ended < 0 && __atomic_load_n(&ticks, __ATOMIC_RELAXED) >= patience)
			kill(pid, SIGALRM);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	return mine;
}

static void serve(char *text)
{
	static const char stream[] = "!stream\n";
	bool streams = !strncmp(text, stream, strlen(stream));
	unsigned long long seed;
	unsigned int runs;
	size_t streamed;
	int status, head = 0;
	bool races;
	pid_t pid;

	if (streams)
		text += strlen(stream);
	races = sscanf(text, "!race %u %llu\n%n", &runs, &seed, &head) == 2;
	shared->used = 0;
	pid = fork();
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		if (races)
			race_run(text + head, runs, seed);
		program_run(text, streams ? port : -1);
		_exit(0);
	}
	if (pid < 0)
		die("fork");
	status = wait_for(pid, races ? RACE_PATIENCE : PATIENCE);
	streamed = streams ? shared->used : 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		shared->used += sprintf(shared->results + shared->used, "r!SIG14\n");
	else if (WIFSIGNALED(status) || WEXITSTATUS(status))
		shared->used += sprintf(shared->results + shared->used, "r!CRASH:%d\n",
					WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	add_kernel_log();
	shared->used += sprintf(shared->results + shared->used, "E\n");
	send_all(shared->results + streamed, shared->used - streamed);
}

static void load_modules(void)
{
	char *list = shared->proc_text;
	char path[128], *line, *save, *args;
	int fd;

	read_all("/modules/list", list, PROC_TEXT_MAX);
	for (line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		args = strchr(line, ' ');
		if (args)
			*args++ = 0;
		snprintf(path, sizeof(path), "/modules/%s", line);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, args ? args : "", 0))
			die(path);
		close(fd);
	}
}

/* The RAM disk's word i is this plus its offset. */
static void fill_disk(void)
{
	u64 *word = (u64 *)shared->proc_text, i;
	int fd = open("/dev/ram0", O_WRONLY | O_CLOEXEC);
	int chunk;

	for (chunk = 0; chunk < 8; chunk++) {
		for (i = 0; i < PROC_TEXT_MAX / 8; i++)
			word[i] = 0xd15c000000000000ULL + chunk * PROC_TEXT_MAX + 8 * i;
		if (write(fd, word, PROC_TEXT_MAX) != PROC_TEXT_MAX)
			die("/dev/ram0");
	}
	fsync(fd);
	close(fd);
}

/* Memory that a fork does not copy. */
static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

/*
 * Code that is mapped from a file is faulted in anew by each process, and every
 * program is one; anonymous memory comes with the fork.
 */
static int own_code(struct dl_phdr_info *info, size_t size, void *data)
{
	int i;

	(void)size;
	(void)data;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const typeof(*info->dlpi_phdr) *p = &info->dlpi_phdr[i];
		char *at = (char *)info->dlpi_addr + p->p_vaddr;
		void *copy;

		if (p->p_type != PT_LOAD || p->p_flags & PF_W)
			continue;
		copy = mmap(NULL, p->p_memsz, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (copy == MAP_FAILED)
			die("mmap");
		memcpy(copy, at, p->p_memsz);
		if (mprotect(copy, p->p_memsz, PROT_READ | PROT_EXEC) ||
		    mremap(copy, p->p_memsz, p->p_memsz, MREMAP_MAYMOVE | MREMAP_FIXED,
			   at) == MAP_FAILED)
			die("mremap");
	}
	/* The first is the program itself; the vDSO stays. */
	return 1;
}

static void start(void)
{
	const struct sigaction tick = { .sa_handler = on_tick };

	sigaction(SIGALRM, &tick, NULL);
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	shared = share(sizeof(*shared));
	dl_iterate_phdr(own_code, NULL);
	load_modules();
	slots_clear();
	fill_disk();
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(kmsg, 0, SEEK_END);
	port = open(PORT, O_RDWR | O_CLOEXEC);
	if (port < 0)
		die(PORT);
}

/* Waits for more input; ends the guest when the host is gone. */
static size_t receive(char *to, size_t room)
{
	struct pollfd poll_port = { .fd = port, .events = POLLIN };
	int lonely = 0;
	ssize_t n;

	for (;;) {
		n = read(port, to, room);
		if (n > 0)
			return n;
		poll(&poll_port, 1, 100);
		if (!(poll_port.revents & POLLHUP))
			lonely = 0;
		else if (++lonely >= LONELY)
			reboot(RB_AUTOBOOT);
		else
			usleep(1000);
	}
}

/* Serves the whole programs in the input; returns how much is left over. */
static size_t serve_all(char *input, size_t have)
{
	char *text = input, *end;

	while (true) {
		/* An empty program is a line E, too. */
		end = strncmp(text, "E\n", 2) ? strstr(text, "\nE\n") : text - 1;
		if (!end)
			break;
		end[1] = 0;
		serve(text);
		text = end + 3;
	}
	have -= text - input;
	memmove(input, text, have);
	return have;
}

int main(void)
{
	size_t have = 0;
	char *input;

	start();
	input = shared->input;
	send_all("ready\n", strlen("ready\n"));
	for (;;) {
		if (have + 1 >= INPUT_MAX)
			die("a program is too long");
		have += receive(input + have, INPUT_MAX - 1 - have);
		input[have] = 0;
		have = serve_all(input, have);
	}
}
