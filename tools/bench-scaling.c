// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench --parallel - how much more two processors get done than one: pairs
 * of a lender and a borrower that have nothing to do with each other, and two
 * borrowers of one lender. The same with a memfd tells what is possible where
 * this runs: processors that share a cache, or threads of an emulator.
 *
 * Real times. Each pair, and each borrower, must stay on a processor of its own:
 * else it is the scheduler that is measured.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

#define PAIR_PAGES	4096
#define PAIR_TURNS	5
#define BORROWER_PAGES	8192

/* Where those who begin together meet: they are all there at @until. */
struct start {
	unsigned int *arrived;
	unsigned int until;
};

static void start_wait(const struct start *s)
{
	if (__atomic_add_fetch(s->arrived, 1, __ATOMIC_SEQ_CST) > s->until)
		die("more begin than should");
	while (__atomic_load_n(s->arrived, __ATOMIC_SEQ_CST) < s->until)
		;
}

static double stay_on(void *arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(*(int *)arg, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	return 0;
}

/* Of a process that is one pair: it lends, a child of it borrows and ends with it. */
static struct peer borrower;
static char *lent;
static int window;

static double pair_make(void *arg)
{
	stay_on(arg);
	lent = anonymous((PAIR_PAGES + 1) * PAGE, 0);
	touch(lent, PAIR_PAGES + 1);
	/* One page stays lent, and with it the region. */
	lend(lent, PAIR_PAGES + 1, window_make(PAIR_PAGES + 1, NULL), 0, 0);
	peer_start(&borrower, true);
	window = peer_window(&borrower, PAIR_PAGES);
	return 0;
}

static double pair_run(void *arg)
{
	double t;

	start_wait(arg);
	t = now();
	for (int i = 0; i < PAIR_TURNS; i++) {
		lend(lent, PAIR_PAGES, window, 0, 0);
		peer_touch(&borrower, PAIR_PAGES);
		take(lent, PAIR_PAGES);
	}
	return (now() - t) / PAIR_TURNS;
}

/* What there is without lmap: a memfd that both map, and unmap. */
static double memfd_run(void *arg)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	double t;

	if (fd < 0 || ftruncate(fd, PAIR_PAGES * PAGE))
		die("memfd");
	start_wait(arg);
	t = now();
	for (int i = 0; i < PAIR_TURNS; i++) {
		char *p = mmap(NULL, PAIR_PAGES * PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED, fd, 0);

		if (p == MAP_FAILED)
			die("mmap of a memfd");
		touch(p, PAIR_PAGES);
		munmap(p, PAIR_PAGES * PAGE);
	}
	t = (now() - t) / PAIR_TURNS;
	close(fd);
	return t;
}

/* Of a process that only borrows: its window has been filled by the lender. */
static double borrower_run(void *arg)
{
	start_wait(arg);
	return peer_touch_here(BORROWER_PAGES);
}

/**
 * struct team - two that do the same, on two processors
 * @member: they
 * @run: what
 * @arrived: in shared memory
 * @mem: of the lender's, if both borrow from us: first what the first one gets
 * @window: theirs
 */
struct team {
	struct peer member[2];
	bench_fn run;
	unsigned int *arrived;
	char *mem;
	int window[2];
};

/* The one that took longer: by then all is done. */
static double team_run(struct team *t, unsigned int of)
{
	struct start s = { .arrived = t->arrived };
	double longest = 0;

	if (t->mem)
		for (int i = 0; i < 2; i++)
			lend(t->mem + i * BORROWER_PAGES * PAGE, BORROWER_PAGES,
			     t->window[i], 0, 0);
	s.until = *t->arrived + of;
	for (unsigned int i = 0; i < of; i++)
		peer_ask(&t->member[i], t->run, &s, sizeof(s));
	for (unsigned int i = 0; i < of; i++) {
		double took = peer_answer(&t->member[i]);

		if (took > longest)
			longest = took;
	}
	if (t->mem)
		take(t->mem, 2 * BORROWER_PAGES);
	return longest;
}

static double team_alone(void *arg)
{
	return team_run(arg, 1);
}

static double team_together(void *arg)
{
	return team_run(arg, 2);
}

/* @prepare: what each does first; it gets the number of its processor. */
static void team_make(struct team *t, bench_fn prepare, bench_fn run)
{
	memset(t, 0, sizeof(*t));
	t->run = run;
	t->arrived = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->arrived == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < 2; i++) {
		peer_start(&t->member[i], true);
		peer_call(&t->member[i], prepare, &i, sizeof(i));
	}
}

static void team_end(struct team *t)
{
	for (int i = 0; i < 2; i++)
		peer_end(&t->member[i]);
	munmap(t->arrived, PAGE);
}

/* @more: what two get done of what one does, at least. */
static void team_measure(struct team *t, const char *what, const char *per,
			 const char *against, double more)
{
	struct cost together, alone;

	measure_both(team_alone, t, &alone, team_together, t, &together);
	row(.name = what, .per = per, .cost = together, .against = against,
	    .other = alone.value, .target_ratio = more ? 2 / more : 0);
}

static void borrowers(void)
{
	struct team t;

	team_make(&t, stay_on, borrower_run);
	t.mem = anonymous(2 * BORROWER_PAGES * PAGE, 0);
	touch(t.mem, 2 * BORROWER_PAGES);
	for (int i = 0; i < 2; i++)
		t.window[i] = peer_window(&t.member[i], BORROWER_PAGES);
	team_measure(&t, "two borrowers: first touch of 32 MiB each", "call",
		     "one borrower", 1.7);
	for (int i = 0; i < 2; i++)
		close(t.window[i]);
	munmap(t.mem, 2 * BORROWER_PAGES * PAGE);
	team_end(&t);
}

void bench_scaling(void)
{
	struct team t;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	team_make(&t, stay_on, memfd_run);
	team_measure(&t, "two memfds: mmap, touch, munmap 16 MiB", "turn",
		     "one memfd", 0);
	team_end(&t);
	team_make(&t, pair_make, pair_run);
	team_measure(&t, "two pairs: map, touch, unmap 16 MiB", "turn",
		     "one pair", 1.9);
	team_end(&t);
	borrowers();
}
