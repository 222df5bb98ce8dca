// SPDX-License-Identifier: GPL-2.0
/*
 * Populating and pinning, for those who can't afford a fault: no fault after
 * the call, whatever the lender's memory goes through; accounted, and as
 * revocable as anything.
 */
#include "util.h"
#include "harness.h"

#include <linux/userfaultfd.h>
#include <pthread.h>

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

/*
 * Memory that can be unplugged, or wanted back by a device (ZONE_MOVABLE, CMA),
 * must stay free of pages that stay: they are moved first. The guest is booted
 * with movablecore=, so that there is some.
 */

/* How many of the pages are there. */
static int movable(const char *p)
{
	int n = 0;

	for (int i = 0; i < N; i++)
		n += in_movable(p + i * PG);
	return n;
}

/* Memory that is there, page i holding i + 1; NULL if there is none. */
static char *movable_memory(bool shared)
{
	for (int i = 0; i < 50; i++) {
		char *p = shared ? shared_memory(N * PG) : memory(N);

		fill(p, N);
		if (movable(p) == N)
			return p;
		/* not given back: it would come again */
	}
	return NULL;
}

#define NO_MOVABLE "no ZONE_MOVABLE (movablecore=)"

static int all_arrived(struct peer *self, long first)
{
	for (int i = 0; i < N; i++)
		if (peek((char *)(uintptr_t)self->base + i * PG) != first + i)
			return -1;
	return 0;
}

LMAP_TEST(pin, leaves_memory_that_must_be_able_to_move)
{
	char *p = movable_memory(false);

	if (!p)
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, all_arrived, 1));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	munmap(p, N * PG);
}

LMAP_TEST(pin, so_does_what_was_lent_before)
{
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	char *p = movable_memory(false);

	if (!p)
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, op(self->space, LMAP_MAP, p, N * PG, RW, c.window, 0,
			LMAP_POPULATE));
	EXPECT_EQ(0, peer_run(&c, use_all, 1));
	EXPECT_EQ(N, movable(p));
	ASSERT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	EXPECT_EQ(0, peer_run(&c, all_arrived, 1));
	/* the very same mapping is asked to, later */
	munmap(p, N * PG);
	p = movable_memory(false);
	ASSERT_EQ(0, op(self->space, LMAP_MAP, p, N * PG, RW, self->b.window,
			0, LMAP_POPULATE));
	EXPECT_EQ(N, movable(p));
	ASSERT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	munmap(p, N * PG);
	peer_stop(&c);
}

LMAP_TEST(pin, so_does_what_a_borrower_pins_for_the_next)
{
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	char *p = movable_memory(false);

	if (!p)
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, op(self->space, LMAP_MAP, p, N * PG, RWM, self->b.window,
			0, LMAP_POPULATE));
	ASSERT_EQ(0, peer_op(&self->b, LMAP_MAP, 0, N * PG, RW, c.window, 0,
			     LMAP_PIN | LMAP_POPULATE));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&c, use_all, 1));
	munmap(p, N * PG);
	peer_stop(&c);
}

LMAP_TEST(pin, so_do_shared_memory_and_what_is_only_read)
{
	char *p = movable_memory(true);

	if (!p)
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, all_arrived, 1));
	p = movable_memory(false);
	mprotect(p, N * PG, PROT_READ);
	ASSERT_EQ(0, PIN(p, N, LMAP_R));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, all_arrived, 1));
	munmap(p, N * PG);
}

/* A file's page is where it is for all who map it, and so for all who lend it. */
static int lend_shared(char *p)
{
	int space = space_open(), window = window_create(space, N * PG, ALL);

	NEED(!op(space, LMAP_MAP, p, N * PG, RW, window, 0, LMAP_POPULATE));
	return 0;
}

LMAP_TEST(pin, so_does_shared_memory_that_others_lend)
{
	char *p = movable_memory(true), c;
	int st, end[2];
	pid_t pid;

	if (!p)
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, end));
	pid = fork();
	if (!pid) {
		close(end[0]);
		c = lend_shared(p);
		NEED(write(end[1], &c, 1) == 1);
		_exit(read(end[1], &c, 1));
	}
	close(end[1]);
	ASSERT_EQ(1, read(end[0], &c, 1));
	EXPECT_EQ(0, PIN(p, N, RW));
	EXPECT_EQ(0, movable(p));
	close(end[0]);
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	munmap(p, N * PG);
}

/* A page of a private mapping of a file becomes the lender's own to stay. */
LMAP_TEST(pin, so_does_a_file_that_is_mapped_private)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char *p, *page = movable_memory(true);

	if (!page)
		SKIP(return, NO_MOVABLE);
	for (int i = 0; i < N; i++)
		ASSERT_EQ(PG, write(fd, page + i * PG, PG));
	p = mmap(NULL, N * PG, PROT_READ, MAP_PRIVATE, fd, 0);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, p[i * PG]);
	EXPECT_LT(0, movable(p));
	ASSERT_EQ(0, op(self->space, LMAP_MAP, p, N * PG, LMAP_R,
			self->b.window, 0, LMAP_POPULATE));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 0));
	ASSERT_EQ(0, PIN(p, N, LMAP_R));
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, all_arrived, 1));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 0));
	munmap(p, N * PG);
	close(fd);
}

static void *answer(void *arg)
{
	int fd = *(int *)arg;
	struct uffdio_copy copy = { .len = PG };
	char *from = memory(1);

	copy.src = (uintptr_t)from;
	for (int i = 0; i < N; i++) {
		copy.dst = wait_for_fault(fd);
		memset(from, 1 + i, PG);
		if (ioctl(fd, UFFDIO_COPY, &copy))
			break;
	}
	return NULL;
}

LMAP_TEST(pin, so_does_memory_that_arrives_by_userfaultfd)
{
	pthread_t thread;
	char *p;
	int fd = stalling_memory(&p, N);

	if (fd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer, &fd));
	ASSERT_EQ(0, PIN(p, N, RW));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, all_arrived, 1));
	EXPECT_EQ(0, peer_run(&self->b, use_all, 1));
	close(fd);
	munmap(p, N * PG);
}

/* What the lender has there later is pinned by a fault. */
LMAP_TEST(pin, so_does_what_the_lender_puts_there_later)
{
	char *p = movable_memory(false);

	if (!p)
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, PIN(p, N, RW));
	for (int i = 0; i < 100 && movable(p) < N; i++) {
		ASSERT_EQ(0, madvise(p, N * PG, MADV_DONTNEED));
		ASSERT_EQ(0, space_sync(self->space));
		fill(p, N);
	}
	ASSERT_EQ(N, movable(p));
	EXPECT_EQ(0, peer_run(&self->b, all_arrived, 1));
	EXPECT_EQ(0, movable(p));
	munmap(p, N * PG);
}

/* Somebody drops tiles, and has looked at them before they were pinned. */
static int forking;

static void *forks(void *arg)
{
	pid_t pid;

	__atomic_store_n(&forking, 1, __ATOMIC_RELEASE);
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, arg, 0);
	return NULL;
}

LMAP_TEST(pin, what_is_pinned_while_the_lender_forks_stays)
{
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	int rounds = 100 / slow() + 20, st = 0;
	unsigned int dice = 1;
	pthread_t thread;

	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->mem, N * PG, RWM,
			self->b.window, 0, LMAP_POPULATE));
	for (int i = 0; i < rounds; i++) {
		/* pinned for long, and not any more */
		ASSERT_EQ(0, peer_op(&self->b, LMAP_MAP, 0, N * PG, RW,
				     c.window, 0, LMAP_PIN));
		ASSERT_EQ(0, peer_unmap(&self->b, 0, N * PG, ALL, 0));
		race_delays(6);
		forking = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, forks, &st));
		while (!__atomic_load_n(&forking, __ATOMIC_ACQUIRE))
			sched_yield();
		/* at another moment of the fork each time */
		usleep(next_random(&dice) % 1000);
		ASSERT_EQ(0, peer_op(&self->b, LMAP_MAP, 0, N * PG, RW,
				     c.window, 0, LMAP_PIN));
		pthread_join(thread, NULL);
		race_delays(0);
		ASSERT_EQ(0, st);
		ASSERT_EQ(N, info(self->space).out_tiles);
		ASSERT_EQ(0, peer_unmap(&self->b, 0, N * PG, ALL, 0));
	}
	peer_stop(&c);
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
