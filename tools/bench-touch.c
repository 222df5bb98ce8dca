// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: the first touch of lent pages by another process, in what order
 * it comes and what is known of the pages. The lender has all of them in
 * memory. Between rounds everything is taken back, so that the pages are not in
 * the region's table any more when the next begins, unless it is about that.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

/* What a borrower does; the lender's memory. */
struct touching {
	struct peer peer[2];
	int window[2];
	char *mem;
	size_t pages;
	bool random;
	double faults;
};

static double touch_first(void *arg)
{
	struct touching *t = arg;
	double cost;

	lend(t->mem, t->pages, t->window[0], 0, 0);
	cost = t->random ? peer_touch_random(&t->peer[0], t->pages) :
			   peer_touch(&t->peer[0], t->pages);
	t->faults = peer_faults(&t->peer[0]);
	take(t->mem, t->pages);
	return cost / t->pages;
}

static double touch_second(void *arg)
{
	struct touching *t = arg;
	double cost;

	lend(t->mem, t->pages, t->window[0], 0, 0);
	lend(t->mem, t->pages, t->window[1], 0, 0);
	peer_touch(&t->peer[0], t->pages);
	cost = peer_touch(&t->peer[1], t->pages);
	take(t->mem, t->pages);
	return cost / t->pages;
}

static double populate(void *arg)
{
	struct touching *t = arg;
	double start = begin();

	lend(t->mem, t->pages, t->window[0], 0, LMAP_POPULATE);
	start = end(start);
	take(t->mem, t->pages);
	return start / t->pages;
}

static double populate_second(void *arg)
{
	struct touching *t = arg;
	double start;

	lend(t->mem, t->pages, t->window[0], 0, LMAP_POPULATE);
	start = begin();
	lend(t->mem, t->pages, t->window[1], 0, LMAP_POPULATE);
	start = end(start);
	take(t->mem, t->pages);
	return start / t->pages;
}

static void touching_make(struct touching *t, size_t pages)
{
	t->pages = pages;
	t->mem = anonymous(pages * PAGE, 0);
	touch(t->mem, pages);
	for (int i = 0; i < 2; i++) {
		peer_start(&t->peer[i], true);
		t->window[i] = peer_window(&t->peer[i], pages);
	}
}

static void touching_free(struct touching *t)
{
	for (int i = 0; i < 2; i++) {
		close(t->window[i]);
		peer_end(&t->peer[i]);
	}
	munmap(t->mem, t->pages * PAGE);
}

static struct cost touch_row(struct touching *t, const char *what, bench_fn fn,
			     double target)
{
	struct cost c = measure_few(fn, t);

	row(.name = named("%s, %zu page%s", what, t->pages,
			  t->pages > 1 ? "s" : ""),
	    .per = "page", .cost = c, .by = BY_TOUCH,
	    /* what a call or a fault costs is not the page's */
	    .target = t->pages >= 2048 ? target : 0, AGAINST(K_MEMFD_WRITE));
	return c;
}

/* A page of each 64 only: what a fault brings besides is of no use. */
static double touch_sparse(void *arg)
{
	struct touching *t = arg;
	double cost;

	lend(t->mem, t->pages, t->window[0], 0, 0);
	cost = peer_touch_sparse(&t->peer[0], t->pages / 64);
	take(t->mem, t->pages);
	return cost / (t->pages / 64.0);
}

/* A fault may bring more than the page that was touched. */
static void random_rows(struct touching *t)
{
	double per_fault;
	struct cost c;

	t->random = true;
	c = touch_row(t, "first touch, random order", touch_first, 2600);
	t->random = false;
	per_fault = t->pages / t->faults;
	row(.name = "pages that a fault brings then", .per = "fault",
	    .unit = "pages", .cost = { per_fault, 0, 0 },
	    .by = BY_ITSELF);
	c = (struct cost){ c.value * per_fault, c.low * per_fault,
			   c.high * per_fault };
	row(.name = "first touch, random order, each fault", .per = "fault",
	    .cost = c, .by = BY_TOUCH, AGAINST(K_MEMFD_WRITE));
	row(.name = "first touch of one page in 64", .per = "page",
	    .cost = measure_few(touch_sparse, t), .by = BY_TOUCH,
	    AGAINST(K_MEMFD_WRITE));
}

static void huge_row(struct touching *t)
{
	char *small = t->mem;

	t->mem = anonymous(t->pages * PAGE, 0);
	madvise(t->mem, t->pages * PAGE, MADV_HUGEPAGE);
	touch(t->mem, t->pages);
	touch_row(t, "first touch, huge pages", touch_first, 0);
	munmap(t->mem, t->pages * PAGE);
	t->mem = small;
}

static void touch_pages(size_t pages)
{
	struct touching t = { .pages = pages };
	struct cost first, second, full;

	touching_make(&t, pages);
	first = touch_row(&t, "first touch", touch_first, 420);
	second = touch_row(&t, "second borrower's first touch", touch_second,
			   110);
	full = touch_row(&t, "populate", populate, 250);
	touch_row(&t, "populate for a second borrower", populate_second, 0);
	curve_add(BY_PAGES, "first touch", pages, first.value * pages);
	curve_add(BY_PAGES, "second borrower", pages, second.value * pages);
	curve_add(BY_PAGES, "populate", pages, full.value * pages);
	if (pages == MANY)
		random_rows(&t);
	if (pages == 2048) {
		huge_row(&t);
		row(.name = "first write to a page, lent", .per = "page",
		    .cost = first, .limit = 0.5, .by = BY_TOUCH,
		    AGAINST(K_MEMFD_WRITE));
	}
	touching_free(&t);
}

void bench_touch(void)
{
	static const size_t pages[] = { 1, 16, 128, 2048, MANY };

	for (size_t i = 0; i < SIZE_OF(pages); i++)
		touch_pages(pages[i]);
}
