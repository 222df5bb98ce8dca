// SPDX-License-Identifier: GPL-2.0
/* unmap: what goes and what stays. */
#include "util.h"
#include "harness.h"

#include <sys/time.h>

#define N	8

FIXTURE(unmap) {
	int space;
	char *mem;
	int w[3];
	char *v[3];
};

/* mem -> v[0] -> v[1] -> v[2] */
FIXTURE_SETUP(unmap)
{
	char *from;

	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	from = self->mem = memory_aligned(N, N * PG);
	for (int i = 0; i < 3; i++) {
		self->w[i] = window_create(self->space, N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_EQ(0, map_range(self->space, from, N * PG, RWM,
				       self->w[i], 0, 0, NULL));
		from = self->v[i];
	}
	for (int i = 0; i < 3; i++)
		for (int p = 0; p < N; p++)
			ASSERT_EQ(0, poke(self->v[i] + p * PG, p + 1));
}

FIXTURE_TEARDOWN(unmap)
{
	unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	for (int i = 0; i < 3; i++)
		close(self->w[i]);
}

LMAP_TEST(unmap, takes_the_whole_subtree)
{
	struct lmap_unmap u;

	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, LMAP_R, 0,
				 &u));
	EXPECT_EQ(3, u.out_mappings);
	EXPECT_EQ(3 * N, u.out_pages);
	EXPECT_EQ(0, u.out_flags);
	for (int i = 0; i < 3; i++)
		for (int p = 0; p < N; p++)
			EXPECT_EQ(NOTHING, peek(self->v[i] + p * PG));
	EXPECT_EQ(1, self->mem[0]);
}

LMAP_TEST(unmap, without_SELF_my_own_mapping_stays)
{
	struct lmap_unmap u;

	ASSERT_EQ(0, unmap_range(self->space, self->v[1], N * PG, ALL, 0,
				 &u));
	EXPECT_EQ(1, u.out_mappings);
	EXPECT_EQ(0, poke(self->v[1], 9));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
}

LMAP_TEST(unmap, with_SELF_my_own_mapping_goes_too)
{
	struct lmap_unmap u;

	ASSERT_EQ(0, unmap_range(self->space, self->v[1], N * PG, ALL,
				 LMAP_SELF, &u));
	EXPECT_EQ(2, u.out_mappings);
	EXPECT_EQ(0, poke(self->v[0], 9));
	EXPECT_EQ(NOTHING, peek(self->v[1]));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
}

LMAP_TEST(unmap, SELF_on_ordinary_memory_forgets_the_region_only)
{
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL,
				 LMAP_SELF, NULL));
	EXPECT_EQ(0, info(self->space).out_regions);
	EXPECT_EQ(3, self->mem[2 * PG]);
	self->mem[0] = 1;
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, self->w[0],
			       0, 0, NULL));
	EXPECT_EQ(1, peek(self->v[0]));
}

/* Every sub-range of the eight pages. */
LMAP_TEST(unmap, partial_only_the_overlap_goes)
{
	for (int first = 0; first < N; first++)
	for (int last = first; last < N; last++) {
		char *from = self->mem;
		struct lmap_unmap u;

		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		for (int i = 0; i < 3; i++) {
			ASSERT_EQ(0, map_range(self->space, from, N * PG, RWM,
					       self->w[i], 0, 0, NULL));
			from = self->v[i];
		}
		for (int i = 0; i < 3; i++)
			ASSERT_EQ(last + 1, peek(self->v[i] + last * PG));
		ASSERT_EQ(0, unmap_range(self->space, self->mem + first * PG,
					 (last - first + 1) * PG, ALL, 0,
					 &u));
		ASSERT_EQ(3, u.out_mappings);
		ASSERT_EQ(3 * (last - first + 1), u.out_pages);
		ASSERT_EQ(0, u.out_flags);
		for (int i = 0; i < 3; i++)
			for (int p = 0; p < N; p++)
				ASSERT_EQ(p >= first && p <= last ? NOTHING :
					  p + 1, peek(self->v[i] + p * PG));
	}
}

LMAP_TEST(unmap, the_rest_of_a_split_mapping_keeps_working)
{
	ASSERT_EQ(0, unmap_range(self->space, self->v[0] + 3 * PG, 2 * PG, ALL,
				 LMAP_SELF, NULL));
	EXPECT_EQ(6, info(self->space).out_mappings);
	/* both halves can be mapped from and revoked */
	int w = window_create(self->space, N * PG, ALL);
	char *v = window_mmap(w, N * PG, PROT_READ);

	ASSERT_EQ(0, map_range(self->space, self->v[1], N * PG, LMAP_R, w, 0,
			       0, NULL));
	EXPECT_EQ(3, peek(v + 2 * PG));
	EXPECT_EQ(NOTHING, peek(v + 3 * PG));
	EXPECT_EQ(6, peek(v + 5 * PG));
	ASSERT_EQ(0, unmap_range(self->space, self->v[0] + 5 * PG, 3 * PG, ALL,
				 0, NULL));
	EXPECT_EQ(6, peek(self->v[0] + 5 * PG));
	EXPECT_EQ(NOTHING, peek(v + 5 * PG));
	EXPECT_EQ(3, peek(v + 2 * PG));
	close(w);
}

LMAP_TEST(unmap, taking_w_downgrades_in_place)
{
	struct lmap_unmap u;

	ASSERT_EQ(0, unmap_range(self->space, self->mem + PG, PG, LMAP_W, 0,
				 &u));
	EXPECT_EQ(3, u.out_mappings);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(2, peek(self->v[i] + PG));
		EXPECT_EQ(NO_RIGHT, poke(self->v[i] + PG, 1));
		EXPECT_EQ(0, poke(self->v[i], 1));
		EXPECT_EQ(0, poke(self->v[i] + 2 * PG, 3));
	}
	/* again: nobody has it any more */
	ASSERT_EQ(0, unmap_range(self->space, self->mem + PG, PG, LMAP_W, 0,
				 &u));
	EXPECT_EQ(0, u.out_mappings);
	/* and what was taken can't be mapped on */
	int w = window_create(self->space, PG, ALL);
	struct lmap_map m;

	ASSERT_EQ(0, map_range(self->space, self->v[0] + PG, PG, ALL, w, 0, 0,
			       &m));
	EXPECT_EQ(LMAP_R | LMAP_M, m.out_rights);
	close(w);
}

LMAP_TEST(unmap, taking_m_stops_mapping_on_only)
{
	int w = window_create(self->space, PG, ALL);

	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, LMAP_M, 0,
				 NULL));
	EXPECT_EQ(0, poke(self->v[2], 7));
	EXPECT_EQ(-EACCES, map_range(self->space, self->v[1], PG, LMAP_R, w, 0,
				     0, NULL));
	close(w);
}

LMAP_TEST(unmap, no_rights_changes_nothing)
{
	struct lmap_unmap u;

	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, 0, LMAP_SELF,
				 &u));
	EXPECT_EQ(0, u.out_mappings);
	EXPECT_EQ(0, poke(self->v[2], 7));
}

LMAP_TEST(unmap, of_nothing_is_success_with_zero_result)
{
	char *other = memory(2);
	struct lmap_unmap u = { .out_mappings = 5, .out_pages = 5 };

	ASSERT_EQ(0, unmap_range(self->space, other, 2 * PG, ALL, 0, &u));
	EXPECT_EQ(0, u.out_mappings);
	EXPECT_EQ(0, u.out_pages);
	EXPECT_EQ(0, u.out_flags);
	ASSERT_EQ(0, unmap_range(self->space, (void *)PG, PG, ALL, LMAP_SELF,
				 &u));
	munmap(other, 2 * PG);
	EXPECT_EQ(0, unmap_range(self->space, other, 2 * PG, ALL, 0, NULL));
	EXPECT_EQ(0, poke(self->v[2], 7));
}

LMAP_TEST(unmap, LMAP_ONLY_from_one_window)
{
	int w = window_create(self->space, N * PG, ALL);
	char *v = window_mmap(w, N * PG, PROT_READ);
	struct lmap_unmap u;

	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, LMAP_R, w, 0, 0,
			       NULL));
	EXPECT_EQ(1, peek(v));
	ASSERT_EQ(0, unmap_only(self->space, self->mem, N * PG, ALL,
				self->w[1], &u));
	/* what lies in w[1], and what derives from it */
	EXPECT_EQ(2, u.out_mappings);
	EXPECT_EQ(1, peek(self->v[0]));
	EXPECT_EQ(NOTHING, peek(self->v[1]));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
	EXPECT_EQ(1, peek(v));
	ASSERT_EQ(0, unmap_only(self->space, self->mem, N * PG, ALL, w, NULL));
	EXPECT_EQ(NOTHING, peek(v));
	EXPECT_EQ(1, peek(self->v[0]));
	close(w);
}

LMAP_TEST(unmap, LMAP_WHOLE_takes_everything_lent)
{
	char *other = memory(1);
	int w = window_create(self->space, PG, ALL);
	char *v = window_mmap(w, PG, PROT_READ);

	ASSERT_EQ(0, map_range(self->space, other, PG, LMAP_R, w, 0, 0, NULL));
	EXPECT_EQ(1, peek(v));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE & ~0xfULL, 0));
	EXPECT_EQ(1, peek(v));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(NOTHING, peek(v));
	EXPECT_EQ(NOTHING, peek(self->v[0]));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(w);
}

LMAP_TEST(unmap, flexpages_and_ranges_mean_the_same)
{
	ASSERT_EQ(0, unmap_fpage(self->space,
				 fpage(self->mem + 4 * PG, PO + 2, ALL), 0));
	for (int p = 0; p < N; p++)
		EXPECT_EQ(p < 4 ? p + 1 : NOTHING,
			  peek(self->v[2] + p * PG));
	ASSERT_EQ(0, unmap_fpage(self->space, fpage(self->mem + PG, PO,
						    LMAP_W), 0));
	EXPECT_EQ(NO_RIGHT, poke(self->v[2] + PG, 1));
	EXPECT_EQ(0, poke(self->v[2], 1));
}

LMAP_TEST(unmap, a_borrower_takes_back_what_it_lent_on)
{
	struct peer b = peer_start(N, PROT_READ | PROT_WRITE);
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RWM, b.window,
			       0, 0, NULL));
	ASSERT_EQ(0, peer_map(&b, 0, 4 * PG, RWM, c.window, 0));
	EXPECT_EQ(2, peer_peek(&c, PG));
	EXPECT_EQ(0, peer_poke(&c, PG, 50));
	EXPECT_EQ(50, self->mem[PG]);
	ASSERT_EQ(0, peer_unmap(&b, 0, 2 * PG, LMAP_W, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&c, PG, 51));
	EXPECT_EQ(0, peer_poke(&b, PG, 52));
	EXPECT_EQ(52, peer_peek(&c, PG));
	ASSERT_EQ(0, peer_unmap(&b, 0, 2 * PG, LMAP_R, 0));
	EXPECT_EQ(NOTHING, peer_peek(&c, PG));
	EXPECT_EQ(3, peer_peek(&c, 2 * PG));
	/* and the lender takes it from both */
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(NOTHING, peer_peek(&b, 3 * PG));
	EXPECT_EQ(NOTHING, peer_peek(&c, 3 * PG));
	EXPECT_EQ(c.base + 3 * PG, peer_outcome(&c).addr);
	peer_stop(&b);
	peer_stop(&c);
}

LMAP_TEST(unmap, closing_the_space_revokes_what_was_lent)
{
	struct peer b = peer_start(N, PROT_READ);
	int space = space_open(), w = window_create(space, PG, ALL);
	char *v = window_mmap(w, PG, PROT_READ);

	ASSERT_EQ(0, map_range(space, self->mem, N * PG, LMAP_R, b.window, 0,
			       0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, RWM, w, 0, 0,
			       NULL));
	ASSERT_EQ(0, map_range(space, v, PG, LMAP_R, b.window, 0, 0, NULL));
	EXPECT_EQ(1, peer_peek(&b, 0));
	EXPECT_EQ(2, peer_peek(&b, PG));
	close(space);
	EXPECT_EQ(NOTHING, peer_peek(&b, 0));
	EXPECT_EQ(NOTHING, peer_peek(&b, PG));
	/* what others lent to the windows of that space stays */
	EXPECT_EQ(1, peek(v));
	peer_stop(&b);
	close(w);
}

static void on_alarm(int sig)
{
}

static void alarms(long usec)
{
	struct itimerval every = { { 0, usec }, { 0, usec } };
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* The timer makes interruptions likely; the result is the same without. */
LMAP_TEST(unmap, EINTR_repeating_finishes_the_job)
{
	int interrupted = 0, ret;
	int w = window_create(self->space, 64 * PG, ALL);
	char *v = window_mmap(w, 64 * PG, PROT_READ);
	char *m[64];

	for (int i = 0; i < 64; i++) {
		m[i] = memory(1);
		/* a region of its own each */
		ASSERT_NE(MAP_FAILED, mmap(NULL, PG, PROT_NONE, MAP_PRIVATE |
					   MAP_ANONYMOUS, -1, 0));
	}
	alarms(1000 * slow());
	for (int round = 0; round < 100 / slow() + 10; round++) {
		for (int i = 0; i < 64; i++) {
			do {
				ret = map_range(self->space, m[i], PG, ALL, w,
						i * PG, 0, NULL);
				interrupted += ret == -EINTR;
			} while (ret == -EINTR);
			ASSERT_EQ(0, ret);
			ASSERT_EQ(1, peek(v + i * PG));
		}
		do {
			ret = unmap_fpage(self->space, LMAP_WHOLE, 0);
			interrupted += ret == -EINTR;
		} while (ret == -EINTR);
		ASSERT_EQ(0, ret);
		for (int i = 0; i < 64; i++)
			ASSERT_EQ(NOTHING, peek(v + i * PG));
		ASSERT_EQ(0, info(self->space).out_mappings);
	}
	alarms(0);
	TH_LOG("interrupted %d times", interrupted);
	for (int i = 0; i < 64; i++)
		munmap(m[i], PG);
	close(w);
}

LMAP_TEST(unmap, closing_a_window_revokes_what_is_in_it)
{
	munmap(self->v[1], N * PG);
	EXPECT_EQ(3, info(self->space).out_mappings);
	close(self->w[1]);
	EXPECT_EQ(1, info(self->space).out_mappings);
	EXPECT_EQ(NOTHING, peek(self->v[2]));
	EXPECT_EQ(1, peek(self->v[0]));
	EXPECT_EQ(2, info(self->space).out_windows);
}

TEST_HARNESS_MAIN
