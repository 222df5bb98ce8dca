// SPDX-License-Identifier: GPL-2.0
/*
 * Writes of borrowers reach the lender's own dirty accounting: soft-dirty bits
 * of its page tables, and the dirty state of the pages, so that what was
 * written survives being swapped out or written to a file.
 */
#include "util.h"
#include "harness.h"

#include <sys/sendfile.h>

#define N		64
#define SOFT_DIRTY	(1ULL << 55)

FIXTURE(dirty) {
	int space;
	struct peer b;
};

FIXTURE_SETUP(dirty)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->b = peer_start(N, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
}

FIXTURE_TEARDOWN(dirty)
{
	peer_stop(&self->b);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
}

static bool clear_soft_dirty(void)
{
	return write_file("/proc/self/clear_refs", "4");
}

static bool soft_dirty(const volatile void *p)
{
	return pagemap(p) & SOFT_DIRTY;
}

/* Does this kernel keep these bits? */
static bool has_soft_dirty(void)
{
	volatile char *p = memory(1);
	bool has = clear_soft_dirty() && !soft_dirty(p);

	*p = 2;
	has = has && soft_dirty(p);
	munmap((void *)p, PG);
	return has;
}

#define NO_SOFT_DIRTY	"no soft-dirty bits in this kernel (CONFIG_MEM_SOFT_DIRTY)"

/* Some pages written by the borrower: these are soft-dirty, and no others. */
static void bits_follow(struct __test_metadata *_metadata, int space,
			struct peer *b, char *p)
{
	unsigned int state = seed();

	for (int round = 0; round < 10; round++) {
		bool writes[N];

		ASSERT_EQ(true, clear_soft_dirty());
		for (int i = 0; i < N; i++) {
			ASSERT_EQ(false, soft_dirty(p + i * PG))
				TH_LOG("round %d page %d", round, i);
		}
		for (int i = 0; i < N; i++) {
			writes[i] = next_random(&state) % 3 == 0;
			if (writes[i])
				ASSERT_EQ(0, peer_poke(b, i * PG, round + 1));
		}
		for (int i = 0; i < N; i++) {
			ASSERT_EQ(writes[i], soft_dirty(p + i * PG))
				TH_LOG("round %d page %d", round, i);
			if (writes[i])
				ASSERT_EQ(round + 1, p[i * PG]);
		}
		/* the kernel's copy into the window is a write as well */
		ASSERT_EQ(true, clear_soft_dirty());
		ASSERT_EQ(1, pwrite(b->window, "x", 1, round * PG));
		ASSERT_EQ(true, soft_dirty(p + round * PG));
		ASSERT_EQ('x', p[round * PG]);
	}
}

LMAP_TEST(dirty, soft_dirty_bits_of_private_memory)
{
	char *p = memory(N);

	if (!has_soft_dirty())
		SKIP(return, NO_SOFT_DIRTY);
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->b.window, 0,
			       0, NULL));
	bits_follow(_metadata, self->space, &self->b, p);
	munmap(p, N * PG);
}

LMAP_TEST(dirty, soft_dirty_bits_of_shared_memory)
{
	char *p = shared_memory(N * PG);

	if (!has_soft_dirty())
		SKIP(return, NO_SOFT_DIRTY);
	fill(p, N);
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->b.window, 0,
			       LMAP_POPULATE, NULL));
	bits_follow(_metadata, self->space, &self->b, p);
	munmap(p, N * PG);
}

LMAP_TEST(dirty, soft_dirty_bits_of_what_was_lent_on)
{
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	char *p = memory(N);

	if (!has_soft_dirty())
		SKIP(return, NO_SOFT_DIRTY);
	ASSERT_EQ(0, map_range(self->space, p, N * PG, ALL, self->b.window, 0,
			       0, NULL));
	ASSERT_EQ(0, peer_map(&self->b, 0, N * PG, RW, c.window, 0));
	bits_follow(_metadata, self->space, &c, p);
	peer_stop(&c);
	munmap(p, N * PG);
}

/* Reset and asked while the borrower writes: no change is left out. */

struct writer {
	int stop;
};

static int writes_without_end(struct peer *self, long arg)
{
	struct writer *w = (struct writer *)arg;
	char *base = (char *)(uintptr_t)self->base;
	unsigned int n = 0;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		n++;
		poke(base + n % 8 * PG, n / 8);
	}
	return 0;
}

static void no_change_is_missed(struct __test_metadata *_metadata, int space,
				volatile char *p)
{
	struct writer *w = shared_memory(PG);
	struct peer who = peer_start(8, PROT_READ | PROT_WRITE);
	int missed = 0, told = 0;
	pid_t asker;

	ASSERT_EQ(0, map_range(space, (char *)p, 8 * PG, RW, who.window, 0, 0,
			       NULL));
	asker = fork();
	if (!asker)
		_exit(peer_run(&who, writes_without_end, (long)w) != 0);
	for (int i = 0; i < 400 / slow() || !told; i++) {
		char before[8];
		bool changed[8];

		ASSERT_EQ(true, clear_soft_dirty());
		for (int k = 0; k < 8; k++)
			before[k] = p[k * PG];
		if (i % 3 == 0)
			sched_yield();
		for (int k = 0; k < 8; k++)
			changed[k] = p[k * PG] != before[k];
		for (int k = 0; k < 8; k++) {
			told += changed[k];
			missed += changed[k] && !soft_dirty(p + k * PG);
		}
		/* it has not stopped by itself */
		ASSERT_EQ(0, waitpid(asker, NULL, WNOHANG));
	}
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELEASE);
	waitpid(asker, NULL, 0);
	EXPECT_EQ(0, missed);
	peer_stop(&who);
}

TEST_F_TIMEOUT(dirty, soft_dirty_bits_miss_no_change_of_private_memory, 600)
{
	char *p = memory(8);

	if (!has_soft_dirty())
		SKIP(return, NO_SOFT_DIRTY);
	no_change_is_missed(_metadata, self->space, p);
	munmap(p, 8 * PG);
}

TEST_F_TIMEOUT(dirty, soft_dirty_bits_miss_no_change_of_shared_memory, 600)
{
	char *p = shared_memory(8 * PG);

	if (!has_soft_dirty())
		SKIP(return, NO_SOFT_DIRTY);
	no_change_is_missed(_metadata, self->space, p);
	munmap(p, 8 * PG);
}

static bool swap_on(void)
{
	return (!access("/dev/zram0", F_OK) &&
		write_file("/sys/block/zram0/disksize", "268435456") &&
		!system("mkswap /dev/zram0 >/dev/null 2>&1 && swapon /dev/zram0")) ||
	       (!access("/dev/ram1", F_OK) &&
		!system("mkswap /dev/ram1 >/dev/null 2>&1 && swapon /dev/ram1"));
}

static void swap_off(void)
{
	system("swapoff /dev/zram0 /dev/ram1 2>/dev/null; echo 1 >/sys/block/zram0/reset");
}

/* Pages of the mapping that are not in memory. */
static int pages_out(char *p)
{
	unsigned char in[N];
	int n = 0;

	if (mincore(p, N * PG, in))
		return 0;
	for (int i = 0; i < N; i++)
		n += !(in[i] & 1);
	return n;
}

static int file_holds(int fd, int first)
{
	for (int i = 0; i < N; i++) {
		unsigned char c = 0;

		if (pread(fd, &c, 1, i * PG) != 1 || c != first + i) {
			fprintf(stderr, "# page %d: %d, not %d\n", i, c,
				first + i);
			return 0;
		}
	}
	return 1;
}

/*
 * The borrower alone writes; then the pages go to swap. In each round they
 * come back clean, and only the borrower's write makes them dirty again.
 */
LMAP_TEST(dirty, a_memfd_that_is_swapped_out_keeps_what_was_written)
{
	int fd = memfd_create("lent", MFD_CLOEXEC), out = 0;
	volatile char *p;

	if (!swap_on())
		SKIP(return, "no zram or RAM disk to swap to");
	ASSERT_EQ(0, ftruncate(fd, N * PG));
	p = mmap(NULL, N * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, map_range(self->space, (char *)p, N * PG, RW,
			       self->b.window, 0, 0, NULL));
	for (int round = 1; round < 6; round++) {
		for (int i = 0; i < N; i++)
			ASSERT_EQ(0, peer_poke(&self->b, i * PG, round + i));
		/* pinned pages stay; once unpinned and mapped they go */
		ASSERT_EQ(0, madvise((char *)p, N * PG, MADV_PAGEOUT));
		ASSERT_EQ(0, space_sync(self->space));
		for (int i = 0; i < N; i++)
			ASSERT_EQ(round + i, p[i * PG]);
		ASSERT_EQ(0, madvise((char *)p, N * PG, MADV_PAGEOUT));
		out += pages_out((char *)p);
		if (round & 1)
			ASSERT_EQ(1, file_holds(fd, round));
		for (int i = 0; i < N; i++)
			ASSERT_EQ(round + i, peer_peek(&self->b, i * PG));
	}
	/* it was really out */
	EXPECT_GT(out, N);
	munmap((char *)p, N * PG);
	close(fd);
	swap_off();
}

LMAP_TEST(dirty, a_memfd_that_is_written_to_a_file_has_what_was_written)
{
	int fd = memfd_create("lent", MFD_CLOEXEC);
	int file = open("/tmp/copy", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char *p;

	ASSERT_GE(file, 0);
	ASSERT_EQ(0, ftruncate(fd, N * PG));
	p = mmap(NULL, N * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->b.window, 0,
			       0, NULL));
	for (int round = 1; round < 6; round++) {
		off_t at = 0;

		for (int i = 0; i < N; i++)
			ASSERT_EQ(0, peer_poke(&self->b, i * PG, round + i));
		ASSERT_EQ(0, msync(p, N * PG, MS_SYNC));
		ASSERT_EQ(0, fsync(fd));
		ASSERT_EQ(0, lseek(file, 0, SEEK_SET));
		ASSERT_EQ(N * PG, sendfile(file, fd, &at, N * PG));
		ASSERT_EQ(0, fsync(file));
		ASSERT_EQ(1, file_holds(fd, round));
		ASSERT_EQ(1, file_holds(file, round));
	}
	munmap(p, N * PG);
	close(fd);
	close(file);
	unlink("/tmp/copy");
}

/* The same for memory of the lender alone that it has declared unimportant. */
LMAP_TEST(dirty, MADV_FREE_does_not_free_what_is_written_afterwards)
{
	char *p = memory(N);

	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->b.window, 0,
			       0, NULL));
	for (int round = 1; round < 6; round++) {
		ASSERT_EQ(0, madvise(p, N * PG, MADV_FREE));
		ASSERT_EQ(0, space_sync(self->space));
		for (int i = 0; i < N; i++)
			ASSERT_EQ(0, peer_poke(&self->b, i * PG, round + i));
		/* without the pins, so that they could be freed */
		ASSERT_EQ(0, mprotect(p, N * PG, PROT_READ));
		ASSERT_EQ(0, mprotect(p, N * PG, PROT_READ | PROT_WRITE));
		madvise(p, N * PG, MADV_PAGEOUT);
		for (int i = 0; i < N; i++)
			ASSERT_EQ(round + i, peer_peek(&self->b, i * PG));
	}
	munmap(p, N * PG);
}

TEST_HARNESS_MAIN
