// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: what it costs to ask how memory was used, and to tell somebody
 * that he has lost it.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

static uint8_t bits[MANY];

/* The lease is mapped with LMAP_TRACK; pages says how many are asked for. */
static double status_of(void *arg)
{
	struct lease *l = arg;
	double t;

	touch(l->view, l->pages);
	t = begin();
	if (lmap_status(space, l->mem, l->pages * PAGE, 0, bits, NULL))
		die("status");
	t = end(t);
	for (size_t i = 0; i < l->pages; i++)
		if (bits[i] != (LMAP_ACCESSED | LMAP_MODIFIED))
			die("reference bits");
	return t;
}

static double status_reset(void *arg)
{
	struct lease *l = arg;
	double t;

	touch(l->view, l->pages);
	t = begin();
	if (lmap_status(space, l->mem, l->pages * PAGE, LMAP_RESET, bits,
			NULL))
		die("status");
	return end(t);
}

static struct cost each(struct cost c, size_t pages)
{
	return (struct cost){ c.value / pages, c.low / pages, c.high / pages };
}

static void status_rows(size_t pages)
{
	struct lease l, one;
	struct cost all, reset, single;

	lease_make(&l, pages, true, true);
	lend(l.mem, pages, l.window, 0, LMAP_TRACK);
	one = l;
	one.pages = 1;
	single = measure_few(status_of, &one);
	all = measure_few(status_of, &l);
	reset = measure_few(status_reset, &l);
	row(.name = named("status of %zu tracked pages", pages),
	    .per = "page", .cost = each(all, pages),
	    .target = pages == MANY ? 40 : 0, AGAINST(K_IOCTL));
	row(.name = named("status of %zu pages with reset", pages),
	    .per = "page", .cost = each(reset, pages), .by = BY_UNMAP,
	    AGAINST(K_MEMFD_MUNMAP));
	/* One call for all must be far from a call for each. */
	if (pages == 1000) {
		row(.name = "status of 1 tracked page", .per = "call",
		    .cost = single, AGAINST(K_IOCTL));
		row(.name = "status of 1000 tracked pages at once",
		    .per = "call", .cost = all, .against = "status of 1",
		    .other = single.value, .limit = 100);
	}
	lease_free(&l);
}

void bench_status(void)
{
	status_rows(1000);
	status_rows(MANY);
}

/* Somebody may hear of what the window loses. */
struct telling {
	struct lease lease;
	struct lmap_monitor *monitor;
	bool read;		/* it is about reading what was told */
};

static void hear(struct lmap_monitor *m)
{
	struct lmap_event e = { .size = sizeof(e) };

	if (lmap_monitor_next(m, &e, -1) != 1 ||
	    e.type != LMAP_EVENT_REVOKED)
		die("an event");
}

static double unmap_told(void *arg)
{
	struct telling *o = arg;
	struct lease *l = &o->lease;
	double t, other;

	lend(l->mem, 1, l->window, 0, 0);
	t = begin();
	take(l->mem, 1);
	t = end(t);
	if (!o->monitor)
		return t;
	other = begin();
	hear(o->monitor);
	return o->read ? end(other) : t;
}

void bench_event(void)
{
	struct telling o = { .read = false };
	struct cost with, without, told, heard;
	int keep = window_make(2, NULL);

	lease_make(&o.lease, 2, true, false);
	lend(o.lease.mem, 2, keep, 0, 0);
	take(o.lease.mem, 1);
	without = measure(unmap_told, &o);
	o.monitor = lmap_monitor_open();
	if (!o.monitor || lmap_monitor_add(o.monitor, o.lease.window))
		die("listening");
	with = measure(unmap_told, &o);
	o.read = true;
	heard = measure(unmap_told, &o);
	told = (struct cost){ with.value - without.value,
			      with.low - without.high,
			      with.high - without.low };
	row(.name = "unmap, nobody listens", .per = "call", .cost = without,
	    AGAINST(K_IOCTL));
	row(.name = "unmap, one subscriber", .per = "call", .cost = with,
	    .against = "nobody", .other = without.value);
	row(.name = "event to one subscriber", .per = "event", .cost = told,
	    .target = 4000, AGAINST(K_IOCTL));
	row(.name = "reading an event", .per = "event", .cost = heard,
	    AGAINST(K_IOCTL));
	lmap_monitor_close(o.monitor);
	close(keep);
	lease_free(&o.lease);
}
