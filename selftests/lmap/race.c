// SPDX-License-Identifier: GPL-2.0
/*
 * Races: revoking against accesses, against mapping on, against everything.
 * Repetition and barriers, never time, decide.
 */
#include "util.h"
#include "kselftest_harness.h"

#include <pthread.h>

FIXTURE_PLAIN(race)

static void *shared(size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

struct spin {
	int go;			/* round that the storer is in */
	int lost;		/* rounds in which it has lost the page */
	int stop;
};

/* Stores without end; tells each time when it can't any more. */
static int storer(struct peer *self, long arg)
{
	struct spin *s = (struct spin *)arg;
	volatile char *p = (volatile char *)(uintptr_t)self->base;
	unsigned int value = 0;
	int seen = 0;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		if (poke(p + value % PG, value | 1) == NOTHING) {
			if (__atomic_load_n(&s->go, __ATOMIC_ACQUIRE) > seen) {
				seen = s->go;
				__atomic_fetch_add(&s->lost, 1,
						   __ATOMIC_RELEASE);
			}
			sched_yield();
		}
		value++;
	}
	return 0;
}

/*
 * After unmap returns, a thread that stores in a tight loop on the other
 * processor changes nothing any more: 20 repeats x 1000 rounds.
 */
LMAP_TEST(race, stores_after_unmap_change_nothing)
{
	int rounds = 20 * 1000 / slow(), bad = 0, hits = 0;
	struct spin *s = shared(PG);
	char *mem = memory(1);
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	pid_t asker = fork();

	if (!asker) {
		peer_run(&b, storer, (long)s);
		_exit(0);
	}
	for (int i = 1; i <= rounds; i++) {
		char copy[PG];

		memset(mem, 0, PG);
		ASSERT_EQ(0, map_range(self->space, mem, PG, RW, b.window, 0,
				       0, NULL));
		/* until it has stored at least once, now and then */
		if (i % 4 == 0)
			while (!__atomic_load_n((unsigned long *)mem,
						__ATOMIC_RELAXED))
				sched_yield();
		ASSERT_EQ(0, unmap_range(self->space, mem, PG,
					 i % 3 ? ALL : LMAP_R, 0, NULL));
		memcpy(copy, mem, PG);
		__atomic_store_n(&s->go, i, __ATOMIC_RELEASE);
		for (int k = 0; k < 50; k++)
			bad += memcmp(copy, mem, PG) != 0;
		hits += copy[0] || copy[1] || copy[2];
	}
	EXPECT_EQ(0, bad);
	EXPECT_GT(hits, 0);
	s->stop = 1;
	waitpid(asker, NULL, 0);
	peer_stop(&b);
}

LMAP_TEST(race, stores_after_taking_w_change_nothing)
{
	int rounds = 4000 / slow(), bad = 0;
	struct spin *s = shared(PG);
	char *mem = memory(1);
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	pid_t asker = fork();

	if (!asker) {
		peer_run(&b, storer, (long)s);
		_exit(0);
	}
	for (int i = 1; i <= rounds; i++) {
		char copy[PG];

		ASSERT_EQ(0, map_range(self->space, mem, PG, RW, b.window, 0,
				       0, NULL));
		sched_yield();
		ASSERT_EQ(0, unmap_range(self->space, mem, PG, LMAP_W, 0,
					 NULL));
		memcpy(copy, mem, PG);
		for (int k = 0; k < 50; k++)
			bad += memcmp(copy, mem, PG) != 0;
	}
	EXPECT_EQ(0, bad);
	s->stop = 1;
	waitpid(asker, NULL, 0);
	peer_stop(&b);
}

/* Threads that do everything at once on the same few pages. */

#define N	16

struct arena {
	int space;
	int window[3];
	char *view[3];
	char *mem;
	int stop;
	int wrong;
};

static unsigned int roll(unsigned int *dice)
{
	*dice = *dice * 1103515245 + 12345;
	return *dice >> 8;
}

static void *mapper(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = (uintptr_t)&dice;

	while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE)) {
		int w = roll(&dice) % 3, pages = 1 + roll(&dice) % N;
		int first = roll(&dice) % (N - pages + 1);
		char *from = w ? a->view[roll(&dice) % w] : a->mem;
		int ret = map_range(a->space, from + first * PG, pages * PG,
				    ALL, a->window[w], first * PG,
				    roll(&dice) % 4 ? 0 : LMAP_POPULATE, NULL);

		if (ret && ret != -EFAULT && ret != -ESTALE &&
		    ret != -EACCES && ret != -ELOOP)
			a->wrong = -ret;
	}
	return NULL;
}

static void *unmapper(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = (uintptr_t)&dice;

	while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE)) {
		int w = roll(&dice) % 4, pages = 1 + roll(&dice) % 4;
		int first = roll(&dice) % (N - pages + 1);
		char *from = w < 3 ? a->view[w] : a->mem;
		int ret = unmap_range(a->space, from + first * PG, pages * PG,
				      roll(&dice) % 2 ? LMAP_R : LMAP_W,
				      roll(&dice) % 2 ? LMAP_SELF : 0, NULL);

		if (ret)
			a->wrong = -ret;
	}
	return NULL;
}

static void *toucher(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = (uintptr_t)&dice;

	while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE)) {
		int w = roll(&dice) % 3, page = roll(&dice) % N;
		char *p = a->view[w] + page * PG;
		int ret = roll(&dice) % 2 ? poke(p + 8, page + 1) : peek(p);

		/* page i holds i + 1, zero after it was discarded */
		if (ret > 0 && ret != page + 1)
			a->wrong = 1000 + ret;
		if (ret < 0 && ret != NOTHING && ret != NO_RIGHT)
			a->wrong = 2000 - ret;
	}
	return NULL;
}

static void *lender_acts(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = (uintptr_t)&dice;

	while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE)) {
		char *p = a->mem + roll(&dice) % N * PG;
		char buf[16];
		pid_t pid;

		switch (roll(&dice) % 8) {
		case 0:
			madvise(p, PG, MADV_DONTNEED);
			break;
		case 1:
			mprotect(p, PG, PROT_READ);
			mprotect(p, PG, PROT_READ | PROT_WRITE);
			break;
		case 2:
			mmap(p, PG, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 3:
			pid = fork();
			if (!pid) {
				p[9] = 77;
				_exit(0);
			}
			waitpid(pid, NULL, 0);
			break;
		case 4:
			madvise(p, PG, 21 /* MADV_PAGEOUT */);
			break;
		case 5:
			if (pread(a->window[1], buf, 16,
				  roll(&dice) % N * PG) < 0 && errno != EFAULT)
				a->wrong = errno;
			break;
		case 6:
			if (pwrite(a->window[2], "", 1,
				   roll(&dice) % N * PG + 100) < 0 &&
			    errno != EFAULT)
				a->wrong = errno;
			break;
		default:
			space_sync(a->space);
		}
	}
	return NULL;
}

LMAP_TEST(race, map_unmap_touch_and_the_lenders_calls_at_once)
{
	void *(*roles[])(void *) = { mapper, unmapper, toucher, lender_acts,
				     toucher, mapper };
	struct arena a = { .space = self->space, .mem = memory(N) };
	pthread_t t[6];

	for (int i = 0; i < 3; i++) {
		a.window[i] = window_create(self->space, N * PG, ALL);
		a.view[i] = window_mmap(a.window[i], N * PG,
					PROT_READ | PROT_WRITE);
	}
	for (int i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, roles[i], &a));
	for (int i = 0; i < 3000; i++) {
		info(self->space);
		sched_yield();
		usleep(1000);
	}
	__atomic_store_n(&a.stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, a.wrong);
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(0, info(self->space).out_regions);
	for (int i = 0; i < 3; i++) {
		for (int p = 0; p < N; p++)
			EXPECT_EQ(NOTHING, peek(a.view[i] + p * PG));
		close(a.window[i]);
	}
}

struct cross {
	int rounds;
	int done[2];
	int wrong;
};

/* Maps own memory and what it borrowed into the other's window, and back. */
static void cross_run(struct cross *c, int me, struct peer *other)
{
	int s = space_open();
	char *m = memory(4);

	for (int i = 0; i < c->rounds; i++) {
		int ret = map_range(s, m, 4 * PG, ALL, other->window, 0, 0,
				    NULL);

		if (ret && ret != -ENXIO)
			c->wrong = -ret;
		peer_peek(other, i % 4 * PG);
		ret = unmap_range(s, m, 4 * PG, i % 2 ? ALL : LMAP_W, 0, NULL);
		if (ret)
			c->wrong = -ret;
	}
	c->done[me] = 1;
}

LMAP_TEST(race, two_lenders_map_over_each_other)
{
	struct peer b = peer_start(4, PROT_READ | PROT_WRITE);
	struct peer b2 = b;
	struct cross *c = shared(PG);
	int socks[2];
	pid_t pid;

	c->rounds = 2000 / slow();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	pid = fork();
	if (!pid) {
		/* the child only maps: it has no say in the borrower's orders */
		int s = space_open();
		char *m = memory(4);

		for (int i = 0; i < c->rounds; i++) {
			int ret = map_range(s, m, 4 * PG, ALL, b2.window, 0, 0,
					    NULL);

			if (ret && ret != -ENXIO)
				c->wrong = -ret;
			unmap_range(s, m, 2 * PG, ALL, 0, NULL);
		}
		_exit(0);
	}
	cross_run(c, 0, &b);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, c->wrong);
	EXPECT_EQ(NOTHING, peer_peek(&b, 0));
	peer_stop(&b);
	close(socks[0]);
	close(socks[1]);
}

LMAP_TEST(race, processes_die_while_they_lend_and_borrow)
{
	int rounds = 100 / slow() + 10;
	char *mem = memory(N);

	for (int i = 0; i < rounds; i++) {
		struct peer b = peer_start(N, PROT_READ | PROT_WRITE);
		struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
		struct spin *s = shared(PG);
		pid_t asker;

		ASSERT_EQ(0, map_range(self->space, mem, N * PG, ALL, b.window,
				       0, 0, NULL));
		ASSERT_EQ(0, peer_map(&b, 0, N * PG, RW, c.window, 0));
		asker = fork();
		if (!asker) {
			peer_run(&c, storer, (long)s);
			_exit(0);
		}
		while (!__atomic_load_n(&mem[0], __ATOMIC_RELAXED))
			sched_yield();
		kill(i % 2 ? b.pid : c.pid, SIGKILL);
		if (i % 3 == 0)
			unmap_range(self->space, mem, N * PG, ALL, 0, NULL);
		kill(i % 2 ? c.pid : b.pid, SIGKILL);
		kill(asker, SIGKILL);
		waitpid(asker, NULL, 0);
		peer_stop(&b);
		peer_stop(&c);
		ASSERT_EQ(0, info(self->space).out_mappings);
		munmap(s, PG);
	}
}

TEST_HARNESS_MAIN
