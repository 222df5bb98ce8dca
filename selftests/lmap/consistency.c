// SPDX-License-Identifier: GPL-2.0
/*
 * Long revocations and others at the same time: who comes first, who waits for
 * whom, what is left when one ends early. Repetition and counting decide, never
 * time. race.c has the short ones.
 */
#include "util.h"
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

/* One page, lent to a borrower who lends it on so many times: turns end after 64. */
#define MANY	(10000 / slow() / slow())
/* Other pages of the same region. */
#define OTHERS	16

FIXTURE(consistency) {
	int space;
	char *mem;
	int w, many, other;	/* the borrower's, those below it, others' */
	char *v, *vmany, *vother;
};

FIXTURE_SETUP(consistency)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(1 + OTHERS);
	self->w = window_create(self->space, PG, ALL);
	self->v = window_mmap(self->w, PG, PROT_READ | PROT_WRITE);
	self->many = window_create(self->space, MANY * PG, ALL);
	self->vmany = window_mmap(self->many, MANY * PG, PROT_READ | PROT_WRITE);
	self->other = window_create(self->space, OTHERS * PG, ALL);
	self->vother = window_mmap(self->other, OTHERS * PG, PROT_READ);
	ASSERT_NE(MAP_FAILED, self->vother);
}

FIXTURE_TEARDOWN(consistency)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(0, info(self->space).out_regions);
	munmap(self->mem, (1 + OTHERS) * PG);
	munmap(self->v, PG);
	munmap(self->vmany, MANY * PG);
	munmap(self->vother, OTHERS * PG);
	close(self->w);
	close(self->many);
	close(self->other);
	close(self->space);
}

typedef FIXTURE_DATA(consistency) loans;

static int processors(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	return CPU_COUNT(&set);
}

/* The first mapping makes the region, and the others' pages are of it. */
static int lend(loans *self)
{
	int ret = map_range(self->space, self->mem, PG, ALL, self->w, 0, 0,
			    NULL);

	for (int i = 0; !ret && i < MANY; i++)
		ret = map_range(self->space, self->v, PG, ALL, self->many,
				i * PG, 0, NULL);
	return ret;
}

static int region_over_all(loans *self)
{
	int ret = map_range(self->space, self->mem, (1 + OTHERS) * PG, LMAP_R,
			    self->many, 0, 0, NULL);

	/* It stays as long as there is a mapping. */
	return ret ?: map_range(self->space, self->mem + PG, PG, LMAP_R,
				self->other, 0, 0, NULL);
}

/* One call of unmap in a thread of its own, and what others see of it. */
struct unmapper {
	pthread_t thread;
	pthread_barrier_t ready;
	int space;
	char *from;
	unsigned int flags;
	int ret;
	struct lmap_unmap u;
	int done;
};

static void *unmapper(void *arg)
{
	struct unmapper *a = arg;

	pthread_barrier_wait(&a->ready);
	a->ret = unmap_range(a->space, a->from, PG, ALL, a->flags, &a->u);
	__atomic_store_n(&a->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void unmapper_start(struct unmapper *a, int space, char *from,
			   unsigned int flags)
{
	*a = (struct unmapper){ .space = space, .from = from, .flags = flags };
	pthread_barrier_init(&a->ready, NULL, 2);
	if (pthread_create(&a->thread, NULL, unmapper, a))
		abort();
	pthread_barrier_wait(&a->ready);
}

static bool unmapper_done(struct unmapper *a)
{
	return __atomic_load_n(&a->done, __ATOMIC_ACQUIRE);
}

static int unmapper_end(struct unmapper *a)
{
	pthread_join(a->thread, NULL);
	pthread_barrier_destroy(&a->ready);
	return a->ret;
}

/* Both succeed, and between them they have taken each mapping once. */
TEST_F_TIMEOUT(consistency, parent_unmap_precedes_child_unmap, 900)
{
	int early = 0;

	for (int i = 0; i < 4; i++) {
		struct unmapper child;
		struct lmap_unmap u;

		ASSERT_EQ(0, lend(self));
		for (int p = 0; p < MANY; p += 7)
			ASSERT_EQ(1, peek(self->vmany + p * PG));
		unmapper_start(&child, self->space, self->v, 0);
		for (int spin = 0; spin < i * 1000; spin++)
			sched_getcpu();
		ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, ALL, 0,
					 &u));
		/* whoever did it: it is done */
		for (int p = 0; p < MANY; p += 7)
			ASSERT_EQ(NOTHING, peek(self->vmany + p * PG));
		ASSERT_EQ(NOTHING, peek(self->v));
		ASSERT_EQ(0, info(self->space).out_mappings);
		ASSERT_EQ(0, unmapper_end(&child));
		ASSERT_EQ(MANY + 1, u.out_mappings + child.u.out_mappings);
		early += child.u.out_mappings < MANY;
	}
	TH_LOG("the child's call ended early %d times", early);
}

/* The mapping below it may succeed before, never survive. */
TEST_F_TIMEOUT(consistency, map_below_what_is_being_unmapped_is_ESTALE, 900)
{
	int stale = 0, rounds = processors() > 1 ? 400 : 2;

	for (int i = 0; i < rounds && (i < 2 || !stale); i++) {
		struct unmapper a;
		int ret;

		ASSERT_EQ(0, lend(self));
		unmapper_start(&a, self->space, self->v, 0);
		do {
			ret = map_range(self->space, self->v, PG, ALL,
					self->other, PG, 0, NULL);
			stale += ret == -ESTALE;
			ASSERT_TRUE(!ret || ret == -ESTALE) TH_LOG("%d", ret);
		} while (!unmapper_done(&a));
		ASSERT_EQ(0, unmapper_end(&a));
		/* the borrower has kept his; a map that came later may be there */
		ASSERT_GE(2, info(self->space).out_mappings);
		ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, ALL, 0,
					 NULL));
		ASSERT_EQ(0, info(self->space).out_mappings);
		/* once it has returned there is nothing to map */
		ASSERT_EQ(-EFAULT, map_range(self->space, self->v, PG, ALL,
					     self->other, PG, 0, NULL));
	}
	TH_LOG("ESTALE %d times", stale);
	if (processors() > 1)
		EXPECT_GT(stale, 0);
}

/* Of ordinary memory there always is something to map: it waits. */
TEST_F_TIMEOUT(consistency, map_of_memory_that_is_being_unmapped_waits, 900)
{
	for (int i = 0; i < 3; i++) {
		struct unmapper a;

		ASSERT_EQ(0, lend(self));
		unmapper_start(&a, self->space, self->mem, 0);
		do {
			ASSERT_EQ(0, map_range(self->space, self->mem, PG, ALL,
					       self->other, PG, 0, NULL));
		} while (!unmapper_done(&a));
		ASSERT_EQ(0, unmapper_end(&a));
		ASSERT_GE(1, info(self->space).out_mappings);
		ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, ALL, 0,
					 NULL));
	}
}

/* It lasts as long as 10 000 mappings; they wait for a batch. */
TEST_F_TIMEOUT(consistency, maps_and_unmaps_elsewhere_in_the_region_go_on, 900)
{
	int most = 0, rounds = processors() > 1 ? 100 : 2;

	for (int i = 0; i < rounds && (i < 2 || most < 3); i++) {
		struct unmapper a;
		int n = 0;

		ASSERT_EQ(0, region_over_all(self));
		ASSERT_EQ(0, lend(self));
		ASSERT_EQ(1, info(self->space).out_regions);
		for (int p = 0; p < MANY; p += 7)
			ASSERT_EQ(1, peek(self->vmany + p * PG));
		unmapper_start(&a, self->space, self->mem, 0);
		do {
			int page = 2 + n % (OTHERS - 2);

			ASSERT_EQ(0, map_range(self->space,
					       self->mem + page * PG, PG, ALL,
					       self->other, page * PG, 0, NULL));
			ASSERT_EQ(page + 1, peek(self->vother + page * PG));
			ASSERT_EQ(0, unmap_range(self->space,
						 self->mem + page * PG, PG, ALL,
						 0, NULL));
			ASSERT_EQ(NOTHING, peek(self->vother + page * PG));
			n++;
		} while (!unmapper_done(&a));
		most = n > most ? n : most;
		ASSERT_EQ(0, unmapper_end(&a));
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
	TH_LOG("%d maps and unmaps during one", most);
	/* one waited until the end, one came after it */
	if (processors() > 1)
		EXPECT_GT(most, 2);
}

/* What it was told to take goes along with the mapping: it is taken there. */
TEST_F_TIMEOUT(consistency, unmap_against_grant_of_the_mapping_above, 900)
{
	int during = 0;

	for (int i = 0; i < 40 && (i < 3 || !during); i++) {
		struct unmapper a;

		ASSERT_EQ(0, lend(self));
		for (int p = 0; p < MANY; p += 3)
			ASSERT_EQ(1, peek(self->vmany + p * PG));
		unmapper_start(&a, self->space, self->v, 0);
		for (int spin = 0; spin < i * 500; spin++)
			sched_getcpu();
		ASSERT_EQ(0, op(self->space, LMAP_GRANT, self->v, PG, ALL,
				self->other, 0, 0));
		during += !unmapper_done(&a);
		ASSERT_EQ(0, unmapper_end(&a));
		for (int p = 0; a.u.out_mappings && p < MANY; p += 3)
			ASSERT_EQ(NOTHING, peek(self->vmany + p * PG));
		ASSERT_EQ(a.u.out_mappings ? 1 : MANY + 1,
			  info(self->space).out_mappings);
		ASSERT_EQ(1, peek(self->vother));
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
	TH_LOG("a grant came while it was being unmapped %d times", during);
}

static void on_alarm(int sig)
{
}

static void alarms(int us)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval t = { { 0, us }, { 0, us } };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

/* One region, one mapping: the signal comes while its subtree goes. */
TEST_F_TIMEOUT(consistency, a_signal_ends_an_unmap_and_keeps_what_was_done, 900)
{
	int interrupted = 0;

	for (int i = 0; i < 200 && (i < 2 || !interrupted); i++) {
		struct lmap_unmap u;
		int ret, calls = 0;

		ASSERT_EQ(0, lend(self));
		/* sooner and sooner: no length is the right one everywhere */
		alarms(20000 / (i + 1) + 20);
		do {
			ret = unmap_range(self->space, self->mem, PG, ALL, 0,
					  &u);
			calls++;
		} while (ret == -EINTR);
		alarms(0);
		ASSERT_EQ(0, ret);
		/* only what it did itself is told by the last call */
		ASSERT_EQ(calls == 1 ? MANY + 1 : 0, u.out_mappings);
		ASSERT_EQ(0, info(self->space).out_mappings);
		for (int p = 0; p < MANY; p += 7)
			ASSERT_EQ(NOTHING, peek(self->vmany + p * PG));
		interrupted += calls - 1;
	}
	TH_LOG("interrupted %d times", interrupted);
	EXPECT_GT(interrupted, 0);
}

/* What an interrupted call has left is in nobody's way. */
TEST_F_TIMEOUT(consistency, what_was_left_of_an_unmap_is_finished_by_others, 900)
{
	int left = 0;

	for (int i = 0; i < 400 && (i < 2 || !left); i++) {
		int ret;

		ASSERT_EQ(0, lend(self));
		alarms(20000 / (i + 1) + 20);
		ret = unmap_range(self->space, self->v, PG, ALL, 0, NULL);
		alarms(0);
		ASSERT_TRUE(!ret || ret == -EINTR);
		left += ret == -EINTR;
		/* taken from all at once: none that was not used can be */
		for (int p = 0; ret == -EINTR && p < MANY; p += 97)
			ASSERT_EQ(NOTHING, peek(self->vmany + p * PG));
		/* another one takes the places */
		for (int p = 0; p < MANY; p += 97)
			ASSERT_EQ(0, map_range(self->space, self->mem + PG, PG,
					       LMAP_R, self->many, p * PG, 0,
					       NULL));
		for (int p = 0; p < MANY; p += 97)
			ASSERT_EQ(2, peek(self->vmany + p * PG));
		/* or the one above */
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
		ASSERT_EQ(0, info(self->space).out_mappings);
	}
	TH_LOG("left %d times", left);
	EXPECT_GT(left, 0);
}

struct contender {
	int space;
	int window;
	char *mem;
	char *view;
	int rounds;
	int wrong;
};

static void *maps(void *arg)
{
	struct contender *c = arg;

	for (int i = 0; i < c->rounds && !c->wrong; i++)
		c->wrong = map_range(c->space, c->mem, PG, ALL, c->window, 0, 0,
				     NULL);
	return NULL;
}

static void *unmaps_self(void *arg)
{
	struct contender *c = arg;

	for (int i = 0; i < c->rounds && !c->wrong; i++)
		c->wrong = unmap_range(c->space, c->view, PG, ALL, LMAP_SELF,
				       NULL);
	return NULL;
}

LMAP_TEST(consistency, map_against_unmap_of_the_same_target)
{
	struct contender c = { .space = self->space, .window = self->w,
			       .mem = self->mem, .view = self->v,
			       .rounds = 200 };
	pthread_t t[2];

	for (int i = 0; i < 100 / slow(); i++) {
		int there;

		ASSERT_EQ(0, pthread_create(&t[0], NULL, maps, &c));
		ASSERT_EQ(0, pthread_create(&t[1], NULL, unmaps_self, &c));
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		ASSERT_EQ(0, c.wrong);
		/* there or not there, and both agree */
		there = info(self->space).out_mappings;
		ASSERT_EQ(there ? 1 : NOTHING, peek(self->v));
		ASSERT_GE(1, there);
	}
}

/* Borrowers in the middle of a revocation die, in every order. */
LMAP_TEST(consistency, unmap_against_exit_of_a_borrower_and_of_the_middle)
{
	for (int i = 0; i < 24 / slow() + 4; i++) {
		struct peer b = peer_start(1, PROT_READ);
		struct peer c = peer_start(64, PROT_READ);
		struct peer *victims[] = { &b, &c };

		ASSERT_EQ(0, map_range(self->space, self->mem, PG, ALL,
				       b.window, 0, 0, NULL));
		for (int p = 0; p < 64; p++)
			ASSERT_EQ(0, peer_map(&b, 0, PG, ALL, c.window, p * PG));
		ASSERT_EQ(1, peer_peek(&c, 63 * PG));
		kill(victims[i & 1]->pid, SIGKILL);
		if (i & 2)
			kill(victims[!(i & 1)]->pid, SIGKILL);
		ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, ALL, 0,
					 NULL));
		ASSERT_EQ(0, info(self->space).out_mappings);
		peer_stop(&b);
		peer_stop(&c);
	}
}

static int lends(struct peer *me, long window)
{
	return map_range(peer_space, memory(4), 4 * PG, ALL, window, 0, 0, NULL);
}

/* What a lender who dies has lent is lent on; the borrower takes it back, too. */
LMAP_TEST(consistency, unmap_against_exit_of_the_lender)
{
	int w = window_create(self->space, 4 * PG, ALL);
	char *v = window_mmap(w, 4 * PG, PROT_READ);

	for (int i = 0; i < 24 / slow() + 4; i++) {
		struct peer lender = peer_start(1, PROT_READ);

		ASSERT_EQ(0, peer_run(&lender, lends, w));
		for (int p = 0; p < 64; p++)
			ASSERT_EQ(0, map_range(self->space, v, PG, ALL,
					       self->many, p * PG, 0, NULL));
		ASSERT_EQ(1, peek(self->vmany + 63 * PG));
		kill(lender.pid, SIGKILL);
		ASSERT_EQ(0, unmap_range(self->space, v, PG, ALL,
					 i & 1 ? LMAP_SELF : 0, NULL));
		ASSERT_EQ(NOTHING, peek(self->vmany + 63 * PG));
		peer_stop(&lender);
		/* dead means: all has been taken back */
		ASSERT_EQ(NOTHING, peek(v));
		ASSERT_EQ(NOTHING, peek(v + PG));
	}
	munmap(v, 4 * PG);
	close(w);
}

static void *maps_until_refused(void *arg)
{
	struct contender *c = arg;

	do {
		c->wrong = map_range(c->space, c->mem, PG, ALL, c->window, 0, 0,
				     NULL);
		c->rounds++;
	} while (!c->wrong);
	return NULL;
}

/* Its creator dies: ENXIO. Its last file descriptor goes: EBADF. */
LMAP_TEST(consistency, window_closed_while_mapped_into)
{
	for (int i = 0; i < 40 / slow() + 4; i++) {
		struct peer b = peer_start(1, PROT_READ);
		bool dies = i & 1;
		struct contender c = { .space = self->space,
				       .mem = self->mem };
		pthread_t t;

		c.window = dies ? b.window :
				  window_create(self->space, PG, ALL);
		ASSERT_EQ(0, pthread_create(&t, NULL, maps_until_refused, &c));
		while (!__atomic_load_n(&c.rounds, __ATOMIC_ACQUIRE))
			sched_yield();
		if (dies)
			kill(b.pid, SIGKILL);
		else
			close(c.window);
		pthread_join(t, NULL);
		ASSERT_EQ(dies ? -ENXIO : -EBADF, c.wrong);
		peer_stop(&b);
		if (!dies)
			ASSERT_EQ(0, info(self->space).out_mappings);
	}
	EXPECT_EQ(0, info(self->space).out_mappings);
}

/* Alive as long as somebody can receive it, and no longer. */
LMAP_TEST(consistency, window_in_flight_in_a_socket)
{
	int socks[2], w, got;

	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
		w = window_create(self->space, PG, ALL);
		ASSERT_EQ(0, map_range(self->space, self->mem, PG, ALL, w, 0, 0,
				       NULL));
		ASSERT_EQ(0, send_fd(socks[0], w));
		close(w);
		ASSERT_EQ(1, info(self->space).out_mappings);
		if (i & 1) {
			char *v;

			got = recv_fd(socks[1]);
			ASSERT_GE(got, 0);
			v = window_mmap(got, PG, PROT_READ);
			EXPECT_EQ(1, peek(v));
			munmap(v, PG);
			close(got);
		}
		/* with the window in it, or without */
		close(socks[0]);
		close(socks[1]);
		ASSERT_EQ(0, info(self->space).out_mappings);
	}
}

TEST_HARNESS_MAIN
