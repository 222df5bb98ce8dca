// SPDX-License-Identifier: GPL-2.0
/*
 * Reference bits: which pages were read and written through what was lent.
 * Nothing is left out, nothing is told twice, and of tracked mappings nothing
 * too much.
 */
#include "util.h"
#include "harness.h"

#include <pthread.h>

#define N	16
#define MANY	1000
#define A	LMAP_ACCESSED
#define M	(LMAP_ACCESSED | LMAP_MODIFIED)

/* We lend to b (tracked), and b to c (tracked). */
FIXTURE(refs) {
	int space;
	char *mem;
	struct peer b;
	struct peer c;
};

FIXTURE_SETUP(refs)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(N);
	self->c = peer_start(N, PROT_READ | PROT_WRITE);
	self->b = peer_start(N, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL,
			       self->b.window, 0, LMAP_TRACK, NULL));
	ASSERT_EQ(0, peer_op(&self->b, LMAP_MAP, 0, N * PG, RW,
			     self->c.window, 0, LMAP_TRACK));
}

FIXTURE_TEARDOWN(refs)
{
	peer_stop(&self->b);
	peer_stop(&self->c);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
}

/* A row of digits, one for each page: 0, 1 = read, 3 = written. */
static int bits_are(const unsigned char *pages, const char *want)
{
	char got[N + 1] = "";

	for (int i = 0; i < N; i++)
		got[i] = '0' + pages[i];
	if (strcmp(got, want))
		fprintf(stderr, "# %s, not %s\n", got, want);
	return !strcmp(got, want);
}

static int all_bits(const char *want)
{
	int all = 0;

	for (; *want; want++)
		all |= *want - '0';
	return all;
}

#define WE_SEE(flags, want) do { \
	unsigned char pages_[N]; \
	memset(pages_, 0xee, N); \
	EXPECT_EQ(all_bits(want), status(self->space, self->mem, N * PG, \
					 flags, pages_)); \
	EXPECT_TRUE(bits_are(pages_, want)); \
} while (0)

#define PEER_SEES(peer, flags, want) do { \
	unsigned char pages_[N]; \
	memset(pages_, 0xee, N); \
	EXPECT_EQ(all_bits(want), peer_status(peer, 0, N * PG, flags, \
					      pages_)); \
	EXPECT_TRUE(bits_are(pages_, want)); \
} while (0)

#define READS(peer, page) \
	EXPECT_LE(0, peer_peek(peer, (page) * PG))
#define WRITES(peer, page) \
	EXPECT_EQ(0, peer_poke(peer, (page) * PG, (page) + 1))

#define CLEAN	"0000000000000000"

LMAP_TEST(refs, exact_for_each_page)
{
	WE_SEE(0, CLEAN);
	READS(&self->b, 0);
	READS(&self->b, 5);
	WRITES(&self->b, 7);
	READS(&self->b, 15);
	WRITES(&self->b, 15);
	WE_SEE(0, "1000010300000003");
	/* the words alone, and parts */
	EXPECT_EQ(M, status(self->space, self->mem, N * PG, 0, NULL));
	EXPECT_EQ(A, status(self->space, self->mem, 6 * PG, 0, NULL));
	EXPECT_EQ(0, status(self->space, self->mem + PG, 4 * PG, 0, NULL));
	EXPECT_EQ(M, status(self->space, self->mem + 7 * PG, PG, 0, NULL));
}

LMAP_TEST(refs, a_query_without_reset_changes_nothing)
{
	READS(&self->b, 3);
	WRITES(&self->c, 4);
	for (int i = 0; i < 3; i++)
		WE_SEE(0, "0001300000000000");
	WE_SEE(LMAP_RESET, "0001300000000000");
	WE_SEE(0, CLEAN);
}

LMAP_TEST(refs, after_a_reset_each_use_counts_again)
{
	WRITES(&self->b, 1);
	WRITES(&self->b, 2);
	READS(&self->b, 3);
	WE_SEE(LMAP_RESET, "0331000000000000");
	READS(&self->b, 1);
	WRITES(&self->b, 3);
	WE_SEE(LMAP_RESET, "0103000000000000");
	WRITES(&self->b, 1);
	WE_SEE(LMAP_RESET, "0300000000000000");
	/* of a part: the others keep theirs */
	READS(&self->b, 0);
	READS(&self->b, 1);
	READS(&self->b, 2);
	EXPECT_EQ(A, status(self->space, self->mem + PG, PG, LMAP_RESET,
			    NULL));
	WE_SEE(0, "1010000000000000");
}

LMAP_TEST(refs, the_lenders_own_use_does_not_count)
{
	for (int i = 0; i < N; i++)
		self->mem[i * PG]++;
	WE_SEE(0, CLEAN);
	PEER_SEES(&self->b, 0, CLEAN);
}

LMAP_TEST(refs, each_sees_what_happens_through_him_and_below)
{
	WRITES(&self->c, 1);
	READS(&self->b, 2);
	WE_SEE(0, "0310000000000000");
	PEER_SEES(&self->b, 0, "0310000000000000");
	PEER_SEES(&self->c, 0, "0300000000000000");
}

LMAP_TEST(refs, a_reset_hides_nothing_from_who_is_above)
{
	WRITES(&self->c, 1);
	READS(&self->c, 2);
	READS(&self->b, 3);
	PEER_SEES(&self->c, LMAP_RESET, "0310000000000000");
	PEER_SEES(&self->c, 0, CLEAN);
	PEER_SEES(&self->b, LMAP_RESET, "0311000000000000");
	PEER_SEES(&self->b, 0, CLEAN);
	READS(&self->c, 4);
	PEER_SEES(&self->c, LMAP_RESET, "0000100000000000");
	WE_SEE(LMAP_RESET, "0311100000000000");
	WE_SEE(LMAP_RESET, CLEAN);
	PEER_SEES(&self->b, LMAP_RESET, "0000100000000000");
	PEER_SEES(&self->b, LMAP_RESET, CLEAN);
}

LMAP_TEST(refs, nor_from_who_is_below)
{
	WRITES(&self->c, 1);
	READS(&self->b, 2);
	WE_SEE(LMAP_RESET, "0310000000000000");
	PEER_SEES(&self->b, LMAP_RESET, "0310000000000000");
	PEER_SEES(&self->c, 0, "0300000000000000");
	PEER_SEES(&self->c, LMAP_RESET, "0300000000000000");
	WE_SEE(0, CLEAN);
	PEER_SEES(&self->b, 0, CLEAN);
	/* the other way round, and mixed */
	READS(&self->c, 5);
	WE_SEE(LMAP_RESET, "0000010000000000");
	WRITES(&self->c, 5);
	PEER_SEES(&self->b, LMAP_RESET, "0000030000000000");
	READS(&self->c, 6);
	PEER_SEES(&self->c, LMAP_RESET, "0000031000000000");
	WE_SEE(0, "0000031000000000");
	PEER_SEES(&self->b, 0, "0000001000000000");
}

LMAP_TEST(refs, unmap_tells_them_and_those_above_still_see_them)
{
	struct lmap_unmap u;

	WRITES(&self->c, 1);
	READS(&self->c, 2);
	/* b takes page 1 from c, then all */
	EXPECT_EQ(0, peer_unmap(&self->b, PG, PG, ALL, 0));
	PEER_SEES(&self->b, 0, "0310000000000000");
	EXPECT_EQ(0, peer_unmap(&self->b, 0, N * PG, ALL, 0));
	PEER_SEES(&self->b, 0, "0310000000000000");
	WE_SEE(0, "0310000000000000");
	/* what we take ourselves is told, and not forgotten */
	ASSERT_EQ(0, unmap_range(self->space, self->mem + 2 * PG, PG, ALL, 0,
				 &u));
	EXPECT_EQ(A, u.out_refbits);
	ASSERT_EQ(0, unmap_range(self->space, self->mem + 5 * PG, 4 * PG, ALL,
				 0, &u));
	EXPECT_EQ(0, u.out_refbits);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0, &u));
	EXPECT_EQ(M, u.out_refbits);
	WE_SEE(LMAP_RESET, "0310000000000000");
	WE_SEE(0, CLEAN);
}

LMAP_TEST(refs, unmap_of_no_right_is_a_query)
{
	struct lmap_unmap u;

	READS(&self->b, 4);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, 0, 0, &u));
	EXPECT_EQ(A, u.out_refbits);
	EXPECT_EQ(0, u.out_mappings);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, 4 * PG, 0, 0, &u));
	EXPECT_EQ(0, u.out_refbits);
	WRITES(&self->b, 4);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, 0,
				 LMAP_RESET, &u));
	EXPECT_EQ(M, u.out_refbits);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, 0,
				 LMAP_RESET, &u));
	EXPECT_EQ(0, u.out_refbits);
	WE_SEE(0, CLEAN);
	PEER_SEES(&self->b, 0, "0000300000000000");
}

LMAP_TEST(refs, after_taking_w_what_was_written_is_still_told)
{
	struct lmap_unmap u;

	WRITES(&self->c, 4);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, LMAP_W, 0,
				 &u));
	EXPECT_EQ(M, u.out_refbits);
	READS(&self->c, 5);
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->c, 6 * PG, 1));
	WE_SEE(0, "0000310000000000");
}

LMAP_TEST(refs, the_borrowers_end_keeps_them_for_those_above)
{
	WRITES(&self->c, 1);
	READS(&self->b, 2);
	kill(self->c.pid, SIGKILL);
	waitpid(self->c.pid, NULL, 0);
	PEER_SEES(&self->b, 0, "0310000000000000");
	kill(self->b.pid, SIGKILL);
	waitpid(self->b.pid, NULL, 0);
	WE_SEE(LMAP_RESET, "0310000000000000");
	WE_SEE(0, CLEAN);
}

/* Cut in the middle: history stays, and both halves are exact. */
LMAP_TEST(refs, of_a_mapping_that_was_cut)
{
	READS(&self->b, 0);
	READS(&self->b, 6);
	WRITES(&self->b, 7);
	READS(&self->b, 12);
	ASSERT_EQ(0, unmap_range(self->space, self->mem + 6 * PG, 3 * PG, ALL,
				 0, NULL));
	WE_SEE(0, "1000001300001000");
	PEER_SEES(&self->b, 0, "1000000000001000");
	WE_SEE(LMAP_RESET, "1000001300001000");
	WRITES(&self->b, 5);
	READS(&self->c, 9);
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 7 * PG));
	WE_SEE(0, "0000030001000000");
	PEER_SEES(&self->b, 0, "1000030001001000");
}

LMAP_TEST(refs, what_is_mapped_there_anew_begins_clean)
{
	READS(&self->b, 1);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	WE_SEE(LMAP_RESET, "0100000000000000");
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RW,
			       self->b.window, 0, LMAP_TRACK, NULL));
	PEER_SEES(&self->b, 0, CLEAN);
	WE_SEE(0, CLEAN);
	WRITES(&self->b, 1);
	WE_SEE(0, "0300000000000000");
}

/* read() and write() of the window's descriptor are uses like any other. */
LMAP_TEST(refs, copying_by_the_kernel_counts)
{
	char buf[PG];

	ASSERT_EQ(10, pread(self->b.window, buf, 10, 3 * PG - 5));
	ASSERT_EQ(1, pwrite(self->b.window, "x", 1, 9 * PG));
	ASSERT_EQ(PG, pwrite(self->c.window, buf, PG, 12 * PG));
	WE_SEE(LMAP_RESET, "0011000003003000");
	PEER_SEES(&self->c, 0, "0000000000003000");
	ASSERT_EQ(1, pread(self->c.window, buf, 1, 9 * PG));
	WE_SEE(0, "0000000001000000");
}

/* Granted: those above see all, who has it now what happened through it. */
LMAP_TEST(refs, a_granted_mapping_carries_its_history)
{
	struct peer d = peer_start(N, PROT_READ | PROT_WRITE);

	WRITES(&self->b, 1);
	READS(&self->c, 2);
	ASSERT_EQ(0, peer_op(&self->b, LMAP_GRANT, 0, 8 * PG, ALL, d.window, 0,
			     0));
	WE_SEE(0, "0310000000000000");
	PEER_SEES(&d, LMAP_RESET, "0310000000000000");
	WRITES(&d, 4);
	READS(&self->c, 5);
	READS(&self->b, 9);
	WE_SEE(LMAP_RESET, "0310310001000000");
	PEER_SEES(&d, 0, "0000310000000000");
	PEER_SEES(&self->b, 0, "0000000001000000");
	PEER_SEES(&self->c, 0, "0010010000000000");
	peer_stop(&d);
}

/* Memory that was granted: who holds it is the one to ask. */
LMAP_TEST(refs, of_granted_memory)
{
	char *p = memory(N);

	ASSERT_EQ(0, op(self->space, LMAP_GRANT, p, N * PG, ALL,
			self->b.window, 0, 0));
	ASSERT_EQ(0, peer_op(&self->b, LMAP_MAP, 0, N * PG, RW,
			     self->c.window, 0, LMAP_TRACK));
	EXPECT_EQ(0, status(self->space, p, N * PG, 0, NULL));
	READS(&self->c, 1);
	WRITES(&self->c, 2);
	PEER_SEES(&self->b, LMAP_RESET, "0130000000000000");
	PEER_SEES(&self->b, 0, CLEAN);
	WE_SEE(0, CLEAN);
}

/* Without LMAP_TRACK more can be told than was used, never less. */
LMAP_TEST(refs, of_untracked_mappings_nothing_is_missing)
{
	unsigned char pages[N];
	unsigned int state = seed();

	for (int round = 0; round < 40; round++) {
		int page = next_random(&state) % N, writes = next_random(&state) & 1;
		struct peer *who = round & 1 ? &self->c : &self->b;

		ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL,
				       self->b.window, 0, 0, NULL));
		if (round == 0) {
			ASSERT_EQ(0, unmap_range(self->space, self->mem,
						 N * PG, ALL, 0, NULL));
			ASSERT_EQ(0, map_range(self->space, self->mem, N * PG,
					       ALL, self->b.window, 0, 0,
					       NULL));
		}
		ASSERT_EQ(0, peer_map(&self->b, 0, N * PG, RW, self->c.window,
				      0));
		/* unused: nothing */
		ASSERT_EQ(0, status(self->space, self->mem, N * PG, 0, pages));
		ASSERT_LE(0, writes ? peer_poke(who, page * PG, 1) :
				      peer_peek(who, page * PG));
		ASSERT_EQ(writes ? M : A, (writes ? M : A) &
			  status(self->space, self->mem + page * PG, PG, 0,
				 NULL));
		ASSERT_LE(A, status(self->space, self->mem, N * PG, LMAP_RESET,
				    pages));
		ASSERT_EQ(writes ? M : A, pages[page] & (writes ? M : A));
		ASSERT_EQ(0, status(self->space, self->mem, N * PG, 0, NULL));
	}
}

LMAP_TEST(refs, populating_alone_is_told_no_less)
{
	unsigned char pages[N];

	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RW,
			       self->b.window, 0, LMAP_TRACK | LMAP_POPULATE,
			       NULL));
	WRITES(&self->b, 3);
	ASSERT_EQ(M, status(self->space, self->mem, N * PG, LMAP_RESET,
			    pages));
	EXPECT_EQ(M, pages[3]);
	WRITES(&self->b, 5);
	WE_SEE(0, "0000030000000000");
}

LMAP_TEST(refs, what_was_never_lent_has_none)
{
	char *p = memory(2);
	unsigned char pages[2] = { 9, 9 };

	EXPECT_EQ(0, status(self->space, p, 2 * PG, LMAP_RESET, pages));
	EXPECT_EQ(0, pages[0] | pages[1]);
	EXPECT_EQ(1, p[0]);
	munmap(p, 2 * PG);
	EXPECT_EQ(0, status(self->space, p, 2 * PG, 0, pages));
}

LMAP_TEST(refs, of_an_ordinary_mapping_all_pages_are_told)
{
	unsigned char pages[4] = { 9, 9, 9, 9 };

	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL,
			       self->b.window, 0, 0, NULL));
	ASSERT_EQ(0, peer_op(&self->b, LMAP_MAP, 0, N * PG, RW,
			     self->c.window, 0, 0));
	WE_SEE(0, CLEAN);
	PEER_SEES(&self->b, 0, CLEAN);
	READS(&self->c, 3);
	WE_SEE(0, "1111111111111111");
	PEER_SEES(&self->b, 0, "1111111111111111");
	EXPECT_EQ(A, status(self->space, self->mem + 8 * PG, 4 * PG, 0,
			    pages));
	EXPECT_EQ(0, memcmp(pages, "\1\1\1\1", 4));
	/* cleared for a part of it, it is still told of the rest */
	EXPECT_EQ(A, peer_status(&self->b, 8 * PG, 4 * PG, LMAP_RESET, pages));
	EXPECT_EQ(0, memcmp(pages, "\1\1\1\1", 4));
	EXPECT_EQ(A, peer_status(&self->b, 0, PG, 0, NULL));
	PEER_SEES(&self->b, LMAP_RESET, "1111111111111111");
	PEER_SEES(&self->b, 0, CLEAN);
	WE_SEE(LMAP_RESET, "1111111111111111");
	WE_SEE(0, CLEAN);
	WRITES(&self->c, 3);
	WE_SEE(0, "3333333333333333");
	PEER_SEES(&self->b, LMAP_RESET, "3333333333333333");
	WE_SEE(0, "3333333333333333");
}

LMAP_TEST(refs, what_was_seen_before_pages_were_told_apart)
{
	int keep = window_create(self->space, N * PG, ALL);
	char *p = memory(N);
	unsigned char pages[N];

	ASSERT_EQ(0, map_range(self->space, p, N * PG, LMAP_R, keep, 0, 0,
			       NULL));
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->b.window, 0,
			       0, NULL));
	WRITES(&self->b, 3);
	/* the mapping that was used is gone, the region stays */
	ASSERT_EQ(0, unmap_only(self->space, p, N * PG, ALL, self->b.window,
				NULL));
	EXPECT_EQ(M, status(self->space, p, N * PG, LMAP_RESET, pages));
	EXPECT_TRUE(bits_are(pages, "3333333333333333"));
	EXPECT_EQ(0, status(self->space, p, N * PG, 0, pages));
	EXPECT_TRUE(bits_are(pages, CLEAN));
	close(keep);
	munmap(p, N * PG);
}

/* More than is told at once with the locks held. */
LMAP_TEST(refs, of_many_pages_none_is_forgotten)
{
	size_t n = 65536 + 3;
	unsigned char *pages = malloc(n);
	char *p = mmap(NULL, n * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int window = window_create(self->space, n * PG, ALL);
	char *view = window_mmap(window, n * PG, PROT_READ);

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_NE(MAP_FAILED, view);
	p[0] = 5;
	p[(n - 1) * PG] = 6;
	ASSERT_EQ(0, map_range(self->space, p, n * PG, LMAP_R, window, 0,
			       LMAP_TRACK, NULL));
	for (int reset = 0; reset < 2; reset++) {
		EXPECT_EQ(5, peek(view));
		EXPECT_EQ(6, peek(view + (n - 1) * PG));
		memset(pages, 0xee, n);
		EXPECT_EQ(A, status(self->space, p, n * PG,
				    reset ? LMAP_RESET : 0, pages));
		EXPECT_EQ(A, pages[0]);
		EXPECT_EQ(A, pages[n - 1]);
		/* all between are 0 */
		EXPECT_EQ(0, pages[1]);
		EXPECT_EQ(0, memcmp(pages + 1, pages + 2, n - 3));
	}
	EXPECT_EQ(0, status(self->space, p, n * PG, 0, pages));
	munmap(view, n * PG);
	close(window);
	munmap(p, n * PG);
	free(pages);
}

/* A pager asks which of 1000 pages its two borrowers have used. */

struct use {
	unsigned char what[MANY];	/* 0, 1 = read, 3 = write */
};

static int use_pages(struct peer *self, long arg)
{
	const struct use *u = (const struct use *)arg;
	char *base = (char *)(uintptr_t)self->base;

	for (int i = 0; i < MANY; i++) {
		if (u->what[i] == A && peek(base + i * PG) < 0)
			return 1;
		if (u->what[i] == M && poke(base + i * PG, i))
			return 2;
	}
	return 0;
}

TEST_F_TIMEOUT(refs, a_pager_never_misses_one_of_1000_pages, 600)
{
	struct use *use = shared_memory(2 * sizeof(*use));
	unsigned char pages[MANY];
	unsigned int state = seed();
	char *p = memory(MANY);
	struct peer who[2];

	for (int k = 0; k < 2; k++) {
		who[k] = peer_start(MANY, PROT_READ | PROT_WRITE);
		ASSERT_EQ(0, map_range(self->space, p, MANY * PG, RW,
				       who[k].window, 0, LMAP_TRACK, NULL));
	}
	for (int round = 0; round < 16 / slow() + 4; round++) {
		unsigned int rare = 1 + next_random(&state) % 20;
		int wrong = 0, all = 0;

		for (int k = 0; k < 2; k++) {
			for (int i = 0; i < MANY; i++) {
				unsigned int d = next_random(&state) % (2 * rare);

				use[k].what[i] = d ? d == 1 ? M : 0 : A;
				all |= use[k].what[i];
			}
			ASSERT_EQ(0, peer_run(&who[k], use_pages,
					      (long)&use[k]));
		}
		ASSERT_EQ(all, status(self->space, p, MANY * PG, LMAP_RESET,
				      pages));
		for (int i = 0; i < MANY; i++)
			wrong += pages[i] !=
				 (use[0].what[i] | use[1].what[i]);
		ASSERT_EQ(0, wrong) TH_LOG("round %d", round);
		/* and each of the two his own */
		for (int k = 0; k < 2; k++) {
			ASSERT_LE(0, peer_status(&who[k], 0, MANY * PG,
						 LMAP_RESET, pages));
			ASSERT_EQ(0, memcmp(pages, use[k].what, MANY));
		}
	}
	for (int k = 0; k < 2; k++)
		peer_stop(&who[k]);
	munmap(p, MANY * PG);
}

/*
 * While resetting without end: each page is used once, none is lost. Then the
 * other way: what has changed between two queries was told as modified.
 */

struct once {
	int done;
	int stop;
};

static int use_each_once(struct peer *self, long arg)
{
	struct once *o = (struct once *)arg;
	char *base = (char *)(uintptr_t)self->base;

	for (int i = 0; i < MANY; i += 8) {
		if (i % 16 ? peek(base + i * PG) < 0 : poke(base + i * PG, 1))
			return 1;
	}
	__atomic_store_n(&o->done, 1, __ATOMIC_RELEASE);
	return 0;
}

static int writes_without_end(struct peer *self, long arg)
{
	struct once *o = (struct once *)arg;
	char *base = (char *)(uintptr_t)self->base;
	unsigned int n = 0;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE)) {
		n++;
		poke(base + n % N * PG, n / N);
	}
	return 0;
}

TEST_F_TIMEOUT(refs, nothing_is_lost_while_others_reset, 600)
{
	struct once *o = shared_memory(PG);
	unsigned char pages[MANY], seen[MANY];
	char *p = memory(MANY);
	struct peer who = peer_start(MANY, PROT_READ | PROT_WRITE);
	int wrong = 0, st;
	pid_t asker;

	ASSERT_EQ(0, map_range(self->space, p, MANY * PG, RW, who.window, 0,
			       LMAP_TRACK, NULL));
	for (int round = 0; round < 8 / slow() + 2; round++) {
		bool last = false;

		o->done = 0;
		memset(seen, 0, MANY);
		asker = fork();
		if (!asker)
			_exit(peer_run(&who, use_each_once, (long)o) != 0);
		while (!last) {
			last = __atomic_load_n(&o->done, __ATOMIC_ACQUIRE);
			ASSERT_LE(0, status(self->space, p, MANY * PG,
					    LMAP_RESET, pages));
			for (int i = 0; i < MANY; i++)
				seen[i] |= pages[i];
		}
		waitpid(asker, &st, 0);
		ASSERT_EQ(0, st);
		for (int i = 0; i < MANY; i++)
			wrong += seen[i] != (i % 8 ? 0 : i % 16 ? A : M);
		ASSERT_EQ(0, wrong) TH_LOG("round %d", round);
	}
	peer_stop(&who);
	munmap(p, MANY * PG);
}

TEST_F_TIMEOUT(refs, every_change_between_two_queries_is_told, 600)
{
	struct once *o = shared_memory(PG);
	struct peer who = peer_start(N, PROT_READ | PROT_WRITE);
	unsigned char pages[N];
	char before[N];
	int missed = 0, told = 0;
	pid_t asker;

	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RW, who.window,
			       0, LMAP_TRACK, NULL));
	asker = fork();
	if (!asker)
		_exit(peer_run(&who, writes_without_end, (long)o) != 0);
	for (int i = 0; i < 400 / slow() || !told; i++) {
		bool changed[N];

		/* cleared, then looked: a change comes after the reset */
		ASSERT_LE(0, status(self->space, self->mem, N * PG, LMAP_RESET,
				    NULL));
		for (int k = 0; k < N; k++)
			before[k] = ((volatile char *)self->mem)[k * PG];
		if (i % 3 == 0)
			sched_yield();
		for (int k = 0; k < N; k++)
			changed[k] = ((volatile char *)self->mem)[k * PG] !=
				     before[k];
		ASSERT_LE(0, status(self->space, self->mem, N * PG, 0, pages));
		for (int k = 0; k < N; k++) {
			told += changed[k];
			missed += changed[k] && !(pages[k] & LMAP_MODIFIED);
		}
		/* it has not stopped by itself */
		ASSERT_EQ(0, waitpid(asker, NULL, WNOHANG));
	}
	__atomic_store_n(&o->stop, 1, __ATOMIC_RELEASE);
	waitpid(asker, NULL, 0);
	EXPECT_EQ(0, missed);
	EXPECT_GT(told, 0);
	peer_stop(&who);
}

TEST_HARNESS_MAIN
