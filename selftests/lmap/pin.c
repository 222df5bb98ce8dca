// SPDX-License-Identifier: GPL-2.0
/*
 * Populating and pinning, for those who can't afford a fault: no fault after
 * the call, whatever the lender's memory goes through; accounted, and as
 * revocable as anything.
 */
#include "util.h"
#include "harness.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define N	64
#define NOBODY	65480

FIXTURE(pin) {
	int space;
	char *mem;
	struct peer b;
	long pinned;
};

FIXTURE_SETUP(pin)
{
	catch_faults();
	self->pinned = pins();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(N);
	self->b = peer_start(N, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
}

FIXTURE_TEARDOWN(pin)
{
	peer_stop(&self->b);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	pins_gone(self->pinned);
}

#define PIN(addr, pages, rights) \
	op(self->space, LMAP_MAP, addr, (pages) * PG, rights, \
	   self->b.window, 0, LMAP_POPULATE | LMAP_PIN)

/* Faults of reading, and then writing, all pages; the first time is warm-up. */
static int use_all(struct peer *self, long writes)
{
	char *base = (char *)(uintptr_t)self->base, warm[PG];
	long before = 0;

	for (int round = 0; round < 2; round++) {
		char *p = round ? base : warm;
		size_t step = round ? PG : 1;

		before = faults();
		for (int i = 0; i < N; i++)
			if (peek(p + i * step) < 0)
				return -1;
		for (int i = 0; i < N && writes; i++)
			if (poke(p + i * step, i + 1))
				return -2;
	}
	return faults() - before;
}

LMAP_TEST(pin, after_a_populating_map_there_is_no_fault)
{
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem, N * PG, RW,
			self->b.window, 0, LMAP_POPULATE));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	/* the measure shows faults where there are some */
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem, N * PG, RW,
			self->b.window, 0, 0));
	EXPECT_GT(peer_run(&self->b, use_all, 1), 0);
}

LMAP_TEST(pin, nor_after_a_pinning_one)
{
	ASSERT_EQ(0, PIN(self->mem, N, RW));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, self->mem[i * PG]);
	/* of memory that nobody has touched */
	char *p = mmap(NULL, N * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	EXPECT_EQ(N, p[(N - 1) * PG]);
	munmap(p, N * PG);
}

LMAP_TEST(pin, of_shared_memory_and_read_only)
{
	char *p = shared_memory(N * PG);

	fill(p, N);
	ASSERT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	ASSERT_EQ(0, PIN(self->mem, N, LMAP_R));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 1));
	munmap(p, N * PG);
}

/* What takes pages that are only cached must not take these. */
LMAP_TEST(pin, reclaim_does_not_take_it)
{
	struct { const char *what; int advice; const char *file, *text; } t[] = {
		{ "MADV_PAGEOUT", MADV_PAGEOUT },
		{ "MADV_COLD", 20 },
		{ "drop_caches", 0, "/proc/sys/vm/drop_caches", "3" },
		{ "compaction", 0, "/proc/sys/vm/compact_memory", "1" },
	};

	ASSERT_EQ(0, PIN(self->mem, N, RW));
	for (int round = 0; round < 5 * 4; round++) {
		uint64_t frame = pagemap(self->mem) & PAGE_FRAME;
		int i = round % 4;

		if (t[i].file)
			write_file(t[i].file, t[i].text);
		else
			madvise(self->mem, N * PG, t[i].advice);
		EXPECT_EQ(0, space_sync(self->space));
		EXPECT_EQ(N, info(self->space).out_tiles);
		EXPECT_EQ(0, peer_run(&self->b, use_all, 1))
			TH_LOG("%s", t[i].what);
		EXPECT_EQ(frame, pagemap(self->mem) & PAGE_FRAME);
	}
}

LMAP_TEST(pin, what_is_only_cached_can_be_taken)
{
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem, N * PG, RW,
			self->b.window, 0, LMAP_POPULATE));
	EXPECT_EQ(N, info(self->space).out_tiles);
	/* a scan may only look whether they are in use */
	for (int i = 0; i < 100 && info(self->space).out_tiles; i++) {
		write_file("/proc/sys/vm/drop_caches", "2");
		space_sync(self->space);
	}
	EXPECT_LT(info(self->space).out_tiles, N);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, peer_peek(&self->b, i * PG));
}

LMAP_TEST(pin, it_stays_revocable_in_every_way)
{
	char *p;

	ASSERT_EQ(0, PIN(self->mem, N, RW));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, LMAP_W, 0, NULL));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 1));
	EXPECT_EQ(1, peer_peek(&self->b, 0));
	ASSERT_EQ(0, unmap_range(self->space, self->mem + PG, PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
	EXPECT_EQ(3, peer_peek(&self->b, 2 * PG));
	ASSERT_EQ(0, munmap(self->mem + 2 * PG, PG));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 2 * PG));
	ASSERT_EQ(0, mprotect(self->mem + 3 * PG, PG, PROT_READ));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 3 * PG, 1));
	p = mmap(self->mem + 4 * PG, PG, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	*p = 99;
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 4 * PG));
	/* discarded: the borrower follows */
	ASSERT_EQ(0, madvise(self->mem + 5 * PG, PG, MADV_DONTNEED));
	ASSERT_EQ(0, space_sync(self->space));
	self->mem[5 * PG] = 55;
	EXPECT_EQ(55, peer_peek(&self->b, 5 * PG));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 6 * PG));
	EXPECT_EQ(0, info(self->space).out_mappings);
	tiles_gone(self->space);
}

LMAP_TEST(pin, it_survives_the_lenders_fork)
{
	int st;
	pid_t pid;

	ASSERT_EQ(0, PIN(self->mem, N, RW));
	pid = fork();
	if (!pid) {
		memset(self->mem, 99, N * PG);
		_exit(0);
	}
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(i + 1, peer_peek(&self->b, i * PG));
		EXPECT_EQ(0, peer_poke(&self->b, i * PG, 100));
		EXPECT_EQ(100, self->mem[i * PG]);
	}
}

/* Locked memory. */

#define TRY(pages, to) \
	op(s, LMAP_MAP, p, (pages) * PG, RW, w, (to) * PG, \
	   LMAP_PIN | LMAP_POPULATE)

static int limited(void *arg)
{
	int s, w, w2;
	char *p = memory(N), *v;

	catch_faults();
	memlock_limit(4 * PG);
	s = space_open();
	w = window_create(s, N * PG, ALL);
	w2 = window_create(s, N * PG, ALL);
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	NEED(v != MAP_FAILED);
	/* too much, with or without pages at once: nothing has changed */
	NEED(TRY(5, 0) == -EDQUOT);
	NEED(op(s, LMAP_MAP, p, 5 * PG, RW, w, 0, LMAP_PIN) == -EDQUOT);
	NEED(peek(v) == NOTHING && info(s).out_mappings == 0);
	NEED(TRY(4, 0) == 0);
	NEED(peek(v + 3 * PG) == 4);
	NEED(TRY(1, 10) == -EDQUOT);
	/* without pinning, no limit */
	NEED(op(s, LMAP_MAP, p, N * PG, RW, w2, 0, LMAP_POPULATE) == 0);
	/* the account is that of granted memory */
	NEED(op(s, LMAP_GRANT, p + 8 * PG, PG, RW, w2, 0, 0) == -EDQUOT);
	for (int i = 0; i < 200; i++) {
		NEED(!unmap_range(s, v, 4 * PG, ALL, LMAP_SELF, NULL));
		NEED(TRY(4, 0) == 0);
		NEED(TRY(1, 10) == -EDQUOT);
	}
	/* as long as the mapping exists */
	munmap(p, 4 * PG);
	NEED(peek(v) == NOTHING);
	p += 4 * PG;
	NEED(TRY(4, 0) == 0);
	close(w);
	munmap(v, N * PG);
	w = window_create(s, N * PG, ALL);
	NEED(TRY(4, 0) == 0);
	return 0;
}

LMAP_TEST(pin, counts_as_locked_memory_as_long_as_it_is_mapped)
{
	EXPECT_EQ(0, as_user(NOBODY, limited, NULL));
}

static int pins_all(void *arg)
{
	int s, w, ret;
	char *p = memory(N);

	memlock_limit(N * PG);
	s = space_open();
	w = window_create(s, N * PG, ALL);
	/* a worker gives back what the last one had */
	do {
		ret = TRY(N, 0);
		sched_yield();
	} while (ret == -EDQUOT);
	return -ret;
}

LMAP_TEST(pin, exit_gives_the_locked_memory_back)
{
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(0, as_user(NOBODY + 1, pins_all, NULL));
}

LMAP_TEST(pin, with_CAP_IPC_LOCK_there_is_no_limit)
{
	memlock_limit(0);
	EXPECT_EQ(0, PIN(self->mem, N, RW));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
}

TEST_HARNESS_MAIN
