// SPDX-License-Identifier: GPL-2.0
/* Mapping onto something: added to, replaced, refused. */
#include "util.h"
#include "harness.h"

#include <pthread.h>

#define N	8

FIXTURE(overmap) {
	int space;
	char *mem;		/* pages 1 to 8 */
	char *other;		/* pages 101 to 108 */
	int w[4];
	char *v[4];
};

FIXTURE_SETUP(overmap)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(N);
	self->other = memory(N);
	for (int p = 0; p < N; p++)
		memset(self->other + p * PG, 101 + p, PG);
	for (int i = 0; i < 4; i++) {
		self->w[i] = window_create(self->space, 2 * N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], 2 * N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, self->v[i]);
	}
}

FIXTURE_TEARDOWN(overmap)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	for (int i = 0; i < 4; i++)
		close(self->w[i]);
}

#define MAP(addr, pages, rights, to, page) \
	op(self->space, LMAP_MAP, addr, (pages) * PG, rights, \
	   self->w[to], (page) * PG, 0)
#define NOREPLACE(addr, pages, rights, to, page) \
	op(self->space, LMAP_MAP, addr, (pages) * PG, rights, \
	   self->w[to], (page) * PG, LMAP_NOREPLACE)

/* First x then y onto the very same place: the union. */
LMAP_TEST(overmap, rights_are_added_full_matrix)
{
	ASSERT_EQ(0, mprotect(self->mem, PG,
			      PROT_READ | PROT_WRITE | PROT_EXEC));
	for (int a = 0; a < 16; a++)
	for (int b = 0; b < 16; b++) {
		int x = a & 3 ? a | LMAP_R : a, y = b & 3 ? b | LMAP_R : b;
		struct lmap_map m;
		int probe;

		if (!(x & LMAP_R) || !(y & LMAP_R))
			continue;
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, MAP(self->mem, 1, a, 0, 0));
		ASSERT_EQ(0, NOREPLACE(self->mem, 1, b, 0, 0));
		ASSERT_EQ(1, info(self->space).out_mappings);
		ASSERT_EQ((x | y) & LMAP_W ? 0 : NO_RIGHT,
			  poke(self->v[0], 1));
		probe = map_range(self->space, self->v[0], PG, ALL,
				  self->w[1], 0, 0, &m);
		ASSERT_EQ((x | y) & LMAP_M ? 0 : -EACCES, probe);
		if (!probe)
			ASSERT_EQ(x | y, m.out_rights);
	}
}

LMAP_TEST(overmap, no_more_is_added_than_the_source_holds)
{
	struct lmap_map m;

	ASSERT_EQ(0, MAP(self->mem, N, LMAP_R | LMAP_M, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, LMAP_R, 1, 0));
	ASSERT_EQ(0, map_range(self->space, self->v[0], N * PG, ALL,
			       self->w[1], 0, 0, &m));
	EXPECT_EQ(LMAP_R | LMAP_M, m.out_rights);
	EXPECT_EQ(NO_RIGHT, poke(self->v[1], 1));
}

/* What counts as the very same mapping. */
LMAP_TEST(overmap, NOREPLACE_succeeds_on_the_very_same_only)
{
	/* v[0] and v[1] hold all of mem, v[2] what v[0] gave it */
	struct { char *from; int pages, to, page, want; } t[] = {
		{ self->mem, N, 0, 0, 0 },
		{ self->mem, N, 1, 0, 0 },
		{ self->v[0], N, 2, 0, 0 },
		{ self->mem + PG, 1, 0, 1, 0 },
		{ self->mem + 2 * PG, 4, 0, 2, 0 },
		{ self->mem + PG, N - 1, 0, 0, -EEXIST },
		{ self->mem, N - 1, 0, 1, -EEXIST },
		{ self->mem, 1, 0, 1, -EEXIST },
		{ self->other, N, 0, 0, -EEXIST },
		{ self->other, 1, 0, N - 1, -EEXIST },
		{ self->mem, N, 2, 0, -EEXIST },
		{ self->v[1], N, 2, 0, -EEXIST },
		{ self->other, 1, 0, N, 0 },
	};

	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 1, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, RWM, 2, 0));
	for (int i = 0; i < sizeof(t) / sizeof(*t); i++) {
		EXPECT_EQ(t[i].want, NOREPLACE(t[i].from, t[i].pages, LMAP_R,
					       t[i].to, t[i].page))
			TH_LOG("row %d", i);
		for (int k = 0; k < 3; k++)
			for (int p = 0; p < N; p++)
				ASSERT_EQ(0, poke(self->v[k] + p * PG, p + 1));
	}
	EXPECT_EQ(4, info(self->space).out_mappings);
}

/* Same memory, other parent: who can revoke it has changed. */
LMAP_TEST(overmap, the_same_memory_from_another_parent_replaces)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, RWM, 2, 0));
	ASSERT_EQ(0, MAP(self->v[2], N, RWM, 3, 0));
	EXPECT_EQ(1, peek(self->v[3]));
	ASSERT_EQ(0, MAP(self->mem, N, LMAP_R, 2, 0));
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	EXPECT_EQ(NO_RIGHT, poke(self->v[2], 1));
	ASSERT_EQ(0, unmap_range(self->space, self->v[0], N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(1, peek(self->v[2]));
}

LMAP_TEST(overmap, of_a_part_with_more_rights_nothing_else_changes)
{
	ASSERT_EQ(0, MAP(self->mem, N, LMAP_R | LMAP_M, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, LMAP_R, 1, 0));
	EXPECT_EQ(3, peek(self->v[1] + 2 * PG));
	ASSERT_EQ(0, MAP(self->mem + 2 * PG, 2, RW, 0, 2));
	for (int p = 0; p < N; p++) {
		bool in = p == 2 || p == 3;

		EXPECT_EQ(in ? 0 : NO_RIGHT, poke(self->v[0] + p * PG, p + 1));
		EXPECT_EQ(p + 1, peek(self->v[1] + p * PG));
		EXPECT_EQ(NO_RIGHT, poke(self->v[1] + p * PG, 1));
	}
	/* and m is not lost: never reduced */
	EXPECT_EQ(0, MAP(self->v[0], N, LMAP_R, 2, 0));
	EXPECT_EQ(3, peek(self->v[2] + 2 * PG));
}

/* A right that was taken from some pages is given back: they are the same. */
LMAP_TEST(overmap, what_was_cut_meanwhile_is_still_the_very_same)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, RW, 1, 0));
	ASSERT_EQ(0, unmap_range(self->space, self->mem + 2 * PG, 2 * PG,
				 LMAP_W, 0, NULL));
	EXPECT_EQ(NO_RIGHT, poke(self->v[0] + 2 * PG, 1));
	ASSERT_EQ(0, NOREPLACE(self->mem, N, RW, 0, 0));
	for (int p = 0; p < N; p++) {
		EXPECT_EQ(0, poke(self->v[0] + p * PG, p + 1));
		EXPECT_EQ(p + 1, peek(self->v[1] + p * PG));
		EXPECT_EQ(p == 2 || p == 3 ? NO_RIGHT : 0,
			  poke(self->v[1] + p * PG, p + 1));
	}
	/* to a part of the one and a part of the other */
	ASSERT_EQ(0, unmap_range(self->space, self->mem + 2 * PG, 4 * PG,
				 LMAP_W, 0, NULL));
	ASSERT_EQ(0, NOREPLACE(self->mem + PG, 3, RW, 0, 1));
	for (int p = 0; p < N; p++) {
		EXPECT_EQ(p == 4 || p == 5 ? NO_RIGHT : 0,
			  poke(self->v[0] + p * PG, p + 1));
		EXPECT_EQ(p + 1, peek(self->v[1] + p * PG));
	}
	/* and all of it goes when it is taken */
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(0, info(self->space).out_mappings);
	for (int p = 0; p < N; p++)
		EXPECT_EQ(NOTHING, peek(self->v[1] + p * PG));
}

/* Every range over a mapping of eight pages with a child. */
LMAP_TEST(overmap, small_over_big_replaces_just_that)
{
	for (int first = 0; first < N; first++)
	for (int last = first; last < N; last++) {
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
		ASSERT_EQ(0, MAP(self->v[0], N, RW, 1, 0));
		for (int p = 0; p < N; p++)
			ASSERT_EQ(p + 1, peek(self->v[1] + p * PG));
		ASSERT_EQ(0, MAP(self->other, last - first + 1, LMAP_R, 0,
				 first));
		for (int p = 0; p < N; p++) {
			bool in = p >= first && p <= last;

			ASSERT_EQ(in ? 101 + p - first : p + 1,
				  peek(self->v[0] + p * PG));
			ASSERT_EQ(in ? NO_RIGHT : 0,
				  poke(self->v[0] + p * PG, p + 1));
			ASSERT_EQ(in ? NOTHING : p + 1,
				  peek(self->v[1] + p * PG));
		}
	}
}

/* One small mapping at every place, with a child, then a big one over it. */
LMAP_TEST(overmap, big_over_small_replaces_all)
{
	for (int first = 0; first < N; first++)
	for (int last = first; last < N; last++) {
		int n = last - first + 1;

		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, MAP(self->other, n, RWM, 0, first));
		ASSERT_EQ(0, MAP(self->v[0] + first * PG, n, RW, 1, 0));
		ASSERT_EQ(101, peek(self->v[1]));
		ASSERT_EQ(-EEXIST, NOREPLACE(self->mem, N, LMAP_R, 0, 0));
		ASSERT_EQ(0, MAP(self->mem, N, LMAP_R, 0, 0));
		for (int p = 0; p < N; p++) {
			ASSERT_EQ(p + 1, peek(self->v[0] + p * PG));
			ASSERT_EQ(NOTHING, peek(self->v[1] + p * PG));
		}
		ASSERT_EQ(1, info(self->space).out_mappings);
	}
}

LMAP_TEST(overmap, big_over_many_small)
{
	for (int p = 0; p < N; p++) {
		ASSERT_EQ(0, MAP(p & 1 ? self->other : self->mem, 1, RWM, 0,
				 p));
		ASSERT_EQ(0, MAP(self->v[0] + p * PG, 1, RW, 1, N - 1 - p));
	}
	EXPECT_EQ(2 * N, info(self->space).out_mappings);
	ASSERT_EQ(0, MAP(self->other, 2, LMAP_R, 0, 3));
	for (int p = 0; p < N; p++) {
		int own = p & 1 ? 101 : 1;
		bool in = p == 3 || p == 4;

		EXPECT_EQ(in ? 101 + p - 3 : own, peek(self->v[0] + p * PG));
		EXPECT_EQ(in ? NOTHING : own,
			  peek(self->v[1] + (N - 1 - p) * PG));
	}
	ASSERT_EQ(0, MAP(self->mem, N, LMAP_R, 0, 0));
	EXPECT_EQ(1, info(self->space).out_mappings);
	for (int p = 0; p < N; p++)
		EXPECT_EQ(p + 1, peek(self->v[0] + p * PG));
}

/* The holes of the source leave alone what the target has there. */
LMAP_TEST(overmap, under_a_hole_of_the_source_the_target_stays)
{
	char *p = memory(N);

	ASSERT_EQ(0, munmap(p + 2 * PG, 2 * PG));
	ASSERT_EQ(0, MAP(self->other, N, LMAP_R, 0, 0));
	ASSERT_EQ(0, MAP(p, N, RW, 0, 0));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i == 2 || i == 3 ? 101 + i : i + 1,
			  peek(self->v[0] + i * PG));
	munmap(p, N * PG);
}

/* Down a chain, each onto itself and onto each that is above it. */
LMAP_TEST(overmap, itself_or_an_ancestor_is_ELOOP_by_every_call)
{
	unsigned long cmds[] = { LMAP_MAP, LMAP_GRANT, LMAP_COPY };
	char *from = self->mem;

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, MAP(from, N, RWM, i, 0));
		from = self->v[i];
	}
	for (int c = 0; c < 3; c++)
	for (int i = 0; i < 4; i++)
	for (int to = 0; to <= i; to++)
	for (int at = 0; at < N; at += 3) {
		ASSERT_EQ(-ELOOP, op(self->space, cmds[c], self->v[i],
				     N * PG, ALL, self->w[to], at * PG, 0));
		ASSERT_EQ(-ELOOP, op(self->space, cmds[c], self->v[i] + 2 * PG,
				     PG, LMAP_R, self->w[to], at * PG,
				     LMAP_NOREPLACE));
	}
	EXPECT_EQ(4, info(self->space).out_mappings);
	for (int i = 0; i < 4; i++)
		for (int p = 0; p < N; p++)
			EXPECT_EQ(0, poke(self->v[i] + p * PG, p + 1));
	/* onto the place of a descendant it may */
	ASSERT_EQ(0, MAP(self->v[0], N, LMAP_R, 2, 0));
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	EXPECT_EQ(1, peek(self->v[2]));
	EXPECT_EQ(3, info(self->space).out_mappings);
}

/* A derived mapping is gone before the new memory appears above it. */

struct watch {
	char *view;
	int stop;
	long seen_old;
	long seen_new;
};

static void *watches(void *arg)
{
	struct watch *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		int value = peek(w->view);

		if (value == 1)
			__atomic_add_fetch(&w->seen_old, 1, __ATOMIC_RELEASE);
		else if (value != NOTHING)
			w->seen_new++;
	}
	return NULL;
}

LMAP_TEST(overmap, what_derives_never_sees_the_new_memory)
{
	struct watch watch = { .view = self->v[1] };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, watches, &watch));
	for (int i = 0; i < 400 / slow(); i++) {
		long seen = __atomic_load_n(&watch.seen_old, __ATOMIC_ACQUIRE);

		ASSERT_EQ(0, MAP(self->mem, 1, RWM, 0, 0));
		ASSERT_EQ(0, MAP(self->v[0], 1, RW, 1, 0));
		while (i % 8 == 0 && seen == __atomic_load_n(&watch.seen_old,
							     __ATOMIC_ACQUIRE))
			sched_yield();
		ASSERT_EQ(0, MAP(self->other, 1, RWM, 0, 0));
		ASSERT_EQ(101, peek(self->v[0]));
		ASSERT_EQ(NOTHING, peek(self->v[1]));
	}
	__atomic_store_n(&watch.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, watch.seen_new);
	EXPECT_GT(watch.seen_old, 0);
}

/* A page that was lent as a part of several ranges is still the same. */
LMAP_TEST(overmap, the_very_same_memory_of_ranges_that_overlap)
{
	ASSERT_EQ(0, MAP(self->mem, 1, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->mem, 2, RWM, 1, 0));
	ASSERT_EQ(0, MAP(self->v[1], 1, RW, 2, 0));
	ASSERT_EQ(0, MAP(self->mem, 1, LMAP_R, 1, 0));
	EXPECT_EQ(0, poke(self->v[1], 7));
	EXPECT_EQ(7, peek(self->v[2]));
	EXPECT_EQ(0, NOREPLACE(self->mem, 1, LMAP_R, 1, 0));
}

/* Pinning is something to be added, too. */
LMAP_TEST(overmap, pinning_of_a_part)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, RW, 1, 0));
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem + PG, 2 * PG, LMAP_R,
			self->w[0], PG, LMAP_PIN));
	for (int p = 0; p < N; p++) {
		EXPECT_EQ(0, poke(self->v[0] + p * PG, 20 + p));
		EXPECT_EQ(20 + p, peek(self->v[1] + p * PG));
	}
}

TEST_HARNESS_MAIN
