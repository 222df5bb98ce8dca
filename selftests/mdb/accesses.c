// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses by other threads while reference bits are asked for and mappings
 * move, for the thread and address sanitizers: each who can ask is told of
 * each access. Prints TAP.
 *
 * Region page p is page p of mapping A, which page p of mapping B derives
 * from. A is in window 0 or 2, B in window 1 or 3. Threads access pages as
 * processes do: through the page table, and by a fault where it has no entry.
 *
 * Who asks (region, A, B) has a clock, odd while he asks. An access is between
 * two readings of it, s0 and s1. Then the first question that began after s1
 * has the answer, or one before it that was not finished at s0.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define PAGES	PAGES_MAX
#define THREADS	3

enum asker { REGION, A, B, ASKERS };

static struct world world;
static int stop, tracked;
static long accesses[THREADS], lost;

/* The page table, and the lock that guards it, of each window. */
static struct mutex pte_lock[WINDOWS_MAX];
static unsigned int pte[WINDOWS_MAX][PAGES];

static unsigned int tick[ASKERS];
static unsigned int told[ASKERS][PAGES];	/* clock of the last answer */

/* s0 + 1, 0 = free; written by the thread when free, else by the asker. */
static struct record {
	unsigned int s0;
	unsigned int s1;
} record[THREADS][ASKERS][PAGES];

static void zap_page(int window, int page)
{
	mutex_lock(&pte_lock[window]);
	__atomic_store_n(&pte[window][page], 0, __ATOMIC_RELEASE);
	mutex_unlock(&pte_lock[window]);
}

/* As fault.c does it: found without locks, looked at again under the lock. */
static bool fault(int window, int page, unsigned int need)
{
	struct lmap_hit hit;
	bool ok = false;

	rcu_read_lock();
	if (lmap_index_lookup(&world.index[window], page, &hit) &&
	    !(need & ~hit.rights)) {
		mutex_lock(&pte_lock[window]);
		if (!lmap_index_changed(&world.index[window], &hit)) {
			lmap_refs_touch(&hit.origin->refs,
					hit.rfirst + (page - hit.wfirst),
					need & LMAP_W);
			__atomic_store_n(&pte[window][page], need,
					 __ATOMIC_RELEASE);
			ok = true;
		}
		mutex_unlock(&pte_lock[window]);
	}
	rcu_read_unlock();
	return ok;
}

/* The processor looks at the page table only. */
static bool access_page(int window, int page, unsigned int need)
{
	for (int try = 0; try < 3; try++) {
		if (!(need & ~__atomic_load_n(&pte[window][page],
					      __ATOMIC_ACQUIRE)))
			return true;
		fault(window, page, need);
	}
	return false;
}

static void note(long me, enum asker who, int page, unsigned int s0)
{
	struct record *r = &record[me][who][page];

	/* An older one waits to be checked: that will do. */
	if (__atomic_load_n(&r->s0, __ATOMIC_ACQUIRE))
		return;
	r->s1 = __atomic_load_n(&tick[who], __ATOMIC_ACQUIRE);
	__atomic_store_n(&r->s0, s0 + 1, __ATOMIC_RELEASE);
}

static void *process(void *arg)
{
	long me = (long)arg;
	unsigned int dice = me + 1, s0[ASKERS];

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		int window, page;
		unsigned int need;

		dice = dice * 1103515245 + 12345;
		window = (dice >> 16) % 4;
		page = (dice >> 20) % PAGES;
		need = (dice >> 28) % 2 ? LMAP_R : LMAP_R | LMAP_W;
		for (int i = 0; i < ASKERS; i++)
			s0[i] = __atomic_fetch_add(&tick[i], 0,
						   __ATOMIC_ACQ_REL);
		if (!access_page(window, page, need))
			continue;
		for (int i = 0; i < (window & 1 ? ASKERS : B); i++)
			note(me, i, page, s0[i]);
		__atomic_fetch_add(&accesses[me], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void check_records(enum asker who, unsigned int now)
{
	for (int t = 0; t < THREADS; t++)
	for (int p = 0; p < PAGES; p++) {
		struct record *r = &record[t][who][p];
		unsigned int s0 = __atomic_load_n(&r->s0, __ATOMIC_ACQUIRE);

		/* Not one that may be told by the next question only. */
		if (!s0 || r->s1 >= now)
			continue;
		if (told[who][p] < s0 - 1)
			lost++;
		__atomic_store_n(&r->s0, 0, __ATOMIC_RELEASE);
	}
}

static unsigned int begin(enum asker who)
{
	return __atomic_add_fetch(&tick[who], 1, __ATOMIC_ACQ_REL);
}

static void end(enum asker who, unsigned int now)
{
	check_records(who, now);
	__atomic_add_fetch(&tick[who], 1, __ATOMIC_ACQ_REL);
}

static int where[ASKERS] = { -1, 0, 1 };

static void ask(enum asker who)
{
	unsigned int now = begin(who);

	if (who == REGION)
		world_reset_region(&world, 0, 0, PAGES - 1);
	else
		world_reset_window(&world, where[who], 0, PAGES - 1);
	for (int p = 0; p < PAGES; p++)
		if (world.told[p])
			told[who][p] = now;
	end(who, now);
}

/* What is revoked can't ask any more: as if it had been told everything. */
static void told_all(enum asker who, unsigned int now)
{
	for (int p = 0; p < PAGES; p++)
		told[who][p] = now;
	end(who, now);
}

static void renew_b(int first, int last)
{
	struct want want = { .rights = LMAP_RIGHTS_ALL, .tracked = tracked };
	unsigned int now = begin(B);

	world_revoke_window(&world, where[B], first, last, LMAP_R, true, -1);
	if (!first)
		world_map_on(&world, where[A], 0, where[B], 0, PAGES, want);
	told_all(B, now);
}

/* B goes with it. */
static void renew_a(void)
{
	struct want want = { .rights = LMAP_RIGHTS_ALL, .tracked = tracked };
	unsigned int a = begin(A), b = begin(B);

	world_revoke_window(&world, where[A], 0, PAGES - 1, LMAP_R, true, -1);
	world_map(&world, 0, 0, where[A], 0, PAGES, want);
	told_all(B, b);
	told_all(A, a);
}

static void step(unsigned int *dice)
{
	int first, last, who;

	*dice = *dice * 1103515245 + 12345;
	first = (*dice >> 8) % PAGES;
	last = first + (*dice >> 16) % (PAGES - first);
	who = (*dice >> 20) % 2 ? A : B;
	switch ((*dice >> 24) % 16) {
	case 0:
		if (who == A)
			renew_a();
		else
			renew_b(first, last);
		break;
	case 1:
		renew_b(0, PAGES - 1);
		break;
	case 2:
		world_revoke_region(&world, 0, first, last, LMAP_W, -1);
		break;
	case 3:
		world_extend(&world, where[A], first, LMAP_W);
		world_extend(&world, where[B], first, LMAP_W);
		break;
	case 4 ... 7:
		/* There and back; whole, or it stays where it is. */
		if (world_grant(&world, where[who], 0, where[who] ^ 2, 0, PAGES,
				LMAP_RIGHTS_ALL, true))
			where[who] ^= 2;
		break;
	default:
		ask((*dice >> 20) % ASKERS);
		break;
	}
}

static bool run(int steps)
{
	pthread_t thread[THREADS];
	unsigned int dice = 7;
	const char *why;

	world_init(&world, 1, 4, PAGES);
	world.zap = zap_page;
	memset(record, 0, sizeof(record));
	memset(accesses, 0, sizeof(accesses));
	stop = 0;
	renew_a();
	renew_b(0, PAGES - 1);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, process, (void *)i);
	for (int i = 0; i < THREADS; i++)
		while (!__atomic_load_n(&accesses[i], __ATOMIC_RELAXED))
			sched_yield();
	for (int i = 0; i < steps; i++)
		step(&dice);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	/* The last accesses, too; then there are no others. */
	for (int i = 0; i < ASKERS; i++)
		ask(i);
	why = world_check(&world);
	if (why)
		printf("# %s\n", why);
	if (lost)
		printf("# %ld accesses that nobody was told of\n", lost);
	world_fini(&world);
	return !lost && !why;
}

int main(int argc, char **argv)
{
	int steps = argc > 1 ? atoi(argv[1]) : 20000;
	bool a, b;

	for (int i = 0; i < WINDOWS_MAX; i++)
		mutex_init(&pte_lock[i]);
	printf("TAP version 13\n");
	tracked = 0;
	a = run(steps);
	printf("%sok 1 accesses: no bit is lost to resets, revocations and grants\n",
	       a ? "" : "not ");
	tracked = 1;
	b = run(steps);
	printf("%sok 2 accesses: no bit of a page is lost to resets and revocations\n1..2\n",
	       b ? "" : "not ");
	return !a || !b;
}
