// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: the clock, and what many rounds say.
 *
 * Under --icount an instruction is a nanosecond and one tick of the processor's
 * counter, and waiting takes no time. What makes two runs differ is what else
 * the kernel does: the timer's tick, freeing by RCU, workers. So before each
 * round begin() sleeps, which lets all that happen, until just after a tick:
 * what takes less than a tick is never interrupted. Must never be asked to
 * count by a guess: the one who starts the guest says that its clock counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS_MAX	99
#define FEW		7
#define FEWEST		6	/* rounds that say where the median lies */
#define WARM_UP		2

#define AFTER_TICK	100000L	/* ns after a tick at which a round begins */
#define PAUSE		20000000L

static long tick_phase, tick_period = 4000000L;
static double asking;

double now(void)
{
	struct timespec t;

#ifdef __x86_64__
	if (options.icount)
		return __builtin_ia32_rdtsc();
#endif
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static long monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * When ticks come: where a loop that does nothing but ask for the time is away
 * for long. Asked like that for some ticks, the usual distance and remainder.
 */
static void find_tick(void)
{
	double at[9], distance[8], phase[9];
	long last = monotonic(), t;
	size_t n = 0;

	while (n < SIZE_OF(at)) {
		t = monotonic();
		if (t - last > 1500)
			at[n++] = last;
		last = t;
	}
	for (size_t i = 0; i + 1 < n; i++)
		distance[i] = at[i + 1] - at[i];
	qsort(distance, n - 1, sizeof(*distance), by_value);
	/* periods of 10, 4, 3.3 and 1 ms are what kernels have */
	tick_period = lround(distance[(n - 1) / 2] / 1e5) * 100000L;
	if (tick_period < 1000000L)
		tick_period = 4000000L;
	for (size_t i = 0; i < n; i++)
		phase[i] = (long)at[i] % tick_period;
	qsort(phase, n, sizeof(*phase), by_value);
	tick_phase = phase[n / 2];
}

/*
 * Nobody but an interrupt may come between: a real-time thread, whose children
 * are ordinary ones. What wants to run does so while begin() sleeps.
 */
void clock_priority(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (options.icount &&
	    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		die("real-time priority, which --icount needs,");
}

void clock_ordinary(void)
{
	struct sched_param param = { .sched_priority = 0 };

	if (options.icount && sched_setscheduler(0, SCHED_OTHER, &param))
		die("ordinary priority");
}

void clock_init(void)
{
	double least = 1e9;

	clock_priority();
	if (options.icount)
		find_tick();
	asking = 0;
	for (int i = 0; i < 101; i++) {
		double t = end(now());

		if (t < least)
			least = t;
	}
	asking = least;
}

void settle(void)
{
	struct timespec t = { .tv_nsec = options.icount ? 4 * PAUSE : 200000 };

	nanosleep(&t, NULL);
}

double begin(void)
{
	if (options.icount) {
		long t = monotonic() + PAUSE;
		struct timespec until;

		t += tick_period - t % tick_period + tick_phase + AFTER_TICK;
		until.tv_sec = t / 1000000000L;
		until.tv_nsec = t % 1000000000L;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until,
				       NULL) == EINTR)
			;
	}
	return now();
}

double end(double start)
{
	double t = now() - start - asking;

	return t > 0 ? t : 0;
}

/*
 * The median of n, and the two of them between which the true one lies with 95
 * % confidence, whatever the distribution: each is on either side of it with
 * probability 1/2, so how many are below is binomial. With fewer than FEWEST
 * even the least and the most are not 95 %: nothing is told then.
 */
static struct cost median_of(double *v, int n)
{
	double p = pow(0.5, n), below = 0;
	int k = 0;

	qsort(v, n, sizeof(*v), by_value);
	if (n < FEWEST)
		return (struct cost){ v[n / 2], 0, 0 };
	while (below + p <= 0.025 && k < n / 2) {
		below += p;
		p = p * (n - k) / (k + 1);
		k++;
	}
	return (struct cost){ v[n / 2], v[k - 1], v[n - k] };
}

static struct cost measure_rounds(bench_fn fn, void *arg, int rounds)
{
	double v[ROUNDS_MAX];

	for (int i = -WARM_UP; i < rounds; i++)
		v[i < 0 ? 0 : i] = fn(arg);
	return median_of(v, rounds);
}

struct cost measure(bench_fn fn, void *arg)
{
	return measure_rounds(fn, arg, options.rounds);
}

struct cost measure_few(bench_fn fn, void *arg)
{
	return measure_rounds(fn, arg,
			      options.rounds < FEW ? options.rounds : FEW);
}

void measure_both(bench_fn a, void *arg_a, struct cost *cost_a, bench_fn b,
		  void *arg_b, struct cost *cost_b)
{
	double va[ROUNDS_MAX], vb[ROUNDS_MAX];

	for (int i = -WARM_UP; i < options.rounds; i++) {
		va[i < 0 ? 0 : i] = a(arg_a);
		vb[i < 0 ? 0 : i] = b(arg_b);
	}
	*cost_a = median_of(va, options.rounds);
	*cost_b = median_of(vb, options.rounds);
}
