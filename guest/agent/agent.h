/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the agent share. */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../module/uapi.h"

typedef __u64 u64;
typedef __u32 u32;
typedef __s32 s32;

#define PAGE 4096UL
/*
 * Addresses of programs are page numbers in here; nothing else is, and all of the
 * agent's own lies above.
 */
#define ARENA 0x200000000UL
#define ARENA_END 0x300000000UL
#define SLOTS 16
#define RESULT_MAX 16384
#define ARGS_MAX 10

/* An op, taken apart. Missing arguments are "". */
struct op {
	int proc;
	const char *name;
	const char *arg[ARGS_MAX];
	int nargs;
};

/* Writes the result of an op, at most RESULT_MAX bytes with its end. */
typedef void op_fn(const struct op *op, char *out);

struct op_entry {
	const char *name;
	op_fn *fn;
};

/* Tables of ops, each ended by a null name. */
extern const struct op_entry memory_ops[], descriptor_ops[], other_ops[];
extern const struct op_entry module_ops[];

/* util.c */
long long num(const char *text);
u64 word(const char *text);
char *at(const char *page, const char *off);
const char *errno_name(int err);
void put_text(char *out, const char *text);
void put_status(char *out, long ret);
void put_count(char *out, long ret);
ssize_t read_all(const char *path, char *to, size_t size);
bool guarded_read(const char *from, u64 *value, char *out);
bool guarded_write(char *to, u64 value, char *out);
void guard_signals(void);
void die(const char *what);

/* Descriptors of buffers, and what is known of each; copied by fork. */
struct slot {
	int fd;			/* -1: empty */
	u32 buffer;	/* number of the module's buffer, or 0 */
	u64 offset;	/* where a DRM object is mapped */
};

extern struct slot slots[SLOTS];
/* /dev/pfnmap of this process. */
extern int module_fd;

int slot_fd(const char *text);
void slot_set(int slot, int fd, u32 buffer, u64 offset);
void slot_name(u32 buffer, char *out, size_t size);
void slots_clear(void);
int make_foreign(const char *kind, unsigned long pages, struct slot *made);

#define PROC_TEXT_MAX 0x20000
#define RESULTS_MAX 0x40000
#define INPUT_MAX 0x100000

/*
 * Memory that all processes of the agent share. What is written while a
 * program runs lies here, so that no page of the agent's own is allocated
 * meanwhile: programs can see the allocator's state.
 */
#define RACE_OPS_MAX 16
#define RACE_TEXT_MAX 1024

/* What one of two that race has to do with the other: nothing but the start. */
struct racer {
	/* Before each op, in ticks of the CPU's clock; and what the rest took. */
	u64 wait[RACE_OPS_MAX];
	u64 took;
	char text[RACE_TEXT_MAX];
	char out[RESULT_MAX];
};

/* An op for who runs beside process 0: asked counts up, answered follows. */
struct helper {
	u32 asked, answered;
	char op_text[4096];
	char op_result[RESULT_MAX];
};

struct shared {
	/* At the start of the mapping, so that O_DIRECT may use it. */
	u64 page[PAGE / 8];
	char proc_text[PROC_TEXT_MAX];
	/* Programs that have arrived. */
	char input[INPUT_MAX];
	/* What the program has answered so far, as it goes to the host. */
	char results[RESULTS_MAX];
	size_t used;
	/* What processes 1 and 2 are asked. */
	struct helper helpers[2];
	char result[RESULT_MAX];
	/* A race: see race.c. */
	u32 at_gate, round, round_done;
	struct racer racers[2];
};

extern struct shared *shared;

/* The program's own data, as the linker lays it out. */
extern char __data_start[], _end[];

/*
 * program.c: process 0 is the program's parent, 1 its child, and 2 another
 * thread of process 0.
 */
enum { CHILD, THREAD };
extern pid_t pids[2];
void program_run(char *text, int stream_to);
void program_begin(void);
void program_split(char *text, struct op *op);
void program_op(const struct op *op, char *out);
void program_line(char *line, char *out);
void program_fork(char *out);
void program_ask(int which, const char *text);
void program_answer(int which, char *out);
void program_end_child(void);
void program_wait(u32 *at, u32 value);
void program_wake(u32 *at);

/* race.c */
void race_run(char *text, unsigned int runs, u64 seed);
void race_child(void);

/* other.c: the pipe of this process */
void pipe_forget(void);

#endif
