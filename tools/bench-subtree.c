// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: trees. How many mappings go with one call, how deep the one is
 * that is mapped, touched or taken, how many are beside it, how many receivers
 * one page has. All windows are this process', which maps from each to the
 * next: only so a tree of any shape is made fast.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

#define UNMAP_CALL	2500
#define UNMAP_MAPPING	900
#define UNMAP_PAGE	115
#define PAGES		256UL
#define DEPTH_MAX	32
#define RECEIVERS_MAX	16

/* One page is lent, and mapped on to some places: all go with one call. */
struct star {
	struct lease root;
	int keep;
	size_t leaves;
	int window;
};

static double star_take(void *arg)
{
	struct star *s = arg;
	double t;

	lend(s->root.mem, 1, s->root.window, 0, 0);
	for (size_t i = 0; i < s->leaves; i++)
		lend(s->root.view, 1, s->window, i, 0);
	t = begin();
	take(s->root.mem, 1);
	return end(t);
}

void bench_subtree(void)
{
	static const size_t leaves[] = { 0, 1, 3, 15, 255, 1023 };
	struct star s;

	lease_make(&s.root, 2, true, true);
	s.keep = window_make(1, NULL);
	lend(s.root.mem, 2, s.root.window, 0, 0);
	lend(s.root.mem + PAGE, 1, s.keep, 0, 0);
	s.window = window_make(1024, NULL);
	for (size_t i = 0; i < SIZE_OF(leaves); i++) {
		struct cost c;

		s.leaves = leaves[i];
		c = measure_few(star_take, &s);
		row(.name = named("unmap, %zu mapping%s in the subtree",
				  s.leaves + 1, s.leaves ? "s" : ""),
		    .per = "call", .cost = c,
		    .target = UNMAP_CALL + UNMAP_MAPPING * s.leaves,
		    AGAINST(K_IOCTL));
	}
	close(s.window);
	close(s.keep);
	lease_free(&s.root);
}

/* A chain of mappings; the last one is mapped, touched and taken. */
struct chain {
	unsigned int depth;
	struct lease link[DEPTH_MAX];
	int keep;
};

enum { MAP, TOUCH, UNMAP };

struct step {
	struct chain *chain;
	int what;
};

static double chain_step(void *arg)
{
	struct step *s = arg;
	struct chain *c = s->chain;
	struct lease *last = &c->link[c->depth - 1];
	double t[3];

	t[MAP] = begin();
	lend(last->mem, PAGES, last->window, 0, 0);
	t[MAP] = end(t[MAP]);
	t[TOUCH] = s->what == MAP ? now() : begin();
	touch(last->view, PAGES);
	t[TOUCH] = end(t[TOUCH]);
	t[UNMAP] = s->what == UNMAP ? begin() : now();
	take(last->mem, PAGES);
	t[UNMAP] = end(t[UNMAP]);
	return t[s->what];
}

static void chain_make(struct chain *c, unsigned int depth)
{
	char *mem = anonymous((PAGES + 1) * PAGE, 0);

	c->depth = depth;
	touch(mem, PAGES + 1);
	c->keep = window_make(PAGES + 1, NULL);
	lend(mem, PAGES + 1, c->keep, 0, 0);
	take(mem, PAGES);
	for (unsigned int i = 0; i < depth; i++) {
		struct lease *l = &c->link[i];

		l->pages = PAGES;
		l->window = window_make(PAGES, &l->view);
		l->mem = i ? c->link[i - 1].view : mem;
		if (i + 1 < depth)
			lend(l->mem, PAGES, l->window, 0, 0);
	}
}

static void chain_free(struct chain *c)
{
	close(c->keep);
	while (c->depth--) {
		munmap(c->link[c->depth].view, PAGES * PAGE);
		close(c->link[c->depth].window);
	}
	munmap(c->link[0].mem, (PAGES + 1) * PAGE);
	settle();
}

void bench_depth(void)
{
	static const unsigned int depths[] = { 1, 2, 4, 8, 16, 32 };
	static const char *const what[] = { "map", "touch", "unmap" };
	struct cost first[3] = { 0 };

	for (size_t i = 0; i < SIZE_OF(depths); i++) {
		struct chain c;

		chain_make(&c, depths[i]);
		for (int j = 0; j < 3; j++) {
			struct step step = { &c, j };
			struct cost cost = measure(chain_step, &step);

			row(.name = named("%s at depth %u", what[j],
					  depths[i]),
			    .per = "call", .cost = cost,
			    .against = i ? "depth 1" : "null ioctl",
			    .other = i ? first[j].value :
					 kernel_cost(K_IOCTL),
			    .limit = i && j ? 1.3 : 0,
			    .target = j == UNMAP && depths[i] <= 16 ?
				      UNMAP_CALL + UNMAP_PAGE * PAGES : 0,
			    .by = j == TOUCH ? BY_TOUCH :
				  j == UNMAP ? BY_UNMAP : BY_CALL);
			curve_add(BY_DEPTH,
				  named("%s, 256 pages", what[j]), depths[i],
				  cost.value);
			if (!i)
				first[j] = cost;
		}
		chain_free(&c);
	}
}

/* Each page of some memory is lent by itself, all below one region. */
struct family {
	struct lease lease;
	size_t n;
	int other;
};

static double family_all(void *arg)
{
	struct family *f = arg;
	double t;

	for (size_t i = 0; i < f->n; i++)
		lend(f->lease.mem + i * PAGE, 1, f->lease.window, i, 0);
	t = begin();
	take(f->lease.mem, f->n);
	return end(t) / f->n;
}

static double family_map(void *arg)
{
	struct family *f = arg;
	const char *at = f->lease.mem + f->n / 2 * PAGE;
	double t = begin();

	lend(at, 1, f->other, 0, 0);
	t = end(t);
	if (lmap_unmap(space, LMAP_WHOLE, LMAP_ONLY, f->other, NULL))
		die("unmap");
	return t;
}

static double family_unmap(void *arg)
{
	struct family *f = arg;
	size_t i = f->n / 2;
	double t = begin();

	take(f->lease.mem + i * PAGE, 1);
	t = end(t);
	lend(f->lease.mem + i * PAGE, 1, f->lease.window, i, 0);
	return t;
}

static void family_rows(size_t n)
{
	struct family f = { .n = n };
	struct cost c;
	int keep;

	lease_make(&f.lease, n + 1, false, false);
	f.other = window_make(1, NULL);
	keep = window_make(n + 1, NULL);
	lend(f.lease.mem, n + 1, keep, 0, 0);
	take(f.lease.mem, n);
	c = measure_few(family_all, &f);
	row(.name = named("unmap %zu siblings", n), .per = "mapping",
	    .cost = c, .target = UNMAP_MAPPING + UNMAP_CALL / (double)n,
	    AGAINST(K_IOCTL));
	curve_add(BY_SIBLINGS, "unmap all, each", n, c.value);
	for (size_t i = 0; i < n; i++)
		lend(f.lease.mem + i * PAGE, 1, f.lease.window, i, 0);
	c = measure(family_map, &f);
	row(.name = named("map beside %zu siblings", n), .per = "call",
	    .cost = c, .target = 3000, AGAINST(K_IOCTL));
	curve_add(BY_SIBLINGS, "map one more", n, c.value);
	c = measure(family_unmap, &f);
	row(.name = named("unmap one of %zu siblings", n), .per = "call",
	    .cost = c, .target = UNMAP_CALL, AGAINST(K_IOCTL));
	curve_add(BY_SIBLINGS, "unmap one", n, c.value);
	close(keep);
	close(f.other);
	lease_free(&f.lease);
}

void bench_siblings(void)
{
	for (size_t n = 10; n <= options.siblings; n *= 10)
		family_rows(n);
}

/* Other processes, each of which has all pages and has touched them. */
struct audience {
	struct peer peer[RECEIVERS_MAX];
	int window[RECEIVERS_MAX];
	unsigned int n;
	char *mem;
	size_t pages;
};

static double audience_map(void *arg)
{
	struct audience *a = arg;
	double t = begin();

	for (unsigned int i = 0; i < a->n; i++)
		lend(a->mem, a->pages, a->window[i], 0, 0);
	t = end(t);
	take(a->mem, a->pages);
	return t / a->n;
}

static double audience_take(void *arg)
{
	struct audience *a = arg;
	double t;

	for (unsigned int i = 0; i < a->n; i++)
		lend(a->mem, a->pages, a->window[i], 0, 0);
	for (unsigned int i = 0; i < a->n; i++)
		peer_touch(&a->peer[i], a->pages);
	t = begin();
	take(a->mem, a->pages);
	return end(t) / a->n;
}

static void audience_rows(struct audience *a, size_t pages)
{
	double more = (UNMAP_CALL - UNMAP_MAPPING) / (double)a->n;
	struct cost c;

	a->pages = pages;
	c = measure_few(audience_take, a);
	row(.name = named("unmap %zu page%s from %u receiver%s", pages,
			  pages > 1 ? "s" : "", a->n, a->n > 1 ? "s" : ""),
	    .per = "receiver", .cost = c,
	    .target = UNMAP_MAPPING + UNMAP_PAGE * pages + more,
	    .by = pages > 1 ? BY_UNMAP : BY_CALL,
	    .against = "memfd: munmap of the same",
	    .other = kernel_cost(K_MEMFD_MUNMAP) * pages);
	curve_add(BY_RECEIVERS,
		  pages > 1 ? "unmap 256 pages" : "unmap 1 page", a->n,
		  c.value * a->n);
	if (pages == 1) {
		c = measure(audience_map, a);
		row(.name = named("map to %u receiver%s", a->n,
				  a->n > 1 ? "s" : ""),
		    .per = "receiver", .cost = c, AGAINST(K_IOCTL));
		curve_add(BY_RECEIVERS, "map", a->n, c.value * a->n);
	}
}

void bench_receivers(void)
{
	struct audience a = { .n = 0 };
	int keep = window_make(PAGES + 1, NULL);

	a.mem = anonymous((PAGES + 1) * PAGE, 0);
	touch(a.mem, PAGES + 1);
	lend(a.mem, PAGES + 1, keep, 0, 0);
	take(a.mem, PAGES);
	for (unsigned int n = 1; n <= RECEIVERS_MAX; n *= 2) {
		for (; a.n < n; a.n++) {
			peer_start(&a.peer[a.n], true);
			a.window[a.n] = peer_window(&a.peer[a.n], PAGES);
		}
		audience_rows(&a, 1);
		audience_rows(&a, PAGES);
	}
	for (unsigned int i = 0; i < a.n; i++) {
		close(a.window[i]);
		peer_end(&a.peer[i]);
	}
	close(keep);
	munmap(a.mem, (PAGES + 1) * PAGE);
	settle();
}
