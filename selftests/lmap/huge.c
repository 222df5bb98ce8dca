// SPDX-License-Identifier: GPL-2.0
/*
 * Page table entries for whole huge pages: where the kernel has them (6.12 and
 * newer, not PREEMPT_RT) an aligned view of a huge page takes one fault and one
 * entry. Nothing else may be different from single pages, and all tests but the
 * first demand the same of kernels that don't have them.
 */
#include "util.h"
#include "harness.h"

#include <pthread.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#define THP_DIR	"/sys/kernel/mm/transparent_hugepage/"
/* Huge pages of the tests that need no more. */
#define FEW	4

FIXTURE(huge) {
	int space;
	size_t size;		/* of a huge page */
	char *mem;
	struct peer b;
};

/* What the test and threads of the borrower have in common. */
static struct shared {
	size_t size;
	int started, done;
	int wrong;		/* a value that must not be seen */
} *shared;

static char *huge_memory(size_t size, size_t count)
{
	char *p = mmap(NULL, (count + 1) * size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start;

	if (p == MAP_FAILED)
		return NULL;
	start = (char *)(((uintptr_t)p + size - 1) & ~(size - 1));
	if (madvise(start, count * size, MADV_HUGEPAGE))
		return NULL;
	for (size_t i = 0; i < count * size; i += PG)
		start[i] = 1 + i / PG % 200;
	return start;
}

FIXTURE_SETUP(huge)
{
	catch_faults();
	/* the harness runs the test all the same if a setup only returns */
	if (access(THP_DIR, F_OK))
		SKIP(_exit(255), "no transparent huge pages in this kernel");
	self->size = huge_page();
	ASSERT_EQ(self->size, read_value(THP_DIR "hpage_pmd_size"));
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	shared = shared_memory(sizeof(*shared));
	shared->size = self->size;
	/* First: what a child shares would be copied page by page. */
	self->b = peer_start(FEW * self->size / PG, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
	self->mem = huge_memory(self->size, FEW);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, self->b.base % self->size);
}

FIXTURE_TEARDOWN(huge)
{
	peer_stop(&self->b);
	close(self->space);
}

#define LEND(rights, flags) \
	ASSERT_EQ(0, map_range(self->space, self->mem, FEW * self->size, \
			       rights, self->b.window, 0, flags, NULL))
#define VALUE(page)	((int)(1 + (page) % 200))
#define PAGES		(self->size / PG)	/* of one huge page */

/* Kilobytes of a line of /proc/PID/status or /proc/PID/smaps_rollup. */
static long kilobytes(const char *path, const char *name)
{
	char line[256];
	long value = -1;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* The page table checker, of debug kernels, does not know them. */
static bool kernel_has_entries(void)
{
	unsigned int major, minor;
	struct utsname u;
	char line[4096] = "";
	FILE *f = fopen("/proc/cmdline", "r");

	uname(&u);
	if (!f || !fgets(line, sizeof(line), f) ||
	    sscanf(u.release, "%u.%u", &major, &minor) != 2)
		abort();
	fclose(f);
	return (major > 6 || (major == 6 && minor >= 12)) &&
	       (!strstr(line, "page_table_check=on") ||
		strstr(line, "page_table_check=off"));
}

/* In the borrower: touches all; how many faults that took. */
struct touched {
	size_t bytes;
	long faults;
	long tables;		/* kilobytes of page tables that came */
};

static struct touched *touched;		/* shared */

static int touch_all(struct peer *self, long write)
{
	long tables = kilobytes("/proc/self/status", "VmPTE:");
	long before = faults();

	for (size_t i = 0; i < touched->bytes; i += PG) {
		volatile unsigned char *p = (void *)(self->base + i);

		if (*p != VALUE(i / PG))
			return 1;
		if (write)
			*p = VALUE(i / PG);
	}
	touched->faults = faults() - before;
	touched->tables = kilobytes("/proc/self/status", "VmPTE:") - tables;
	return 0;
}

/* 1 GiB where there is room for it. */
LMAP_TEST(huge, a_huge_page_takes_one_fault_and_one_entry)
{
	size_t count = (1UL << 30) / self->size;
	char *mem;
	struct peer b;

	while (count * self->size / 1024 >
	       kilobytes("/proc/meminfo", "MemAvailable:") * 3 / 4)
		count /= 2;
	ASSERT_LT(0, count);
	touched = shared_memory(sizeof(*touched));
	touched->bytes = count * self->size;
	b = peer_start(count * PAGES, PROT_READ | PROT_WRITE);
	ASSERT_GE(b.window, 0);
	mem = huge_memory(self->size, count);
	ASSERT_NE(NULL, mem);
	ASSERT_LE(count * self->size / 1024,
		  kilobytes("/proc/self/smaps_rollup", "AnonHugePages:"));
	ASSERT_EQ(0, map_range(self->space, mem, count * self->size, RW,
			       b.window, 0, 0, NULL));
	ASSERT_EQ(0, peer_run(&b, touch_all, 0));
	printf("# %zu huge pages: %ld faults, %ld KiB of page tables\n", count,
	       touched->faults, touched->tables);
	if (kernel_has_entries()) {
		EXPECT_LE(touched->faults, count * 600 / 512 + 8);
		EXPECT_LE(touched->tables, 16 * PG / 1024);
	} else {
		EXPECT_GE(touched->tables, count * PG / 1024);
	}
	/* one zap */
	ASSERT_EQ(0, unmap_range(self->space, mem, count * self->size, LMAP_R,
				 0, NULL));
	for (size_t i = 0; i < count; i++)
		ASSERT_EQ(NOTHING, peer_peek(&b, i * self->size + PG));
	peer_stop(&b);
}

LMAP_TEST(huge, reading_first_and_writing_then)
{
	LEND(RW, 0);
	EXPECT_EQ(VALUE(3), peer_peek(&self->b, 3 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 3 * PG, 77));
	EXPECT_EQ(77, self->mem[3 * PG]);
	self->mem[5 * PG] = 78;
	EXPECT_EQ(78, peer_peek(&self->b, 5 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, self->size + PG, 79));
	EXPECT_EQ(79, self->mem[self->size + PG]);
}

LMAP_TEST(huge, read_only_is_read_only)
{
	LEND(LMAP_R, 0);
	EXPECT_EQ(VALUE(0), peer_peek(&self->b, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 1));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, self->size, 1));
	EXPECT_EQ(VALUE(PAGES), peer_peek(&self->b, self->size));
}

LMAP_TEST(huge, one_page_is_taken_out_of_the_middle)
{
	LEND(RW, 0);
	for (size_t i = 0; i < FEW; i++)
		EXPECT_EQ(0, peer_poke(&self->b, i * self->size, VALUE(0)));
	ASSERT_EQ(0, unmap_range(self->space, self->mem + self->size + 7 * PG,
				 PG, LMAP_R, 0, NULL));
	for (size_t i = 0; i < 2 * PAGES; i++)
		ASSERT_EQ(i == PAGES + 7 ? NOTHING : i % PAGES ? VALUE(i) :
			  VALUE(0), peer_peek(&self->b, i * PG));
	EXPECT_EQ(0, peer_poke(&self->b, self->size + 6 * PG, 9));
	EXPECT_EQ(9, self->mem[self->size + 6 * PG]);
}

LMAP_TEST(huge, one_page_loses_a_right)
{
	LEND(RW, 0);
	EXPECT_EQ(0, peer_poke(&self->b, PG, 2));
	ASSERT_EQ(0, unmap_range(self->space, self->mem + 3 * PG, PG, LMAP_W,
				 0, NULL));
	EXPECT_EQ(VALUE(3), peer_peek(&self->b, 3 * PG));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 3 * PG, 1));
	EXPECT_EQ(0, peer_poke(&self->b, 2 * PG, 5));
	EXPECT_EQ(0, peer_poke(&self->b, 4 * PG, 6));
	EXPECT_EQ(5, self->mem[2 * PG]);
	EXPECT_EQ(6, self->mem[4 * PG]);
}

static int protect_middle(struct peer *self, long prot)
{
	return mprotect((char *)self->base + huge_page() / 2, 4 * PG, prot);
}

LMAP_TEST(huge, the_borrower_protects_a_part_of_its_view)
{
	size_t middle = self->size / 2;

	LEND(RW, 0);
	EXPECT_EQ(0, peer_poke(&self->b, middle, 3));
	ASSERT_EQ(0, peer_run(&self->b, protect_middle, PROT_READ));
	EXPECT_EQ(3, peer_peek(&self->b, middle));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, middle, 4));
	EXPECT_EQ(0, peer_poke(&self->b, middle - PG, 5));
	EXPECT_EQ(0, peer_poke(&self->b, middle + 4 * PG, 6));
	ASSERT_EQ(0, peer_run(&self->b, protect_middle,
			      PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, peer_poke(&self->b, middle, 7));
	EXPECT_EQ(7, self->mem[middle]);
}

static int protect_all(struct peer *self, long prot)
{
	return mprotect((char *)self->base, huge_page(), prot);
}

/* Protecting rewrites the entry: with what the view allows, not the mapping. */
LMAP_TEST(huge, protecting_gives_no_right_back)
{
	LEND(RW, 0);
	EXPECT_EQ(0, peer_poke(&self->b, 0, 3));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, self->size, LMAP_W, 0,
				 NULL));
	EXPECT_EQ(3, peer_peek(&self->b, 0));
	ASSERT_EQ(0, peer_run(&self->b, protect_all, PROT_READ));
	ASSERT_EQ(0, peer_run(&self->b, protect_all, PROT_READ | PROT_WRITE));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 4));
	EXPECT_EQ(3, self->mem[0]);
	ASSERT_EQ(0, peer_run(&self->b, protect_all, PROT_NONE));
	EXPECT_EQ(NO_RIGHT, peer_peek(&self->b, 0));
	ASSERT_EQ(0, peer_run(&self->b, protect_all, PROT_READ | PROT_WRITE));
	EXPECT_EQ(3, peer_peek(&self->b, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 4));
}

static int pins_nothing(struct peer *self, long arg)
{
	volatile unsigned char *view = (void *)self->base;
	static char buffer[8];
	struct iovec local = { buffer, sizeof(buffer) };
	struct iovec remote = { (void *)view, sizeof(buffer) };
	int ends[2], ret = *view != VALUE(0);

	*view = VALUE(0);
	if (pipe(ends))
		return 100;
	ret |= (vmsplice(ends[1], &remote, 1, 0) != -1) << 1;
	ret |= (vmsplice(ends[1], &remote, 1, SPLICE_F_GIFT) != -1) << 2;
	ret |= (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != -1)
	       << 3;
	/* the kernel's own copies are no pins */
	ret |= (write(ends[1], (void *)view, 1) != 1) << 4;
	close(ends[0]);
	close(ends[1]);
	return ret;
}

LMAP_TEST(huge, nobody_can_pin_it)
{
	LEND(RW, 0);
	EXPECT_EQ(0, peer_run(&self->b, pins_nothing, 0));
}

LMAP_TEST(huge, the_lender_forks_discards_and_unmaps)
{
	pid_t pid;

	LEND(RW, 0);
	for (size_t i = 0; i < FEW; i++)
		EXPECT_EQ(0, peer_poke(&self->b, i * self->size, 50 + i));
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	/* copied for the lender: what it and the borrower see is the same */
	self->mem[0] = 60;
	EXPECT_EQ(60, peer_peek(&self->b, 0));
	EXPECT_EQ(0, peer_poke(&self->b, PG, 61));
	EXPECT_EQ(61, self->mem[PG]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	ASSERT_EQ(0, madvise(self->mem + self->size, self->size,
			     MADV_DONTNEED));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(0, peer_peek(&self->b, self->size));
	ASSERT_EQ(0, munmap(self->mem + 2 * self->size + PG, PG));
	EXPECT_EQ(52, peer_peek(&self->b, 2 * self->size));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 2 * self->size + PG));
	ASSERT_EQ(0, mprotect(self->mem + 3 * self->size, PG, PROT_READ));
	EXPECT_EQ(53, peer_peek(&self->b, 3 * self->size));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 3 * self->size, 1));
	EXPECT_EQ(0, peer_poke(&self->b, 3 * self->size + PG, 1));
}

LMAP_TEST(huge, tracked_pages_are_told_apart)
{
	unsigned char bits[8];

	LEND(RW, LMAP_TRACK);
	EXPECT_EQ(VALUE(1), peer_peek(&self->b, PG));
	EXPECT_EQ(0, peer_poke(&self->b, 3 * PG, 1));
	ASSERT_EQ(LMAP_ACCESSED | LMAP_MODIFIED,
		  status(self->space, self->mem, 8 * PG, LMAP_RESET, bits));
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(i == 1 ? LMAP_ACCESSED : i == 3 ?
			  LMAP_ACCESSED | LMAP_MODIFIED : 0, bits[i]);
}

LMAP_TEST(huge, bits_of_the_whole_are_told_and_reset)
{
	LEND(RW, 0);
	EXPECT_EQ(VALUE(1), peer_peek(&self->b, PG));
	EXPECT_EQ(LMAP_ACCESSED, status(self->space, self->mem, FEW * self->size,
					LMAP_RESET, NULL));
	EXPECT_EQ(0, status(self->space, self->mem, FEW * self->size, 0, NULL));
	EXPECT_EQ(0, peer_poke(&self->b, PG, 7));
	EXPECT_EQ(LMAP_ACCESSED | LMAP_MODIFIED,
		  status(self->space, self->mem, FEW * self->size, 0, NULL));
}

LMAP_TEST(huge, what_does_not_fit_is_shown_in_single_pages)
{
	/* shifted by a page, then only a part */
	ASSERT_EQ(0, map_range(self->space, self->mem, self->size, RW,
			       self->b.window, PG, 0, NULL));
	EXPECT_EQ(VALUE(0), peer_peek(&self->b, PG));
	EXPECT_EQ(VALUE(PAGES - 1), peer_peek(&self->b, self->size));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 0));
	ASSERT_EQ(0, map_range(self->space, self->mem + 3 * self->size,
			       self->size - PG, RW, self->b.window,
			       3 * self->size, 0, NULL));
	EXPECT_EQ(VALUE(3 * PAGES + 1),
		  peer_peek(&self->b, 3 * self->size + PG));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 4 * self->size - PG));
}

/*
 * The lender's huge page is still in one piece, but it shows another page in the
 * middle. One borrower has touched all, so that nothing is missing for an entry
 * for the other.
 */
LMAP_TEST(huge, one_page_lies_elsewhere_in_memory)
{
	struct peer c = peer_start(PAGES, PROT_READ | PROT_WRITE);
	char *mem = huge_memory(self->size, 1);

	ASSERT_GE(c.window, 0);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, c.base % self->size);
	ASSERT_EQ(0, madvise(mem + 5 * PG, PG, MADV_DONTNEED));
	mem[5 * PG] = (char)250;
	ASSERT_EQ(0, map_range(self->space, mem, self->size, RW,
			       self->b.window, 0, 0, NULL));
	ASSERT_EQ(0, map_range(self->space, mem, self->size, RW, c.window, 0,
			       0, NULL));
	for (size_t i = 0; i < PAGES; i++)
		ASSERT_EQ(i == 5 ? 250 : VALUE(i),
			  peer_peek(&self->b, i * PG));
	EXPECT_EQ(VALUE(0), peer_peek(&c, 0));
	EXPECT_EQ(250, peer_peek(&c, 5 * PG));
	EXPECT_EQ(0, peer_poke(&c, 5 * PG, 251));
	EXPECT_EQ(251, (unsigned char)mem[5 * PG]);
	EXPECT_EQ(VALUE(6), peer_peek(&c, 6 * PG));
	peer_stop(&c);
}

static int faults_of_touching(struct peer *self, long bytes)
{
	long before = faults();

	for (long i = 0; i < bytes; i += PG)
		*(volatile char *)(self->base + i);
	return faults() - before;
}

LMAP_TEST(huge, populated_ahead)
{
	LEND(RW, LMAP_POPULATE);
	EXPECT_EQ(0, peer_run(&self->b, faults_of_touching, FEW * self->size));
	EXPECT_EQ(0, peer_poke(&self->b, PG, 99));
	EXPECT_EQ(99, self->mem[PG]);
}

/* Threads of the borrower that look at all pages again and again. */
#define THREADS	2

static void *looks(void *arg)
{
	volatile char *view = arg;

	catch_faults();
	while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE))
		for (size_t i = 0; i < shared->size; i += shared->size / 8) {
			int value = peek(view + i + PG);

			if (value > 0 && value % 2)
				__atomic_store_n(&shared->wrong, value,
						 __ATOMIC_RELAXED);
		}
	return NULL;
}

static int watch(struct peer *self, long arg)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, looks, (void *)self->base);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

/* A borrower at work while the lender goes on. */
struct work {
	struct peer *b;
	int (*fn)(struct peer *self, long arg);
	long arg;
	int ret, ended;
};

static void *works(void *arg)
{
	struct work *w = arg;

	w->ret = peer_run(w->b, w->fn, w->arg);
	__atomic_store_n(&w->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Even while it is lent, odd as soon as unmap has returned. */
LMAP_TEST(huge, after_unmap_nobody_sees_it)
{
	struct work work = { .b = &self->b, .fn = watch };
	unsigned int rounds = 300 / slow(), state = seed();
	pthread_t borrower;

	ASSERT_EQ(0, pthread_create(&borrower, NULL, works, &work));
	for (unsigned int r = 0; r < rounds && !shared->wrong; r++) {
		for (size_t i = 0; i < self->size; i += self->size / 8)
			self->mem[i + PG] = 2;
		LEND(r % 2 ? RW : LMAP_R, r % 3 ? 0 : LMAP_POPULATE);
		for (int i = next_random(&state) % 20; i; i--)
			sched_yield();
		ASSERT_EQ(0, unmap_range(self->space, self->mem, self->size *
					 (r % 2 ? FEW : 1), LMAP_R, 0, NULL));
		for (size_t i = 0; i < self->size; i += self->size / 8)
			self->mem[i + PG] = 1;
	}
	__atomic_store_n(&shared->done, 1, __ATOMIC_RELEASE);
	pthread_join(borrower, NULL);
	EXPECT_EQ(0, work.ret);
	EXPECT_EQ(0, shared->wrong);
}

/* Single pages and all at once, in both directions, where no page table is. */
static void *touches(void *arg)
{
	struct peer *self = arg;
	size_t size = shared->size, at = 0;
	bool back = __atomic_fetch_add(&shared->started, 1, __ATOMIC_RELAXED) % 2;

	catch_faults();
	for (size_t i = 0; i < size; i += size / 32) {
		int value;

		at = back ? size - size / 32 - i : i;
		value = peek((char *)self->base + at);
		if (value != NOTHING && value != VALUE(at / PG))
			__atomic_store_n(&shared->wrong, value,
					 __ATOMIC_RELAXED);
	}
	return NULL;
}

static int fresh_views(struct peer *self, long rounds)
{
	pthread_t thread[THREADS];

	while (rounds--) {
		if (mmap((void *)self->base, shared->size,
			 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 self->window, 0) != (void *)self->base)
			return 1;
		for (int i = 0; i < THREADS; i++)
			pthread_create(&thread[i], NULL, touches, self);
		for (int i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
	}
	return 0;
}

LMAP_TEST(huge, single_pages_and_all_at_once_side_by_side)
{
	struct work work = { .b = &self->b, .fn = fresh_views,
			     .arg = 400 / slow() };
	bool delays = !access(MODULE_PARAM("race_one_in"), W_OK);
	pthread_t borrower;

	/* without delays a mistake is met in one of some hundred rounds */
	if (delays) {
		ASSERT_TRUE(race_delays(5));
		work.arg *= 10;
	}
	ASSERT_EQ(0, pthread_create(&borrower, NULL, works, &work));
	for (unsigned int r = 0; !__atomic_load_n(&work.ended,
						  __ATOMIC_ACQUIRE); r++) {
		size_t at = r % 32 * (self->size / 32);

		ASSERT_EQ(0, map_range(self->space, self->mem + at, PG, RW,
				       self->b.window, at, 0, NULL));
		ASSERT_EQ(0, map_range(self->space, self->mem, self->size, RW,
				       self->b.window, 0,
				       r % 2 ? LMAP_POPULATE : 0, NULL));
		if (r % 4 == 3)
			ASSERT_EQ(0, unmap_range(self->space, self->mem,
						 self->size, LMAP_R, 0, NULL));
	}
	pthread_join(borrower, NULL);
	if (delays)
		ASSERT_TRUE(race_delays(0));
	EXPECT_EQ(0, work.ret);
	EXPECT_EQ(0, shared->wrong);
}

TEST_HARNESS_MAIN
