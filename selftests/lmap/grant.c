// SPDX-License-Identifier: GPL-2.0
/* grant: a mapping moves, and so does memory. */
#include "util.h"
#include "harness.h"

#include <pthread.h>

#define N	8

/* mem -> v[0] -> v[1] -> v[2]; v[3] and v[4] are free. */
FIXTURE(grant) {
	int space;
	char *mem;
	int w[5];
	char *v[5];
	long pinned;
};

FIXTURE_SETUP(grant)
{
	char *from;

	catch_faults();
	self->pinned = pins();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	from = self->mem = memory_aligned(N, N * PG);
	for (int i = 0; i < 5; i++) {
		self->w[i] = window_create(self->space, 2 * N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], 2 * N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, self->v[i]);
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, map_range(self->space, from, N * PG, RWM,
				       self->w[i], 0, 0, NULL));
		from = self->v[i];
		ASSERT_EQ(1, peek(from));
	}
}

FIXTURE_TEARDOWN(grant)
{
	unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	for (int i = 0; i < 5; i++) {
		munmap(self->v[i], 2 * N * PG);
		close(self->w[i]);
	}
	/* granted memory goes with the windows that hold it */
	pins_gone(self->pinned);
}

#define GRANT(addr, pages, rights, to, page) \
	op(self->space, LMAP_GRANT, addr, (pages) * PG, rights, \
	   self->w[to], (page) * PG, 0)

/* The pages of a view: value + 1, NOTHING, and so on. */
static int page_is(char *view, int page, int want)
{
	int got = peek(view + page * PG);

	if (got != want)
		fprintf(stderr, "# page %d: %d, not %d\n", page, got, want);
	return got == want;
}

LMAP_TEST(grant, the_whole_mapping_moves)
{
	struct lmap_map m = { .snd = (uintptr_t)self->v[1], .length = N * PG,
			      .rights = ALL, .window = self->w[3] };

	ASSERT_EQ(0, op_range(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(N * PG, m.out_bytes);
	EXPECT_EQ(1, m.out_mappings);
	EXPECT_EQ(RWM, m.out_rights);
	EXPECT_NE(0, m.out_node_id);
	for (int p = 0; p < N; p++) {
		EXPECT_EQ(NOTHING, peek(self->v[1] + p * PG));
		EXPECT_EQ(NOTHING, poke(self->v[1] + p * PG, 1));
		EXPECT_EQ(p + 1, peek(self->v[3] + p * PG));
		EXPECT_EQ(0, poke(self->v[3] + p * PG, 50 + p));
		EXPECT_EQ(50 + p, peek(self->v[2] + p * PG));
		EXPECT_EQ(50 + p, peek(self->mem + p * PG));
	}
	EXPECT_EQ(3, info(self->space).out_mappings);
}

LMAP_TEST(grant, the_granter_cannot_revoke_any_more_who_is_above_can)
{
	struct lmap_unmap u;

	ASSERT_EQ(0, GRANT(self->v[1], N, ALL, 3, 0));
	ASSERT_EQ(0, unmap_range(self->space, self->v[1], N * PG, ALL,
				 LMAP_SELF, &u));
	EXPECT_EQ(0, u.out_mappings);
	EXPECT_EQ(1, peek(self->v[3]));
	EXPECT_EQ(1, peek(self->v[2]));
	ASSERT_EQ(0, unmap_range(self->space, self->v[0], N * PG, ALL, 0, &u));
	EXPECT_EQ(2, u.out_mappings);
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
	EXPECT_EQ(1, peek(self->v[0]));
}

LMAP_TEST(grant, what_derives_stays_below_the_moved_mapping)
{
	ASSERT_EQ(0, GRANT(self->v[1], N, ALL, 3, 0));
	EXPECT_EQ(0, poke(self->v[2], 9));
	ASSERT_EQ(0, unmap_range(self->space, self->v[3], N * PG, LMAP_W, 0,
				 NULL));
	EXPECT_EQ(NO_RIGHT, poke(self->v[2], 9));
	ASSERT_EQ(0, unmap_range(self->space, self->v[3], N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
	EXPECT_EQ(0, poke(self->v[3], 9));
}

/* Every part of eight pages, with a child that straddles its borders. */
LMAP_TEST(grant, of_a_part_the_part_moves_and_the_rest_stays)
{
	for (int first = 0; first < N; first++)
	for (int last = first; last < N; last++) {
		int n = last - first + 1;

		ASSERT_EQ(0, unmap_range(self->space, self->v[0], N * PG, ALL,
					 0, NULL));
		ASSERT_EQ(0, map_range(self->space, self->v[0], N * PG, RWM,
				       self->w[1], 0, 0, NULL));
		ASSERT_EQ(0, map_range(self->space, self->v[1], N * PG, RWM,
				       self->w[2], 0, 0, NULL));
		ASSERT_EQ(N, peek(self->v[2] + (N - 1) * PG));
		ASSERT_EQ(0, GRANT(self->v[1] + first * PG, n, ALL, 3,
				   first + 3));
		for (int p = 0; p < N; p++) {
			bool in = p >= first && p <= last;

			ASSERT_TRUE(page_is(self->v[1], p,
					    in ? NOTHING : p + 1));
			ASSERT_TRUE(page_is(self->v[3], p + 3,
					    in ? p + 1 : NOTHING));
			ASSERT_TRUE(page_is(self->v[2], p, p + 1));
			ASSERT_EQ(0, poke(self->v[2] + p * PG, p + 1));
		}
		/* the old place: only what has stayed is below it */
		ASSERT_EQ(0, unmap_range(self->space, self->v[1], N * PG, ALL,
					 0, NULL));
		for (int p = 0; p < N; p++)
			ASSERT_TRUE(page_is(self->v[2], p, p >= first &&
					    p <= last ? p + 1 : NOTHING));
		/* the new place: the rest */
		ASSERT_EQ(0, unmap_range(self->space, self->v[3], 2 * N * PG,
					 ALL, 0, NULL));
		for (int p = 0; p < N; p++)
			ASSERT_TRUE(page_is(self->v[2], p, NOTHING));
		ASSERT_TRUE(page_is(self->v[3], last + 3, last + 1));
	}
}

LMAP_TEST(grant, with_fewer_rights_reduces_the_subtree)
{
	struct lmap_map m = { .snd = (uintptr_t)self->v[1], .length = N * PG,
			      .rights = LMAP_R | LMAP_M,
			      .window = self->w[3] };

	EXPECT_EQ(0, poke(self->v[2], 1));
	ASSERT_EQ(0, op_range(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(LMAP_R | LMAP_M, m.out_rights);
	for (int i = 2; i < 4; i++) {
		EXPECT_EQ(1, peek(self->v[i]));
		EXPECT_EQ(NO_RIGHT, poke(self->v[i], 1));
	}
	/* m as well, at the next step: neither can be mapped on */
	ASSERT_EQ(0, GRANT(self->v[3], N, LMAP_R, 1, 0));
	EXPECT_EQ(1, peek(self->v[1]));
	EXPECT_EQ(-EACCES, map_range(self->space, self->v[1], PG, LMAP_R,
				     self->w[4], 0, 0, NULL));
	EXPECT_EQ(-EACCES, map_range(self->space, self->v[2], PG, LMAP_R,
				     self->w[4], 0, 0, NULL));
}

LMAP_TEST(grant, into_a_window_with_a_smaller_maximum_reduces_as_well)
{
	int w = window_create(self->space, N * PG, LMAP_R);
	char *v = window_mmap(w, N * PG, PROT_READ);

	EXPECT_EQ(0, poke(self->v[2], 1));
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, self->v[1], N * PG, ALL, w, 0,
			0));
	EXPECT_EQ(1, peek(v));
	EXPECT_EQ(NO_RIGHT, poke(self->v[2], 1));
	munmap(v, N * PG);
	close(w);
	EXPECT_EQ(NOTHING, peek(self->v[2]));
}

LMAP_TEST(grant, within_one_window_to_another_place)
{
	ASSERT_EQ(0, GRANT(self->v[1], 4, ALL, 1, N));
	for (int p = 0; p < 4; p++) {
		EXPECT_TRUE(page_is(self->v[1], p, NOTHING));
		EXPECT_TRUE(page_is(self->v[1], N + p, p + 1));
		EXPECT_TRUE(page_is(self->v[1], 4 + p, p + 5));
		EXPECT_TRUE(page_is(self->v[2], p, p + 1));
	}
}

LMAP_TEST(grant, onto_itself_or_an_ancestor_is_ELOOP)
{
	static const struct { int from, page, pages, to, at; } t[] = {
		{ 1, 0, N, 1, 0 }, { 1, 0, 4, 1, 1 }, { 1, 2, 2, 1, 1 },
		{ 1, 0, N, 0, 0 }, { 1, 0, 1, 0, N - 1 }, { 2, 0, N, 0, 0 },
		{ 2, 3, 1, 1, 0 }, { 2, 0, N, 2, 4 },
	};

	for (int i = 0; i < sizeof(t) / sizeof(*t); i++) {
		EXPECT_EQ(-ELOOP, GRANT(self->v[t[i].from] + t[i].page * PG,
					t[i].pages, ALL, t[i].to, t[i].at))
			TH_LOG("row %d", i);
		for (int w = 0; w < 3; w++)
			for (int p = 0; p < 2 * N; p++)
				ASSERT_TRUE(page_is(self->v[w], p, p < N ?
						    p + 1 : NOTHING));
	}
	/* beside the ancestor is allowed */
	EXPECT_EQ(0, GRANT(self->v[2], N, ALL, 0, N));
	EXPECT_EQ(1, peek(self->v[0] + N * PG));
}

LMAP_TEST(grant, of_what_may_not_be_passed_on_is_refused)
{
	int w = window_create(self->space, N * PG, ALL);
	char *v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, RW, w, 0, 0,
			       NULL));
	EXPECT_EQ(-EACCES, GRANT(v, 1, ALL, 3, 0));
	ASSERT_EQ(0, map_depth(self->space, self->mem + PG, PG, ALL, w, PG,
			       0));
	EXPECT_EQ(-EMLINK, GRANT(v + PG, 1, ALL, 3, 0));
	EXPECT_EQ(-EFAULT, GRANT(v + 4 * PG, 1, ALL, 3, 0));
	EXPECT_EQ(1, peek(v));
	EXPECT_EQ(2, peek(v + PG));
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	/* pieces that may are taken, the others stay */
	ASSERT_EQ(0, map_range(self->space, self->mem + 2 * PG, PG, RWM, w,
			       2 * PG, 0, NULL));
	EXPECT_EQ(0, GRANT(v, 4, ALL, 3, 0));
	EXPECT_TRUE(page_is(v, 0, 1) && page_is(v, 1, 2) &&
		    page_is(v, 2, NOTHING));
	EXPECT_TRUE(page_is(self->v[3], 0, NOTHING) &&
		    page_is(self->v[3], 1, NOTHING) &&
		    page_is(self->v[3], 2, 3));
	munmap(v, N * PG);
	close(w);
}

LMAP_TEST(grant, the_depth_stays_what_it_was)
{
	/* onto the very same mapping the depth would not change */
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	ASSERT_EQ(0, map_depth(self->space, self->mem, PG, ALL, self->w[0], 0,
			       1));
	ASSERT_EQ(0, GRANT(self->v[0], 1, ALL, 3, 0));
	ASSERT_EQ(0, GRANT(self->v[3], 1, ALL, 4, 0));
	ASSERT_EQ(0, map_range(self->space, self->v[4], PG, ALL, self->w[3],
			       0, 0, NULL));
	EXPECT_EQ(1, peek(self->v[3]));
	EXPECT_EQ(-EMLINK, map_range(self->space, self->v[3], PG, ALL,
				     self->w[2], 0, 0, NULL));
	EXPECT_EQ(-EMLINK, GRANT(self->v[3], 1, ALL, 2, 0));
}

LMAP_TEST(grant, what_the_target_held_is_revoked_first)
{
	char *other = memory(N);

	ASSERT_EQ(0, map_range(self->space, other, N * PG, RWM, self->w[3], 0,
			       0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->v[3], N * PG, RW,
			       self->w[4], 0, 0, NULL));
	EXPECT_EQ(3, peek(self->v[4] + 2 * PG));
	EXPECT_EQ(-EEXIST, op(self->space, LMAP_GRANT, self->v[1] + 4 * PG,
			      2 * PG, ALL, self->w[3], 2 * PG,
			      LMAP_NOREPLACE));
	EXPECT_TRUE(page_is(self->v[1], 4, 5) && page_is(self->v[3], 2, 3));
	ASSERT_EQ(0, GRANT(self->v[1] + 4 * PG, 2, ALL, 3, 2));
	for (int p = 0; p < N; p++) {
		bool in = p == 2 || p == 3;

		EXPECT_TRUE(page_is(self->v[3], p, in ? p + 3 : p + 1));
		EXPECT_TRUE(page_is(self->v[4], p, in ? NOTHING : p + 1));
	}
	munmap(other, N * PG);
}

LMAP_TEST(grant, onto_its_own_child_takes_the_childs_place)
{
	ASSERT_EQ(0, map_range(self->space, self->v[2], N * PG, RW,
			       self->w[4], 0, 0, NULL));
	EXPECT_EQ(1, peek(self->v[4]));
	ASSERT_EQ(0, GRANT(self->v[1], N, RW, 2, 0));
	EXPECT_EQ(NOTHING, peek(self->v[1]));
	EXPECT_EQ(NOTHING, peek(self->v[4]));
	EXPECT_EQ(0, poke(self->v[2], 77));
	EXPECT_EQ(77, peek(self->v[0]));
	EXPECT_EQ(2, info(self->space).out_mappings);
}

LMAP_TEST(grant, between_processes)
{
	struct peer d = peer_start(N, PROT_READ | PROT_WRITE);
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	struct peer b = peer_start(N, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL, b.window,
			       0, 0, NULL));
	ASSERT_EQ(0, peer_map(&b, 0, N * PG, RW, c.window, 0));
	EXPECT_EQ(2, peer_peek(&c, PG));
	ASSERT_EQ(0, peer_op(&b, LMAP_GRANT, 0, N * PG, ALL, d.window, 0, 0));
	EXPECT_EQ(NOTHING, peer_peek(&b, PG));
	EXPECT_EQ(2, peer_peek(&d, PG));
	EXPECT_EQ(0, peer_poke(&c, PG, 22));
	EXPECT_EQ(22, peer_peek(&d, PG));
	EXPECT_EQ(22, self->mem[PG]);
	/* neither by a call nor by its end */
	ASSERT_EQ(0, peer_unmap(&b, 0, N * PG, ALL, LMAP_SELF));
	EXPECT_EQ(22, peer_peek(&c, PG));
	peer_stop(&b);
	EXPECT_EQ(22, peer_peek(&c, PG));
	EXPECT_EQ(22, peer_peek(&d, PG));
	/* who has it now can, and the lender */
	ASSERT_EQ(0, peer_unmap(&d, 0, PG, ALL, 0));
	EXPECT_EQ(NOTHING, peer_peek(&c, 0));
	EXPECT_EQ(22, peer_peek(&c, PG));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peer_peek(&c, PG));
	EXPECT_EQ(NOTHING, peer_peek(&d, PG));
	peer_stop(&c);
	peer_stop(&d);
}

/* Grants against others; repetition finds the races. */

struct ring {
	int space;
	char *view;		/* of who uses it */
	int stop;
	long wrong;
	long used;
};

static void *uses(void *arg)
{
	struct ring *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		for (int p = 0; p < N; p++) {
			r->wrong += peek(r->view + p * PG) != p + 1;
			r->wrong += poke(r->view + p * PG, p + 1) != 0;
		}
		__atomic_add_fetch(&r->used, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

LMAP_TEST(grant, who_has_a_child_notices_nothing)
{
	struct ring r = { .view = self->v[2] };
	int at = 1, rounds = 1000 / slow();
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, uses, &r));
	for (int i = 0; i < rounds; i++) {
		int to = at == 1 ? 3 : 1;
		int cut = i % N;

		if (i % 3 == 0 && cut)
			ASSERT_EQ(0, GRANT(self->v[at], cut, ALL, to, 0));
		ASSERT_EQ(0, GRANT(self->v[at], N, ALL, to, 0));
		ASSERT_EQ(NOTHING, peek(self->v[at] + cut * PG));
		ASSERT_EQ(cut + 1, peek(self->v[to] + cut * PG));
		at = to;
	}
	while (__atomic_load_n(&r.used, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, r.wrong);
}

struct grants {
	int space;
	char *view[2];
	int window[2];
	int stop;
	int done;
	int failed;
	int bad;
};

static void *grants_on(void *arg)
{
	struct grants *g = arg;
	int at = 0, ret;

	while (!__atomic_load_n(&g->stop, __ATOMIC_ACQUIRE)) {
		ret = op(g->space, LMAP_GRANT, g->view[at], N * PG, ALL,
			 g->window[!at], 0, 0);
		/* none there any more, or not yet, or just going */
		if (ret && ret != -EFAULT && ret != -ESTALE)
			g->bad = ret;
		__atomic_add_fetch(ret ? &g->failed : &g->done, 1,
				   __ATOMIC_RELAXED);
		at = !at;
		if (ret)
			sched_yield();
	}
	return NULL;
}

LMAP_TEST(grant, while_an_ancestor_revokes)
{
	struct grants g = { .space = self->space,
		.view = { self->v[1], self->v[3] },
		.window = { self->w[1], self->w[3] } };
	struct ring r = { .view = self->v[2] };
	pthread_t granter, user;

	ASSERT_EQ(0, pthread_create(&granter, NULL, grants_on, &g));
	ASSERT_EQ(0, pthread_create(&user, NULL, uses, &r));
	for (int i = 0; i < 500 / slow(); i++) {
		char *top = i & 1 ? self->mem : self->v[0];

		ASSERT_EQ(0, unmap_range(self->space, top, N * PG, ALL, 0,
					 NULL));
		for (int k = 1; k < 4; k++)
			for (int p = 0; p < N; p += N - 1)
				ASSERT_EQ(NOTHING, peek(self->v[k] + p * PG));
		if (i & 1)
			ASSERT_EQ(0, map_range(self->space, self->mem, N * PG,
					       RWM, self->w[0], 0, 0, NULL));
		ASSERT_EQ(0, map_range(self->space, self->v[0], N * PG, RWM,
				       self->w[1], 0, 0, NULL));
		/* the child, wherever the mapping is at the moment */
		map_range(self->space, self->v[i % 4 < 2 ? 1 : 3], N * PG, RW,
			  self->w[2], 0, 0, NULL);
	}
	/* However rarely he ran until now, both can come about here. */
	while (!__atomic_load_n(&g.done, __ATOMIC_RELAXED))
		sched_yield();
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	while (!__atomic_load_n(&g.failed, __ATOMIC_RELAXED))
		sched_yield();
	__atomic_store_n(&g.stop, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELEASE);
	pthread_join(granter, NULL);
	pthread_join(user, NULL);
	EXPECT_EQ(0, g.bad);
	EXPECT_EQ(0, info(self->space).out_mappings);
}

/* The first reduces the second, which has been looked at before. */
LMAP_TEST(grant, of_a_range_that_holds_a_mapping_and_what_derives_from_it)
{
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->v[2], PG, ALL, self->w[1],
			N * PG, 0));
	ASSERT_EQ(0, GRANT(self->v[1], N + 1, RW, 3, 0));
	EXPECT_TRUE(page_is(self->v[1], 0, NOTHING));
	EXPECT_TRUE(page_is(self->v[1], N, NOTHING));
	EXPECT_TRUE(page_is(self->v[3], 1, 2));
	EXPECT_TRUE(page_is(self->v[3], N, 1));
	EXPECT_EQ(0, poke(self->v[3] + N * PG, 9));
	EXPECT_EQ(9, peek(self->v[2]));
	EXPECT_EQ(-EACCES, GRANT(self->v[3], N + 1, RW, 4, 0));
}

/* Granting a part of the first cuts the second, which has been looked at. */
LMAP_TEST(grant, of_a_part_tells_all_bytes_that_went)
{
	struct lmap_map m = { .snd = (uintptr_t)self->v[1] + (N - 1) * PG,
			      .length = 4 * PG, .rights = RW,
			      .window = self->w[3] };

	ASSERT_EQ(0, map_range(self->space, self->v[1] + (N - 2) * PG, 2 * PG,
			       ALL, self->w[1], (N + 1) * PG, 0, NULL));
	ASSERT_EQ(0, op_range(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(3 * PG, m.out_bytes);
	EXPECT_EQ(RW, m.out_rights);
	EXPECT_TRUE(page_is(self->v[3], 0, N));
	EXPECT_TRUE(page_is(self->v[3], 1, NOTHING));
	EXPECT_TRUE(page_is(self->v[3], 2, N - 1));
	EXPECT_TRUE(page_is(self->v[3], 3, N));
	for (int i = N - 1; i < N + 3; i++)
		EXPECT_TRUE(page_is(self->v[1], i, NOTHING));
}

TEST_HARNESS_MAIN
