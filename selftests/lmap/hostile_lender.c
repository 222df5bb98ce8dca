// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile lender: whatever it does with its memory, a borrower is only ever
 * told SIGBUS or SIGSEGV, stays killable, and its own mmap calls go on.
 */
#include "util.h"
#include "harness.h"

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

/*
 * Faults that the lender's memory stalls: it is registered with userfaultfd,
 * and an event read from there proves that a borrower waits.
 */

struct stalled {
	int event;		/* the lender has seen the fault */
	int mmaps;
	int done;
	int result;
};

static char stall_stack[65536] __attribute__((aligned(16)));

static int stall_child(void *base)
{
	return peek(base) >= 0;
}

/* One thread waits for the lender for ever; the others must not notice. */
static int fault_and_kill(struct peer *self, long arg)
{
	struct stalled *s = (struct stalled *)arg;
	char *base = (char *)(uintptr_t)self->base;
	int tid, status;
	void *p;

	tid = clone(stall_child, stall_stack + sizeof(stall_stack),
		    CLONE_VM | SIGCHLD, base);
	if (tid < 0)
		return -1;
	while (!__atomic_load_n(&s->event, __ATOMIC_ACQUIRE))
		sched_yield();
	/* own mmap calls go on while the other is stuck in its fault */
	for (int i = 0; i < 2000; i++) {
		p = mmap(NULL, PG, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED || munmap(p, PG))
			return -2;
		s->mmaps++;
	}
	if (waitpid(tid, &status, WNOHANG) != 0)
		return -3;
	/* and it can be killed */
	kill(tid, SIGKILL);
	if (waitpid(tid, &status, 0) != tid)
		return -4;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -5;
}

/* Waits in the fault itself, tells what came of it. */
static int fault_and_tell(struct peer *self, long arg)
{
	struct stalled *s = (struct stalled *)arg;

	s->result = peek((char *)(uintptr_t)self->base);
	__atomic_store_n(&s->done, 1, __ATOMIC_RELEASE);
	return 0;
}

static pid_t ask(struct peer *c, int (*fn)(struct peer *, long),
		 struct stalled *s, int fd)
{
	pid_t pid = fork();

	/* a copy of the userfaultfd would go on stalling */
	if (!pid)
		close(fd);
	if (!pid)
		_exit(peer_run(c, fn, (long)s) & 0x7f);
	return pid;
}

/* Before borrowers are forked: they have to share it. */
static struct stalled *stalled_new(void)
{
	struct stalled *s = mmap(NULL, PG, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	s->result = -1;
	return s;
}

LMAP_TEST(hostile_lender, stalled_fault_is_killable_and_holds_up_nobody)
{
	struct stalled *s = stalled_new();
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	int fd, status;
	pid_t asker;
	char *p;

	fd = stalling_memory(&p, N);
	if (fd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, c.window, 0, 0,
			       NULL));
	asker = ask(&c, fault_and_kill, s, fd);
	EXPECT_EQ((uintptr_t)p, wait_for_fault(fd));
	__atomic_store_n(&s->event, 1, __ATOMIC_RELEASE);
	waitpid(asker, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(2000, s->mmaps);
	EXPECT_EQ(0, unmap_range(self->space, p, N * PG, ALL, 0, NULL));
	EXPECT_EQ(NOTHING, peer_peek(&c, 0));
	close(fd);
	munmap(p, N * PG);
	peer_stop(&c);
}

LMAP_TEST(hostile_lender, unmap_does_not_wait_for_a_stalled_fault)
{
	struct stalled *s = stalled_new();
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	struct uffdio_zeropage zero = { .range.len = PG };
	pid_t asker;
	char *p;
	int fd;

	fd = stalling_memory(&p, N);
	if (fd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, c.window, 0, 0,
			       NULL));
	asker = ask(&c, fault_and_tell, s, fd);
	zero.range.start = wait_for_fault(fd);
	EXPECT_EQ((uintptr_t)p, zero.range.start);
	EXPECT_EQ(0, unmap_range(self->space, p, N * PG, ALL, 0, NULL));
	EXPECT_EQ(0, space_sync(self->space));
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(0, __atomic_load_n(&s->done, __ATOMIC_ACQUIRE));
	/* the page arrives, too late */
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	waitpid(asker, NULL, 0);
	EXPECT_EQ(1, s->done);
	EXPECT_EQ(NOTHING, s->result);
	tiles_gone(self->space);
	close(fd);
	munmap(p, N * PG);
	peer_stop(&c);
}

LMAP_TEST(hostile_lender, gives_up_stalling)
{
	struct stalled *s = stalled_new();
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	pid_t asker;
	char *p;
	int fd;

	fd = stalling_memory(&p, N);
	if (fd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, c.window, 0, 0,
			       NULL));
	asker = ask(&c, fault_and_tell, s, fd);
	EXPECT_EQ((uintptr_t)p, wait_for_fault(fd));
	/* nobody handles faults any more: ordinary memory, zero */
	close(fd);
	waitpid(asker, NULL, 0);
	EXPECT_EQ(1, s->done);
	EXPECT_EQ(0, s->result);
	EXPECT_EQ(0, unmap_range(self->space, p, N * PG, ALL, 0, NULL));
	munmap(p, N * PG);
	peer_stop(&c);
}

/* Lends page 0 filled in, and page 1 to N that stall. */
static int stalling_lender(int sock, struct peer *a, struct peer *c)
{
	int s = space_open(), fd;
	char *p, *q = memory(1), byte;

	fd = stalling_memory(&p, N);
	if (fd < 0)
		return 2;
	if (map_range(s, p, N * PG, RW, c->window, 0, 0, NULL) ||
	    map_range(s, q, PG, RW, a->window, 0, 0, NULL))
		return 1;
	/* somebody else handles its faults, and lives longer */
	if (send_fd(sock, fd) || read(sock, &byte, 1) != 1)
		return 1;
	raise(SIGKILL);
	return 1;
}

LMAP_TEST(hostile_lender, is_killed_while_a_fault_stalls)
{
	struct stalled *s = stalled_new();
	struct peer a = peer_start(N, PROT_READ | PROT_WRITE);
	struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
	int socks[2], status, fd;
	pid_t asker, lender;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	lender = fork();
	if (!lender) {
		/* or reading would never end */
		close(socks[0]);
		_exit(stalling_lender(socks[1], &a, &c));
	}
	close(socks[1]);
	fd = recv_fd(socks[0]);
	if (fd < 0) {
		waitpid(lender, &status, 0);
		ASSERT_EQ(2, WEXITSTATUS(status));
		SKIP(return, "no userfaultfd in this kernel");
	}
	EXPECT_EQ(1, peer_peek(&a, 0));
	asker = ask(&c, fault_and_tell, s, fd);
	EXPECT_NE(0, wait_for_fault(fd));
	ASSERT_EQ(1, write(socks[0], "!", 1));
	waitpid(lender, &status, 0);
	EXPECT_EQ(SIGKILL, status);
	/* the stalled fault keeps nothing of the dead one's memory lent */
	EXPECT_EQ(NOTHING, peer_peek(&a, 0));
	EXPECT_EQ(NOTHING, peer_poke(&a, 0, 1));
	close(fd);
	waitpid(asker, NULL, 0);
	EXPECT_EQ(1, s->done);
	EXPECT_EQ(NOTHING, s->result);
	EXPECT_EQ(NOTHING, peer_peek(&c, PG));
	close(socks[0]);
	peer_stop(&a);
	peer_stop(&c);
}

TEST_HARNESS_MAIN
