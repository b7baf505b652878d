// SPDX-License-Identifier: GPL-2.0
/*
 * Sync points: where a thread in the module can be made to wait, so that
 * another runs meanwhile. They stand for the scheduler when an interleaving
 * is replayed. A point that is not armed costs a load and a branch.
 */
#include <linux/completion.h>
#include <linux/module.h>

#include "pfnmap.h"

/*
 * Nobody waits longer than five seconds, whatever a program forgets. Each is
 * waited for by itself: when the host has stood still, the guest's clock leaps,
 * and costs us one of them.
 */
#define PATIENCE 50

static long wait_a_while(struct completion *what)
{
	long left = 0;
	int i;

	for (i = 0; i < PATIENCE && !left; i++)
		left = wait_for_completion_killable_timeout(what, HZ / 10);
	return left;
}

struct stop {
	bool armed;
	struct completion reached;
	struct completion go;
};

static struct stop stops[POINT_COUNT];

/* Waits here if armed; the first to come takes the arming with it. */
void sync_point(enum pfnmap_point point)
{
	struct stop *stop = &stops[point];

	if (likely(!READ_ONCE(stop->armed)) || !xchg(&stop->armed, false))
		return;
	complete(&stop->reached);
	wait_a_while(&stop->go);
}

int sync_stop(const struct pfnmap_stop *arg)
{
	struct stop *stop;
	long left;

	if (arg->point >= POINT_COUNT)
		return -EINVAL;
	stop = &stops[arg->point];
	switch (arg->what) {
	case SYNC_ARM:
		init_completion(&stop->reached);
		init_completion(&stop->go);
		/* Pairs with the xchg() of whoever comes by. */
		smp_store_release(&stop->armed, true);
		return 0;
	case SYNC_REACHED:
		left = wait_a_while(&stop->reached);
		return left > 0 ? 0 : -ETIMEDOUT;
	case SYNC_GO:
		complete(&stop->go);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Between two programs: nothing is armed, nobody waits. */
void sync_reset(void)
{
	int i;

	for (i = 0; i < POINT_COUNT; i++) {
		stops[i].armed = false;
		init_completion(&stops[i].reached);
		init_completion(&stops[i].go);
	}
}
