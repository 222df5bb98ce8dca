// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile lender: whatever it does with its memory, a borrower is only ever
 * told SIGBUS or SIGSEGV, stays killable, and its own mmap calls go on.
 */
#include "util.h"
#include "kselftest_harness.h"

#include <linux/userfaultfd.h>

#define N	64

FIXTURE(hostile_lender) {
	int space;
	struct peer b;
	int *stop;
	pid_t asker;
};

struct report {
	int stop;
	int rounds;
	int strange;
};

/* Touches everything, over and over; counts what it did not expect. */
static int touch_all(struct peer *self, long arg)
{
	struct report *r = (struct report *)arg;
	char *base = (char *)(uintptr_t)self->base;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < N; i++) {
			int ret = i % 2 ? peek(base + i * PG) :
					  poke(base + i * PG, 1);

			if (ret < 0 && ret != NOTHING && ret != NO_RIGHT)
				r->strange = -ret;
		}
		r->rounds++;
	}
	return 0;
}

FIXTURE_SETUP(hostile_lender)
{
	struct report *r = mmap(NULL, PG, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->b = peer_start(N, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
	self->stop = (int *)r;
	self->asker = fork();
	if (!self->asker) {
		peer_run(&self->b, touch_all, (long)r);
		_exit(0);
	}
}

FIXTURE_TEARDOWN(hostile_lender)
{
	struct report *r = (struct report *)self->stop;
	int before = __atomic_load_n(&r->rounds, __ATOMIC_ACQUIRE);

	/* It still runs. */
	while (__atomic_load_n(&r->rounds, __ATOMIC_ACQUIRE) < before + 2)
		sched_yield();
	EXPECT_EQ(0, r->strange);
	r->stop = 1;
	waitpid(self->asker, NULL, 0);
	peer_stop(&self->b);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
}

#define LEND(p, pages) \
	map_range(self->space, p, (pages) * PG, RW, self->b.window, 0, 0, NULL)

LMAP_TEST(hostile_lender, fork_bombs_of_copy_on_write)
{
	char *p = memory(N);

	ASSERT_EQ(0, LEND(p, N));
	for (int i = 0; i < 200 / slow(); i++) {
		pid_t pid[3];

		for (int k = 0; k < 3; k++) {
			pid[k] = fork();
			if (!pid[k]) {
				memset(p, k, N * PG);
				_exit(0);
			}
		}
		for (int k = 0; k < N; k++)
			p[k * PG + 5] = i;
		for (int k = 0; k < 3; k++)
			waitpid(pid[k], NULL, 0);
		ASSERT_EQ((char)i, p[5]);
	}
}

LMAP_TEST(hostile_lender, truncates_the_file)
{
	int fd = memfd_create("lent", MFD_CLOEXEC);
	char *p;

	ASSERT_EQ(0, ftruncate(fd, N * PG));
	p = mmap(NULL, N * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_EQ(0, LEND(p, N));
	for (int i = 0; i < 2000 / slow(); i++) {
		ASSERT_EQ(0, ftruncate(fd, i % N * PG));
		ASSERT_EQ(0, ftruncate(fd, N * PG));
	}
	close(fd);
}

LMAP_TEST(hostile_lender, unmaps_during_faults)
{
	for (int i = 0; i < 1000 / slow(); i++) {
		char *p = mmap(NULL, N * PG, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ASSERT_EQ(0, LEND(p, N));
		if (i % 2)
			ASSERT_EQ(0, munmap(p + i % N * PG, PG));
		ASSERT_EQ(0, munmap(p, N * PG));
	}
}

LMAP_TEST(hostile_lender, dies_during_faults)
{
	for (int i = 0; i < 200 / slow() + 10; i++) {
		pid_t pid = fork();

		if (!pid) {
			int s = space_open();

			map_range(s, memory(N), N * PG, RW, self->b.window, 0,
				  0, NULL);
			if (i % 2)
				raise(SIGKILL);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

LMAP_TEST(hostile_lender, protects_and_discards_all_the_time)
{
	char *p = memory(N);

	ASSERT_EQ(0, LEND(p, N));
	for (int i = 0; i < 3000 / slow(); i++) {
		ASSERT_EQ(0, mprotect(p, N * PG, PROT_NONE));
		ASSERT_EQ(0, mprotect(p, N * PG, PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, madvise(p, N * PG, MADV_DONTNEED));
	}
}

struct stalled {
	int ready;
	int mmaps;
};

/* One thread waits for the lender for ever; the others must not notice. */
static int fault_in_child(struct peer *self, long arg)
{
	struct stalled *s = (struct stalled *)arg;
	char *base = (char *)(uintptr_t)self->base;
	static char stack[65536] __attribute__((aligned(16)));
	void *p;
	int tid;

	__atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
	tid = clone((int (*)(void *))(void *)peek,
		    stack + sizeof(stack), CLONE_VM | SIGCHLD, base);
	if (tid < 0)
		return -1;
	/* own mmap calls go on while the other is stuck in its fault */
	for (int i = 0; i < 2000; i++) {
		p = mmap(NULL, PG, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED || munmap(p, PG))
			return -2;
		s->mmaps++;
		sched_yield();
	}
	/* and it can be killed */
	kill(tid, SIGKILL);
	return waitpid(tid, NULL, 0) == tid ? 0 : -3;
}

LMAP_TEST(hostile_lender, stalls_faults_with_userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct stalled *s = mmap(NULL, PG, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	char *p = mmap(NULL, N * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)p;
	reg.range.len = N * PG;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, c.window, 0, 0,
			       NULL));
	EXPECT_EQ(0, peer_run(&c, fault_in_child, (long)s));
	EXPECT_EQ(2000, s->mmaps);
	/* the lender is not stuck either: it takes everything back */
	EXPECT_EQ(0, unmap_range(self->space, p, N * PG, ALL, 0, NULL));
	EXPECT_EQ(NOTHING, peer_peek(&c, 0));
	close(fd);
	peer_stop(&c);
}

TEST_HARNESS_MAIN
