// SPDX-License-Identifier: GPL-2.0
/*
 * LMAP_RESERVE: with n mappings in reserve, n calls succeed although every
 * allocation fails. The first tests need a kernel with fault injection.
 */
#include "util.h"
#include "harness.h"

#define N	8
#define NOBODY	65500
#define NODES	MODULE_PARAM("max_mappings")
#define DEBUG	"/sys/kernel/debug/"

FIXTURE(reserve) {
	int space;
	char *mem;
	int w;
	char *v;
	int w2;
	char *v2;
	int fail;		/* /proc/self/make-it-fail, or -1 */
};

/* Each allocation of a task that says so fails. */
static int injection(void)
{
	static const char * const dirs[] = { "failslab", "fail_page_alloc" };
	static const char * const settings[][2] = {
		{ "task-filter", "Y" }, { "probability", "100" },
		{ "interval", "1" }, { "times", "-1" }, { "space", "0" },
		{ "verbose", "0" }, { "ignore-gfp-wait", "N" },
		{ "ignore-gfp-highmem", "N" }, { "min-order", "0" },
		{ "cache-filter", "N" },
	};
	char path[128];

	if (access(DEBUG "failslab", F_OK))
		return -1;
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < sizeof(settings) / sizeof(*settings); k++) {
			snprintf(path, sizeof(path), DEBUG "%s/%s", dirs[i],
				 settings[k][0]);
			write_file(path, settings[k][1]);
		}
	return open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
}

static void injection_off(void)
{
	write_file(DEBUG "failslab/probability", "0");
	write_file(DEBUG "fail_page_alloc/probability", "0");
}

FIXTURE_SETUP(reserve)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory_aligned(64, 64 * PG);
	self->w = window_create(self->space, 64 * PG, ALL);
	self->v = window_mmap(self->w, 64 * PG, PROT_READ | PROT_WRITE);
	self->w2 = window_create(self->space, 64 * PG, ALL);
	self->v2 = window_mmap(self->w2, 64 * PG, PROT_READ | PROT_WRITE);
	self->fail = injection();
}

FIXTURE_TEARDOWN(reserve)
{
	if (self->fail >= 0)
		injection_off();
	unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	close(self->w);
	close(self->w2);
}

/* One call between the two, nothing else: all allocations of it fail. */
#define WITHOUT_MEMORY(call) ({ \
	int ret_, ok_ = pwrite(self->fail, "1", 1, 0); \
	ret_ = (call); \
	ok_ += pwrite(self->fail, "0", 1, 0); \
	if (ok_ != 2) \
		abort(); \
	ret_; \
})

/* Two pages of every four: regions of their own. */
#define MAP_4TH(i) \
	map_range(self->space, self->mem + 4 * (i) * PG, 2 * PG, RWM, \
		  self->w, 4 * (i) * PG, 0, NULL)

LMAP_TEST(reserve, none_and_map_says_ENOMEM)
{
	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	EXPECT_EQ(-ENOMEM, WITHOUT_MEMORY(map_range(self->space, self->mem,
						    PG, RW, self->w, 0, 0,
						    NULL)));
	EXPECT_EQ(NOTHING, peek(self->v));
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(0, map_range(self->space, self->mem, PG, RW, self->w, 0, 0,
			       NULL));
}

LMAP_TEST(reserve, n_maps_succeed_and_not_one_more)
{
	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	for (int n = 1; n <= N; n++) {
		unsigned int out = 0;

		ASSERT_EQ(0, reserve(self->space, n, &out));
		ASSERT_EQ(n, out);
		for (int i = 0; i < n; i++) {
			ASSERT_EQ(0, WITHOUT_MEMORY(MAP_4TH(i)))
				TH_LOG("%d of %d", i, n);
		}
		ASSERT_EQ(-ENOMEM, WITHOUT_MEMORY(MAP_4TH(n)));
		for (int i = 0; i < n; i++) {
			ASSERT_EQ(4 * i + 2, peek(self->v + (4 * i + 1) * PG));
			ASSERT_EQ(0, poke(self->v + 4 * i * PG, 4 * i + 1));
		}
		ASSERT_EQ(n, info(self->space).out_mappings);
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	}
}

LMAP_TEST(reserve, n_maps_from_a_window_succeed)
{
	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, map_range(self->space, self->mem, 64 * PG, ALL, self->w,
			       0, 0, NULL));
	ASSERT_EQ(0, reserve(self->space, N, NULL));
	for (int i = 0; i < N; i++)
		ASSERT_EQ(0, WITHOUT_MEMORY(op(self->space, i & 1 ? LMAP_COPY :
					       LMAP_MAP, self->v + i * PG, PG,
					       RW, self->w2, i * PG, 0)));
	ASSERT_EQ(-ENOMEM, WITHOUT_MEMORY(op(self->space, LMAP_MAP,
					     self->v + N * PG, PG, RW,
					     self->w2, N * PG, 0)));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, peek(self->v2 + i * PG));
}

/* A cut through a mapping and its child: nothing but what was asked goes. */
LMAP_TEST(reserve, n_partial_unmaps_take_no_more_than_asked)
{
	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	for (int i = 0; i < N; i++) {
		ASSERT_EQ(0, map_range(self->space, self->mem + 8 * i * PG,
				       7 * PG, ALL, self->w, 8 * i * PG, 0,
				       NULL));
		ASSERT_EQ(7 + 8 * i, peek(self->v + (8 * i + 6) * PG));
	}
	ASSERT_EQ(0, reserve(self->space, N, NULL));
	for (int i = 0; i < N; i++) {
		struct lmap_unmap u;

		ASSERT_EQ(0, WITHOUT_MEMORY(unmap_range(self->space, self->mem
			+ (8 * i + 3) * PG, PG, ALL, 0, &u)));
		ASSERT_EQ(0, u.out_flags) TH_LOG("%d of %d", i, N);
		ASSERT_EQ(1, u.out_mappings);
		ASSERT_EQ(1, u.out_pages);
	}
	for (int i = 0; i < 8 * N; i++)
		EXPECT_EQ(i % 8 == 3 || i % 8 == 7 ? NOTHING : i + 1,
			  peek(self->v + i * PG));
}

LMAP_TEST(reserve, without_one_a_partial_unmap_never_fails)
{
	struct lmap_unmap u;

	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL, self->w, 0,
			       0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->v, N * PG, ALL, self->w2, 0,
			       0, NULL));
	ASSERT_EQ(1, peek(self->v2));
	ASSERT_EQ(0, WITHOUT_MEMORY(unmap_range(self->space, self->mem + 3 *
						PG, PG, ALL, 0, &u)));
	EXPECT_EQ(LMAP_OVERREVOKED, u.out_flags);
	EXPECT_EQ(NOTHING, peek(self->v + 3 * PG));
	EXPECT_EQ(NOTHING, peek(self->v2 + 3 * PG));
}

/* Map, cut, replace: what a mix of calls needs. */
LMAP_TEST(reserve, a_mix_of_calls)
{
	struct lmap_unmap u;

	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, reserve(self->space, 6, NULL));
	ASSERT_EQ(0, WITHOUT_MEMORY(map_range(self->space, self->mem, 8 * PG,
					      ALL, self->w, 0, 0, NULL)));
	ASSERT_EQ(0, WITHOUT_MEMORY(map_range(self->space, self->v, 8 * PG,
					      RWM, self->w2, 0, 0, NULL)));
	/* two mappings are cut */
	ASSERT_EQ(0, WITHOUT_MEMORY(unmap_range(self->space, self->mem + 2 *
						PG, PG, ALL, 0, &u)));
	ASSERT_EQ(0, u.out_flags);
	ASSERT_EQ(2, u.out_mappings);
	/* what is there goes, and is cut, for what is new */
	ASSERT_EQ(0, WITHOUT_MEMORY(map_range(self->space, self->mem + 20 * PG,
					      PG, RW, self->w2, 5 * PG, 0,
					      NULL)));
	for (int i = 0; i < 8; i++) {
		EXPECT_EQ(i == 2 ? NOTHING : i + 1, peek(self->v + i * PG));
		EXPECT_EQ(i == 2 ? NOTHING : i == 5 ? 21 : i + 1,
			  peek(self->v2 + i * PG));
	}
}

LMAP_TEST(reserve, is_used_only_when_there_is_no_other_memory)
{
	unsigned int out = 0;

	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, reserve(self->space, 2, &out));
	for (int i = 0; i < N; i++)
		ASSERT_EQ(0, map_range(self->space, self->mem + i * PG, PG, RW,
				       self->w, i * PG, 0, NULL));
	ASSERT_EQ(0, WITHOUT_MEMORY(map_range(self->space, self->mem + 20 * PG,
					      PG, RW, self->w, 20 * PG, 0,
					      NULL)));
	/* one is left: filling up to one needs no memory */
	EXPECT_EQ(0, WITHOUT_MEMORY(reserve(self->space, 1, &out)));
	EXPECT_EQ(1, out);
	EXPECT_EQ(-ENOMEM, WITHOUT_MEMORY(reserve(self->space, 2, &out)));
	ASSERT_EQ(0, WITHOUT_MEMORY(map_range(self->space, self->mem + 24 * PG,
					      PG, RW, self->w, 24 * PG, 0,
					      NULL)));
	EXPECT_EQ(-ENOMEM, WITHOUT_MEMORY(map_range(self->space, self->mem,
						    PG, RW, self->w, 30 * PG,
						    0, NULL)));
}

LMAP_TEST(reserve, filling_it_fails_without_a_change)
{
	unsigned int out = 0;

	if (self->fail < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, reserve(self->space, 3, &out));
	EXPECT_EQ(-ENOMEM, WITHOUT_MEMORY(reserve(self->space, 5, NULL)));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, WITHOUT_MEMORY(map_range(self->space, self->mem +
				i * PG, PG, RW, self->w, i * PG, 0, NULL)));
	EXPECT_EQ(-ENOMEM, WITHOUT_MEMORY(map_range(self->space, self->mem,
						    PG, RW, self->w, 30 * PG,
						    0, NULL)));
	/* giving back never fails */
	ASSERT_EQ(0, reserve(self->space, N, &out));
	EXPECT_EQ(0, WITHOUT_MEMORY(reserve(self->space, 0, &out)));
	EXPECT_EQ(0, out);
	EXPECT_EQ(-ENOMEM, WITHOUT_MEMORY(map_range(self->space, self->mem,
						    PG, RW, self->w, 30 * PG,
						    0, NULL)));
}

/* What every kernel can show. */

LMAP_TEST(reserve, is_filled_up_or_reduced_to_the_number)
{
	static const unsigned int to[] = { 0, 1, 100, 100, 7, 0, 3, 2, 0 };

	for (int i = 0; i < sizeof(to) / sizeof(*to); i++) {
		unsigned int out = 12345;

		EXPECT_EQ(0, reserve(self->space, to[i], &out));
		EXPECT_EQ(to[i], out);
	}
	EXPECT_EQ(0, info(self->space).out_mappings);
}

LMAP_TEST(reserve, calls_mean_the_same_with_it)
{
	ASSERT_EQ(0, reserve(self->space, 100, NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL, self->w, 0,
			       0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->v, N * PG, RW, self->w2, 0,
			       0, NULL));
	ASSERT_EQ(0, unmap_range(self->space, self->mem + PG, PG, ALL, 0,
				 NULL));
	EXPECT_EQ(1, peek(self->v2));
	EXPECT_EQ(NOTHING, peek(self->v2 + PG));
	EXPECT_EQ(3, peek(self->v2 + 2 * PG));
	/* given back while mappings exist */
	ASSERT_EQ(0, reserve(self->space, 0, NULL));
	EXPECT_EQ(3, peek(self->v2 + 2 * PG));
	ASSERT_EQ(0, reserve(self->space, 50, NULL));
}

static int within_ten(void *arg)
{
	int s = space_open(), w = window_create(s, 64 * PG, ALL);
	char *p = memory(1);

	NEED(reserve(s, 11, NULL) == -EDQUOT);
	for (int i = 0; i < 10; i++)
		NEED(!map_range(s, p, PG, ALL, w, i * PG, 0, NULL));
	NEED(reserve(s, 1, NULL) == -EDQUOT);
	NEED(!unmap_fpage(s, LMAP_WHOLE, 0));
	for (int i = 0; i < 100; i++) {
		unsigned int out;

		/* what is in reserve can't be had twice, but be used */
		NEED(!reserve(s, 4, &out) && out == 4);
		for (int k = 0; k < 10; k++)
			NEED(!map_range(s, p, PG, ALL, w, k * PG, 0, NULL));
		NEED(map_range(s, p, PG, ALL, w, 10 * PG, 0, NULL) ==
		     -EDQUOT);
		NEED(!unmap_fpage(s, LMAP_WHOLE, 0));
		/* too much: it is as it was */
		NEED(reserve(s, 20, NULL) == -EDQUOT);
		/* given back: others can have it */
		NEED(!reserve(s, 10, &out) && out == 10);
		NEED(!reserve(s, 0, &out) && out == 0);
		int other = space_open();

		NEED(!reserve(other, 10, &out) && out == 10);
		close(other);
	}
	return 0;
}

LMAP_TEST(reserve, counts_against_the_quota_until_given_back)
{
	long nodes = read_value(NODES);

	ASSERT_EQ(true, write_value(NODES, 10));
	EXPECT_EQ(0, as_user(NOBODY, within_ten, NULL));
	ASSERT_EQ(true, write_value(NODES, nodes));
}

TEST_HARNESS_MAIN
