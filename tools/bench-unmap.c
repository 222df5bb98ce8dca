// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: what it costs to take one mapping back, by how many pages of it
 * are present and by its size. The region stays, held by another window, but
 * in the rows that are about the last mapping of one.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

/* What a call to unmap may cost, and what each page adds. */
#define UNMAP_CALL	2500
#define UNMAP_PAGE	115

struct unmapping {
	struct lease lease;
	struct peer peer;
	size_t present;
	const char *from;	/* only the part that is taken */
	size_t pages;
	int keep;		/* shows a page beyond those that are taken */
	bool last;		/* nothing shows it */
};

static double unmap_once(void *arg)
{
	struct unmapping *u = arg;
	double t;

	lend(u->from, u->pages, u->lease.window, 0, 0);
	if (u->present)
		peer_touch(&u->peer, u->present);
	t = begin();
	take(u->from, u->pages);
	return end(t);
}

/* The last page of the memory stays lent, to nobody: so does the region. */
static void unmapping_make(struct unmapping *u, size_t pages, bool touched)
{
	u->pages = pages;
	u->lease.pages = pages + 1;
	u->lease.mem = anonymous((pages + 1) * PAGE, MAP_NORESERVE);
	u->from = u->lease.mem;
	if (touched)
		touch(u->lease.mem, pages);
	else
		touch(u->lease.mem, 1);
	u->keep = window_make(pages + 1, NULL);
	lend(u->from, pages + 1, u->keep, 0, 0);
	take(u->from, pages);
	peer_start(&u->peer, true);
	u->lease.window = peer_window(&u->peer, pages);
}

static void unmapping_free(struct unmapping *u)
{
	close(u->keep);
	close(u->lease.window);
	peer_end(&u->peer);
	munmap(u->lease.mem, u->lease.pages * PAGE);
	settle();
}

static void present_row(struct unmapping *u, const char *name)
{
	double kernel = kernel_cost(K_MEMFD_MUNMAP) * u->present;
	struct cost c = measure_few(unmap_once, u);

	row(.name = name, .per = "call", .cost = c,
	    .target = UNMAP_CALL + UNMAP_PAGE * u->present,
	    .against = u->present ? "memfd: munmap of the same" : "null ioctl",
	    .other = u->present ? kernel : kernel_cost(K_IOCTL),
	    .limit = u->present >= 2048 ? 1.5 : 0,
	    .by = u->present > 100 ? BY_UNMAP : BY_CALL);
	if (u->present && !u->last)
		curve_add(BY_PAGES, "unmap", u->present, c.value);
}

static void unmap_present(size_t pages)
{
	struct unmapping u = { .present = pages };
	const char *s = pages == 1 ? "" : "s";

	unmapping_make(&u, pages ?: 1, true);
	present_row(&u, named("unmap, %zu page%s present", pages, s));
	/* not by closing the window: the borrower has inherited it */
	take(u.from, u.lease.pages);
	u.last = true;
	present_row(&u, named("unmap, %zu page%s, last of a region", pages, s));
	unmapping_free(&u);
}

/*
 * Of a mapping as large as the window one page is present. What the kernel
 * takes to see that the rest of a page table is empty is in it: no target but
 * for one page.
 */
static void unmap_size(size_t size, const char *name)
{
	struct unmapping u = { .present = 1 };
	struct cost c;

	unmapping_make(&u, size / PAGE, false);
	c = measure(unmap_once, &u);
	row(.name = named("unmap of %s, 1 page present", name),
	    .per = "call", .cost = c,
	    .target = size == PAGE ? UNMAP_CALL + UNMAP_PAGE : 0, AGAINST(K_IOCTL));
	curve_add(BY_SIZE, "unmap", size, c.value);
	unmapping_free(&u);
}

/* A page in a window that is larger. */
static void unmap_in_window(size_t size, const char *name)
{
	struct unmapping u = { .present = 1 };
	struct cost c;

	unmapping_make(&u, 1, true);
	close(u.lease.window);
	u.lease.window = peer_window(&u.peer, size / PAGE);
	c = measure(unmap_once, &u);
	row(.name = named("unmap of a page, window of %s", name),
	    .per = "call", .cost = c, .target = UNMAP_CALL + UNMAP_PAGE,
	    AGAINST(K_IOCTL));
	unmapping_free(&u);
}

void bench_unmap(void)
{
	static const size_t present[] = { 0, 1, 16, 256, 2048, MANY };

	for (size_t i = 0; i < SIZE_OF(present); i++)
		unmap_present(present[i]);
	unmap_size(4 * KIB, "4 KiB");
	unmap_size(2 * MIB, "2 MiB");
	unmap_size(64 * MIB, "64 MiB");
	unmap_size(GIB, "1 GiB");
	unmap_in_window(2 * MIB, "2 MiB");
	unmap_in_window(64 * GIB, "64 GiB");
}
