// SPDX-License-Identifier: GPL-2.0
/*
 * Lock-free look-ups against writers, for the thread and address sanitizers.
 * A reader must never see a mixture of two nodes, freed memory, or a mapping
 * whose revocation was complete before it looked. Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define PAGES	PAGES_MAX
#define READERS	3

static struct world world;
static unsigned int generation[WINDOWS_MAX * PAGES_MAX]; /* odd: revoked */
static int stop;
static long looked[READERS], bad[READERS];

/* Window 0 shows region page p at p, window 1 (from window 0) at p too. */
static void *reader(void *arg)
{
	long me = (long)arg, seen = 0;
	unsigned int dice = me + 1;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		unsigned int before, after;
		struct lmap_hit hit;
		int window, page;
		bool found;

		dice = dice * 1103515245 + 12345;
		window = (dice >> 16) % 2;
		page = (dice >> 20) % PAGES;
		before = __atomic_load_n(&generation[window * PAGES + page],
					 __ATOMIC_ACQUIRE);
		rcu_read_lock();
		found = lmap_index_lookup(&world.index[window], page, &hit);
		rcu_read_unlock();
		after = __atomic_fetch_add(&generation[window * PAGES + page],
					   0, __ATOMIC_ACQ_REL);
		seen += found;
		if (found &&
		    (hit.mdb != &world.mdb[0] || hit.rfirst != world.rbase + hit.wfirst ||
		     hit.wfirst > (unsigned long)page ||
		     hit.wlast < (unsigned long)page || hit.wlast >= PAGES))
			bad[me]++;
		if (found && before == after && before & 1)
			bad[me]++;
		looked[me]++;
	}
	looked[me] = seen;
	return NULL;
}

static void mark(int window, int first, int last, bool gone)
{
	for (int p = first; p <= last; p++) {
		unsigned int *g = &generation[window * PAGES + p];
		unsigned int old = __atomic_load_n(g, __ATOMIC_RELAXED);

		if ((old & 1) != gone)
			__atomic_fetch_add(g, 1, __ATOMIC_ACQ_REL);
	}
}

#define WANT(r)	((struct want){ .rights = (r) })

static void write_some(unsigned int *dice)
{
	int first, last;

	*dice = *dice * 1103515245 + 12345;
	first = (*dice >> 8) % PAGES;
	last = first + (*dice >> 16) % (PAGES - first);
	switch ((*dice >> 24) % 4) {
	case 0:
		mark(0, 0, PAGES - 1, false);
		mark(1, 0, PAGES - 1, false);
		world_map(&world, 0, first, 0, first, last - first + 1,
			  WANT(LMAP_RIGHTS_ALL));
		break;
	case 1:
		mark(1, first, last, false);
		world_map_on(&world, 0, first, 1, first, last - first + 1,
			     WANT(LMAP_R));
		break;
	case 2:
		world_revoke_region(&world, 0, first, last, LMAP_R, -1);
		mark(0, first, last, true);
		mark(1, first, last, true);
		break;
	case 3:
		world_revoke_window(&world, 0, first, last, LMAP_W, true, -1);
		break;
	}
}

int main(void)
{
	pthread_t thread[READERS];
	unsigned int dice = 42;
	long seen = 0, wrong = 0;
	const char *why;

	world_init(&world, 1, 2, PAGES);
	for (long i = 0; i < READERS; i++)
		pthread_create(&thread[i], NULL, reader, (void *)i);
	for (int i = 0; i < 60000; i++)
		write_some(&dice);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < READERS; i++) {
		pthread_join(thread[i], NULL);
		seen += looked[i];
		wrong += bad[i];
	}
	why = world_check(&world);
	world_fini(&world);
	printf("TAP version 13\n");
	printf("%sok 1 threads: readers see old or new, never a mixture, never what is revoked\n",
	       wrong || !seen ? "not " : "");
	printf("%sok 2 threads: the database is sound afterwards\n1..2\n",
	       why ? "not " : "");
	return wrong || !seen || why;
}
