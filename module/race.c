// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - race points: the delays. Compiled only with RACE=1, for tests.
 *
 * Which passes of a point are delayed, and how long, depends on race_seed, the
 * point and the number of the pass alone. A point that may be passed in atomic
 * context must never be delayed for longer than SPIN_US_MAX.
 */
#include "race.h"

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>

#define SPIN_US_MAX	50U
#define SLEEP_US_MAX	1000U

static unsigned int race_one_in;
module_param(race_one_in, uint, 0600);
MODULE_PARM_DESC(race_one_in, "Test only: delay one of so many passes of a race point; 0 = none");

static unsigned long race_seed = 1;
module_param(race_seed, ulong, 0600);
MODULE_PARM_DESC(race_seed, "Test only: which passes are delayed, and how long");

#define RACE_NAME(name)	#name,
static const char * const race_names[] = { LMAP_RACE_POINTS(RACE_NAME) };

static struct race_count {
	atomic_long_t passed;
	atomic_long_t delayed;
} race_counts[LMAP_RACE_NR];

/* Counts; random bits if this pass is one to delay, otherwise 0. */
static u32 race_choose(enum lmap_race_point point)
{
	struct race_count *count = &race_counts[point];
	unsigned long pass = atomic_long_inc_return(&count->passed);
	unsigned int one_in = READ_ONCE(race_one_in);
	u64 key = (u64)READ_ONCE(race_seed) * LMAP_RACE_NR + point;
	/* hash_64() gives 32 bits, however many are asked for. */
	u32 bits = hash_64(key, 32) ^ (u32)pass;

	/* Twice: neighbouring passes must not be alike. */
	bits = hash_64(hash_64(bits, 32), 32);
	if (!one_in || bits % one_in)
		return 0;
	atomic_long_inc(&count->delayed);
	/* Not those that chose: they are a multiple of one_in. */
	return hash_64(bits, 32) | 1;
}

static void race_spin(u32 bits)
{
	unsigned int us = 1 + bits % SPIN_US_MAX;

	/* udelay() is a loop of cpu_relax(). */
	udelay(us);
}

/**
 * lmap_race_spin - pass a race point in any context
 * @point: which
 */
void lmap_race_spin(enum lmap_race_point point)
{
	u32 bits = race_choose(point);

	if (bits)
		race_spin(bits >> 8);
}

/**
 * lmap_race_wait - pass a race point where sleeping is allowed
 * @point: which
 */
void lmap_race_wait(enum lmap_race_point point)
{
	u32 bits;

	might_sleep();
	bits = race_choose(point);
	if (!bits)
		return;
	switch (bits >> 1 & 3) {
	case 0:
		race_spin(bits >> 8);
		break;
	case 1:
		cond_resched();
		break;
	case 2:
		/* Others get this processor, if only for a tick. */
		schedule_timeout_uninterruptible(1);
		break;
	default:
		usleep_range(1 + (bits >> 8) % SLEEP_US_MAX, SLEEP_US_MAX + 1);
	}
}

/* One line for each point: name, how often it was passed, how often delayed. */
static int race_points_get(char *buf, const struct kernel_param *kp)
{
	int i, n = 0;

	for (i = 0; i < LMAP_RACE_NR; i++)
		n += scnprintf(buf + n, PAGE_SIZE - n, "%s %ld %ld\n", race_names[i],
			       atomic_long_read(&race_counts[i].passed),
			       atomic_long_read(&race_counts[i].delayed));
	return n;
}

static const struct kernel_param_ops race_points_ops = {
	.get = race_points_get,
};

module_param_cb(race_points, &race_points_ops, NULL, 0400);
MODULE_PARM_DESC(race_points, "Test only: how often each race point was passed and delayed");
