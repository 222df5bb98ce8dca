// SPDX-License-Identifier: GPL-2.0
/*
 * What bounds a revocation: m, depth, budget, and how much each user can have.
 * Each limit has its errno, is inherited, and what is given back can be used
 * again.
 */
#include "util.h"
#include "harness.h"

#define N	16
#define NOBODY	65520
#define NODES	MODULE_PARAM("max_mappings")
#define WINDOWS	MODULE_PARAM("max_windows")

/* Windows for any purpose; mem -> v[0] is made by each test. */
FIXTURE(limits) {
	int space;
	char *mem;
	int w[5];
	char *v[5];
	long nodes;
	long windows;
};

FIXTURE_SETUP(limits)
{
	catch_faults();
	self->nodes = read_value(NODES);
	self->windows = read_value(WINDOWS);
	ASSERT_GT(self->nodes, 0);
	ASSERT_GT(self->windows, 0);
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(N);
	for (int i = 0; i < 5; i++) {
		self->w[i] = window_create(self->space, 2 * N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], 2 * N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, self->v[i]);
	}
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_EQ(true, write_value(NODES, self->nodes));
	EXPECT_EQ(true, write_value(WINDOWS, self->windows));
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	for (int i = 0; i < 5; i++)
		close(self->w[i]);
}

/* One page of a view, mapped to a page of another window. */
#define MAP(addr, to, page) \
	op(self->space, LMAP_MAP, addr, PG, ALL, self->w[to], (page) * PG, 0)
#define BUDGET(addr, to, page, budget) \
	map_budget(self->space, addr, PG, ALL, self->w[to], (page) * PG, \
		   budget)
#define UNMAP(addr, flags) \
	unmap_range(self->space, addr, PG, ALL, flags, NULL)

/* How many more can be mapped from there into w[4], until the errno. */
static int room(int space, char *from, int window, int want)
{
	int n = 0, ret;

	for (;;) {
		ret = op(space, LMAP_MAP, from, PG, ALL, window, n * PG, 0);
		if (ret || n == 2 * N - 1)
			break;
		n++;
	}
	return ret && ret != want ? ret : n;
}

LMAP_TEST(limits, without_m_nothing_can_be_passed_on)
{
	unsigned long cmds[] = { LMAP_MAP, LMAP_GRANT, LMAP_COPY };

	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem, PG, RW, self->w[0],
			0, 0));
	for (int c = 0; c < 3; c++)
		EXPECT_EQ(-EACCES, op(self->space, cmds[c], self->v[0], PG,
				      ALL, self->w[1], 0, 0));
	/* taken later, it is as if it had never been there */
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem, PG, ALL, self->w[0],
			0, 0));
	ASSERT_EQ(0, MAP(self->v[0], 1, 0));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, LMAP_M, 0, NULL));
	for (int c = 0; c < 3; c++)
		for (int from = 0; from < 2; from++)
			EXPECT_EQ(-EACCES, op(self->space, cmds[c],
					      self->v[from], PG, ALL,
					      self->w[2], 0, 0));
	EXPECT_EQ(1, peek(self->v[1]));
}

/* own x asked: the child has the minimum of one less and what is asked. */
LMAP_TEST(limits, depth_full_matrix)
{
	for (int own = 0; own <= 4; own++)
	for (int asked = 0; asked <= 5; asked++) {
		int want = own - 1 < asked ? own - 1 : asked, from = 1, n = 0;
		int ret;

		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, map_depth(self->space, self->mem, PG, ALL,
				       self->w[0], 0, own));
		ret = map_depth(self->space, self->v[0], PG, ALL, self->w[1],
				0, asked);
		ASSERT_EQ(own ? 0 : -EMLINK, ret);
		if (ret)
			continue;
		/* as many levels below it as that */
		for (ret = 0; !ret; n += !ret) {
			int to = from == 4 ? 0 : from + 1;
			int page = n + 1;

			ret = MAP(self->v[from] + (n ? n : 0) * PG, to, page);
			from = ret ? from : to;
			if (!ret && n == 0)
				ASSERT_EQ(1, peek(self->v[to] + page * PG));
		}
		ASSERT_EQ(-EMLINK, ret);
		ASSERT_EQ(want, n);
	}
}

/* [.., 10] hands out (.., 5): it keeps 5, itself included. */
LMAP_TEST(limits, budget_ten_hands_out_five_and_keeps_five)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 10));
	ASSERT_EQ(0, BUDGET(self->v[0], 1, 0, 5));
	/* itself and four */
	EXPECT_EQ(4, room(self->space, self->v[0], self->w[4], -EDQUOT));
	ASSERT_EQ(0, unmap_range(self->space, self->v[4], 2 * N * PG, ALL,
				 LMAP_SELF, NULL));
	/* and so has the other */
	EXPECT_EQ(4, room(self->space, self->v[1], self->w[4], -EDQUOT));
	EXPECT_EQ(6, info(self->space).out_mappings);
	/* which leaves the first as much as before */
	EXPECT_EQ(4, room(self->space, self->v[0], self->w[3], -EDQUOT));
	EXPECT_EQ(10, info(self->space).out_mappings);
	EXPECT_EQ(1, peek(self->v[3] + 3 * PG));
}

LMAP_TEST(limits, budget_of_every_size_counts_itself)
{
	for (int budget = 1; budget < 8; budget++) {
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, BUDGET(self->mem, 0, 0, budget));
		EXPECT_EQ(budget - 1, room(self->space, self->v[0], self->w[4],
					   -EDQUOT));
		/* a budget that asks for more than is left */
		ASSERT_EQ(0, unmap_range(self->space, self->v[0], PG, ALL, 0,
					 NULL));
		EXPECT_EQ(-EDQUOT, BUDGET(self->v[0], 1, 0, budget));
		EXPECT_EQ(NOTHING, peek(self->v[1]));
		if (budget > 1)
			EXPECT_EQ(0, BUDGET(self->v[0], 1, 0, budget - 1));
		EXPECT_EQ(-EDQUOT, MAP(self->v[0], 2, 0));
	}
}

/* Without one of its own a mapping lives on the nearest above that has one. */
LMAP_TEST(limits, budget_is_taken_from_the_nearest_above)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 10));
	ASSERT_EQ(0, MAP(self->v[0], 1, 0));
	ASSERT_EQ(0, BUDGET(self->v[1], 2, 0, 3));
	ASSERT_EQ(0, MAP(self->v[2], 3, 0));
	/* 3 = v[2], v[3] and one more */
	EXPECT_EQ(1, room(self->space, self->v[3], self->w[4], -EDQUOT));
	/* 10 = v[0], v[1], the three, and five more */
	ASSERT_EQ(0, unmap_range(self->space, self->v[4], PG, ALL, LMAP_SELF,
				 NULL));
	EXPECT_EQ(5, room(self->space, self->v[1], self->w[4], -EDQUOT));
	EXPECT_EQ(-EDQUOT, MAP(self->v[0], 3, 1));
	/* the one with three has still one left */
	EXPECT_EQ(0, MAP(self->v[2], 3, 1));
	EXPECT_EQ(-EDQUOT, MAP(self->v[2], 3, 2));
}

LMAP_TEST(limits, budget_does_not_count_for_what_is_beside_it)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 1));
	for (int i = 0; i < N; i++)
		ASSERT_EQ(0, MAP(self->mem, 1, i));
	EXPECT_EQ(-EDQUOT, MAP(self->v[0], 2, 0));
	EXPECT_EQ(0, MAP(self->v[1], 2, 0));
}

LMAP_TEST(limits, budget_comes_back_when_mappings_go)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 6));
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, BUDGET(self->v[0], 1, 0, 3));
		ASSERT_EQ(2, room(self->space, self->v[1], self->w[4],
				  -EDQUOT));
		ASSERT_EQ(0, MAP(self->v[0], 2, 0));
		ASSERT_EQ(0, MAP(self->v[2], 3, 0));
		ASSERT_EQ(-EDQUOT, MAP(self->v[3], 3, 1));
		/* by whom it goes must not matter */
		switch (i % 4) {
		case 0:
			ASSERT_EQ(0, UNMAP(self->v[0], 0));
			break;
		case 1:
			ASSERT_EQ(0, UNMAP(self->v[1], LMAP_SELF));
			ASSERT_EQ(0, UNMAP(self->v[2], LMAP_SELF));
			break;
		case 2:
			ASSERT_EQ(0, unmap_only(self->space, self->mem, PG,
						ALL, self->w[1], NULL));
			ASSERT_EQ(0, unmap_only(self->space, self->mem, PG,
						ALL, self->w[2], NULL));
			break;
		case 3:
			/* replaced by memory from elsewhere */
			ASSERT_EQ(0, MAP(self->mem + PG, 1, 0));
			ASSERT_EQ(0, MAP(self->mem + PG, 2, 0));
			break;
		}
	}
}

LMAP_TEST(limits, budget_of_a_cut_mapping_is_that_of_one)
{
	ASSERT_EQ(0, map_budget(self->space, self->mem, 8 * PG, ALL,
				self->w[0], 0, 3));
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->v[0], 8 * PG, ALL,
			self->w[1], 0, 0));
	/* three parts of it are left */
	ASSERT_EQ(0, unmap_range(self->space, self->v[1] + 2 * PG, PG, ALL,
				 LMAP_SELF, NULL));
	ASSERT_EQ(0, unmap_range(self->space, self->v[1] + 5 * PG, PG, ALL,
				 LMAP_SELF, NULL));
	EXPECT_EQ(0, MAP(self->v[0], 2, 0));
	EXPECT_EQ(-EDQUOT, MAP(self->v[0], 2, 1));
	/* not back before all of it has gone */
	ASSERT_EQ(0, unmap_range(self->space, self->v[1], 5 * PG, ALL,
				 LMAP_SELF, NULL));
	EXPECT_EQ(-EDQUOT, MAP(self->v[0], 2, 1));
	ASSERT_EQ(0, unmap_range(self->space, self->v[1], 8 * PG, ALL,
				 LMAP_SELF, NULL));
	EXPECT_EQ(0, MAP(self->v[0], 2, 1));
}

LMAP_TEST(limits, budget_what_the_target_holds_is_not_free)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 2));
	ASSERT_EQ(0, map_range(self->space, self->mem + PG, PG, ALL,
			       self->w[0], PG, 0, NULL));
	ASSERT_EQ(0, MAP(self->v[0], 1, 0));
	/* onto something of its own: too much, and nothing has changed */
	EXPECT_EQ(-EDQUOT, BUDGET(self->v[0], 1, 1, 1));
	EXPECT_EQ(1, peek(self->v[1]));
	/* the very same again: nothing is made */
	EXPECT_EQ(0, MAP(self->v[0], 1, 0));
	/* another one there meanwhile: still one too much */
	ASSERT_EQ(0, MAP(self->v[0] + PG, 1, 1));
	EXPECT_EQ(-EDQUOT, MAP(self->v[0], 1, 1));
	EXPECT_EQ(2, peek(self->v[1] + PG));
}

/* Otherwise a holder would copy himself a limit that he was not given. */
LMAP_TEST(limits, budget_and_depth_are_not_escaped_by_copy_or_grant)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 4));
	EXPECT_EQ(-EDQUOT, op(self->space, LMAP_COPY, self->v[0], PG, ALL,
			      self->w[1], 0, 0));
	EXPECT_EQ(NOTHING, peek(self->v[1]));
	EXPECT_EQ(3, room(self->space, self->v[0], self->w[4], -EDQUOT));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 4));
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, self->v[0], PG, ALL,
			self->w[1], 0, 0));
	EXPECT_EQ(3, room(self->space, self->v[1], self->w[4], -EDQUOT));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	ASSERT_EQ(0, map_depth(self->space, self->mem, PG, ALL, self->w[0], 0,
			       1));
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[0], PG, ALL,
			self->w[1], 0, 0));
	ASSERT_EQ(0, MAP(self->v[1], 2, 0));
	EXPECT_EQ(-EMLINK, MAP(self->v[2], 3, 0));
}

/* A copy is one more below the copied one's parent. */
LMAP_TEST(limits, budget_of_the_parent_pays_for_a_copy)
{
	ASSERT_EQ(0, BUDGET(self->mem, 0, 0, 4));
	ASSERT_EQ(0, MAP(self->v[0], 1, 0));
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[1], PG, ALL,
			self->w[2], 0, 0));
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[2], PG, ALL,
			self->w[3], 0, 0));
	EXPECT_EQ(-EDQUOT, op(self->space, LMAP_COPY, self->v[3], PG, ALL,
			      self->w[4], 0, 0));
	EXPECT_EQ(-EDQUOT, MAP(self->v[0], 4, 0));
	/* a grant makes none */
	EXPECT_EQ(0, op(self->space, LMAP_GRANT, self->v[3], PG, ALL,
			self->w[4], 0, 0));
	EXPECT_EQ(1, peek(self->v[4]));
	ASSERT_EQ(0, UNMAP(self->v[1], LMAP_SELF));
	EXPECT_EQ(0, op(self->space, LMAP_COPY, self->v[4], PG, ALL,
			self->w[3], 0, 0));
}

/* Quotas: of each user together, whatever spaces he has. */

static int history_up_to_eleven(void *arg)
{
	int s = space_open(), w = window_create(s, N * PG, ALL);
	char *p = memory(N);

	/* ranges that were lent once, and of which bits are kept */
	for (int i = 0; i < 10; i++) {
		NEED(!map_range(s, p + i * PG, PG, ALL, w, 0, LMAP_TRACK,
				NULL));
		NEED(!unmap_range(s, p + i * PG, PG, ALL, 0, NULL));
		NEED(info(s).out_mappings == 0);
	}
	NEED(!map_range(s, p + 11 * PG, PG, ALL, w, 0, 0, NULL));
	NEED(map_range(s, p + 11 * PG, PG, ALL, w, PG, 0, NULL) == -EDQUOT);
	NEED(map_range(s, p, PG, ALL, w, PG, LMAP_TRACK, NULL) == -EDQUOT);
	/* each way in which they end */
	munmap(p, PG);
	NEED(!unmap_range(s, p + PG, PG, ALL, LMAP_SELF, NULL));
	for (int i = 1; i < 3; i++)
		NEED(!map_range(s, p + 11 * PG, PG, ALL, w, i * PG, 0, NULL));
	NEED(map_range(s, p + 11 * PG, PG, ALL, w, 3 * PG, 0, NULL) == -EDQUOT);
	close(s);
	s = space_open();
	for (int i = 0; i < 11; i++)
		NEED(!map_range(s, p + 11 * PG, PG, ALL, w, i * PG, 0, NULL));
	return 0;
}

LMAP_TEST(limits, memory_of_which_bits_are_kept_counts_as_a_mapping)
{
	ASSERT_EQ(true, write_value(NODES, 11));
	EXPECT_EQ(0, as_user(NOBODY, history_up_to_eleven, NULL));
}

static int mappings_up_to_ten(void *arg)
{
	int s[2], w[2];
	char *p = memory(1), *v;

	catch_faults();
	for (int i = 0; i < 2; i++) {
		s[i] = space_open();
		w[i] = window_create(s[i], N * PG, ALL);
		NEED(w[i] >= 0);
	}
	v = window_mmap(w[0], N * PG, PROT_READ);
	for (int i = 0; i < 10; i++)
		NEED(!map_range(s[i & 1], p, PG, ALL, w[i & 1], i * PG, 0,
				NULL));
	for (int i = 0; i < 2; i++)
		NEED(map_range(s[i], p, PG, ALL, w[i], 12 * PG, 0, NULL) ==
		     -EDQUOT);
	NEED(op(s[0], LMAP_COPY, v, PG, ALL, w[0], 12 * PG, 0) == -EDQUOT);
	NEED(reserve(s[0], 1, NULL) == -EDQUOT);
	NEED(peek(v) == 1 && peek(v + 12 * PG) == NOTHING);
	/* each that goes makes room for one */
	NEED(!unmap_range(s[0], v, PG, ALL, LMAP_SELF, NULL));
	NEED(!map_range(s[0], p, PG, ALL, w[0], 14 * PG, 0, NULL));
	for (int i = 0; i < 200; i++) {
		NEED(!unmap_range(s[0], v + 14 * PG, PG, ALL, LMAP_SELF,
				  NULL));
		NEED(!map_range(s[1], p, PG, ALL, w[0], 14 * PG, 0, NULL));
		NEED(map_range(s[1], p, PG, ALL, w[0], 13 * PG, 0, NULL) ==
		     -EDQUOT);
		NEED(!unmap_fpage(s[1], LMAP_WHOLE, 0));
		for (int k = 0; k < 5; k++)
			NEED(!map_range(s[1], p, PG, ALL, w[1],
					(2 * k + 1) * PG, 0, NULL));
		NEED(!map_range(s[0], p, PG, ALL, w[0], 14 * PG, 0, NULL));
	}
	return 0;
}

LMAP_TEST(limits, quota_of_mappings_is_per_user)
{
	ASSERT_EQ(true, write_value(NODES, 10));
	EXPECT_EQ(0, as_user(NOBODY, mappings_up_to_ten, NULL));
	/* another user has his own, and with CAP_SYS_RESOURCE there is none */
	EXPECT_EQ(0, as_user(NOBODY + 1, mappings_up_to_ten, NULL));
	for (int i = 0; i < 2 * N; i++)
		ASSERT_EQ(0, MAP(self->mem, 0, i));
}

static int calls_that_make_none(void *arg)
{
	int s = space_open(), w = window_create(s, N * PG, ALL);
	char *p = memory(N), *v = window_mmap(w, N * PG, PROT_READ);

	catch_faults();
	NEED(!map_range(s, p, 4 * PG, LMAP_R | LMAP_M, w, 0, 0, NULL));
	NEED(map_range(s, p, PG, ALL, w, 6 * PG, 0, NULL) == -EDQUOT);
	if (arg) {
		NEED(!map_range(s, p, 4 * PG, ALL, w, 0, 0, NULL));
		NEED(!map_range(s, p, 4 * PG, ALL, w, 0, LMAP_NOREPLACE,
				NULL));
	} else {
		NEED(!op(s, LMAP_GRANT, v, 4 * PG, ALL, w, 4 * PG, 0));
		NEED(peek(v) == NOTHING && peek(v + 4 * PG) == 1);
	}
	return 0;
}

LMAP_TEST(limits, quota_does_not_keep_from_adding_rights)
{
	ASSERT_EQ(true, write_value(NODES, 1));
	EXPECT_EQ(0, as_user(NOBODY + 6, calls_that_make_none, self));
}

LMAP_TEST(limits, quota_does_not_keep_from_granting)
{
	ASSERT_EQ(true, write_value(NODES, 1));
	EXPECT_EQ(0, as_user(NOBODY + 7, calls_that_make_none, NULL));
}

static int one_mapping(void *arg)
{
	int s = space_open(), w = window_create(s, PG, ALL), ret;

	/* a worker gives back what the last one had */
	do {
		ret = map_range(s, memory(1), PG, ALL, w, 0, 0, NULL);
		sched_yield();
	} while (ret == -EDQUOT);
	return -ret;
}

LMAP_TEST(limits, quota_comes_back_when_the_user_exits)
{
	ASSERT_EQ(true, write_value(NODES, 1));
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(0, as_user(NOBODY + 2, one_mapping, NULL));
}

static int several_pieces(void *arg)
{
	int s = space_open(), w = window_create(s, N * PG, ALL);
	char *p = memory(N), *v = window_mmap(w, N * PG, PROT_READ);

	catch_faults();
	NEED(!mprotect(p + 2 * PG, 2 * PG, PROT_READ));
	/* three mappings would be made: none is */
	NEED(map_range(s, p, N * PG, RW, w, 0, 0, NULL) == -EDQUOT);
	NEED(info(s).out_mappings == 0 && peek(v) == NOTHING);
	NEED(!map_range(s, p, 4 * PG, RW, w, 0, 0, NULL));
	NEED(peek(v) == 1 && peek(v + 3 * PG) == 4);
	/* a cut makes none: it must not fail */
	NEED(!unmap_range(s, p + PG, 2 * PG, ALL, 0, NULL));
	NEED(peek(v) == 1 && peek(v + PG) == NOTHING && peek(v + 3 * PG) == 4);
	return 0;
}

LMAP_TEST(limits, quota_is_all_or_nothing)
{
	ASSERT_EQ(true, write_value(NODES, 2));
	EXPECT_EQ(0, as_user(NOBODY + 3, several_pieces, NULL));
}

static int windows_up_to_four(void *arg)
{
	int s = space_open(), w[4];

	for (int i = 0; i < 4; i++) {
		w[i] = window_create(s, PG, ALL);
		NEED(w[i] >= 0);
	}
	for (int i = 0; i < 100; i++) {
		int other = space_open();

		NEED(window_create(s, PG, ALL) == -EDQUOT);
		NEED(window_create(other, PG, ALL) == -EDQUOT);
		close(other);
		close(w[i % 4]);
		w[i % 4] = window_create(s, PG, ALL);
		NEED(w[i % 4] >= 0);
	}
	NEED(info(s).out_windows == 4);
	return 0;
}

LMAP_TEST(limits, quota_of_windows_is_per_user)
{
	ASSERT_EQ(true, write_value(WINDOWS, 4));
	EXPECT_EQ(0, as_user(NOBODY + 4, windows_up_to_four, NULL));
	EXPECT_EQ(0, as_user(NOBODY + 5, windows_up_to_four, NULL));
	int w = window_create(self->space, PG, ALL);

	EXPECT_GE(w, 0);
	close(w);
}

TEST_HARNESS_MAIN
