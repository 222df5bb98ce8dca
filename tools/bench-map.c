// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: what it costs to map, by what the memory comes from and by its
 * size. No page of it is touched here, whose cost is another row.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

static const size_t sizes[] = { 4 * KIB, 64 * KIB, 2 * MIB, 64 * MIB, GIB };

static const char *size_name(size_t size)
{
	return size >= GIB ? named("%zu GiB", size / GIB) :
	       size >= MIB ? named("%zu MiB", size / MIB) :
			     named("%zu KiB", size / KIB);
}

static double map_once(void *arg)
{
	const struct lease *l = arg;
	double t = begin();

	lend(l->mem, l->pages, l->window, 0, 0);
	t = end(t);
	take(l->mem, l->pages);
	return t;
}

/* What holds the region between rounds lies in another window. */
static double map_beside(void *arg)
{
	const struct lease *l = arg;
	double t = begin();

	lend(l->mem, l->pages, l->window, 0, 0);
	t = end(t);
	if (lmap_unmap(space, LMAP_WHOLE, LMAP_ONLY, l->window, NULL))
		die("unmap");
	return t;
}

/* The same again: a look at the mapping that is there. */
static double map_again(void *arg)
{
	const struct lease *l = arg;
	double t = begin();

	for (int i = 0; i < 10; i++)
		lend(l->mem, l->pages, l->window, 0, 0);
	return end(t) / 10;
}

static struct cost map_size(size_t size)
{
	struct cost fresh, known;
	struct lease l;
	int keep;

	lease_make(&l, size / PAGE, false, false);
	fresh = measure(map_once, &l);
	row(.name = named("map %s, new region", size_name(size)),
	    .per = "call", .cost = fresh, .target = 5000, AGAINST(K_IOCTL));
	keep = window_make(l.pages, NULL);
	lend(l.mem, l.pages, keep, 0, 0);
	known = measure(map_beside, &l);
	row(.name = named("map %s, known region", size_name(size)),
	    .per = "call", .cost = known, .target = 3000, AGAINST(K_IOCTL));
	curve_add(BY_SIZE, "new region", size, fresh.value);
	curve_add(BY_SIZE, "known region", size, known.value);
	close(keep);
	lease_free(&l);
	return fresh;
}

/* A window of ours is the source. */
static void map_from_window(size_t size)
{
	struct lease l, on;
	struct cost c;

	lease_make(&l, size / PAGE, false, true);
	lend(l.mem, l.pages, l.window, 0, 0);
	on = (struct lease){ l.view, l.pages, window_make(l.pages, NULL) };
	c = measure(map_once, &on);
	row(.name = named("map %s from a window", size_name(size)),
	    .per = "call", .cost = c, .target = 3000, AGAINST(K_IOCTL));
	curve_add(BY_SIZE, "from a window", size, c.value);
	close(on.window);
	lease_free(&l);
}

void bench_map(void)
{
	struct cost small, large;

	small = map_size(sizes[0]);
	for (size_t i = 1; i < SIZE_OF(sizes); i++)
		large = map_size(sizes[i]);
	for (size_t i = 0; i < SIZE_OF(sizes); i += 2)
		map_from_window(sizes[i]);
	row(.name = "map 1 GiB", .per = "call", .cost = large,
	    .against = "map 4 KiB", .other = small.value, .limit = 1.2);
}

void bench_overmap(void)
{
	struct cost c, small = { 0 };

	for (size_t i = 0; i < SIZE_OF(sizes); i += SIZE_OF(sizes) - 1) {
		struct lease l;

		lease_make(&l, sizes[i] / PAGE, false, false);
		lend(l.mem, l.pages, l.window, 0, 0);
		c = measure(map_again, &l);
		row(.name = named("overmap %s", size_name(sizes[i])),
		    .per = "call", .cost = c, .target = 1800,
		    .against = i ? "overmap 4 KiB" : kernel_name(K_IOCTL),
		    .other = i ? small.value : kernel_cost(K_IOCTL),
		    .limit = i ? 2 : 0);
		small = c;
		lease_free(&l);
	}
}

/* What is in reserve must cost nothing while there is memory. */
void bench_reserve(void)
{
	struct cost without, with;
	struct lease l;

	lease_make(&l, 1, false, false);
	without = measure(map_once, &l);
	if (lmap_reserve(space, 1000))
		die("reserve");
	with = measure(map_once, &l);
	row(.name = "map 4 KiB, 1000 mappings in reserve", .per = "call",
	    .cost = with, .against = "without a reserve",
	    .other = without.value, .limit = 2);
	if (lmap_reserve(space, 0))
		die("reserve");
	lease_free(&l);
}

#define CYCLES	1000

/*
 * On end, as an ordinary thread: so what is freed later is paid for here, too,
 * as nothing else is that is measured by itself.
 */
static double cycle(struct lease *l, bool touched)
{
	double t;

	clock_ordinary();
	t = begin();
	for (int i = 0; i < CYCLES; i++) {
		lend(l->mem, 1, l->window, 0, 0);
		if (touched)
			touch(l->view, 1);
		take(l->mem, 1);
	}
	t = end(t);
	clock_priority();
	return t / CYCLES;
}

static double cycle_untouched(void *arg)
{
	return cycle(arg, false);
}

static double cycle_touched(void *arg)
{
	return cycle(arg, true);
}

void bench_cycle(void)
{
	struct lease l;
	int keep;

	lease_make(&l, 2, true, true);
	row(.name = "map, unmap on end, new region", .per = "cycle",
	    .cost = measure_few(cycle_untouched, &l), AGAINST(K_IOCTL));
	row(.name = "map, touch, unmap on end, new region", .per = "cycle",
	    .cost = measure_few(cycle_touched, &l), AGAINST(K_IOCTL));
	keep = window_make(2, NULL);
	lend(l.mem, 2, keep, 0, 0);
	take(l.mem, 1);
	row(.name = "map, unmap on end, known region", .per = "cycle",
	    .cost = measure_few(cycle_untouched, &l), AGAINST(K_IOCTL));
	row(.name = "map, touch, unmap on end, known region", .per = "cycle",
	    .cost = measure_few(cycle_touched, &l), AGAINST(K_IOCTL));
	close(keep);
	lease_free(&l);
}
