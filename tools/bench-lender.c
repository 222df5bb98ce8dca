// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: what lending costs the lender who goes on with his own life:
 * munmap and fork of memory that is lent and in use, against the same of
 * memory that is not; and what it costs to have opened /dev/lmap at all.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <lmap.h>

#include "bench.h"

#define IDLE_PAGES	4096UL

enum lent { NOT, LENT, IN_USE };

static struct peer borrower;

struct lender {
	enum lent lent;
	int window;
	char *mem;
};

/* Each round has new memory: what fork and munmap leave is not the same. */
static void lender_make(struct lender *l)
{
	l->mem = anonymous(MANY * PAGE, 0);
	touch(l->mem, MANY);
	if (l->lent == NOT)
		return;
	lend(l->mem, MANY, l->window, 0, 0);
	if (l->lent == IN_USE)
		peer_touch(&borrower, MANY);
}

static double lender_munmap(void *arg)
{
	struct lender *l = arg;
	double t;

	lender_make(l);
	t = begin();
	munmap(l->mem, MANY * PAGE);
	return end(t);
}

static double time_fork(void)
{
	double t = begin();
	pid_t pid = fork();
	int st;

	if (!pid)
		_exit(0);
	t = end(t);
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		die("fork");
	return t;
}

static double lender_fork(void *arg)
{
	struct lender *l = arg;
	double t;

	lender_make(l);
	t = time_fork();
	munmap(l->mem, MANY * PAGE);
	return t;
}

static void lender_rows(struct lender *l, bench_fn fn, const char *what,
			double target, enum yardstick by)
{
	static const char *const how[] = {
		"not lent", "lent, not touched", "lent and in use",
	};
	struct cost c, without = { 0 };

	for (l->lent = NOT; l->lent <= IN_USE; l->lent++) {
		c = measure_few(fn, l);
		row(.name = named("%s of 64 MiB, %s", what, how[l->lent]),
		    .per = "call", .cost = c,
		    .against = l->lent ? "not lent" : NULL,
		    .other = without.value,
		    .target_ratio = l->lent ? target : 0,
		    .by = l->lent ? by : BY_ITSELF);
		if (!l->lent)
			without = c;
	}
}

void bench_lender(void)
{
	struct lender l = { .lent = NOT };

	peer_start(&borrower, true);
	l.window = peer_window(&borrower, MANY);
	lender_rows(&l, lender_munmap, "munmap", 1.15, BY_MUNMAP);
	lender_rows(&l, lender_fork, "fork", 1.3, BY_FORK);
	close(l.window);
	peer_end(&borrower);
}

/* In the other process, which lends nothing. */

static double idle_fork(void *arg)
{
	char *mem = anonymous(IDLE_PAGES * PAGE, 0);
	double t;

	(void)arg;
	touch(mem, IDLE_PAGES);
	t = time_fork();
	munmap(mem, IDLE_PAGES * PAGE);
	return t;
}

static double idle_munmap(void *arg)
{
	char *mem = anonymous(IDLE_PAGES * PAGE, 0);
	double t;

	(void)arg;
	touch(mem, IDLE_PAGES);
	t = begin();
	munmap(mem, IDLE_PAGES * PAGE);
	return end(t);
}

static double idle_fault(void *arg)
{
	char *mem = anonymous(IDLE_PAGES * PAGE, 0);
	double t;

	(void)arg;
	t = begin();
	touch(mem, IDLE_PAGES);
	t = end(t);
	munmap(mem, IDLE_PAGES * PAGE);
	return t / IDLE_PAGES;
}

static double idle_protect(void *arg)
{
	char *mem = anonymous(IDLE_PAGES * PAGE, 0);
	double t;

	(void)arg;
	touch(mem, IDLE_PAGES);
	t = begin();
	mprotect(mem, IDLE_PAGES * PAGE, PROT_READ);
	t = end(t);
	munmap(mem, IDLE_PAGES * PAGE);
	return t;
}

struct there {
	const struct peer *peer;
	bench_fn fn;
};

static double call_there(void *arg)
{
	const struct there *t = arg;

	return peer_call(t->peer, t->fn, "", 1);
}

void bench_idle(void)
{
	static const struct {
		const char *name;
		bench_fn fn;
		const char *per;
	} ops[] = {
		{ "fork with 16 MiB", idle_fork, "call" },
		{ "munmap of 16 MiB", idle_munmap, "call" },
		{ "mprotect of 16 MiB", idle_protect, "call" },
		{ "page faults", idle_fault, "page" },
	};
	struct peer plain, opened;

	peer_start(&plain, false);
	peer_start(&opened, true);
	for (size_t i = 0; i < SIZE_OF(ops); i++) {
		struct there there[2] = { { &opened, ops[i].fn },
					  { &plain, ops[i].fn } };
		struct cost with, without;

		measure_both(call_there, &there[0], &with, call_there,
			     &there[1], &without);
		row(.name = named("%s, /dev/lmap open", ops[i].name),
		    .per = ops[i].per, .cost = with, .target_ratio = 1.01,
		    .against = "by one that never opened it",
		    .other = without.value, .by = BY_ITSELF);
	}
	peer_end(&opened);
	peer_end(&plain);
}
