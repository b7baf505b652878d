// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a race many times: ops that set up, then two lists of ops at once, then
 * ops that look at what is left. The second list is run by the child, if the
 * setup has forked, else by another thread. Nothing holds the two together but
 * the start. How long each waits before an op is drawn by lot; half of the runs
 * wait nearly as long as one that came out in one of the ways seen so far, since
 * between two ways lie others. Outcomes are counted here, so that the way to
 * the host costs nothing.
 *
 * The text is four lists of lines, parted by lines `-`. The answer is a line
 * `r<count> <outcome>` for each outcome.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define OUTCOMES_MAX 512
#define OUTCOME_MAX (4 * RACE_TEXT_MAX)
/* After which the host gets what there is. */
#define MILLISECONDS 2000
enum { SETUP, FIRST, SECOND, END, PARTS };

static struct {
	char *line[RACE_OPS_MAX];
	struct op op[RACE_OPS_MAX];
	int n;
} parts[PARTS];

struct outcome {
	u32 count;
	/* Of the last run that came out so. */
	u64 wait[2][RACE_OPS_MAX];
	char text[OUTCOME_MAX];
};

static struct outcome *outcomes;
static int outcome_count;
static u64 lot;

/* A number drawn by lot: xorshift64*. */
static u32 draw(void)
{
	lot ^= lot >> 12;
	lot ^= lot << 25;
	lot ^= lot >> 27;
	return (lot * 0x2545f4914f6cdd1dULL) >> 32;
}

static u64 draw_below(u64 n)
{
	return n ? (((u64)draw() << 32) | draw()) % n : 0;
}

/*
 * Ticks of the CPU's clock that each list takes when nothing interrupts it, waits
 * left out: the least of late.
 */
static u64 span[2];

static void note_span(int which, u64 took)
{
	if (!span[which] || took < span[which])
		span[which] = took;
	else
		span[which] += span[which] / 32;
}

/* So long that the other may do all of its list before, and as short. */
static u64 fresh_wait(int which, int i)
{
	if (draw() % 4 < (i ? 3 : 1))
		return 0;
	return draw_below(span[!which] * 5 / 4);
}

/* A little more or less than another. */
static u64 near_wait(u64 wait, int which)
{
	u64 reach = span[!which] >> (1 + draw() % 6);

	if (draw() % 2)
		return wait;
	wait += draw_below(2 * reach);
	return wait > reach ? wait - reach : 0;
}

static void draw_waits(void)
{
	struct outcome *o = NULL;
	int which, i;

	if (outcome_count && draw() % 2)
		o = &outcomes[draw() % outcome_count];
	for (which = 0; which < 2; which++)
		for (i = 0; i < parts[FIRST + which].n; i++)
			shared->racers[which].wait[i] =
				o ? near_wait(o->wait[which][i], which) : fresh_wait(which, i);
}

static void wait_ticks(u64 ticks)
{
	u64 start = __builtin_ia32_rdtsc();

	while (ticks && __builtin_ia32_rdtsc() - start < ticks)
		;
}

static void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Where there is only one, both run on it. */
	sched_setaffinity(0, sizeof(set), &set);
}

/* Adds to a text what there is room for. */
static void append(char *to, size_t size, const char *text)
{
	size_t used = strlen(to), n = strlen(text);

	if (used + n + 1 > size)
		n = size - used - 1;
	memmove(to + used, text, n);
	to[used + n] = 0;
}

/* The answer to op `i` of a list. */
static void append_answer(char *to, size_t size, int i, const char *answer)
{
	if (i)
		append(to, size, "; ");
	append(to, size, answer);
}

/* Meets the other at the gate and runs its own list. */
void race_list(int which)
{
	struct racer *me = &shared->racers[which];
	int part = FIRST + which, i;
	u64 waited = 0, start;

	me->text[0] = 0;
	__atomic_add_fetch(&shared->at_gate, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&shared->at_gate, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
	start = __builtin_ia32_rdtsc();
	for (i = 0; i < parts[part].n; i++) {
		wait_ticks(me->wait[i]);
		waited += me->wait[i];
		me->out[0] = 0;
		if (!strcmp(parts[part].op[i].name, "fork"))
			program_fork(me->out);
		else
			program_op(&parts[part].op[i], me->out);
		append_answer(me->text, sizeof(me->text), i, me->out);
	}
	me->took = __builtin_ia32_rdtsc() - start - waited;
}

/* The other thread, where there is one: a run each time that `round` goes up. */
static void *second_thread(void *unused)
{
	u32 seen = 0;

	(void)unused;
	pin_to_cpu(1);
	for (;;) {
		while (__atomic_load_n(&shared->round, __ATOMIC_ACQUIRE) == seen)
			program_wait(&shared->round, seen);
		seen++;
		race_list(1);
		__atomic_store_n(&shared->round_done, seen, __ATOMIC_RELEASE);
		program_wake(&shared->round_done);
	}
	return NULL;
}

/* In the child: it has a CPU of its own from now on. */
void race_child(void)
{
	pin_to_cpu(1);
	race_list(1);
}

static void run_both(bool forked)
{
	u32 round;

	shared->at_gate = 0;
	if (forked) {
		program_ask(CHILD, "1 race");
		race_list(0);
		program_answer(CHILD, shared->result);
		return;
	}
	round = __atomic_add_fetch(&shared->round, 1, __ATOMIC_RELEASE);
	program_wake(&shared->round);
	race_list(0);
	while (__atomic_load_n(&shared->round_done, __ATOMIC_ACQUIRE) != round)
		program_wait(&shared->round_done, round - 1);
}

/* Runs the lines of a part in this process; false if one does not say ok. */
static bool run_lines(int part, char *text, size_t size)
{
	char copy[4096];
	bool good = true;
	int i;

	for (i = 0; i < parts[part].n; i++) {
		snprintf(copy, sizeof(copy), "%s", parts[part].line[i]);
		program_line(copy, shared->result);
		append_answer(text, size, i, shared->result);
		if (strcmp(shared->result, "ok") && *shared->result != '=')
			good = false;
	}
	return good;
}

/* Nothing that a run has made is left for the next. */
static void clean_up(void)
{
	int i;

	program_end_child();
	for (i = 0; i < SLOTS; i++)
		slot_set(i, -1, 0, 0);
	munmap((void *)ARENA, ARENA_END - ARENA);
	pipe_forget();
	close(module_fd);
	module_fd = open("/dev/pfnmap", O_RDWR | O_CLOEXEC);
	if (module_fd < 0)
		die("/dev/pfnmap");
}

/* Nothing but the last place is left for outcomes beyond OUTCOMES_MAX. */
static void count_outcome(const char *text)
{
	struct outcome *o;
	int i, which;

	for (i = 0; i < outcome_count && strcmp(outcomes[i].text, text); i++)
		;
	if (i == OUTCOMES_MAX)
		i--;
	o = &outcomes[i];
	if (i == outcome_count) {
		outcome_count++;
		append(o->text, sizeof(o->text), i == OUTCOMES_MAX - 1 ? "(others)" : text);
	}
	o->count++;
	for (which = 0; which < 2; which++)
		memcpy(o->wait[which], shared->racers[which].wait, sizeof(o->wait[which]));
}

static void run_once(void)
{
	static char text[OUTCOME_MAX], part[RACE_TEXT_MAX];
	int which;

	part[0] = 0;
	text[0] = 0;
	if (!run_lines(SETUP, part, sizeof(part))) {
		append(text, sizeof(text), "setup: ");
		append(text, sizeof(text), part);
		count_outcome(text);
		return;
	}
	draw_waits();
	run_both(pids[1]);
	for (which = 0; which < 2; which++) {
		note_span(which, shared->racers[which].took);
		append(text, sizeof(text), shared->racers[which].text);
		append(text, sizeof(text), " | ");
	}
	part[0] = 0;
	run_lines(END, part, sizeof(part));
	append(text, sizeof(text), part);
	count_outcome(text);
}

/* Takes the text apart in place. */
static void parse(char *text)
{
	char *line, *save;
	int part = 0;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strcmp(line, "-")) {
			if (++part == PARTS)
				die("a race has four parts");
		} else if (parts[part].n == RACE_OPS_MAX) {
			die("a list of a race is too long");
		} else {
			int n = parts[part].n++;

			parts[part].line[n] = line;
			program_split(strdup(line), &parts[part].op[n]);
		}
	}
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/*
 * Runs the race that `text` describes, so many times or as often as MILLISECONDS
 * allow; the waits come from `seed`.
 */
void race_run(char *text, unsigned int runs, u64 seed)
{
	pthread_t thread;
	u64 until = now() + MILLISECONDS;
	bool forks = false;
	int i;

	parse(text);
	outcomes = mmap(NULL, OUTCOMES_MAX * sizeof(*outcomes), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (outcomes == MAP_FAILED)
		die("mmap");
	lot = seed * 2 + 1;
	program_begin();
	pin_to_cpu(0);
	for (i = 0; i < parts[SETUP].n; i++)
		if (!strcmp(parts[SETUP].op[i].name, "fork"))
			forks = true;
	shared->round = 0;
	shared->round_done = 0;
	if (!forks && pthread_create(&thread, NULL, second_thread, NULL))
		die("pthread_create");
	while (runs-- && now() < until) {
		run_once();
		clean_up();
	}
	for (i = 0; i < outcome_count; i++) {
		if (shared->used + sizeof(outcomes->text) + 64 > RESULTS_MAX)
			break;
		shared->used += sprintf(shared->results + shared->used, "r%u %s\n",
					outcomes[i].count, outcomes[i].text);
	}
	/* The other thread waits for ever. */
	_exit(0);
}
