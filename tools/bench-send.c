// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: messages. Grant and copy of what was lent, against mapping it;
 * and whole messages from full memory of the sender until the receiver has seen
 * each page, against the system call that copies. Sender and receiver are one
 * process: the paths in the kernel are the same, and nothing has to be switched.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

#define PAGES	2048UL

/* Three ways to give what lies in a window to another one. */
struct giving {
	struct lease lease;
	int keep, to;
	int (*how)(int space, const void *addr, size_t len,
		   unsigned int rights, int window, uint64_t offset,
		   const struct lmap_map_opts *opts,
		   struct lmap_map_result *out);
};

static double give(void *arg)
{
	struct giving *g = arg;
	struct lease *l = &g->lease;
	double t;

	lend(l->mem, l->pages, l->window, 0, 0);
	t = begin();
	if (g->how(space, l->view, l->pages * PAGE, LMAP_RIGHTS_ALL, g->to, 0,
		   NULL, NULL))
		die("giving");
	t = end(t);
	take(l->mem, l->pages);
	return t;
}

static void give_rows(size_t pages, const char *size)
{
	struct giving g;
	struct cost map, grant, copy;

	lease_make(&g.lease, pages, false, true);
	g.keep = window_make(pages + 1, NULL);
	g.to = window_make(pages, NULL);
	munmap(g.lease.mem, pages * PAGE);
	g.lease.mem = anonymous((pages + 1) * PAGE, MAP_NORESERVE);
	lend(g.lease.mem, pages + 1, g.keep, 0, 0);
	take(g.lease.mem, pages);
	g.how = lmap_map_range;
	map = measure(give, &g);
	g.how = lmap_grant_range;
	grant = measure(give, &g);
	g.how = lmap_copy_range;
	copy = measure(give, &g);
	row(.name = named("map %s that was lent", size), .per = "call",
	    .cost = map, AGAINST(K_IOCTL));
	row(.name = named("grant %s that was lent", size), .per = "call",
	    .cost = grant, .against = "map", .other = map.value,
	    .target_ratio = 1.2);
	row(.name = named("copy %s that was lent", size), .per = "call",
	    .cost = copy, .against = "map", .other = map.value);
	munmap(g.lease.mem + pages * PAGE, PAGE);
	close(g.to);
	close(g.keep);
	lease_free(&g.lease);
}

static double look_in_place(void *arg)
{
	struct lease *l = arg;
	double t;

	lend(l->mem, l->pages, l->window, 0, 0);
	t = begin();
	see(l->view, l->pages);
	t = end(t);
	take(l->mem, l->pages);
	return t / l->pages;
}

static double map_populate(struct lease *l, uint32_t flags)
{
	double t = begin();

	lend(l->mem, l->pages, l->window, 0, LMAP_POPULATE | flags);
	t = end(t);
	see(l->view, l->pages);
	take(l->mem, l->pages);
	return t / l->pages;
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
static double grant_and_see(struct lease *l, bool refill)
{
	double t = begin(), sent;

	if (lmap_grant_range(space, l->mem, l->pages * PAGE, LMAP_R | LMAP_W,
			     l->window, 0, NULL, NULL))
		die("grant");
	see(l->view, l->pages);
	sent = end(t);
	l->mem = anonymous(l->pages * PAGE, 0);
	touch(l->mem, l->pages);
	if (refill)
		sent = end(t);
	consume(l);
	return sent / l->pages;
}

static double grant_once(void *arg)
{
	return grant_and_see(arg, false);
}

static double grant_refill(void *arg)
{
	return grant_and_see(arg, true);
}

static double copy_and_see(void *arg)
{
	struct lease *l = arg;
	double t = begin();

	if (lmap_copy_range(space, l->mem, l->pages * PAGE, LMAP_R, l->window,
			    0, NULL, NULL))
		die("copy");
	see(l->view, l->pages);
	t = end(t);
	consume(l);
	return t / l->pages;
}

static void message(struct lease *l, const char *name, bench_fn fn)
{
	row(.name = name, .per = "page", .cost = measure_few(fn, l),
	    .by = BY_TOUCH, AGAINST(K_READV));
}

void bench_send(void)
{
	struct cost pinned, populated;
	struct lease l;

	give_rows(1, "4 KiB");
	give_rows(512, "2 MiB");
	lease_make(&l, PAGES, true, true);
	pinned = measure_few(map_pinned, &l);
	populated = measure_few(map_populated, &l);
	row(.name = "map 2048 pages, populated", .per = "page",
	    .cost = populated, .by = BY_TOUCH, AGAINST(K_READV));
	row(.name = "map 2048 pages, pinned, populated", .per = "page",
	    .cost = pinned, .against = "populated", .other = populated.value,
	    .by = BY_TOUCH);
	message(&l, "grant 2048 pages and look at them", grant_once);
	message(&l, "the same, and fresh pages for the next", grant_refill);
	message(&l, "copy 2048 pages and look at them", copy_and_see);
	lease_free(&l);
}

void bench_copy(void)
{
	struct lease l;

	lease_make(&l, PAGES, true, true);
	message(&l, "look at 2048 lent pages in place", look_in_place);
	lease_free(&l);
}
