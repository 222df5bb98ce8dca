// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench - what operations cost, as ratios within one boot.
 *
 * Absolute times depend on the machine and are shown for orientation only;
 * nothing here may be judged by them. Borrower and lender are one process: the
 * paths in the kernel are the same, and nothing has to be switched.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <lmap.h>

#include "bench.h"

#define PAGES	2048UL
#define GIB	(1UL << 30)
#define ROUNDS_MAX	99

int space;
static int rounds = 31;
static int failures;
static bool check, json, latency;

void die(const char *what)
{
	fprintf(stderr, "lmap-bench: %s failed (errno %d)\n", what, errno);
	exit(1);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double no_time(void *arg)
{
	(void)arg;
	return 0;
}

/* What is measured, and its median. */
struct timed {
	double (*fn)(void *arg);
	void *arg;
	double ns;
};

/*
 * Runs both in turn, some rounds, so that what else the machine does meanwhile
 * hits both. The first runs warm up.
 */
static void medians(struct timed *a, struct timed *b)
{
	double ta[ROUNDS_MAX], tb[ROUNDS_MAX];

	for (int i = -3; i < rounds; i++) {
		ta[i < 0 ? 0 : i] = a->fn(a->arg);
		tb[i < 0 ? 0 : i] = b->fn(b->arg);
	}
	qsort(ta, rounds, sizeof(ta[0]), by_value);
	qsort(tb, rounds, sizeof(tb[0]), by_value);
	a->ns = ta[rounds / 2];
	b->ns = tb[rounds / 2];
}

static double median(double (*fn)(void *arg), void *arg)
{
	struct timed t = { fn, arg }, nothing = { no_time, NULL };

	medians(&t, &nothing);
	return t.ns;
}

void *anonymous(size_t length, int flags)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

void touch(volatile char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = 1;
}

void report(const char *what, double ns, const char *against, double other,
	    double limit)
{
	double ratio = ns / other;
	const char *verdict = "";

	if (limit > 0) {
		verdict = ratio <= limit ? "ok" : "TOO MUCH";
		failures += ratio > limit;
	}
	if (json) {
		printf("{\"what\": \"%s\", \"ns\": %.1f, \"against\": \"%s\", \"ratio\": %.3f, \"limit\": %.2f}\n",
		       what, ns, against, ratio, limit);
		return;
	}
	printf("%-40s %10.0f ns %8.2f x %-28s", what, ns, ratio, against);
	if (limit > 0)
		printf(" (at most %.1f) %s", limit, verdict);
	printf("\n");
}

/* A window and what is lent into it. */
struct lease {
	char *mem;
	size_t pages;
	int window;
	char *view;
};

static double null_ioctl(void *arg)
{
	double start = now();

	(void)arg;
	for (int i = 0; i < 1000; i++)
		ioctl(space, 0, NULL);
	return (now() - start) / 1000;
}

static double map_once(void *arg)
{
	struct lease *l = arg;
	double start = now(), end;

	if (lmap_map_range(space, l->mem, l->pages * PAGE, LMAP_R | LMAP_W,
			   l->window, 0, NULL, NULL))
		die("map");
	end = now();
	lmap_unmap_range(space, l->mem, l->pages * PAGE, LMAP_RIGHTS_ALL, 0,
			 NULL);
	return end - start;
}

static void bench_map_size(void)
{
	double null = median(null_ioctl, NULL);
	struct lease small = { .pages = 1 }, large = { .pages = GIB / PAGE };
	struct timed t1 = { map_once, &small }, t2 = { map_once, &large };

	large.mem = anonymous(GIB, MAP_NORESERVE);
	small.mem = large.mem;
	small.window = large.window = lmap_window(space, GIB, LMAP_RIGHTS_ALL,
						  0);
	medians(&t1, &t2);
	report("map 4 KiB", t1.ns, "null ioctl", null, 0);
	report("map 1 GiB", t2.ns, "map 4 KiB", t1.ns, 1.2);
	close(large.window);
	munmap(large.mem, GIB);
}

/* The same again: a look at the mapping that is there, whatever its size. */
static double overmap(void *arg)
{
	struct lease *l = arg;
	double start = now();

	for (int i = 0; i < 100; i++)
		if (lmap_map_range(space, l->mem, l->pages * PAGE,
				   LMAP_R | LMAP_W, l->window, 0, NULL, NULL))
			die("overmap");
	return (now() - start) / 100;
}

static void bench_overmap(void)
{
	double null = median(null_ioctl, NULL);
	struct lease small = { .pages = 1 }, large = { .pages = GIB / PAGE };
	struct timed t1 = { overmap, &small }, t2 = { overmap, &large };

	large.mem = anonymous(GIB, MAP_NORESERVE);
	small.mem = large.mem;
	small.window = lmap_window(space, PAGE, LMAP_RIGHTS_ALL, 0);
	large.window = lmap_window(space, GIB, LMAP_RIGHTS_ALL, 0);
	medians(&t1, &t2);
	report("overmap 4 KiB", t1.ns, "null ioctl", null, 0);
	report("overmap 1 GiB", t2.ns, "overmap 4 KiB", t1.ns, 2);
	close(small.window);
	close(large.window);
	munmap(large.mem, GIB);
}

/* What is in reserve must cost nothing while there is memory. */
static void bench_reserve(void)
{
	struct lease l = { .pages = 1 };
	double t1, t2;

	l.mem = anonymous(PAGE, 0);
	l.window = lmap_window(space, PAGE, LMAP_RIGHTS_ALL, 0);
	t1 = median(map_once, &l);
	if (lmap_reserve(space, 1000))
		die("reserve");
	t2 = median(map_once, &l);
	report("map 4 KiB, 1000 mappings in reserve", t2, "without a reserve",
	       t1, 2);
	if (lmap_reserve(space, 0))
		die("reserve");
	close(l.window);
	munmap(l.mem, PAGE);
}

#define TRACKED	1000UL

/* The lease is mapped with LMAP_TRACK; pages says how many are asked for. */
static double status_of(void *arg)
{
	static uint8_t bits[TRACKED];
	struct lease *l = arg;
	double start = now();

	for (int i = 0; i < 10; i++)
		if (lmap_status(space, l->mem, l->pages * PAGE, 0, bits, NULL))
			die("status");
	start = now() - start;
	for (size_t i = 0; i < l->pages; i++)
		if (bits[i] != (LMAP_ACCESSED | LMAP_MODIFIED))
			die("reference bits");
	return start / 10;
}

static double status_reset(void *arg)
{
	struct lease *l = arg;
	double start;

	touch(l->view, l->pages);
	start = now();
	if (lmap_status(space, l->mem, l->pages * PAGE, LMAP_RESET, NULL,
			NULL))
		die("status");
	return now() - start;
}

static void bench_status(void)
{
	struct lmap_map_opts track = { .size = sizeof(track),
				       .flags = LMAP_TRACK };
	struct lease l = { .pages = TRACKED }, one;
	struct timed t1 = { status_of, &one }, t2 = { status_of, &l };

	l.mem = anonymous(TRACKED * PAGE, 0);
	l.window = lmap_window(space, TRACKED * PAGE, LMAP_RIGHTS_ALL, 0);
	l.view = lmap_window_mmap(l.window, TRACKED * PAGE,
				  PROT_READ | PROT_WRITE);
	if (lmap_map_range(space, l.mem, TRACKED * PAGE, LMAP_R | LMAP_W,
			   l.window, 0, &track, NULL))
		die("map");
	touch(l.view, TRACKED);
	one = l;
	one.pages = 1;
	medians(&t1, &t2);
	/* One call for all must be far from a call for each. */
	report("status of 1000 tracked pages", t2.ns, "status of 1", t1.ns,
	       100);
	report("the same with reset", median(status_reset, &l), "without",
	       t2.ns, 0);
	munmap(l.view, TRACKED * PAGE);
	close(l.window);
	munmap(l.mem, TRACKED * PAGE);
}

static double lease_touch(void *arg)
{
	struct lease *l = arg;
	double t;

	if (lmap_map_range(space, l->mem, l->pages * PAGE, LMAP_R | LMAP_W,
			   l->window, 0, NULL, NULL))
		die("map");
	t = now();
	touch(l->view, l->pages);
	t = now() - t;
	lmap_unmap_range(space, l->mem, l->pages * PAGE, LMAP_RIGHTS_ALL, 0,
			 NULL);
	return t / l->pages;
}

static double memfd_touch(void *arg)
{
	int fd = *(int *)arg;
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	double t = now();

	touch(p, PAGES);
	t = now() - t;
	munmap(p, PAGES * PAGE);
	return t / PAGES;
}

static double lease_unmap(void *arg)
{
	struct lease *l = arg;
	double t;

	if (lmap_map_range(space, l->mem, l->pages * PAGE, LMAP_R | LMAP_W,
			   l->window, 0, NULL, NULL))
		die("map");
	touch(l->view, l->pages);
	t = now();
	lmap_unmap_range(space, l->mem, l->pages * PAGE, LMAP_RIGHTS_ALL, 0,
			 NULL);
	return now() - t;
}

static double memfd_unmap(void *arg)
{
	int fd = *(int *)arg;
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	double t;

	touch(p, PAGES);
	t = now();
	munmap(p, PAGES * PAGE);
	return now() - t;
}

static void bench_touch_unmap(void)
{
	struct lease l = { .pages = PAGES };
	int fd = memfd_create("bench", 0);
	struct timed lent = { lease_touch, &l }, file = { memfd_touch, &fd };
	char *p;

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		die("memfd");
	p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	touch(p, PAGES);
	munmap(p, PAGES * PAGE);
	l.mem = anonymous(PAGES * PAGE, 0);
	touch(l.mem, PAGES);
	l.window = lmap_window(space, PAGES * PAGE, LMAP_RIGHTS_ALL, 0);
	l.view = lmap_window_mmap(l.window, PAGES * PAGE,
				  PROT_READ | PROT_WRITE);
	medians(&lent, &file);
	report("first write to a page, lent", lent.ns, "populated memfd",
	       file.ns, 0.5);
	lent.fn = lease_unmap;
	file.fn = memfd_unmap;
	medians(&lent, &file);
	report("unmap 2048 present pages", lent.ns, "munmap of the same",
	       file.ns, 1.5);
	close(fd);
	munmap(l.view, PAGES * PAGE);
	close(l.window);
	munmap(l.mem, PAGES * PAGE);
}

/* A chain of mappings; the last view is the one that is used. */
struct chain {
	unsigned int depth;
	char *mem;
	int window[64];
	char *view[64];
	int what;
};

static double chain_run(void *arg)
{
	struct chain *c = arg;
	unsigned int last = c->depth - 1;
	char *from = last ? c->view[last - 1] : c->mem;
	double t[4];

	t[0] = now();
	if (lmap_map_range(space, from, PAGES * PAGE, LMAP_RIGHTS_ALL,
			   c->window[last], 0, NULL, NULL))
		die("map in a chain");
	t[1] = now();
	touch(c->view[last], PAGES);
	t[2] = now();
	if (lmap_unmap_range(space, from, PAGES * PAGE, LMAP_RIGHTS_ALL,
			     0, NULL))
		die("unmap in a chain");
	t[3] = now();
	return t[c->what + 1] - t[c->what];
}

static struct chain *chain_make(unsigned int depth)
{
	struct chain *c = calloc(1, sizeof(*c));
	char *from;

	if (!c)
		die("calloc");
	c->depth = depth;
	c->mem = anonymous(PAGES * PAGE, 0);
	touch(c->mem, PAGES);
	from = c->mem;
	for (unsigned int i = 0; i < depth; i++) {
		c->window[i] = lmap_window(space, PAGES * PAGE,
					   LMAP_RIGHTS_ALL, 0);
		c->view[i] = lmap_window_mmap(c->window[i], PAGES * PAGE,
					      PROT_READ | PROT_WRITE);
		if (i + 1 < depth &&
		    lmap_map_range(space, from, PAGES * PAGE, LMAP_RIGHTS_ALL,
				   c->window[i], 0, NULL, NULL))
			die("map in a chain");
		from = c->view[i];
	}
	return c;
}

static void bench_depth(void)
{
	static const char * const what[] = {
		"map at depth 32", "touch at depth 32", "unmap at depth 32",
	};
	/* Not 1: its unmap would be the last and drop the pinned pages too. */
	struct chain *few = chain_make(2), *many = chain_make(32);
	struct timed t1 = { chain_run, few }, t2 = { chain_run, many };

	for (int i = 0; i < 3; i++) {
		few->what = many->what = i;
		medians(&t1, &t2);
		/* map and unmap look each parent up once: a little more */
		report(what[i], t2.ns, "depth 2", t1.ns, i ? 1.3 : 0);
	}
}

static double copy_vm(void *arg)
{
	struct lease *l = arg;
	static char buf[PAGES * PAGE];
	struct iovec local = { buf, sizeof(buf) };
	struct iovec remote = { l->mem, sizeof(buf) };
	double t = now();

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) !=
	    (ssize_t)sizeof(buf))
		die("process_vm_readv");
	return now() - t;
}

static double read_in_place(void *arg)
{
	struct lease *l = arg;
	volatile unsigned long sum = 0;
	double t;

	if (lmap_map_range(space, l->mem, l->pages * PAGE, LMAP_R, l->window,
			   0, NULL, NULL))
		die("map");
	t = now();
	for (size_t i = 0; i < l->pages * PAGE; i += PAGE)
		sum += *(unsigned long *)(l->view + i);
	t = now() - t;
	/* Written by touch(): 1 in the first byte of each page. */
	if (sum != l->pages)
		die("reading in place");
	lmap_unmap_range(space, l->mem, l->pages * PAGE, LMAP_RIGHTS_ALL, 0,
			 NULL);
	return t;
}

static void bench_copy(void)
{
	struct lease l = { .pages = PAGES };
	struct timed t1 = { read_in_place, &l }, t2 = { copy_vm, &l };

	l.mem = anonymous(PAGES * PAGE, 0);
	touch(l.mem, PAGES);
	l.window = lmap_window(space, PAGES * PAGE, LMAP_RIGHTS_ALL, 0);
	l.view = lmap_window_mmap(l.window, PAGES * PAGE, PROT_READ);
	medians(&t1, &t2);
	report("look at 2048 lent pages in place", t1.ns,
	       "process_vm_readv of them", t2.ns, 0);
}

/* What a receiver does first: looks at each page. Checks what touch() wrote. */
static void look(const struct lease *l)
{
	volatile char *p = l->view;
	unsigned long sum = 0;

	for (size_t i = 0; i < l->pages; i++)
		sum += p[i * PAGE];
	if (sum != l->pages)
		die("looking at what was sent");
}

static double map_populate(struct lease *l, uint32_t flags)
{
	struct lmap_map_opts opts = { .size = sizeof(opts),
				      .flags = LMAP_POPULATE | flags };
	double t = now();

	if (lmap_map_range(space, l->mem, l->pages * PAGE, LMAP_R | LMAP_W,
			   l->window, 0, &opts, NULL))
		die("map");
	t = now() - t;
	look(l);
	lmap_unmap_range(space, l->mem, l->pages * PAGE, LMAP_RIGHTS_ALL, 0,
			 NULL);
	return t;
}

static double map_populated(void *arg)
{
	return map_populate(arg, 0);
}

static double map_pinned(void *arg)
{
	return map_populate(arg, LMAP_PIN);
}

/* The receiver gives back what was sent, so that it is freed. */
static void consume(struct lease *l)
{
	if (lmap_unmap_range(space, l->view, l->pages * PAGE, LMAP_RIGHTS_ALL,
			     LMAP_SELF, NULL))
		die("unmap of what was sent");
}

/* Sends what is in memory and gets memory for the next. */
static double grant_look(struct lease *l, bool refill)
{
	double start = now(), end;

	if (lmap_grant_range(space, l->mem, l->pages * PAGE, LMAP_R | LMAP_W,
			     l->window, 0, NULL, NULL))
		die("grant");
	look(l);
	end = now();
	l->mem = anonymous(l->pages * PAGE, 0);
	touch(l->mem, l->pages);
	if (refill)
		end = now();
	consume(l);
	return end - start;
}

static double grant_once(void *arg)
{
	return grant_look(arg, false);
}

static double grant_refill(void *arg)
{
	return grant_look(arg, true);
}

static double copy_look(void *arg)
{
	struct lease *l = arg;
	double t = now();

	if (lmap_copy_range(space, l->mem, l->pages * PAGE, LMAP_R, l->window,
			    0, NULL, NULL))
		die("copy");
	look(l);
	t = now() - t;
	consume(l);
	return t;
}

/*
 * Whole messages, from full memory of the sender until the receiver has seen
 * each page, against the system call that copies.
 */
static void bench_send(void)
{
	struct lease l = { .pages = PAGES };
	struct timed t1 = { map_pinned, &l }, t2 = { map_populated, &l };

	l.mem = anonymous(PAGES * PAGE, 0);
	touch(l.mem, PAGES);
	l.window = lmap_window(space, PAGES * PAGE, LMAP_RIGHTS_ALL, 0);
	l.view = lmap_window_mmap(l.window, PAGES * PAGE,
				  PROT_READ | PROT_WRITE);
	medians(&t1, &t2);
	report("map 2048 pages, pinned, populated", t1.ns, "populated", t2.ns,
	       0);
	t1.fn = grant_once;
	t2.fn = copy_vm;
	medians(&t1, &t2);
	report("grant 2048 pages and look at them", t1.ns,
	       "process_vm_readv of them", t2.ns, 0);
	t1.fn = grant_refill;
	medians(&t1, &t2);
	report("the same, and fresh pages for the next", t1.ns,
	       "process_vm_readv of them", t2.ns, 0);
	t1.fn = copy_look;
	medians(&t1, &t2);
	report("copy 2048 pages and look at them", t1.ns,
	       "process_vm_readv of them", t2.ns, 0);
	munmap(l.view, PAGES * PAGE);
	close(l.window);
	munmap(l.mem, PAGES * PAGE);
}

/* A pager's answer, against userfaultfd's. */
static void bench_pager(void)
{
	static uint32_t plain, populate = LMAP_POPULATE;
	struct timed lmap = { bench_fault_lmap, &plain };
	struct timed full = { bench_fault_lmap, &populate };
	struct timed uffd = { bench_fault_uffd, NULL };

	if (!bench_has_uffd())
		return;
	medians(&lmap, &uffd);
	report("fault answered by a pager", lmap.ns, "userfaultfd", uffd.ns,
	       1.0);
	medians(&full, &uffd);
	report("the same, populated", full.ns, "userfaultfd", uffd.ns, 1.0);
}

/* What --only can choose. */
static const struct {
	const char *name;
	void (*fn)(void);
} groups[] = {
	{ "map", bench_map_size },
	{ "overmap", bench_overmap },
	{ "reserve", bench_reserve },
	{ "status", bench_status },
	{ "touch", bench_touch_unmap },
	{ "depth", bench_depth },
	{ "copy", bench_copy },
	{ "send", bench_send },
	{ "pager", bench_pager },
};

static bool has_group(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (!strcmp(groups[i].name, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *only = NULL;

	/* Some rows take minutes. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--check")) {
			check = true;
		} else if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--latency")) {
			latency = true;
		} else if (!strcmp(argv[i], "--rounds") && i + 1 < argc &&
			   atoi(argv[i + 1]) > 0 &&
			   atoi(argv[i + 1]) <= ROUNDS_MAX) {
			rounds = atoi(argv[++i]);
		} else if (!strcmp(argv[i], "--only") && i + 1 < argc &&
			   has_group(argv[i + 1])) {
			only = argv[++i];
		} else {
			fprintf(stderr, "usage: lmap-bench [--check] [--json] [--rounds N] [--only GROUP] [--latency]\n"
				"groups: map overmap reserve status touch depth copy send pager\n");
			return 2;
		}
	}
	space = lmap_open(0);
	if (space < 0) {
		fprintf(stderr, "lmap-bench: /dev/lmap: %s\n",
			strerror(-space));
		return 1;
	}
	if (latency) {
		bench_parallel();
		bench_latency();
		return check && failures;
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (!only || !strcmp(only, groups[i].name))
			groups[i].fn();
	return check && failures;
}
